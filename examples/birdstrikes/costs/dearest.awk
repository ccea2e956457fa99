# The records that have a cost, of all or of those whose column $WHERE_COLUMN is $WHERE_VALUE.
BEGIN {
    FS = ","
    where = ENVIRON["WHERE_COLUMN"]
    wanted = toupper(ENVIRON["WHERE_VALUE"])
}
FNR == 1 {
    for (i = 1; i <= NF; i++) column[$i] = i
    next
}
$(column["cost_total"]) > 0 && (where == "" || toupper($(column[where])) == wanted)
