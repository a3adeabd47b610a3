#include "simulator/emulator/runtime/faults.h"

#include <fmt/format.h>
#include <signal.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "simulator/emulator/cuda_headers/driver_types.h"
#include "simulator/emulator/runtime/clock.h"
#include "simulator/emulator/runtime/worker.h"

namespace attnlab::emulator {
namespace {

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

}  // namespace

// On a stack of its own: the fault may be a fiber's stack overflow.
void watch_faults() {
  thread_local std::unique_ptr<std::byte[]> stack;
  if (stack) return;
  constexpr std::size_t kBytes = 256 << 10;
  stack = std::make_unique<std::byte[]>(kBytes);
  stack_t alternative{};
  alternative.ss_sp = stack.get();
  alternative.ss_size = kBytes;
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

void Worker::report_fault(std::uintptr_t address, std::uintptr_t r11) {
  const std::uint32_t code = last_code(r11);
  if (stacks_.guards(address)) {
    account_.finding(
        FindingKind::out_of_bounds, code, lane_->thread, address,
        fmt::format("a thread's local variables need more than the {} bytes of its stack", Stacks::kBytes));
  } else {
    account_.finding(FindingKind::out_of_bounds, code, lane_->thread, address,
                     fmt::format("touches address {:#x}, where no memory is", address));
  }
  int none = 0;
  launch_->error.compare_exchange_strong(none, cudaErrorIllegalAddress);
  fault();
}

void Worker::report_timeout() {
  if (launch_->error.load() != 0) return;
  kernel_stops();
  account_.finding(FindingKind::timeout, last_place_, lane_->thread, 0,
                   fmt::format("still runs after {} s", time_limit()));
  int none = 0;
  launch_->error.compare_exchange_strong(none, cudaErrorLaunchTimeout);
}

void Worker::report_division(std::uintptr_t instruction) {
  account_.finding(FindingKind::trap, static_cast<std::uint32_t>(instruction + 1), lane_->thread, 0,
                   "divides an integer by 0, or the least one by -1: the result is undefined");
  int none = 0;
  launch_->error.compare_exchange_strong(none, cudaErrorLaunchFailure);
  fault();
}

}  // namespace attnlab::emulator
