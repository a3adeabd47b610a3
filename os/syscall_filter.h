// What a program that nobody trusts may not ask of the kernel.
#pragma once

#include <string>

namespace attnlab::os {

// A seccomp program of the x86-64 kernel, as bubblewrap's --seccomp reads it. It refuses, as a kernel that does not
// have them, memory that no limit counts (memfd_create, shmget, message queues, io_uring), sockets other than
// AF_UNIX, new namespaces, keys, bpf and perf. Programs of another architecture are killed.
std::string syscall_filter();

}  // namespace attnlab::os
