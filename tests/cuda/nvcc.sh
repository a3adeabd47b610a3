#!/usr/bin/env bash
# Does nvcc compile every kernel, without a warning, for an A100 (sm_80) and for Hopper (sm_90a)? So that what runs on
# the emulator never drifts from CUDA C++. Skipped (exit code 77) where nvcc is not installed.
#
# usage: nvcc.sh [FILE...]    default: every .cu of cuda/
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2> /dev/null) || {
  echo 'skipped: no nvcc'
  exit 77
}
into=$(mktemp -d)
trap 'rm -rf "$into"' EXIT
if [[ $# -eq 0 ]]; then set -- cuda/*/[0-9][0-9]_*.cu cuda/host/*.cu; fi

# One file for both architectures.
compile() {
  local log=$into/${1//\//_}
  for arch in sm_80 sm_90a; do
    "$nvcc" -std=c++20 -O3 -arch="$arch" -I. -DATTNLAB_CUDA_BACKEND=gpu -Werror all-warnings -Xcompiler -Wall,-Wextra \
      -Xptxas -v -c "$1" -o "$log.$arch.o" > "$log.$arch" 2>&1 || {
      echo "$1, $arch:"
      cat "$log.$arch"
      return 1
    }
  done
  # What does not fit into registers goes to local memory, whose traffic would stand beside the counted one on the GPU
  # that we measure. (For sm_80 ptxas spills a register or two of two instances.)
  if grep -B1 -E '[1-9][0-9]* bytes spill' "$log.sm_90a"; then
    echo "$1: spills registers"
    return 1
  fi
  echo "$1: compiles"
}
export nvcc into
export -f compile
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'compile {}'
