#!/bin/sh
# profile.sh AIRPORT: what was struck at an airport, when, and with what damage.
set -eu
[ $# -eq 1 ] || { echo 'usage: profile.sh AIRPORT' >&2; exit 2; }
export LC_ALL=C WHERE_COLUMN=airport WHERE_VALUE="$1"
exec awk -f ../scripts/profile.awk ../data/strikes.csv
