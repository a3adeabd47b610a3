// Accesses and divisions that the machine itself refuses: they arrive as signals, and become findings.
#pragma once

namespace attnlab::emulator {

// Catches SIGSEGV, SIGBUS and SIGFPE of this OS thread while it runs CUDA threads. Signals from elsewhere go
// to the handler that was there before. Calling it again has no effect.
void watch_faults();

}  // namespace attnlab::emulator
