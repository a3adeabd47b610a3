// The memory hierarchy under a running kernel. It takes each block's requests when the block has run, in any
// order and from any thread, and replays them in the order in which the SMs of a GPU would send them.
//
// The result depends on the streams alone, not on threads or on the order of the calls. The threads that add
// blocks do the replaying. Streams are dropped as soon as they are replayed.
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
  // blocks: of the grid. resident_blocks: per SM, at least 1. shared_bytes_per_block: static and dynamic;
  // with the resident blocks it decides the size of the L1. Throws InvalidArgument when they do not fit, or
  // the geometry makes no sense.
  Hierarchy(const Geometry& geometry, std::uint64_t blocks, std::uint64_t resident_blocks,
            std::uint64_t shared_bytes_per_block);

  // Adds a block of the grid, by its linear index (x fastest), each once. May be called from several threads
  // at once. The order should be about increasing: a block that is too early is kept until its turn. A thread
  // that adds to a large backlog waits until it is replayed.
  void add_block(std::uint64_t index, RequestStream&& requests);

  // Once, after the last add_block has returned. Blocks that were never added are left out.
  Counters finish();

  // Bytes of the streams that are kept now.
  std::uint64_t backlog_bytes() const;
  // Beyond this add_block waits.
  static constexpr std::uint64_t kBacklogBytes = std::uint64_t{256} << 20;

 private:
  // A stream and its reader, which points into it. Moving a stream does not move its bytes.
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
