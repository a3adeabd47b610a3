// A call to a library that computes on device memory: its arguments' checks, and what they lead to.
#pragma once

#include <cstddef>

#include "simulator/emulator/cuda_headers/driver_types.h"

namespace attnlab::emulator::libraries {

class Call {
 public:
  Call(const char* function, const void* caller) : function_(function), caller_(caller) {}

  // Every check says whether all of the call's arguments have been good so far; the first that is not is a
  // finding.
  bool expect(bool holds, const char* what);
  bool supported(bool known, const char* what);
  // `bytes` of device memory that the call reads; columns of them, `pitch` bytes apart. Writing is the same.
  // What is read before anybody has written it is a finding, and read all the same.
  bool reads(const char* name, const void* data, std::size_t bytes, std::size_t columns = 1,
             std::size_t pitch = 0);
  bool writes(const char* name, const void* data, std::size_t bytes, std::size_t columns = 1,
              std::size_t pitch = 0);

  bool good() const { return error_ == api::cudaSuccess; }
  api::cudaError_t error() const { return error_; }
  // After the results are there: these bytes, checked before, are initialised.
  void wrote(const void* data, std::size_t bytes, std::size_t columns = 1, std::size_t pitch = 0) const;

 private:
  bool in_device_memory(const char* name, const void* data, std::size_t bytes, std::size_t columns,
                        std::size_t pitch);

  const char* function_;
  const void* caller_;
  api::cudaError_t error_ = api::cudaSuccess;
};

}  // namespace attnlab::emulator::libraries
