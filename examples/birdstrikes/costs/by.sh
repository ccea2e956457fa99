#!/bin/sh
# by.sh COLUMN: strikes, damaging strikes and their cost for each value of a column, dearest first.
set -eu
[ $# -eq 1 ] || { echo 'usage: by.sh COLUMN' >&2; exit 2; }
export LC_ALL=C
exec awk -f ../scripts/count.awk "by=$1" sort_by=cost ../data/strikes.csv
