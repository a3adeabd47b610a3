#!/usr/bin/env bash
# Gradescope runs this once, when it makes the image: a compiler, the sandbox, and attnlab in a virtual environment.
set -euo pipefail

root=${AUTOGRADER_ROOT:-/autograder}
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends g++ binutils bubblewrap python3 python3-venv

python3 -m venv "$root/attnlab"
"$root/attnlab/bin/pip" install --no-cache-dir "$root"/source/attnlab-*.whl
"$root/attnlab/bin/attnlab" grade # lists the labs: the image is of use
