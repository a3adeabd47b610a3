#!/bin/bash
# How fast is the emulator beside HIP-CPU, on the kernel of rung 04? Both on one core, in turns, by CPU time.
#
#   benchmarks/peer/hip_cpu.sh <HIP-CPU's folder> [<build folder>]
#
# HIP-CPU: git clone https://github.com/ROCm/HIP-CPU; it needs TBB (Debian: libtbb-dev). The build folder holds
# benchmarks/emulator_bench. The kernel's text is that of cuda/forward/04_flash2.cu but for two lines that a
# compiler without a CUDA front end cannot parse: the declaration of dynamic shared memory becomes HIP's macro,
# and the launch is hip_cpu.cpp's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
hip=${1:?the folder of HIP-CPU}
build=${2:-$root/build/release}
rounds=${ROUNDS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# CUDA's headers, as far as this kernel's own include them.
echo '#include <hip/hip_runtime.h>' > "$work/cuda_runtime.h"
echo '#include <hip/hip_fp16.h>' > "$work/cuda_fp16.h"
cat > "$work/cuda_bf16.h" << 'EOF'
struct __nv_bfloat16 {};
float __bfloat162float(__nv_bfloat16);
__nv_bfloat16 __float2bfloat16_rn(float);
EOF
sed -e '/^void flash2_04/Q' \
    -e 's|#include "cuda/device/launch.cuh"|#include "cuda/device/elements.cuh"|' \
    -e 's|extern __shared__ float4 shared_memory\[\];|HIP_DYNAMIC_SHARED(float4, shared_memory)|' \
    "$root/cuda/forward/04_flash2.cu" > "$work/flash2_kernel.inc"
echo '}  // namespace' >> "$work/flash2_kernel.inc"

g++ -std=c++20 -O3 -march=native -DNDEBUG -fopenmp-simd -w -DATTNLAB_CUDA_BACKEND=peer -I"$work" -I"$root" \
    -isystem "$hip/include" "$here/hip_cpu.cpp" -o "$work/hip_cpu" -ltbb -ldl -pthread

for round in $(seq "$rounds"); do
  taskset -c 0 "$work/hip_cpu" 5 >> "$work/hip_cpu.ms"
  taskset -c 0 "$build/benchmarks/emulator_bench" --benchmark_filter='threads:1' --benchmark_min_time=0.01 \
      --benchmark_repetitions=5 --benchmark_format=json 2> /dev/null > "$work/$round.json"
done
python3 - "$work" << 'EOF'
import glob, json, statistics, sys

work = sys.argv[1]
ms = {"HIP-CPU": [float(line) for line in open(f"{work}/hip_cpu.ms")]}
for file in glob.glob(f"{work}/*.json"):
    for run in json.load(open(file))["benchmarks"]:
        if run["run_type"] == "iteration":
            name = "emulator, counting" if "counting:1" in run["name"] else "emulator, not counting"
            ms.setdefault(name, []).append(run["cpu_time"])
peer = statistics.median(ms["HIP-CPU"])
print("| one core, CPU ms a launch | best | median | HIP-CPU's median / this |\n|---|---|---|---|")
for name, values in ms.items():
    middle = statistics.median(values)
    print(f"| {name} | {min(values):.0f} | {middle:.0f} | {peer / middle:.2f} |")
EOF
