"""Runs attention_bench and prints the tables of docs/results/cpu.md: ratios to Eigen's own matrix products, in one run.

    ./lab bench --report        # or: python benchmarks/report.py BUILD_DIR | tests/docs.py --fill benchmarks/report.py
"""

import datetime
import json
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def run_benchmarks(build):
    """Median CPU time in ns of each benchmark over interleaved repetitions (real time where the name says so)."""
    output = subprocess.run(
        [build / "benchmarks" / "attention_bench", "--benchmark_format=json", "--benchmark_repetitions=9",
         "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.1"],
        check=True, capture_output=True, text=True).stdout
    times = {}
    for run in json.loads(output)["benchmarks"]:
        if run["run_type"] == "iteration":
            key = "real_time" if "real_time" in run["run_name"] else "cpu_time"
            times.setdefault(run["run_name"], []).append(run[key])
    return {name: statistics.median(values) for name, values in times.items()}


def peak_memory(build, algorithm, seqlen):
    """Peak resident bytes of `attnlab run` on one head, in a process of its own."""
    script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)")
    command = [build / "attnlab", "run", "--algorithm", algorithm, "--seqlen", str(seqlen), "--dim", "64", "--check", "0", "--threads", "1"]
    return int(subprocess.run([sys.executable, "-c", script, *command], check=True, capture_output=True, text=True).stdout)


def report(build):
    times = run_benchmarks(build)
    whole, tiled = times["gemms/2048/2048"], times["gemms/256/512"]
    gflops = 4 * 2048 * 2048 * 64
    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    lines = ["## setup", "", "| date | processor | compiler |", "|---|---|---|",
             f"| {datetime.date.today()} | {cpu_name()} | {compiler} |", "",
             "## bare products", "", "| Q K^T and P V by Eigen | time | GFLOP/s |", "|---|---|---|",
             f"| the whole matrices | {whole / 1e6:.2f} ms | {gflops / whole:.0f} |",
             f"| tiles of 256 x 512 | {tiled / 1e6:.2f} ms | {gflops / tiled:.0f} |", "",
             "## algorithms", "",
             "| algorithm | time | speed against the whole products | against the tiled ones | metered, against unmetered |",
             "|---|---|---|---|---|"]
    for name, shape in (("standard", "64/2048"), ("flash1", "256/512"), ("flash2", "256/512")):
        direct, metered = times[f"forward/{name}/{shape}"], times[f"metered/{name}/{shape}"]
        of_tiled = "" if name == "standard" else f"{100 * tiled / direct:.0f} %"
        lines.append(f"| {name} | {direct / 1e6:.2f} ms | {100 * whole / direct:.0f} % | {of_tiled} | {100 * direct / metered:.0f} % |")
    one, two = times["heads_on_threads/1/real_time"], times["heads_on_threads/2/real_time"]
    lines += ["", "## threads and closed forms", "", "| | |", "|---|---|",
              f"| flash2 over 8 heads: two threads against one | {one / two:.2f} times as fast |",
              f"| closed form at N 1024 | {1e3 / times['closed_form/1024']:.1f} M evaluations per second |",
              f"| closed form at N 2^20 | {1e3 / times['closed_form/1048576']:.1f} M evaluations per second |", "",
              "## peak memory", "", "| N | Q, K, V, O | flash2 | standard | N^2 float32 |", "|---|---|---|---|---|"]
    mib = 2**20
    for n in (1024, 4096, 16384):
        lines.append(f"| {n} | {4 * n * 64 * 4 / mib:.0f} MiB | {peak_memory(build, 'flash2', n) / mib:.0f} MiB | "
                     f"{peak_memory(build, 'standard', n) / mib:.0f} MiB | {n * n * 4 / mib:.0f} MiB |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(report(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build" / "release"), end="")
