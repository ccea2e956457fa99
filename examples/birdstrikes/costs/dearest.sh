#!/bin/sh
# dearest.sh COUNT [COLUMN VALUE]: the dearest records, of all or of those whose COLUMN is VALUE (in any case).
set -eu
case $# in
    1) export WHERE_COLUMN='' WHERE_VALUE='' ;;
    3) export WHERE_COLUMN="$2" WHERE_VALUE="$3" ;;
    *) echo 'usage: dearest.sh COUNT [COLUMN VALUE]' >&2; exit 2 ;;
esac
export LC_ALL=C
head -n 1 ../data/strikes.csv
awk -f dearest.awk ../data/strikes.csv | sort -t ',' -k 13,13nr -k 4,4 | head -n "$1"
