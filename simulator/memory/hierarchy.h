// The memory hierarchy under a running kernel: takes each block's requests as soon as the block has run, in
// any order and from any thread, and replays them as the GPU's SMs would interleave them.
//
// The result depends on the streams and on nothing else: not on threads, not on the order of the calls.
// Streams are dropped as soon as they are replayed; replaying is done by the threads that add blocks.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "simulator/memory/memory_system.h"
#include "simulator/memory/waves.h"

namespace attnlab::memory {

class Hierarchy {
 public:
  // blocks: of the grid. resident_blocks: of an SM, at least 1. shared_bytes_per_block: static and dynamic;
  // with the resident blocks it decides the size of the L1. Throws InvalidArgument when they do not fit, or
  // the geometry makes no sense.
  Hierarchy(const Geometry& geometry, std::uint64_t blocks, std::uint64_t resident_blocks,
            std::uint64_t shared_bytes_per_block);

  // A block of the grid, by its linear index (x fastest), each once. May be called from several threads at
  // once. Blocks should come in about increasing order: what came before its turn is kept. A thread that
  // brings more while a large backlog is being replayed waits for that.
  void add_block(std::uint64_t index, RequestStream&& requests);

  // After the last add_block has returned, once. Indices that never came are passed over.
  Counters finish();

  // Bytes of streams that are kept now.
  std::uint64_t backlog_bytes() const;
  // The most that add_block lets come together without waiting.
  static constexpr std::uint64_t kBacklogBytes = std::uint64_t{256} << 20;

 private:
  // A stream with its reader, which points into it: moving keeps the stream's bytes where they are.
  struct Block {
    explicit Block(RequestStream&& s) : requests(std::move(s)), reader(requests) {}
    template <class Visit>
    bool next(Visit& visit) {
      return reader.next(visit);
    }
    RequestStream requests;
    RequestStream::Reader reader;
  };

  Supply supply(std::optional<Block>& block);
  void replay();  // as far as possible

  std::mutex replaying_;  // guards system_ and waves_
  MemorySystem system_;
  Waves<Block> waves_;

  mutable std::mutex waiting_;  // guards what follows; taken after replaying_
  std::map<std::uint64_t, RequestStream> blocks_;
  std::uint64_t next_ = 0, backlog_ = 0;
  bool all_came_ = false;
};

}  // namespace attnlab::memory
