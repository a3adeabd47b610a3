// Barriers, fences, clocks and address spaces behind cuda_headers/device_functions.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attnlab::emulator::calls {

void sync_threads();
void sync_grid();  // cooperative launches
bool grid_can_sync();
int sync_threads_count(int predicate);
int sync_threads_and(int predicate);
int sync_threads_or(int predicate);

void fence();
void sleep();  // lets other threads run
[[noreturn]] void stop_by_trap();
[[noreturn]] void stop_unsupported(const char* construct);
bool is_on_device();

std::uint64_t clock_ticks();
std::uint64_t global_timer();  // nanoseconds of the host

bool is_global(const void* address);
bool is_shared(const void* address);
bool is_constant(const void* address);
bool is_local(const void* address);
std::size_t shared_offset_of(const void* address);
void* shared_address_at(std::size_t offset);

}  // namespace attnlab::emulator::calls
