#!/bin/bash
# quick_start.sh LANGUAGE: does what the section of docs/bindings.md says, its program and its commands, in an empty folder. What the
# last command prints must be the two probabilities. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
root=$PWD
language=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
section=$(awk -v title="## $language" '$0 == title { on = 1; next } /^## / { on = 0 } on' docs/bindings.md)
name=$(sed -n 's/^`\(program\.[a-z]*\)`:$/\1/p' <<< "$section")
# /tmp is for people; the test has a folder of its own. `make` works in the repository.
awk '/^```/ { on = !on; next } !on' <<< "$section" | sed -n 's/^    \([^ ].*\)/\1/p' | sed "s|/tmp/mslite|$work/mslite|g; s|^make|make --no-print-directory -C $root|" > "$work/commands.sh"
awk '/^```/ { on = !on; next } on' <<< "$section" > "$work/$name"
ln -s "$root/Tests" "$root/build" "$work/"
cd "$work" || exit 1
[ -s "$name" ] && [ -s commands.sh ] && bash -eux commands.sh > output.txt 2> log.txt
status=$?
if [ $status = 0 ] && tail -n 2 output.txt | awk '{ sum += $1; n++ } END { exit !(n == 2 && sum > 0.999 && sum < 1.001) }'; then
  echo "1 passed, 0 failed"
else
  cat log.txt output.txt
  echo "FAIL quick start: $language"
  exit 1
fi
