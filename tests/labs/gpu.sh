#!/usr/bin/env bash
# Are the labs' solutions right on this machine's GPU, without races and bad addresses? Each compares itself with a loop
# on the CPU, or two sums that must be equal. Needs an NVIDIA GPU, nvcc and compute-sanitizer.
#   ARCH=sm_90    what to compile for
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for solution in labs/*/solution.cu; do
  echo "== $solution"
  nvcc -arch="${ARCH:-sm_90}" -std=c++17 "$solution" -o "$work/program"
  "$work/program"
  for tool in memcheck racecheck initcheck; do
    compute-sanitizer --error-exitcode 1 --tool "$tool" "$work/program" 2>&1 | tail -1
  done
done
