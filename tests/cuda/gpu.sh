#!/usr/bin/env bash
# Are the kernels right on this machine's GPU? Builds check_kernels.cpp with nvcc alone, as measurements are built, and
# runs it: every kernel against the reference in float64, and the golden values.
#
# Needs an NVIDIA GPU, nvcc and Eigen's headers (EIGEN3_INCLUDE_DIR, default /usr/include/eigen3).
#   ARCH=sm_90a       what to compile for
#   SANITIZE=1        also with compute-sanitizer's memcheck and racecheck
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/../../cuda/counters/build.sh" "$work" tests/cuda/check_kernels.cpp > "$work/build.log" 2>&1 || {
  tail -40 "$work/build.log"
  exit 1
}
"$work/check_kernels" --backend gpu
if [[ ${SANITIZE:-0} == 1 ]]; then
  for tool in memcheck racecheck; do
    echo "== compute-sanitizer $tool"
    compute-sanitizer --error-exitcode 1 --tool "$tool" "$work/check_kernels" --backend gpu 2>&1 | tail -4
  done
fi
