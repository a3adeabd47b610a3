#!/usr/bin/env bash
# Do the include arrows point down? reference/ includes nothing of the other folders, simulator/, files/ and c_api/ only
# themselves and reference/; every include in quotes is a path from the root; and public headers do not ask
# their users for fmt or nlohmann-json. The emulator's CUDA headers (cuda_headers/) stand in for CUDA's and name
# each other as those do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

broken=0

# forbid WHAT PATTERN FOLDER [grep options]: no line of the folder's sources matches.
forbid() {
  local what=$1 pattern=$2 folder=$3 status=0
  shift 3
  grep -rnP "$pattern" "$folder" "$@" || status=$?
  case $status in
  0) echo "  ^ $what" && broken=1 ;;
  1) ;; # no line matches
  *) exit "$status" ;;
  esac
}

for layer in 'reference' 'oracle|reference' 'simulator|reference' 'files|reference' 'c_api|oracle|reference'; do
  folder=${layer%%|*}
  forbid "$folder/ may include only: $layer" "^\s*#\s*include\s*\"(?!($layer)/)" "$folder" --include=*.h --include=*.cpp \
    --exclude-dir=cuda_headers
  forbid "a public header must not include these" '^\s*#\s*include\s*["<](fmt|nlohmann)/' "$folder" --include=*.h
done
exit $broken
