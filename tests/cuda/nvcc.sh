#!/usr/bin/env bash
# Does nvcc compile every kernel, without a warning? So that what runs on the emulator never drifts from CUDA C++. One
# instance of each kernel, the widest that its row names, for the least GPU that the row asks for and for Hopper
# (sm_90a), which our measurements are of. Lists what spills registers: the row says why (Kernel::spills), or the test
# fails. Skipped (exit code 77) where nvcc is not installed.
#
# usage: nvcc.sh [FILE...]    default: every kernel. ALL_INSTANCES=1: all that the rows name; takes minutes
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2> /dev/null) || {
  echo 'skipped: no nvcc'
  exit 77
}
into=$(mktemp -d)
trap 'rm -rf "$into"' EXIT

# From the rows: file, architectures, and why it spills, separated by |.
cuda/collect.sh > "$into/kernel_list.h"
cat > "$into/rows.cpp" << 'END'
#include <cstdio>

#include "kernel_list.h"

int main() {
  for (const auto& from : attnlab::cuda::kCollected) {
    const char* spills = "";
    for (const auto& kernel : from.rows) if (kernel.spills != nullptr) spills = kernel.spills;
    const auto& needs = from.rows[0].needs;
    const int least = needs.min_compute_capability;
    std::printf("%s|", from.file);
    if (needs.this_capability_only) {
      std::printf("sm_%da|%s\n", least, spills);
    } else {
      std::printf("sm_%d%s|%s\n", least, least <= 90 ? " sm_90a" : "", spills);
    }
  }
}
END
"${CXX:-g++}" -std=c++20 -I. -I"$into" -o "$into/rows" "$into/rows.cpp"
"$into/rows" > "$into/list"
printf '%s|sm_80|\n' cuda/host/backend.cu cuda/cache/cache.cu >> "$into/list"
if [[ $# -gt 0 ]]; then
  grep -F "$(printf '%s|\n' "$@")" "$into/list" > "$into/chosen"
  mv "$into/chosen" "$into/list"
fi
instances=-DATTNLAB_CUDA_ONE_INSTANCE
if [[ ${ALL_INSTANCES:-0} == 1 ]]; then instances=; fi

# One line of the list.
compile() {
  local file architectures reason log spilled
  IFS='|' read -r file architectures reason <<< "$1"
  for architecture in $architectures; do
    log=$into/${file//\//_}.$architecture
    # shellcheck disable=SC2086  # no instances: no word
    "$nvcc" -std=c++20 -O3 -arch="$architecture" -I. -DATTNLAB_CUDA_BACKEND=gpu $instances -Werror all-warnings \
      -Xcompiler -Wall,-Wextra -Xptxas -v -c "$file" -o "$log.o" > "$log" 2>&1 || {
      echo "$file, $architecture:"
      cat "$log"
      return 1
    }
    # What does not fit into registers goes to local memory, whose traffic stands beside the counted one on a GPU.
    spilled=$(sed -nE "s/.*Function properties for (\S+)/\1/p; s/.* ([1-9][0-9]*) bytes spill stores, .*/  spills \1 bytes/p" "$log" |
      awk '/^  spills/ { print name $0; next } { name = $0 }' | c++filt | sed "s|^|$file, $architecture: |")
    if [[ -n $spilled ]]; then
      echo "$spilled"
      if [[ -z $reason ]]; then
        echo "  ^ its row gives no reason (Kernel::spills)"
        return 1
      fi
      echo "  because: $reason"
    fi
  done
  echo "$file: compiles for $architectures"
}
export nvcc into instances
export -f compile
tr '\n' '\0' < "$into/list" | xargs -0 -P "$(nproc)" -I{} bash -c 'compile "$1"' _ {}
