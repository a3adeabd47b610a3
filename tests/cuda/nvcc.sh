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
if [[ $# -eq 0 ]]; then set -- cuda/*.cu cuda/softmax/*.cu cuda/attention/*.cu; fi

# A kernel's file at a time, both architectures at once.
compile() {
  "$nvcc" -std=c++20 -O3 -I. -DATTNLAB_CUDA_BACKEND=gpu -Werror all-warnings -Xcompiler -Wall,-Wextra --threads 2 \
    -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90a,code=sm_90a -Xptxas -v \
    -c "$1" -o "$into/$(basename "$1").o" > "$into/$(basename "$1").log" 2>&1 || {
    echo "$1:"
    cat "$into/$(basename "$1").log"
    return 1
  }
  # Registers that do not fit go to local memory, whose traffic no kernel of ours wants.
  if grep -E '[1-9][0-9]* bytes spill' "$into/$(basename "$1").log" > /dev/null; then
    echo "$1: spills registers"
    grep -B1 -E '[1-9][0-9]* bytes spill' "$into/$(basename "$1").log"
    return 1
  fi
  echo "$1: compiles"
}
export nvcc into
export -f compile
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'compile {}'
