#!/bin/sh
# The library exports exactly the names in a list. Usage: test_symbols.sh LIBRARY [LIST]
here=$(cd "$(dirname "$0")" && pwd)
library=${1:?usage: test_symbols.sh LIBRARY [LIST]}
list=${2:-$here/symbols.txt}
found=$(mktemp)
trap 'rm -f "$found"' EXIT
# Absolute symbols are the names of versions.
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort -u >"$found"
if LC_ALL=C sort -u "$list" | diff - "$found"; then
  echo "1 passed, 0 failed"
else
  echo "0 passed, 1 failed: lines with < are missing, lines with > should not be exported"
  exit 1
fi
