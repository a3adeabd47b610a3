// A launch: refused as a GPU would refuse it, or its blocks spread over the workers, its requests replayed
// through the memory hierarchy, and its results added up.
#include "simulator/emulator/launch.h"

#include <fmt/format.h>
#include <signal.h>
#include <ucontext.h>

#include <barrier>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "simulator/emulator/api/gpu.h"
#include "simulator/emulator/api/kernels.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/runtime/session.h"
#include "simulator/emulator/runtime/worker.h"
#include "simulator/memory/hierarchy.h"

namespace attnlab::emulator {
namespace {

// --- faults: an access that the machine itself refuses ---------------------------------------------------

struct sigaction previous_action[3];  // of SIGSEGV, SIGBUS, SIGFPE

void on_fault(int signal, siginfo_t* info, void* context) {
  Worker* worker = Worker::running();
  if (worker == nullptr) {  // not ours: as if we had not been here
    const auto& previous = previous_action[signal == SIGBUS ? 1 : signal == SIGFPE ? 2 : 0];
    if (previous.sa_flags & SA_SIGINFO && previous.sa_sigaction != nullptr)
      return previous.sa_sigaction(signal, info, context);
    ::signal(signal, SIG_DFL);
    return;
  }
  const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  if (signal == SIGFPE) worker->report_division(static_cast<std::uintptr_t>(registers[REG_RIP]));
  const auto r11 = static_cast<std::uintptr_t>(registers[REG_R11]);
  worker->report_fault(reinterpret_cast<std::uintptr_t>(info->si_addr), r11);
}

// On a stack of its own: the fault may be a fiber's stack overflow.
void watch_faults() {
  thread_local std::unique_ptr<std::byte[]> stack;
  if (stack) return;
  constexpr std::size_t bytes = 256 << 10;
  stack = std::make_unique<std::byte[]>(bytes);
  stack_t alternative{};
  alternative.ss_sp = stack.get();
  alternative.ss_size = bytes;
  sigaltstack(&alternative, nullptr);
  static const bool once = [] {
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &action, &previous_action[0]);
    sigaction(SIGBUS, &action, &previous_action[1]);
    sigaction(SIGFPE, &action, &previous_action[2]);
    return true;
  }();
  (void)once;
}

// --- the workers' OS threads ------------------------------------------------------------------------------

// OS threads that stay for the next launch, so that their fibers' stacks do.
class Crew {
 public:
  static Crew& instance() {
    static auto* const crew = new Crew;  // its threads wait for ever; the process's end is theirs
    return *crew;
  }

  // Runs task() on the calling thread and helpers - 1 others; returns when all have ended.
  void run(unsigned count, const std::function<void()>& task) {
    {
      std::unique_lock lock(mutex_);
      while (threads_ + 1 < count) {
        std::thread([this] { serve(); }).detach();
        ++threads_;
      }
      task_ = &task;
      wanted_ = running_ = count - 1;
      ++generation_;
    }
    wake_.notify_all();
    task();
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return running_ == 0; });
    task_ = nullptr;
  }

 private:
  void serve() {
    std::uint64_t seen = 0;
    for (;;) {
      const std::function<void()>* task = nullptr;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return wanted_ > 0 && generation_ != seen; });
        seen = generation_;
        --wanted_;
        task = task_;
      }
      (*task)();
      const std::lock_guard lock(mutex_);
      if (--running_ == 0) done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void()>* task_ = nullptr;
  unsigned threads_ = 0, wanted_ = 0, running_ = 0;
  std::uint64_t generation_ = 0;
};

// Blocks that have ended, as the number below which all have.
class Progress {
 public:
  void ended(std::uint64_t block, std::atomic<std::uint64_t>& finished) {
    const std::lock_guard lock(mutex_);
    ahead_.push_back(block);
    std::uint64_t next = finished.load();
    for (bool more = true; more;) {
      more = false;
      for (auto& b : ahead_)
        if (b == next) {
          b = ahead_.back();
          ahead_.pop_back();
          ++next;
          more = true;
          break;
        }
    }
    finished.store(next);
    finished.notify_all();
  }

 private:
  std::mutex mutex_;
  std::vector<std::uint64_t> ahead_;  // ended before a lower one; at most one a worker
};

// --- names and sizes -------------------------------------------------------------------------------------

// As Nsight Compute shows it: "flash2_kernel<float, 64>" of "void ns::flash2_kernel<float, 64>(ns::Params)".
// As the source writes it when the symbol is not known.
std::string kernel_name(const Symbol* symbol, const KernelIdentity& kernel) {
  if (symbol == nullptr) return kernel.name;
  std::string name = demangled(symbol->name);
  constexpr std::string_view anonymous = "(anonymous namespace)";
  for (std::size_t at; (at = name.find(anonymous)) != std::string::npos;)
    name.replace(at, anonymous.size(), "anonymous");
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {  // up to the parameter list
    if (name[i] == '<') ++depth;
    if (name[i] == '>') --depth;
    if (name[i] == '(' && depth == 0) {
      name.resize(i);
      break;
    }
  }
  depth = 0;
  for (std::size_t i = name.size(); i-- > 0;) {  // behind the return type
    if (name[i] == '>') ++depth;
    if (name[i] == '<') --depth;
    if (name[i] == ' ' && depth == 0) {
      name.erase(0, i + 1);
      break;
    }
  }
  std::string plain;  // without namespaces
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name.compare(i, 2, "::") == 0) {
      while (!plain.empty() &&
             (std::isalnum(static_cast<unsigned char>(plain.back())) != 0 || plain.back() == '_'))
        plain.pop_back();
      ++i;
      continue;
    }
    plain += name[i];
  }
  for (const auto& [word, digit] : {std::pair{"true", "1"}, std::pair{"false", "0"}})  // template arguments
    for (std::size_t at = plain.find('<'); (at = plain.find(word, at)) != std::string::npos;)
      plain.replace(at, std::string_view(word).size(), digit);
  return plain;
}

// The __shared__ variables that a kernel declares itself: locals of its function in thread-local storage.
std::size_t static_shared(const Symbol* symbol) {
  if (symbol == nullptr || symbol->name.rfind("_Z", 0) != 0) return 0;
  const std::string prefix = "_ZZ" + symbol->name.substr(2) + "E";
  std::size_t bytes = 0;
  for (const Symbol& variable : Image::instance().thread_locals())
    if (variable.name.rfind(prefix, 0) == 0) {
      const bool guarded = variable.name.find("__attnlab") != std::string::npos;
      bytes += variable.bytes -
               (guarded ? std::min<std::size_t>(sizeof(SharedVariable<char>::guard), variable.bytes) : 0);
    }
  return bytes;
}

// The API answers questions about kernels, their static shared memory among them.
[[maybe_unused]] const bool told_the_api = [] {
  set_static_shared_source([](const void* kernel) {
    const Image& image = Image::instance();
    return static_shared(image.function_at(image.link_address(kernel)));
  });
  return true;
}();

void merge_sites(std::map<std::uint32_t, std::unique_ptr<Site>>& all, const Account& account) {
  for (const auto& [code, site] : account.sites()) {
    auto& sum = all[code];
    if (!sum) {
      sum = std::make_unique<Site>();
      sum->code = code;
    }
    for (std::size_t i = 0; i < metric_count; ++i) sum->counters[i] += site->counters[i];
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

}  // namespace

void Worker::report_fault(std::uintptr_t address, std::uintptr_t r11) {
  const std::uint32_t code = last_code(r11);
  if (stacks_.guards(address))
    account_.finding(
        FindingKind::out_of_bounds, code, lane_->thread, address,
        fmt::format("a thread's local variables need more than the {} bytes of its stack", Stacks::bytes));
  else
    account_.finding(FindingKind::out_of_bounds, code, lane_->thread, address,
                     fmt::format("touches address {:#x}, where no memory is", address));
  int none = 0;
  launch_->error.compare_exchange_strong(none, cudaErrorIllegalAddress);
  fault();
}

void Worker::report_division(std::uintptr_t instruction) {
  account_.finding(FindingKind::trap, static_cast<std::uint32_t>(instruction + 1), lane_->thread, 0,
                   "divides an integer by 0, or the least one by -1: the result is undefined");
  int none = 0;
  launch_->error.compare_exchange_strong(none, cudaErrorLaunchFailure);
  fault();
}

int launch(const LaunchShape& shape, const KernelIdentity& kernel, void (*body)(void*), void* arguments,
           std::size_t argument_bytes) {
  static std::mutex one_at_a_time;
  static std::uint64_t launches = 0;
  const Image& image = Image::instance();
  const Symbol* symbol =
      kernel.address == nullptr ? nullptr : image.function_at(image.link_address(kernel.address));
  const std::size_t static_bytes = static_shared(symbol);
  const auto refuse = [&](int error, const std::string& why) {
    add_finding({FindingKind::refused_launch,
                 kernel_name(symbol, kernel),
                 kernel.file,
                 kernel.line,
                 {},
                 {},
                 0,
                 fmt::format("{}: {}", cudaGetErrorName(static_cast<cudaError_t>(error)), why),
                 1});
    return error;
  };
  if (const Refusal refusal = explain_launch(shape, kernel.address, static_bytes); refusal.error != 0)
    return refuse(refusal.error, refusal.why);
  if (Worker::running() != nullptr) return cudaErrorNotSupported;  // a launch by a kernel
  const std::lock_guard lock(one_at_a_time);

  LaunchState state;
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
  const unsigned threads = shape.block.x * shape.block.y * shape.block.z;
  const std::size_t shared_bytes = static_bytes + shape.dynamic_shared_bytes;
  const std::string name = kernel_name(symbol, kernel);
  state.resident_blocks = std::max(1u, resident_blocks(threads, shared_bytes, registers_of(name)));

  unsigned workers =
      options().threads != 0 ? options().threads : std::max(1u, std::thread::hardware_concurrency());
  std::unique_ptr<std::barrier<>> everybody;
  if (shape.cooperative) {
    if (const std::uint64_t room = std::uint64_t{state.resident_blocks} * state.sms; state.blocks > room)
      return refuse(
          cudaErrorCooperativeLaunchTooLarge,
          fmt::format("a cooperative grid of {} blocks, {} are resident at once with {} registers a "
                      "thread",
                      state.blocks, room, registers_of(name)));
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
  std::map<std::uint32_t, std::unique_ptr<Site>> sites;
  std::mutex adding;
  Progress progress;
  const auto start = std::chrono::steady_clock::now();
  const std::function<void()> work = [&] {
    watch_faults();
    Worker& worker = Worker::mine();
    worker.begin_launch(state);
    while (state.error.load() == 0) {
      const std::uint64_t block = state.next_block.fetch_add(1);
      if (block >= state.blocks) break;
      const bool whole = worker.run_block(block);
      progress.ended(block, state.finished);
      if (!whole) {
        if (everybody) everybody->arrive_and_drop();
        break;
      }
      if (everybody) {
        everybody->arrive_and_drop();
        break;
      }
    }
    const std::lock_guard guard(adding);
    merge_sites(sites, worker.account());
    result.findings.merge(worker.account().findings());
    worker.account().clear();
  };
  Crew::instance().run(workers, work);

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
  return state.error.load();
}

}  // namespace attnlab::emulator
