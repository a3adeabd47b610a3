#!/usr/bin/env python3
"""Does a GPU give the interpreter's answers? Runs the texts of tests/simulator/emulator/ptx on one, with the same operands.

  on_gpu.py prepare TEST_PTX FOLDER [NVCC]   on any machine with nvcc: FOLDER/on_gpu and FOLDER/cases.bin
  FOLDER/on_gpu FOLDER/cases.bin             on a machine with a GPU (sm_90): a line for every text that differs

Texts that touch memory, wait, or ask who or when they are stay out. Approximated functions (.approx) may
differ in the last bits; the table names their largest distance in units of the last place.
"""
import collections
import os
import struct
import subprocess
import sys

OUT_OF_IT = ("[", "bar", "cvta", "isspacep", "clock", "globaltimer", "%%", "activemask", "elect", "trap", "nanosleep",
             "fence", "createpolicy", "cp.async")
TYPES = {"h": "unsigned short", "r": "unsigned", "l": "unsigned long long", "f": "float", "d": "double"}
READ = {"h": "(unsigned short)({})", "r": "(unsigned)({})", "l": "{}", "f": "__uint_as_float((unsigned)({}))",
        "d": "__longlong_as_double({})"}
WRITE = {"h": "{}", "r": "{}", "l": "{}", "f": "__float_as_uint({})", "d": "__double_as_longlong({})"}


def cases(test, folder):
    path = os.path.join(folder, "cases.txt")
    if os.path.exists(path):
        os.remove(path)
    subprocess.run([test, "--gtest_filter=-Ptxas.*", "--gtest_brief=1"], env={**os.environ, "ATTNLAB_PTX_CASES": path}, check=True)
    found = collections.OrderedDict()
    for record in open(path).read().split("\x1e"):
        if not record:
            continue
        shapes, text, lane, before, after = record.split("\x1f")
        shapes = shapes.split()
        if any(word in text for word in OUT_OF_IT) or any(s[1] not in TYPES for s in shapes):
            continue
        rows = found.setdefault((tuple(shapes), text), collections.defaultdict(list))
        rows[int(lane)].append(([int(x, 16) for x in before.split()], [int(x, 16) for x in after.split()]))
    return found


def warps(rows):
    """Rows of 32 lanes: as they ran together, or lane 0's own rows side by side."""
    counts = {len(r) for r in rows.values()}
    if len(rows) == 32 and len(counts) == 1:
        return [[rows[lane][i] for lane in range(32)] for i in range(counts.pop())]
    if set(rows) != {0}:
        return []
    alone = rows[0]
    padded = alone + [alone[-1]] * (-len(alone) % 32)
    return [padded[i : i + 32] for i in range(0, len(padded), 32)]


def kernel(number, shapes, text):
    lines = [f"__global__ void k{number}(const u64* in, u64* out) {{", "  const unsigned at = blockIdx.x * 32 + threadIdx.x;"]
    outs, ins = [], []
    for i, (way, letter) in enumerate(shapes):
        value = READ[letter].format(f"in[at * {len(shapes)} + {i}]")
        lines.append(f"  {TYPES[letter]} v{i} = {value};")
        (ins if way == "/" else outs).append(f'"{"" if way == "/" else way}{letter}"(v{i})')
    lines.append(f'  asm volatile(R"ptx({text})ptx" : {", ".join(outs)} : {", ".join(ins)});')
    lines += [f"  out[at * {len(shapes)} + {i}] = {WRITE[letter].format(f'v{i}')};" for i, (_, letter) in enumerate(shapes)]
    return "\n".join(lines + ["}"])


MAIN = r"""
struct Kernel { const char* text; void (*run)(const u64*, u64*); const char* shapes; };
static const Kernel kernels[] = {%s};
static long long ordered(unsigned bits) { return bits >> 31 ? -(long long)(bits & 0x7fffffff) : bits; }
int main(int argc, char** argv) {
  FILE* file = fopen(argv[argc - 1], "rb");
  unsigned differing = 0, cases = 0;
  for (const Kernel& k : kernels) {
    unsigned warps = 0;
    if (fread(&warps, 4, 1, file) != 1) return 2;
    const size_t n = strlen(k.shapes) / 2, words = size_t(warps) * 32 * n;
    std::vector<u64> in(words), wanted(words), got(words);
    if (fread(in.data(), 8, words, file) != words || fread(wanted.data(), 8, words, file) != words) return 2;
    u64 *a, *b;
    cudaMalloc(&a, words * 8 + 8), cudaMalloc(&b, words * 8 + 8);
    cudaMemcpy(a, in.data(), words * 8, cudaMemcpyHostToDevice);
    if (warps > 0) k.run<<<warps, 32>>>(a, b);
    const cudaError_t error = cudaMemcpy(got.data(), b, words * 8, cudaMemcpyDeviceToHost);
    if (error != cudaSuccess) { printf("%%s: %%s\n", k.text, cudaGetErrorString(error)); return 1; }
    cudaFree(a), cudaFree(b);
    unsigned wrong = 0, shown = 0;
    long long furthest = 0;
    for (size_t i = 0; i < words; ++i) {
      const char way = k.shapes[2 * (i %% n)], letter = k.shapes[2 * (i %% n) + 1];
      if (way == '/') continue;
      ++cases;
      const u64 mask = letter == 'h' ? 0xffff : letter == 'r' || letter == 'f' ? 0xffffffff : ~0ull;
      if ((got[i] & mask) == (wanted[i] & mask)) continue;
      ++wrong;
      if (letter == 'f') furthest = std::max(furthest, std::llabs(ordered((unsigned)got[i]) - ordered((unsigned)wanted[i])));
      if (shown++ < 2) {
        printf("    ");
        for (size_t j = i - i %% n; j < i - i %% n + n; ++j) printf("%%llx ", in[j]);
        printf("-> operand %%zu: GPU %%llx, interpreter %%llx\n", i %% n, got[i] & mask, wanted[i] & mask);
      }
    }
    if (wrong > 0) printf("%%s: %%u of %%u differ, by at most %%lld ulp\n", k.text, wrong, warps * 32, furthest), ++differing;
  }
  printf("%%zu texts, %%u answers, %%u texts differ\n", sizeof kernels / sizeof kernels[0], cases, differing);
}
"""


def prepare(test, folder, nvcc):
    os.makedirs(folder, exist_ok=True)
    source = ["#include <cstdio>", "#include <cstdlib>", "#include <cstring>", "#include <algorithm>", "#include <vector>",
              "using u64 = unsigned long long;"]
    table, data = [], b""
    for (shapes, text), rows in cases(test, folder).items():
        together = warps(rows)
        if not together or not any(way != "/" for way, _ in shapes):
            continue
        number = len(table)
        source.append(kernel(number, shapes, text))
        table.append(f'{{R"ptx({text})ptx", k{number}, "{"".join(shapes)}"}}')
        data += struct.pack("<I", len(together))
        for side in (0, 1):
            data += b"".join(struct.pack(f"<{len(lane[side])}Q", *lane[side]) for warp in together for lane in warp)
    source.append(MAIN % ",\n".join(table))
    with open(os.path.join(folder, "on_gpu.cu"), "w") as file:
        file.write("\n".join(source))
    with open(os.path.join(folder, "cases.bin"), "wb") as file:
        file.write(data)
    subprocess.run([nvcc, "-std=c++17", "-w", "-arch=sm_90a", "-o", os.path.join(folder, "on_gpu"), os.path.join(folder, "on_gpu.cu")], check=True)
    print(f"{len(table)} texts, {len(data) >> 20} MB of cases")


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] != "prepare":
        sys.exit(__doc__)
    prepare(sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else "nvcc")
