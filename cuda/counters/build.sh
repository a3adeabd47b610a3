#!/usr/bin/env bash
# Builds the measurements' driver with nvcc alone: kernels, host API and the reference that it is checked against.
# usage: build.sh FOLDER    (ARCH=sm_90a, EIGEN3_INCLUDE_DIR=/usr/include/eigen3)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
into=$1
arch=${ARCH:-sm_90a}
eigen=${EIGEN3_INCLUDE_DIR:-/usr/include/eigen3}
mkdir -p "$into"
cd "$root"

sources=(cuda/*/[0-9][0-9]_*.cu cuda/{host,golden}/*.{cu,cpp} cuda/counters/driver.cpp
         reference/attention/*.cpp reference/core/{dtype,memory,threads}.cpp oracle/tensor.cpp)
compile() {
  local object
  object=$into/${1//\//_}.o
  if [[ $1 == *.cu ]]; then
    nvcc -std=c++20 -O3 -lineinfo -arch="$arch" -I. -DATTNLAB_CUDA_BACKEND=gpu -c "$1" -o "$object"
  else
    nvcc -std=c++20 -O2 -I. -I"$eigen" -DATTNLAB_CUDA_GPU -c "$1" -o "$object"
  fi
}
export into arch eigen
export -f compile
# The largest first: they take longest.
printf '%s\n' "${sources[@]}" | xargs ls -S | xargs -P "${JOBS:-$(nproc)}" -I{} bash -ec 'compile {}'
nvcc -arch="$arch" -o "$into/driver" "$into"/*.o -lpthread
