# Counts the records for each value of one column, most first.
#   awk -f count.awk by=COLUMN strikes.csv
# `year` and `month` are taken from `date`. With `sort_by=cost`, dearest first.
# Only records whose column $WHERE_COLUMN is $WHERE_VALUE (in any case), when those are set.
# The value comes by the environment: there awk takes it as it stands.
BEGIN {
    FS = ","
    where = ENVIRON["WHERE_COLUMN"]
    wanted = toupper(ENVIRON["WHERE_VALUE"])
}
FNR == 1 {
    for (i = 1; i <= NF; i++) column[$i] = i
    next
}
function value(name) {
    if (name == "year") return substr($(column["date"]), 1, 4)
    if (name == "month") return substr($(column["date"]), 6, 2)
    return $(column[name])
}
where != "" && toupper(value(where)) != wanted { next }
{
    key = value(by)
    if (!(key in strikes)) keys[++groups] = key
    strikes[key]++
    all++
    if ($(column["damage"]) != "None") damaging[key]++
    cost[key] += $(column["cost_total"])
}
function precedes(a, b) {
    if (by == "year" || by == "month") return a < b
    if (sort_by == "cost" && cost[a] != cost[b]) return cost[a] > cost[b]
    if (strikes[a] != strikes[b]) return strikes[a] > strikes[b]
    return a < b
}
END {
    if (all == 0) {
        print "no records"
        exit
    }
    for (i = 2; i <= groups; i++) {
        key = keys[i]
        for (j = i - 1; j >= 1 && precedes(key, keys[j]); j--) keys[j + 1] = keys[j]
        keys[j + 1] = key
    }
    printf "strikes\tpercent\tdamaging\tcost_usd\t%s\n", by
    for (i = 1; i <= groups; i++) {
        key = keys[i]
        printf "%d\t%.1f\t%d\t%d\t%s\n", strikes[key], 100 * strikes[key] / all, damaging[key], cost[key], key
    }
    printf "%d\t100.0\t\t\tall\n", all
}
