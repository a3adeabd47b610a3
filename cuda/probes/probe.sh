#!/usr/bin/env bash
# Runs probe.cu under the GPU's own counters and writes h200_probe.csv beside this script, or into $OUT.
#
# Needs an NVIDIA GPU, nvcc, ncu and python3.
#   PROBE=path        a probe built before: nothing is compiled
#   NAME=h200_probe   the file's name
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${OUT:-$here}
name=${NAME:-h200_probe}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ -z ${PROBE:-} ]]; then
  nvcc -O3 -arch="${ARCH:-sm_90a}" -o "$work/probe" "$here/probe.cu"
  PROBE=$work/probe
fi

counted() { # which probes, counter
  timeout 200 ncu --clock-control none --csv --page raw --print-units base --metrics "$2" --log-file "$work/ncu.csv" \
    "$PROBE" "$1" > "$work/launches.txt"
  python3 "$here/counted.py" "$work/launches.txt" "$work/ncu.csv" "$2"
}

{
  counted l1 l1tex__m_xbar2l1tex_read_sectors.sum
  counted passes l1tex__m_xbar2l1tex_read_sectors.sum
  counted l2 dram__bytes_read.sum
  counted idle dram__bytes_read.sum
  "$PROBE" blocks
} > "$work/rows.csv"

{
  echo "# date: $(date -u +%Y-%m-%d)"
  echo "# gpu: $(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)"
  echo "# what: probe.cu; cycle (-124: beside 130 KB of shared memory), random, passes, store, rows:" \
    "l1tex__m_xbar2l1tex_read_sectors.sum; l2, idle: dram__bytes_read.sum; blocks: pairs of an SM and a half of a head's V"
  echo "probe,size,parameter,loaded_before,count"
  cat "$work/rows.csv"
} > "$out/$name.csv"
