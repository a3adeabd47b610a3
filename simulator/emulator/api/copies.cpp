// cudaMemcpy and cudaMemset in all their forms. Each becomes rows, whose ends are checked before a byte
// moves.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/api/places.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/machine/global_memory.h"

namespace attnlab::emulator::api {
namespace {

// A box of bytes: depth slices of height rows of width bytes.
struct Box {
  std::size_t width = 0, height = 1, depth = 1;
  bool empty() const { return width == 0 || height == 0 || depth == 0; }
};

// Where the box's rows are: pitch bytes from one to the next, slice bytes from slice to slice.
struct Rows {
  std::size_t pitch = 0, slice = 0;
};

// From the box's first byte to behind its last; SIZE_MAX if that is too much.
std::size_t extent_of(const Box& box, const Rows& rows) {
  std::size_t slices = 0, lines = 0, all = 0;
  if (__builtin_mul_overflow(rows.slice, box.depth - 1, &slices)) return SIZE_MAX;
  if (__builtin_mul_overflow(rows.pitch, box.height - 1, &lines)) return SIZE_MAX;
  if (__builtin_add_overflow(slices, lines, &all) || __builtin_add_overflow(all, box.width, &all))
    return SIZE_MAX;
  return all;
}

struct Copy {
  void* dst;
  Rows dst_rows;
  const void* src;
  Rows src_rows;
  Box box;
  cudaMemcpyKind kind;
};

bool is_kind(cudaMemcpyKind kind) { return kind >= cudaMemcpyHostToHost && kind <= cudaMemcpyDefault; }

// A row of the destination now holds what the source's row held, undefined bytes included.
void note_copied(const std::byte* dst, const std::byte* src, std::size_t bytes) {
  if (global_memory::contains(src))
    global_memory::copy_initialised(dst, src, bytes);
  else
    global_memory::mark_initialised(dst, bytes);
}

// Where a direction says device, ordinary host memory is refused; where it says host, CUDA finds out itself
// what the pointer is, and so does this.
cudaError_t check_place(const char* which, const void* pointer, std::size_t bytes, bool wants_gpu,
                        const char* function, const void* caller) {
  const Place place = place_of(pointer, bytes);
  if (wants_gpu ? on_gpu(place) : place != Place::none) return cudaSuccess;
  return refuse(cudaErrorInvalidValue, function, caller, "%s: %s, expected %zu bytes of %s memory", which,
                describe(pointer, bytes).c_str(), bytes, wants_gpu ? "device" : "host or device");
}

cudaError_t run(const Copy& copy, const char* function, const void* caller) {
  if (copy.box.empty()) return cudaSuccess;
  if (!is_kind(copy.kind))
    return refuse(cudaErrorInvalidMemcpyDirection, function, caller, "kind %d", static_cast<int>(copy.kind));
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  const bool to_gpu = copy.kind == cudaMemcpyHostToDevice || copy.kind == cudaMemcpyDeviceToDevice;
  const bool from_gpu = copy.kind == cudaMemcpyDeviceToHost || copy.kind == cudaMemcpyDeviceToDevice;
  const std::size_t dst_bytes = extent_of(copy.box, copy.dst_rows);
  const std::size_t src_bytes = extent_of(copy.box, copy.src_rows);
  cudaError_t error = check_place("dst", copy.dst, dst_bytes, to_gpu, function, caller);
  if (error == cudaSuccess) error = check_place("src", copy.src, src_bytes, from_gpu, function, caller);
  if (error != cudaSuccess) return error;
  const bool noted = global_memory::contains(copy.dst) && place_of(copy.dst, dst_bytes) == Place::device;
  for (std::size_t z = 0; z < copy.box.depth; ++z) {
    for (std::size_t y = 0; y < copy.box.height; ++y) {
      std::byte* const dst =
          static_cast<std::byte*>(copy.dst) + z * copy.dst_rows.slice + y * copy.dst_rows.pitch;
      const std::byte* const src =
          static_cast<const std::byte*>(copy.src) + z * copy.src_rows.slice + y * copy.src_rows.pitch;
      std::memmove(dst, src, copy.box.width);
      if (noted) note_copied(dst, src, copy.box.width);
    }
  }
  return cudaSuccess;
}

cudaError_t copy_line(void* dst, const void* src, std::size_t bytes, cudaMemcpyKind kind,
                      const char* function, const void* caller) {
  return run({dst, {}, src, {}, {bytes, 1, 1}, kind}, function, caller);
}

cudaError_t copy_rows(void* dst, std::size_t dst_pitch, const void* src, std::size_t src_pitch,
                      std::size_t width, std::size_t height, cudaMemcpyKind kind, const char* function,
                      const void* caller) {
  if (width > 0 && height > 0 && std::min(dst_pitch, src_pitch) < width) {
    return refuse(height > 1 ? cudaErrorInvalidPitchValue : cudaErrorInvalidValue, function, caller,
                  "pitches of %zu and %zu bytes for rows of %zu", dst_pitch, src_pitch, width);
  }
  return run({dst, {dst_pitch, 0}, src, {src_pitch, 0}, {width, height, 1}, kind}, function, caller);
}

std::byte* corner(const cudaPitchedPtr& p, const cudaPos& pos) {
  return static_cast<std::byte*>(p.ptr) + (pos.z * p.ysize + pos.y) * p.pitch + pos.x;
}

cudaError_t copy_box(const cudaMemcpy3DParms* p, const char* function, const void* caller) {
  if (p == nullptr) return refuse(cudaErrorInvalidValue, function, caller, "no parameters");
  if (p->srcArray != nullptr || p->dstArray != nullptr)
    return refuse(cudaErrorNotSupported, function, caller, "arrays");
  if (std::min(p->dstPtr.pitch, p->srcPtr.pitch) < p->extent.width) {
    return refuse(cudaErrorInvalidPitchValue, function, caller,
                  "pitches of %zu and %zu bytes for rows of %zu", p->dstPtr.pitch, p->srcPtr.pitch,
                  p->extent.width);
  }
  const cudaPitchedPtr &dst = p->dstPtr, &src = p->srcPtr;
  if (dst.ptr == nullptr || src.ptr == nullptr)
    return refuse(cudaErrorInvalidValue, function, caller, "null");
  return run({corner(dst, p->dstPos),
              {dst.pitch, dst.pitch * dst.ysize},
              corner(src, p->srcPos),
              {src.pitch, src.pitch * src.ysize},
              {p->extent.width, p->extent.height, p->extent.depth},
              p->kind},
             function, caller);
}

cudaError_t set_rows(void* pointer, std::size_t pitch, int value, std::size_t width, std::size_t height,
                     const char* function, const void* caller) {
  const Box box{width, height, 1};
  if (box.empty()) return cudaSuccess;
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  const cudaError_t error =
      check_place("pointer", pointer, extent_of(box, {pitch, 0}), true, function, caller);
  if (error != cudaSuccess) return error;
  for (std::size_t y = 0; y < height; ++y) {
    std::byte* const row = static_cast<std::byte*>(pointer) + y * pitch;
    std::memset(row, value, width);
    if (global_memory::contains(row)) global_memory::mark_initialised(row, width);
  }
  return cudaSuccess;
}

cudaError_t set_2d(void* pointer, std::size_t pitch, int value, std::size_t width, std::size_t height,
                   const char* function, const void* caller) {
  if (height > 1 && pitch < width) {
    return refuse(cudaErrorInvalidValue, function, caller, "a pitch of %zu bytes for rows of %zu", pitch,
                  width);
  }
  return set_rows(pointer, pitch, value, width, height, function, caller);
}

}  // namespace

cudaError_t cudaMemcpy(void* dst, const void* src, std::size_t bytes, cudaMemcpyKind kind) {
  return copy_line(dst, src, bytes, kind, "cudaMemcpy", __builtin_return_address(0));
}

cudaError_t cudaMemcpyAsync(void* dst, const void* src, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const void* const caller = __builtin_return_address(0);
  if (!is_stream(stream)) return refuse_stream("cudaMemcpyAsync", caller);
  return copy_line(dst, src, bytes, kind, "cudaMemcpyAsync", caller);
}

cudaError_t cudaMemcpy2D(void* dst, std::size_t dst_pitch, const void* src, std::size_t src_pitch,
                         std::size_t width, std::size_t height, cudaMemcpyKind kind) {
  return copy_rows(dst, dst_pitch, src, src_pitch, width, height, kind, "cudaMemcpy2D",
                   __builtin_return_address(0));
}

cudaError_t cudaMemcpy2DAsync(void* dst, std::size_t dst_pitch, const void* src, std::size_t src_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  const void* const caller = __builtin_return_address(0);
  if (!is_stream(stream)) return refuse_stream("cudaMemcpy2DAsync", caller);
  return copy_rows(dst, dst_pitch, src, src_pitch, width, height, kind, "cudaMemcpy2DAsync", caller);
}

cudaError_t cudaMemcpy3D(const cudaMemcpy3DParms* parameters) {
  return copy_box(parameters, "cudaMemcpy3D", __builtin_return_address(0));
}

cudaError_t cudaMemcpy3DAsync(const cudaMemcpy3DParms* parameters, cudaStream_t stream) {
  const void* const caller = __builtin_return_address(0);
  if (!is_stream(stream)) return refuse_stream("cudaMemcpy3DAsync", caller);
  return copy_box(parameters, "cudaMemcpy3DAsync", caller);
}

cudaError_t cudaMemcpyPeer(void* dst, int dst_device, const void* src, int src_device, std::size_t bytes) {
  const void* const caller = __builtin_return_address(0);
  if (dst_device != 0 || src_device != 0) {
    return refuse(cudaErrorInvalidDevice, "cudaMemcpyPeer", caller, "devices %d and %d", dst_device,
                  src_device);
  }
  return copy_line(dst, src, bytes, cudaMemcpyDeviceToDevice, "cudaMemcpyPeer", caller);
}

cudaError_t cudaMemcpyPeerAsync(void* dst, int dst_device, const void* src, int src_device, std::size_t bytes,
                                cudaStream_t stream) {
  const void* const caller = __builtin_return_address(0);
  if (!is_stream(stream)) return refuse_stream("cudaMemcpyPeerAsync", caller);
  if (dst_device != 0 || src_device != 0) {
    return refuse(cudaErrorInvalidDevice, "cudaMemcpyPeerAsync", caller, "devices %d and %d", dst_device,
                  src_device);
  }
  return copy_line(dst, src, bytes, cudaMemcpyDeviceToDevice, "cudaMemcpyPeerAsync", caller);
}

cudaError_t cudaMemset(void* pointer, int value, std::size_t bytes) {
  return set_rows(pointer, 0, value, bytes, 1, "cudaMemset", __builtin_return_address(0));
}

cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  const void* const caller = __builtin_return_address(0);
  if (!is_stream(stream)) return refuse_stream("cudaMemsetAsync", caller);
  return set_rows(pointer, 0, value, bytes, 1, "cudaMemsetAsync", caller);
}

cudaError_t cudaMemset2D(void* pointer, std::size_t pitch, int value, std::size_t width, std::size_t height) {
  return set_2d(pointer, pitch, value, width, height, "cudaMemset2D", __builtin_return_address(0));
}

cudaError_t cudaMemset2DAsync(void* pointer, std::size_t pitch, int value, std::size_t width,
                              std::size_t height, cudaStream_t stream) {
  const void* const caller = __builtin_return_address(0);
  if (!is_stream(stream)) return refuse_stream("cudaMemset2DAsync", caller);
  return set_2d(pointer, pitch, value, width, height, "cudaMemset2DAsync", caller);
}

}  // namespace attnlab::emulator::api
