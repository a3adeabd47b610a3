#!/usr/bin/env bash
# Is every source file as clang-format 14 leaves it, and no comment longer than 120 columns? With --fix: makes it so
# (comments stay: their lines are their author's). Other versions of clang-format differ in details.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for clang_format in clang-format-14 clang-format; do
  if command -v "$clang_format" >/dev/null && "$clang_format" --version | grep -q 'version 14\.'; then break; fi
  clang_format=
done
if [[ -z $clang_format ]]; then
  echo 'clang-format 14 is missing (on Debian or Ubuntu: apt-get install clang-format-14)'
  exit 1
fi

mapfile -t files < <(find . \( -path ./build -o -path ./out -o -path './.*' \) -prune -o \
  -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print)
way=(--dry-run --Werror)
if [[ ${1:-} == --fix ]]; then way=(-i); fi
failed=0
printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 40 "$clang_format" "${way[@]}" || failed=1
awk 'length > 120 && /^ *\/\// { print FILENAME ":" FNR ": a comment of more than 120 columns"; long = 1 }
     END { exit long }' "${files[@]}" || failed=1
exit $failed
