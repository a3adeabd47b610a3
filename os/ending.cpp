#include "os/ending.h"

#include <pthread.h>

#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

namespace attnlab::os {
namespace {

constexpr int kEndingSignals[] = {SIGHUP, SIGINT, SIGTERM};

// For ever: a process that ends destroys what is static while the thread may still run.
struct Actions {
  std::mutex mutex;
  std::list<std::function<void()>> list;
};
Actions& actions() {
  static auto* const all = new Actions;
  return *all;
}

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : kEndingSignals) {
    struct sigaction now {};
    sigaction(signal, nullptr, &now);
    if (now.sa_handler != SIG_IGN) sigaddset(&signals, signal);
  }
  return signals;
}

[[noreturn]] void end_by(int signal) {
  // Nobody registers or withdraws any more: whoever waited for what an action ends stays where it is.
  actions().mutex.lock();
  for (auto action = actions().list.rbegin(); action != actions().list.rend(); ++action) (*action)();
  std::signal(signal, SIG_DFL);
  unblock_signals();
  for (;;) raise(signal);
}

}  // namespace

BeforeEnd::BeforeEnd(std::function<void()> action) : BeforeEnd([] {}, std::move(action)) {}

BeforeEnd::BeforeEnd(const std::function<void()>& first, std::function<void()> action) {
  const std::lock_guard lock(actions().mutex);
  first();
  place_ = actions().list.insert(actions().list.end(), std::move(action));
}

BeforeEnd::~BeforeEnd() {
  const std::lock_guard lock(actions().mutex);
  actions().list.erase(place_);
}

void end_in_order() {
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    int signal = 0;
    while (sigwait(&signals, &signal) != 0) {
    }
    end_by(signal);
  }).detach();
}

void unblock_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : kEndingSignals) sigaddset(&signals, signal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace attnlab::os
