#!/usr/bin/env bash
# Does libattnlab.so export the functions that attnlab.h declares, and nothing else?  exports.sh LIBRARY
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

declared=$(grep -oP 'ATTNLAB_API .*?\Kattnlab_[a-z_]+(?=\()' c_api/attnlab.h | sort)
exported=$(nm -D --defined-only "$1" | awk '{ print $3 }' | sort)
diff <(echo "$declared") <(echo "$exported") && echo "$(wc -l <<<"$declared") functions"
