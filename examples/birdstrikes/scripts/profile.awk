# What the records have in common whose column $WHERE_COLUMN is $WHERE_VALUE (in any case).
BEGIN {
    FS = ","
    where = ENVIRON["WHERE_COLUMN"]
    wanted = toupper(ENVIRON["WHERE_VALUE"])
    topics = split("year month phase time_of_day size damage species airport operator", topic, " ")
}
FNR == 1 {
    for (i = 1; i <= NF; i++) column[$i] = i
    next
}
toupper($(column[where])) != wanted { next }
{
    all++
    name = $(column[where])
    if ($(column["damage"]) != "None") damaging++
    cost += $(column["cost_total"])
    if ($(column["cost_total"]) > 0) costly++
    if ($(column["speed_knots"]) != "") {
        speeds++
        speed += $(column["speed_knots"])
    }
    for (t = 1; t <= topics; t++) {
        if (topic[t] == "year") v = substr($(column["date"]), 1, 4)
        else if (topic[t] == "month") v = substr($(column["date"]), 6, 2)
        else v = $(column[topic[t]])
        if (!((topic[t], v) in count)) values[topic[t], ++distinct[topic[t]]] = v
        count[topic[t], v]++
    }
}
function precedes(t, a, b) {
    if (t == "year" || t == "month") return a < b
    if (count[t, a] != count[t, b]) return count[t, a] > count[t, b]
    return a < b
}
END {
    if (all == 0) {
        print "no records: the names must be given whole, as the list has them"
        exit 1
    }
    printf "%s: %d strikes, %d damaging, %d with a cost, cost %d USD", name, all, damaging, costly, cost
    if (speeds) printf ", mean speed %d knots (%d reports)", speed / speeds + 0.5, speeds
    print ""
    for (t = 1; t <= topics; t++) {
        key = topic[t]
        if (key == where) continue
        for (i = 2; i <= distinct[key]; i++) {
            v = values[key, i]
            for (j = i - 1; j >= 1 && precedes(key, v, values[key, j]); j--) values[key, j + 1] = values[key, j]
            values[key, j + 1] = v
        }
        shown = distinct[key]
        if (shown > 13) shown = 10
        printf "%s:", key
        for (i = 1; i <= shown; i++) printf("%s %s %d", i == 1 ? "" : ",", values[key, i], count[key, values[key, i]])
        if (shown < distinct[key]) printf ", and %d more", distinct[key] - shown
        print ""
    }
}
