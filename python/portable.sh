#!/usr/bin/env bash
# portable.sh [folder [pip options]]: the Python package without the emulator and the program, as a folder for PYTHONPATH that runs on
# any Linux machine with x86-64, AVX2, Python 3.12 or newer, numpy, and a C library as new as this machine's. Needs a
# Python 3.12 or newer here: $PYTHON, python3 without it. Builds in $BUILD_DIR, build/portable without it.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)
folder=$(mkdir -p "${1:-$root/out/python}" && cd "${1:-$root/out/python}" && pwd -P)
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' || {
  echo "portable.sh: $python is older than Python 3.12 (set PYTHON)" >&2
  exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip wheel --no-deps --wheel-dir "$work" --config-settings=build-dir="${BUILD_DIR:-$root/build/portable}" \
  --config-settings=build.targets=attnlab_python --config-settings=install.components=python \
  --config-settings=cmake.define.CMAKE_SHARED_LINKER_FLAGS='-static-libstdc++ -static-libgcc -Wl,--as-needed' "${@:2}" "$root" >&2
rm -rf "$folder/attnlab"
"$python" -m zipfile -e "$work"/attnlab-*.whl "$folder"
du -sh "$folder" >&2
echo "PYTHONPATH=$folder"
