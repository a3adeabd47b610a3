// The time that a program on the emulator has: ATTNLAB_EMULATOR_TIMEOUT.
#pragma once

namespace attnlab::emulator {

// The exit code of a program whose time was up, as timeout(1) has it.
inline constexpr int kTimedOut = 124;

// From now on the time runs; a second call has no effect. When it is up, kernels stop where they are, with a
// finding, and the program ends with its report; where no kernel runs, or none stops, the clock ends it itself.
void start_clock(unsigned seconds);

// Kernels ask now and then.
bool time_is_up();
unsigned time_limit();  // seconds, of start_clock
void kernel_stops();    // one has seen it: the clock waits until its launch calls end_late()

// Ends the program: its report first.
[[noreturn]] void end_late();

}  // namespace attnlab::emulator
