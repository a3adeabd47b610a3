// A launch: refused as a GPU would refuse it, or its blocks spread over the workers, its requests replayed
// through the memory hierarchy, and its results added up.
#include "simulator/emulator/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "simulator/emulator/cuda_headers/driver_types.h"
#include "simulator/emulator/machine/error_name.h"
#include "simulator/emulator/machine/gpu.h"
#include "simulator/emulator/runtime/clock.h"
#include "simulator/emulator/runtime/faults.h"
#include "simulator/emulator/runtime/names.h"
#include "simulator/emulator/runtime/patience.h"
#include "simulator/emulator/runtime/session.h"
#include "simulator/emulator/runtime/threads.h"
#include "simulator/emulator/runtime/worker.h"
#include "simulator/memory/hierarchy.h"

namespace attnlab::emulator {
namespace {

// Sites of all workers, by code address.
using Sites = std::map<std::uint32_t, std::unique_ptr<Site>>;

void merge_sites(Sites& all, const Account& account) {
  for (const auto& [code, site] : account.sites()) {
    auto& sum = all[code];
    if (!sum) {
      sum = std::make_unique<Site>();
      sum->code = code;
    }
    for (std::size_t i = 0; i < kMetricCount; ++i) sum->counters[i] += site->counters[i];
    sum->threads += site->threads;
  }
}

void take(Counters& counters, const memory::Counters& from) {
  const auto set = [&](Metric metric, std::uint64_t value) {
    counters[static_cast<std::size_t>(metric)] = value;
  };
  set(Metric::l1_read_sectors, from.l1_read_sectors);
  set(Metric::l1_read_hits, from.l1_read_hits);
  set(Metric::l2_to_l1_sectors, from.l2_to_l1_sectors);
  set(Metric::l1_to_l2_sectors, from.l1_to_l2_sectors);
  set(Metric::l2_read_hits, from.l2_read_hits);
  set(Metric::dram_read_bytes, from.dram_read_bytes);
  set(Metric::dram_write_bytes, from.dram_write_bytes);
  set(Metric::l2_dirty_bytes, from.l2_dirty_bytes);
}

// What is known before the first block runs.
void describe(LaunchState& state, const LaunchShape& shape, void (*body)(void*), void* arguments,
              std::size_t argument_bytes) {
  static std::uint64_t launches = 0;
  state.shape = shape;
  state.body = function_to_run(body);
  state.hooks = state.body == body;
  state.arguments = arguments;
  const auto at = reinterpret_cast<std::uintptr_t>(arguments);
  state.parameters = {at, at + argument_bytes};
  state.counting = options().counting;
  state.seed = options().seed;
  state.blocks = std::uint64_t{shape.grid.x} * shape.grid.y * shape.grid.z;
  state.sms = static_cast<unsigned>(gpu().device.sms);
  state.race_epoch = ++launches * 64;  // grid-wide barriers count on from here
}

// Runs blocks until there are no more, on `workers` OS threads. everybody: the grid's barrier of a
// cooperative launch, in which each worker runs one block; else null.
void run_blocks(LaunchState& state, const std::string& kernel, unsigned workers, std::barrier<>* everybody,
                Sites& sites, Findings& findings) {
  std::mutex adding;
  Progress progress;
  Patience patience(kernel, state.blocks);
  ThreadPool::instance().run(workers, [&] {
    watch_faults();
    Worker& worker = Worker::mine();
    worker.begin_launch(state);
    while (state.error.load() == 0) {
      const std::uint64_t block = state.next_block.fetch_add(1);
      if (block >= state.blocks) break;
      const bool whole = worker.run_block(block);
      progress.ended(block, state.finished);
      patience.one_more();
      if (everybody != nullptr) everybody->arrive_and_drop();
      if (!whole || everybody != nullptr) break;
    }
    const std::lock_guard guard(adding);
    merge_sites(sites, worker.account());
    findings.merge(worker.account().findings());
    worker.account().clear();
  });
}

int refuse(const KernelIdentity& kernel, int error, const std::string& why) {
  add_finding({FindingKind::refused_launch,
               kernel_name(kernel),
               kernel.file,
               kernel.line,
               {},
               {},
               0,
               fmt::format("{}: {}", error_name(error), why),
               1});
  return error;
}

}  // namespace

int launch(const LaunchShape& shape, const KernelIdentity& kernel, void (*body)(void*), void* arguments,
           std::size_t argument_bytes) {
  static std::mutex one_at_a_time;
  const std::size_t static_bytes = static_shared_bytes(kernel.address);
  if (const Refusal refusal = explain_launch(shape, kernel.address, static_bytes); refusal.error != 0)
    return refuse(kernel, refusal.error, refusal.why);
  if (Worker::running() != nullptr) return cudaErrorNotSupported;  // a launch by a kernel
  const std::lock_guard lock(one_at_a_time);

  LaunchState state;
  describe(state, shape, body, arguments, argument_bytes);
  const std::string name = kernel_name(kernel);
  const unsigned threads = shape.block.x * shape.block.y * shape.block.z;
  const std::size_t shared_bytes = static_bytes + shape.dynamic_shared_bytes;
  state.resident_blocks = std::max(1u, resident_blocks(threads, shared_bytes, registers_of(name)));

  unsigned workers =
      options().threads != 0 ? options().threads : std::max(1u, std::thread::hardware_concurrency());
  std::unique_ptr<std::barrier<>> everybody;
  if (shape.cooperative) {
    if (const std::uint64_t room = std::uint64_t{state.resident_blocks} * state.sms; state.blocks > room) {
      return refuse(kernel, cudaErrorCooperativeLaunchTooLarge,
                    fmt::format("a cooperative grid of {} blocks, {} are resident at once with {} registers "
                                "per thread",
                                state.blocks, room, registers_of(name)));
    }
    workers = static_cast<unsigned>(state.blocks);  // every block has an OS thread, or none could wait
    everybody = std::make_unique<std::barrier<>>(static_cast<std::ptrdiff_t>(workers));
    state.grid_barrier = [&] { everybody->arrive_and_wait(); };
  } else {
    workers = static_cast<unsigned>(std::min<std::uint64_t>(workers, state.blocks));
    state.ordered = workers > 1;
  }

  std::unique_ptr<memory::Hierarchy> hierarchy;
  if (state.counting) {
    hierarchy = std::make_unique<memory::Hierarchy>(memory::geometry_of(gpu().device), state.blocks,
                                                    state.resident_blocks, shared_bytes);
    state.deliver = [&](std::uint64_t block, memory::RequestStream&& requests) {
      hierarchy->add_block(block, std::move(requests));
    };
  }

  RawKernel result;
  Sites sites;
  const auto start = std::chrono::steady_clock::now();
  run_blocks(state, name, workers, everybody.get(), sites, result.findings);

  KernelReport& report = result.report;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.name = name;
  report.grid = shape.grid;
  report.block = shape.block;
  report.static_shared_bytes = static_bytes;
  report.dynamic_shared_bytes = shape.dynamic_shared_bytes;
  report.resident_blocks = state.resident_blocks;
  report.gpu = gpu().device.name;
  if (hierarchy) take(report.counters, hierarchy->finish());
  for (auto& [code, site] : sites) result.sites.push_back(std::move(site));
  if (state.counting || !result.findings.empty()) add_kernel(std::move(result));
  if (time_is_up()) end_late();
  return state.error.load();
}

}  // namespace attnlab::emulator
