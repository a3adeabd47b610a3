#!/usr/bin/env bash
# Prints the list of all kernels' rows, kernel_list.h, which the registry includes: one entry per file
# cuda/<family>/<NN>_<name>.h. Every build makes it with this script (CMakeLists.txt, counters/build.sh).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

headers=(cuda/*/[0-9][0-9]_*.h)
printf '// Made by cuda/collect.sh.\n#pragma once\n'
printf '#include "%s"\n' "${headers[@]}"
echo 'namespace attnlab::cuda {'
echo 'inline constexpr Collected kCollected[] = {'
for header in "${headers[@]}"; do
  family=$(basename "$(dirname "$header")")
  number=$(basename "$header" | cut -c1-2)
  echo "{Family::$family, \"${header%.h}.cu\", \"$header\", k${family^}$number},"
done
echo '};'
echo '}'
