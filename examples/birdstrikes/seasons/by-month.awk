# Strikes for each month, of all years or of $YEAR.
BEGIN { FS = "," }
FNR > 1 && (ENVIRON["YEAR"] == "" || substr($4, 1, 4) == ENVIRON["YEAR"]) {
    month = substr($4, 6, 2) + 0
    strikes[month]++
    if ($3 != "None") damaging[month]++
    if (strikes[month] > most) most = strikes[month]
}
END {
    print "month\tstrikes\tdamaging"
    for (month = 1; month <= 12; month++) {
        bar = ""
        for (i = 0; most && i < 40 * strikes[month] / most; i++) bar = bar "#"
        printf "%02d\t%d\t%d\t%s\n", month, strikes[month], damaging[month], bar
    }
}
