#include "reference/core/two_level_memory.h"

#include <algorithm>

namespace attnlab {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

std::string shape(Index rows, Index cols) { return std::to_string(rows) + " x " + std::to_string(cols); }

}  // namespace

std::byte* Sram::allocate(const char* name, Index rows, Index cols, std::size_t element_size) {
  const std::int64_t elements = rows * cols;
  if (elements > capacity_ - in_use_) {
    std::string held;
    for (const Entry& entry : entries_) {
      if (entry.live)
        held += std::string(held.empty() ? "" : ", ") + entry.name + " " + std::to_string(entry.elements);
    }
    throw SramOverflow("SRAM",
                       "tile " + std::string(name) + " of " + shape(rows, cols) + " = " +
                           std::to_string(elements) + " elements beside " + std::to_string(in_use_) +
                           " in use (" + held + ")",
                       "at most M = " + std::to_string(capacity_) + " elements in all");
  }
  const std::size_t bytes =
      (static_cast<std::size_t>(elements) * element_size + kAlignment) / kAlignment * kAlignment;
  if (chunks_.empty() || chunks_[chunk_].used + bytes > chunks_[chunk_].size) {
    if (!chunks_.empty()) ++chunk_;
    while (chunk_ < chunks_.size() && chunks_[chunk_].size < bytes)
      chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(chunk_));
    if (chunk_ == chunks_.size()) {
      const std::size_t size = std::max(bytes, kChunkBytes);
      auto data = std::make_unique_for_overwrite<std::byte[]>(size + kAlignment);
      const auto misaligned = reinterpret_cast<std::uintptr_t>(data.get()) % kAlignment;
      std::byte* aligned = data.get() + (kAlignment - misaligned) % kAlignment;
      chunks_.push_back({std::move(data), aligned, size, 0});
    }
  }
  Chunk& chunk = chunks_[chunk_];
  std::byte* data = chunk.aligned + chunk.used;
  chunk.used += bytes;
  entries_.push_back({name, data, chunk_, bytes, elements, true});
  in_use_ += elements;
  peak_ = std::max(peak_, in_use_);
  return data;
}

void Sram::release(const std::byte* data) {
  const auto entry = std::find_if(entries_.rbegin(), entries_.rend(),
                                  [&](const Entry& e) { return e.live && e.data == data; });
  if (entry == entries_.rend()) return;
  entry->live = false;
  in_use_ -= entry->elements;
  while (!entries_.empty() && !entries_.back().live) {
    chunks_[entries_.back().chunk].used -= entries_.back().bytes;
    entries_.pop_back();
  }
  chunk_ = entries_.empty() ? 0 : entries_.back().chunk;
}

}  // namespace attnlab
