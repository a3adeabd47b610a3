"""Does attnlab.emulate compile, run and report?"""

import pathlib
import subprocess

import attnlab
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

COPY = r"""
#include <cstdio>
#include <cstdlib>
__global__ void copy(float* to, const float* from, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n + EXTRA) to[i] = from[i];
}
int main(int argc, char** argv) {
  const int n = atoi(argv[1]);
  float *to, *from;
  cudaMalloc(&to, n * sizeof(float));
  cudaMalloc(&from, n * sizeof(float));
  cudaMemset(from, 0, n * sizeof(float));
  copy<<<(n + 127) / 128, 128>>>(to, from, n);
  cudaDeviceSynchronize();
  cudaFree(to);
  cudaFree(from);
  std::printf("copied %d\n", n);
}
"""


def test_a_clean_program():
    run = attnlab.emulate(COPY, args=["256"], define={"EXTRA": 0})
    assert run and run.exit_code == 0 and run.findings == []
    assert "copied 256" in run.output
    assert [kernel["name"] for kernel in run.kernels] == ["copy"]
    assert run["kernels"] == run.kernels and len(run) == len(list(run))
    assert run.metric("l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum") == 8
    assert run.metric("l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum", kernel="other") == 0
    assert "<html" in run.page and "srcdoc" in run._repr_html_()


def test_findings():
    run = attnlab.emulate(COPY, args=["100"], define=["EXTRA=5"])
    assert not run and run.exit_code == 1
    assert {finding["kind"] for finding in run.findings} >= {"out-of-bounds"}
    assert "out-of-bounds" in str(run)


def test_a_path_and_another_gpu():
    run = attnlab.emulate(ROOT / "docs/emulator/scores.cu", gpu="a100")
    assert run.kernels[0]["gpu"].startswith("a100")


def test_what_cannot_be_run():
    with pytest.raises(attnlab.CompileError, match="EXTRA"):
        attnlab.emulate(COPY)
    with pytest.raises(FileNotFoundError, match="missing.cu"):
        attnlab.emulate("missing.cu")
    with pytest.raises(ValueError, match="got 'h900'|got h900"):
        attnlab.emulate(COPY, gpu="h900", define={"EXTRA": 0})
    with pytest.raises(subprocess.TimeoutExpired):
        attnlab.emulate("#include <unistd.h>\nint main() { sleep(60); }\n", timeout=5)
