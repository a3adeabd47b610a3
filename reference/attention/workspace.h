// Room in HBM for what an algorithm keeps there beside its inputs and outputs.
#pragma once

#include <memory>

#include "reference/core/two_level_memory.h"

namespace attnlab::attention {

// HBM workspaces of one head, reused from head to head.
template <class T>
class Workspace {
 public:
  // [rows, cols], contents undefined. A second call for the same tensor gives the same memory.
  template <class Memory>
  MatrixView<T> matrix(Memory& memory, Hbm tensor, Index rows, Index cols) {
    const MatrixView<T> view{buffers_[static_cast<std::size_t>(tensor)].reserve(rows * cols), rows, cols,
                             cols};
    memory.undefined(tensor, view);
    return view;
  }
  MatrixView<std::uint8_t> bytes(Index rows, Index cols) {
    return {bytes_.reserve(rows * cols), rows, cols, cols};
  }

 private:
  template <class Value>
  struct Buffer {
    std::unique_ptr<Value[]> data;
    Index size = -1;
    Value* reserve(Index wanted) {
      if (size < wanted)
        data = std::make_unique_for_overwrite<Value[]>(static_cast<std::size_t>(size = wanted));
      return data.get();
    }
  };
  Buffer<T> buffers_[kHbmCount];
  Buffer<std::uint8_t> bytes_;
};

}  // namespace attnlab::attention
