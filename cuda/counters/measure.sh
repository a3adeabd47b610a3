#!/usr/bin/env bash
# Measures every kernel with the GPU's own counters: builds the driver, runs all kernels under Nsight Compute, and
# writes
#
#   h200.csv          one line per CUDA kernel launched: which rung, which problem, bytes of code, and every counter below
#   h200.sass.xz      machine code that was measured (cuobjdump -sass): fp32, head_dim 64 and 128, without encoding
#
# beside this script, or into $OUT, where the profiler's own table and the driver's output then come too.
#
# Needs an NVIDIA GPU, nvcc, ncu, python3 and Eigen's headers (EIGEN3_INCLUDE_DIR, default /usr/include/eigen3).
#   ARCH=sm_90a       what to compile for
#   DRIVER=path       a driver built before: nothing is compiled
#   NAME=h200         the files' name
# Whether the kernels are right is to be known before: tests/cuda/gpu.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${OUT:-$here}
name=${NAME:-h200}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

if [[ -n ${DRIVER:-} ]]; then
  driver=$DRIVER
else
  "$here/build.sh" "$work" > "$work/build.log" 2>&1 || { tail -40 "$work/build.log"; exit 1; }
  driver=$work/driver
fi

# Chips differ in what they call the counters of executed shared-memory instructions: unknown names are left out.
metrics=(
  l1tex__t_requests_pipe_lsu_mem_global_op_{ld,st,red,atom}.sum
  l1tex__t_sectors_pipe_lsu_mem_global_op_{ld,st,red,atom}.sum
  l1tex__t_requests_pipe_lsu_mem_local_op_{ld,st}.sum
  l1tex__t_sectors_pipe_lsu_mem_local_op_{ld,st}.sum
  l1tex__m_xbar2l1tex_read_sectors.sum l1tex__m_l1tex2xbar_write_sectors.sum
  lts__t_sectors_srcunit_tex_op_{read,write}.sum
  dram__bytes_{read,write}.sum
  l1tex__data_pipe_lsu_wavefronts_mem_shared.sum
  l1tex__data_pipe_lsu_wavefronts_mem_shared_op_{ld,st}.sum
  l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{ld,st}.sum
  smsp__inst_executed_op_shared_{ld,st}.sum
  smsp__sass_inst_executed_op_shared_{ld,st}.sum
  smsp__sass_thread_inst_executed_op_{ffma,fadd,fmul}_pred_on.sum
  smsp__inst_executed_op_global_{ld,st,red,atom}.sum
  smsp__inst_executed.sum
  gpu__time_duration.sum
)
launch_metrics=(
  launch__registers_per_thread launch__shared_mem_per_block_{static,dynamic,driver} launch__shared_mem_config_size
  launch__occupancy_limit_{blocks,registers,shared_mem,warps} launch__waves_per_multiprocessor
)
known=$work/known
if ncu --query-metrics 2> /dev/null | awk '{print $1}' | grep -E '^[a-z0-9]+__' > "$work/names" && [[ -s $work/names ]]; then
  for metric in "${metrics[@]}"; do
    if grep -qxF -e "${metric%.*}" -e "$metric" "$work/names"; then echo "$metric"; else echo "not on this GPU: $metric" >&2; fi
  done > "$known"
else
  printf '%s\n' "${metrics[@]}" > "$known"
fi
list=$(paste -sd, "$known"),$(IFS=,; echo "${launch_metrics[*]}")

echo "== ncu"
started=$SECONDS
timeout 400 ncu --clock-control none --target-processes application-only --kernel-name regex:_kernel --csv --page raw \
  --print-units base --metrics "$list" --log-file "$work/ncu.csv" "$driver" --measure --backend gpu \
  > "$work/launches.txt" 2> "$work/ncu.err" || { echo "ncu: exit $?"; tail -5 "$work/ncu.err" "$work/ncu.csv"; }
again=""
for launch in 2 3; do # what DRAM reads besides differs from launch to launch: table.py
  timeout 200 ncu --clock-control none --target-processes application-only --kernel-name regex:_kernel --csv --page raw \
    --print-units base --metrics dram__bytes_read.sum --log-file "$work/again$launch.csv" "$driver" --measure --backend gpu \
    > /dev/null 2> "$work/ncu.err" && again+=,$work/again$launch.csv || { echo "ncu: exit $?"; tail -5 "$work/ncu.err"; }
done
echo "ncu took $((SECONDS - started)) s"
if [[ -n ${OUT:-} ]]; then # whatever happens next, the raw numbers are kept
  gzip -c "$work/ncu.csv" > "$out/$name.ncu.csv.gz"
  cp "$work/launches.txt" "$out/$name.launches.txt"
fi

# The instances that are read most: fp32, head_dim 64 and 128, and what is no template.
cuobjdump -sass "$driver" |
  awk '/Function :/ { keep = $0 ~ /IfE|IfLi(64|128)E/ || $0 !~ /I(f|6__half|13__nv_bfloat16)(E|L)/ } keep' |
  sed -E '/^[[:space:]]*\/\* 0x[0-9a-f]+ \*\/$/d; s/[[:space:]]*\/\* 0x[0-9a-f]+ \*\///' |
  xz -6 -T0 > "$out/$name.sass.xz" || echo "no SASS"

# Bytes of machine code of every kernel: the address of the last instruction and its 16 bytes.
cuobjdump -sass "$driver" |
  awk '/Function :/ { if (name) print name "\t" last; name = $3 }
       match($0, /\/\*[0-9a-f]+\*\//) { last = substr($0, RSTART + 2, RLENGTH - 4) }
       END { print name "\t" last }' | c++filt > "$work/code.txt" || echo "no code sizes"

python3 "$here/table.py" "$work/launches.txt" "$work/ncu.csv$again" "$work/code.txt" "$out/$name.csv" \
  "date: $(date -u +%Y-%m-%d)" \
  "gpu: $(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)" \
  "driver: $(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1)" \
  "nvcc: $(nvcc --version 2> /dev/null | sed -n 's/.*release \([0-9.]*\).*/\1/p')" \
  "ncu: $(ncu --version | sed -n 's/^Version \([0-9.]*\).*/\1/p')"
