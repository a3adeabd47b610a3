// vAttention's storage: every sequence's keys (or values) are one array, as long as the longest sequence can be,
// whose memory is mapped page by page as the sequence grows. A kernel needs no block table.
//
// Prabhu et al., "vAttention: Dynamic Memory Management for Serving LLMs without PagedAttention" (2024). Here the
// pages are really mapped, by mmap, from one memory that all arrays share; cuda/bench/virtual_memory.cu does it on a
// GPU, by cuMemMap.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "reference/kv/block_pool.h"

namespace attnlab::kv {

// Physical memory in pages.
class PhysicalMemory {
 public:
  // page_bytes: a multiple of the system's page. Throws InvalidArgument, and std::system_error where the system
  // has no room.
  PhysicalMemory(std::size_t page_bytes, Index num_pages);
  PhysicalMemory(const PhysicalMemory&) = delete;
  PhysicalMemory& operator=(const PhysicalMemory&) = delete;
  ~PhysicalMemory();

  std::size_t page_bytes() const { return page_bytes_; }
  const BlockPool& pages() const { return pages_; }

 private:
  friend class VirtualArray;
  std::size_t page_bytes_;
  BlockPool pages_;
  int file_ = -1;
};

// An array of up to max_bytes bytes, contiguous in addresses, in the pages of a memory.
class VirtualArray {
 public:
  // Takes addresses and no memory. Throws std::system_error.
  VirtualArray(PhysicalMemory& memory, std::size_t max_bytes);
  VirtualArray(const VirtualArray&) = delete;
  VirtualArray& operator=(const VirtualArray&) = delete;
  ~VirtualArray();

  // The first `bytes` bytes can be used. Bytes that could be before keep what they hold. Throws OutOfBlocks, and
  // InvalidArgument beyond max_bytes; nothing has changed then.
  void grow(std::size_t bytes);
  std::byte* data() const { return data_; }
  std::size_t mapped_bytes() const { return mapped_.size() * memory_.page_bytes_; }
  std::span<const BlockId> pages() const { return mapped_; }

 private:
  PhysicalMemory& memory_;
  std::size_t max_bytes_, reserved_bytes_;
  std::byte* data_ = nullptr;
  std::vector<BlockId> mapped_;
};

}  // namespace attnlab::kv
