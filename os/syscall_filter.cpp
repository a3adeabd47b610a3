#include "os/syscall_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace attnlab::os {
namespace {

constexpr std::uint32_t kX32 = 0x40000000;  // numbers from here on: the same calls once more, for the x32 ABI
constexpr std::uint32_t kNewNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

// clone3 keeps its flags where a filter cannot look; C libraries go back to clone.
constexpr std::uint32_t kRefused[] = {SYS_memfd_create,
                                      447 /* memfd_secret */,
                                      SYS_shmget,
                                      SYS_msgget,
                                      SYS_mq_open,
                                      SYS_io_uring_setup,
                                      SYS_clone3,
                                      SYS_unshare,
                                      SYS_setns,
                                      SYS_mount,
                                      SYS_add_key,
                                      SYS_keyctl,
                                      SYS_request_key,
                                      SYS_bpf,
                                      SYS_userfaultfd,
                                      SYS_perf_event_open,
                                      SYS_name_to_handle_at};

constexpr std::uint32_t refusal(std::uint32_t error) { return SECCOMP_RET_ERRNO | error; }

class Filter {
 public:
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void answer(std::uint32_t answer) { add(BPF_RET | BPF_K, answer); }
  // The next `count` instructions are for values that compare so.
  void only_if(std::uint16_t compare, std::uint32_t value, std::uint8_t count) {
    instructions_.push_back({static_cast<std::uint16_t>(BPF_JMP | compare | BPF_K), 0, count, value});
  }
  void unless_equal(std::uint32_t value, std::uint8_t count) {
    instructions_.push_back({BPF_JMP | BPF_JEQ | BPF_K, count, 0, value});
  }
  std::string bytes() const {
    return {reinterpret_cast<const char*>(instructions_.data()), instructions_.size() * sizeof(sock_filter)};
  }

 private:
  void add(int code, std::uint32_t value) {
    instructions_.push_back({static_cast<std::uint16_t>(code), 0, 0, value});
  }
  std::vector<sock_filter> instructions_;
};

// The low half of an argument: little-endian.
constexpr std::size_t argument(std::size_t i) { return offsetof(seccomp_data, args) + 8 * i; }

}  // namespace

std::string syscall_filter() {
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.unless_equal(AUDIT_ARCH_X86_64, 1);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  filter.load(offsetof(seccomp_data, nr));
  filter.only_if(BPF_JGE, kX32, 1);
  filter.answer(refusal(ENOSYS));
  for (const std::uint32_t call : kRefused) {
    filter.only_if(BPF_JEQ, call, 1);
    filter.answer(refusal(ENOSYS));
  }
  filter.only_if(BPF_JEQ, SYS_socket, 4);
  filter.load(argument(0));
  filter.unless_equal(AF_UNIX, 1);
  filter.answer(refusal(EACCES));
  filter.answer(SECCOMP_RET_ALLOW);
  filter.only_if(BPF_JEQ, SYS_clone, 3);
  filter.load(argument(0));
  filter.only_if(BPF_JSET, kNewNamespaces, 1);
  filter.answer(refusal(EPERM));
  filter.answer(SECCOMP_RET_ALLOW);
  return filter.bytes();
}

}  // namespace attnlab::os
