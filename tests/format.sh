#!/usr/bin/env bash
# Is every source file as clang-format 14 leaves it? Other versions differ in details; without this one the
# check is skipped (exit code 77).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

clang_format=$(command -v clang-format-14 || command -v clang-format) || clang_format=
if [[ -z $clang_format ]] || ! "$clang_format" --version | grep -q 'version 14\.'; then
  echo 'skipped: no clang-format 14'
  exit 77
fi
find reference oracle simulator cuda files cli c_api python tests benchmarks \
  \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -not -path '*/planted_bugs/*' -print0 |
  xargs -0 "$clang_format" --dry-run --Werror
