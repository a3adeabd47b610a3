#!/usr/bin/env bash
# Builds the decode kernels as a shared library with a plain C interface (decode.h), with nvcc alone: FOLDER/libdecode.so;
# and FOLDER/virtual_memory, a program that runs them on pages mapped by cuMemMap.
# usage: build.sh FOLDER    (ARCH=sm_90a, JOBS=number of processors)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$1"
into=$(cd "$1" && pwd)
arch=${ARCH:-sm_90a}
cd "$root"

compile() {
  nvcc -std=c++20 -O3 --split-compile 0 -lineinfo -arch="$arch" -I. -DATTNLAB_CUDA_BACKEND=gpu -DATTNLAB_CUDA_GPU -Xcompiler -fPIC \
    -c "$1" -o "$into/${1//\//_}.o"
}
export into arch
export -f compile
sources=(cuda/decode/*.cu cuda/bench/decode.cu reference/core/dtype.cpp)
printf '%s\n' "${sources[@]}" | xargs -P "${JOBS:-$(nproc)}" -I{} bash -ec 'compile {}'
objects=("${sources[@]//\//_}")
objects=("${objects[@]/#/$into/}")
nvcc -arch="$arch" -shared -o "$into/libdecode.so" "${objects[@]/%/.o}"
compile cuda/bench/virtual_memory.cu
stubs=$(dirname "$(readlink -f "$(command -v nvcc)")")/../lib64/stubs
nvcc -arch="$arch" -o "$into/virtual_memory" "$into/cuda_bench_virtual_memory.cu.o" "${objects[@]/%/.o}" -L"$stubs" -lcuda
