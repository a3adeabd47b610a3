#!/usr/bin/env bash
# Is the grader right on two submissions of each lab, other ones every day? `attnlab grade --prove` has them all.
#
#   tests/labs/proof.sh PROGRAM [SEED]    SEED: what an earlier run printed
set -euo pipefail
exec "$1" grade --prove --draw 2 --jobs 2 --seed "${2:-$(date -u +%Y%m%d)}"
