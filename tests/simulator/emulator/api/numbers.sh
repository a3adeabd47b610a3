#!/usr/bin/env bash
# Do the numbers of our runtime API's enumerators, flags and errors equal those of CUDA's own headers, and do the
# questions that are asked of it (questions.cu) still build with nvcc? Skipped without nvcc.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../../.."

nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
if [[ ! -x $nvcc ]]; then
  echo "no nvcc: skipped"
  exit 77
fi
include=$(dirname "$(dirname "$(readlink -f "$nvcc")")")/include

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
headers=simulator/emulator/cuda_headers
{
  # "name = 5" in an enum or a list of constants, and X(name, 5, ...) in the list of errors.
  grep -ohP '\bcuda[A-Za-z0-9]+ = -?(0x)?[0-9a-f]+(?=[,;])' $headers/driver_types.h $headers/cuda_runtime_api.h
  sed -nE 's/^ *X\((cuda[A-Za-z0-9]+), ([0-9]+),.*/\1 = \2/p' $headers/cuda_errors.h
} >"$work/numbers"
count=$(wc -l <"$work/numbers")
if ((count < 300)); then
  echo "only $count numbers found in $headers"
  exit 1
fi
{
  echo '#include <cuda_runtime_api.h>'
  sed -E 's/(.*) = (.*)/static_assert(int(\1) == \2, "\1");/' "$work/numbers"
} >"$work/numbers.cpp"
"${CXX:-c++}" -std=c++17 -fsyntax-only -isystem "$include" "$work/numbers.cpp"
"$nvcc" -std=c++17 -arch=sm_80 -I. -c tests/simulator/emulator/api/questions.cu -o "$work/questions.o"
echo "$count numbers are CUDA's, and the questions build"
