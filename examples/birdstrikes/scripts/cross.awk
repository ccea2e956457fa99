# A table of counts: a row for each value of one column, a column for each value of another.
#   awk -f cross.awk down=COLUMN across=COLUMN strikes.csv
BEGIN { FS = "," }
FNR == 1 {
    for (i = 1; i <= NF; i++) column[$i] = i
    next
}
function value(name) {
    if (name == "year") return substr($(column["date"]), 1, 4)
    if (name == "month") return substr($(column["date"]), 6, 2)
    return $(column[name])
}
{
    d = value(down)
    a = value(across)
    if (!(d in of_row)) rows[++row_count] = d
    if (!(a in of_column)) columns[++column_count] = a
    of_row[d]++
    of_column[a]++
    cell[d, a]++
}
function arrange(list, count,   i, j, key) {
    for (i = 2; i <= count; i++) {
        key = list[i]
        for (j = i - 1; j >= 1 && key < list[j]; j--) list[j + 1] = list[j]
        list[j + 1] = key
    }
}
END {
    arrange(rows, row_count)
    arrange(columns, column_count)
    printf "%s", down
    for (j = 1; j <= column_count; j++) printf "\t%s", columns[j]
    printf "\tall\n"
    for (i = 1; i <= row_count; i++) {
        printf "%s", rows[i]
        for (j = 1; j <= column_count; j++) printf "\t%d", cell[rows[i], columns[j]]
        printf "\t%d\n", of_row[rows[i]]
    }
}
