#!/bin/sh
# count-where.sh BY COLUMN VALUE: counts by one column, of the records whose COLUMN is VALUE (in any case).
set -eu
[ $# -eq 3 ] || { echo 'usage: count-where.sh BY COLUMN VALUE' >&2; exit 2; }
export LC_ALL=C WHERE_COLUMN="$2" WHERE_VALUE="$3"
exec awk -f scripts/count.awk "by=$1" data/strikes.csv
