#!/bin/sh
# profile.sh SPECIES: when, where, and with what damage a species was struck.
set -eu
[ $# -eq 1 ] || { echo 'usage: profile.sh SPECIES' >&2; exit 2; }
export LC_ALL=C WHERE_COLUMN=species WHERE_VALUE="$1"
exec awk -f ../scripts/profile.awk ../data/strikes.csv
