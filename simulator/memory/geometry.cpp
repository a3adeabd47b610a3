#include "simulator/memory/geometry.h"

#include <algorithm>
#include <array>

#include "reference/core/errors.h"

namespace attnlab::memory {
namespace {

constexpr std::uint64_t kKb = 1024, kReservedBytes = kKb;
constexpr std::array<std::uint64_t, 7> kCarveOuts{32 * kKb,  64 * kKb,  100 * kKb, 132 * kKb,
                                                  164 * kKb, 196 * kKb, 228 * kKb};

// The smallest carve-out of at least so many bytes; the device's maximum where the list has none.
std::uint64_t carve_out(std::uint64_t bytes, std::uint64_t most) {
  for (const std::uint64_t size : kCarveOuts)
    if (size >= bytes && size <= most) return size;
  return most;
}

}  // namespace

Geometry geometry_of(const device::Device& device) {
  Geometry geometry;
  geometry.sms = device.sms;
  geometry.sram_bytes_per_sm = device.sram_bytes_per_sm;
  geometry.shared_bytes_per_sm = device.shared_bytes_per_sm;
  geometry.l2_bytes = device.l2_bytes;
  return geometry;
}

std::uint64_t l1_bytes(const Geometry& geometry, std::uint64_t resident_blocks,
                       std::uint64_t shared_bytes_per_block) {
  const std::uint64_t most = geometry.shared_bytes_per_sm, each = shared_bytes_per_block + kReservedBytes;
  if (resident_blocks <= most / each) {
    const std::uint64_t n = std::max<std::uint64_t>(1, resident_blocks);
    const std::uint64_t half = carve_out(geometry.sram_bytes_per_sm / 2, most);
    const std::uint64_t ample = std::min(half, carve_out((2 * n - 1) * each, most));
    return geometry.sram_bytes_per_sm - std::max(ample, carve_out(n * each, most));
  }
  throw InvalidArgument(
      "shared memory of the resident blocks",
      std::to_string(resident_blocks) + " x (" + std::to_string(shared_bytes_per_block) + " + 1024) bytes",
      "at most " + std::to_string(most) + " per SM");
}

std::uint64_t launch_read_bytes(std::uint64_t code_bytes) {
  constexpr std::uint64_t kConstantBytes = 2304;
  return code_bytes + kConstantBytes;
}

std::uint64_t blocks_that_fit(const Geometry& geometry, std::uint64_t shared_bytes_per_block) {
  return geometry.shared_bytes_per_sm / (shared_bytes_per_block + kReservedBytes);
}

}  // namespace attnlab::memory
