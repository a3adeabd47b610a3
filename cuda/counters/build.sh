#!/usr/bin/env bash
# Builds a program over the kernels with nvcc alone: kernels, host API and the reference, as the GPU machine does, which
# has no CMake. FOLDER then holds the program.
# usage: build.sh FOLDER [PROGRAM.cpp]    default: the measurements' driver
#   (ARCH=sm_90a, JOBS=number of processors, EIGEN3_INCLUDE_DIR=/usr/include/eigen3)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$1"
into=$(cd "$1" && pwd)
program=${2:-cuda/counters/driver.cpp}
arch=${ARCH:-sm_90a}
eigen=${EIGEN3_INCLUDE_DIR:-/usr/include/eigen3}
cd "$root"

cuda/collect.sh > "$into/kernel_list.h"
sources=(cuda/*/[0-9][0-9]_*.cu cuda/{host,golden,cache}/*.{cu,cpp} "$program"
         reference/attention/*.cpp reference/core/{dtype,shape,tensor,threads,two_level_memory}.cpp oracle/{softmax_rows,tensor}.cpp)
compile() {
  local object
  object=$into/${1//\//_}.o
  if [[ $1 == *.cu ]]; then
    nvcc -std=c++20 -O3 -lineinfo -arch="$arch" -I. -DATTNLAB_CUDA_BACKEND=gpu -c "$1" -o "$object"
  else
    nvcc -std=c++20 -O2 -I. -I"$into" -I"$eigen" -DATTNLAB_CUDA_GPU -c "$1" -o "$object"
  fi
}
objects=("${sources[@]//\//_}")
objects=("${objects[@]/#/$into/}")
objects=("${objects[@]/%/.o}")
export into arch eigen
export -f compile
# The largest first: they take longest.
printf '%s\n' "${sources[@]}" | xargs ls -S | xargs -P "${JOBS:-$(nproc)}" -I{} bash -ec 'compile {}'
nvcc -arch="$arch" -o "$into/$(basename "$program" .cpp)" "${objects[@]}" -lpthread
