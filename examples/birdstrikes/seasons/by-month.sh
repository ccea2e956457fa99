#!/bin/sh
# by-month.sh [YEAR]: strikes for each month, of all years or of one, with a bar.
set -eu
[ $# -le 1 ] || { echo 'usage: by-month.sh [YEAR]' >&2; exit 2; }
export LC_ALL=C YEAR="${1-}"
exec awk -f by-month.awk ../data/strikes.csv
