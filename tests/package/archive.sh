#!/usr/bin/env bash
# Does the archive run from a folder that nobody has built it for? tests/package/archive.sh ARCHIVE.tar.gz
# With a build tree instead: packs that first, compiles nothing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

archive=$1
if [[ -d $archive ]]; then
  cpack --config "$archive/CPackConfig.cmake" -B "$work/packed" >/dev/null
  archive=$(echo "$work"/packed/attnlab-*.tar.gz)
fi
mkdir "$work/here"
tar -xzf "$archive" -C "$work/here"
top=$(echo "$work"/here/*)
[[ $(basename "$archive") == "$(basename "$top").tar.gz" ]] || { echo "$archive holds $top" && exit 1; }
version=$(sed -n 's/^project(attnlab VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
[[ $(basename "$top") == "attnlab-$version-linux-"* ]] || { echo "$top is not of version $version" && exit 1; }

cd "$work"
unset ATTNLAB_DATA
attnlab() { "$top/bin/attnlab" "$@"; }
says() { # WORDS COMMAND...
  local words=$1
  shift
  "$@" >said 2>&1 || { cat said && exit 1; }
  grep -qF -- "$words" said || { cat said && echo "expected '$words'" && exit 1; }
}
says flash2 attnlab list
says 'closed form' attnlab io --algorithm flash2 --seqlen 4k --dim 64 --device h200
says 'scores on h200' attnlab emulate "$root/docs/emulator/scores.cu"
says 'RIGHT: ' attnlab emulate --kernel softmax-02 --heads 2 --seqlen 100 --check # compiled from the archive's cuda/
cmp -s "$root/docs/emulator/scores.cu" "$top/share/doc/attnlab/scores.cu"
# Headers, libraries and data are the archive's own, not those of the tree that it came from.
attnlab cc -v "$root/docs/emulator/scores.cu" -o scores 2>commands || { cat commands && exit 1; }
grep -q "$top/lib" commands
if grep -E -- "-(isystem|idirafter) $root|$root/build" commands; then exit 1; fi
# So are other projects' libraries, where the tree was configured to bring them.
if ls "$top"/lib/attnlab/lib*.so* >/dev/null 2>&1; then
  if ldd "$top/bin/attnlab" scores | grep -E 'lib(fmt|boost_context|zip)\.' | grep -vF "$top"; then exit 1; fi
fi
# In the sandbox too, or one line that says why this system makes none.
if attnlab emulate --sandbox "$root/docs/emulator/scores.cu" >said 2>&1; then
  grep -qF 'scores on h200' said
else
  grep -q '^attnlab: bwrap: ' said || { cat said && exit 1; }
fi
