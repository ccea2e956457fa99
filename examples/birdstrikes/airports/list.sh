#!/bin/sh
# list.sh: the airports, each with its number of strikes, most first.
set -eu
export LC_ALL=C
cut -d ',' -f 1,6 ../data/strikes.csv | tail -n +2 | sort | uniq -c | sort -k 1,1nr -k 2
