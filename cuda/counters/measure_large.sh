#!/usr/bin/env bash
# Large problems under the GPU's own counters, each launched a few times: K and V that fit into the L2 and K and V
# that do not. Writes h200_large.csv beside this script, or into $OUT; traffic.py makes docs/results/traffic.md of it.
#
# Needs what measure.sh needs.
#   DRIVER=path       a driver built before: nothing is compiled
#   LAUNCHES=2        of each problem
#   NAME=h200_large   the file's name
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${OUT:-$here}
name=${NAME:-h200_large}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ -z ${DRIVER:-} ]]; then
  "$here/build.sh" "$work" > "$work/build.log" 2>&1 || { tail -40 "$work/build.log"; exit 1; }
  DRIVER=$work/driver
fi

# kernel, dtype, heads, seqlen, head_dim, causal, Br
problems="flash2-04,fp32,64,4096,64,0,128
flash2-04,fp16,64,16384,64,0,128
flash2-04,fp32,64,16384,128,0,64
flash2-05,fp32,64,8192,128,0,64
flash2-05,fp32,64,16384,128,0,64
flash2-05,fp32,64,16384,128,1,64
flash2-05,fp32,4,65536,128,0,64
flash2-05,fp32,1,131072,128,0,64"

metrics=l1tex__m_l1tex2xbar_write_sectors.sum,l1tex__m_xbar2l1tex_read_sectors.sum
metrics+=,dram__bytes_read.sum,dram__bytes_write.sum,gpu__time_duration.sum
while IFS=, read -r kernel dtype heads seqlen dim causal br; do
  options=(--kernel "$kernel" --dtype "$dtype" --heads "$heads" --seqlen "$seqlen" --dim "$dim" --backend gpu)
  if [[ $causal == 1 ]]; then options+=(--causal); fi
  for ((launch = 1; launch <= ${LAUNCHES:-2}; ++launch)); do
    timeout 120 ncu --clock-control none --kernel-name regex:_kernel --csv --page raw --print-units base --metrics "$metrics" \
      --log-file "$work/ncu.csv" "$DRIVER" "${options[@]}" > "$work/driver.txt" < /dev/null
    echo "$kernel,$dtype,$heads,$seqlen,$dim,$causal,$br,$launch" > "$work/launch.txt"
    python3 "$here/counted.py" "$work/launch.txt" "$work/ncu.csv" "$metrics"
  done
done <<< "$problems" > "$work/rows.csv"

{
  echo "# date: $(date -u +%Y-%m-%d)"
  echo "# gpu: $(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)"
  echo "# driver: $(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1)"
  echo "# nvcc: $(nvcc --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')"
  echo "# ncu: $(ncu --version | sed -n 's/^Version \([0-9.]*\).*/\1/p'), --clock-control none, launches of counters/driver.cpp"
  echo "kernel,dtype,heads,seqlen,head_dim,causal,br,launch,$metrics"
  cat "$work/rows.csv"
} > "$out/$name.csv"
