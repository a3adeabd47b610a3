// Where a pointer points, and whether a stream is one: what several files of the runtime API ask.
#pragma once

#include <cstddef>
#include <string>

#include "simulator/emulator/cuda_headers/driver_types.h"

namespace attnlab::emulator::api {

inline constexpr std::size_t kPitchAlignment = 512;  // of rows from cudaMallocPitch

// both: managed and pinned memory, which host and device reach. none: not a part of one live allocation or of
// the program's device variables, though it begins among them; or null.
enum class Place { host, device, both, none };

Place place_of(const void* pointer, std::size_t bytes);
inline bool on_gpu(Place place) { return place == Place::device || place == Place::both; }

// For messages: "host memory", "16 bytes past the end of a cudaMalloc of 64 bytes", ...
std::string describe(const void* pointer, std::size_t bytes);

bool in_variables(const void* pointer);  // a __device__ or __constant__ variable

// The null stream, the two special ones, or one that was created and not yet destroyed.
bool is_stream(cudaStream_t stream);
cudaError_t refuse_stream(const char* function, const void* caller);

}  // namespace attnlab::emulator::api
