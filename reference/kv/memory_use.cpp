#include "reference/kv/memory_use.h"

#include <bit>
#include <deque>
#include <string>

#include "reference/core/blocks.h"
#include "reference/core/errors.h"

namespace attnlab::kv {
namespace {

Index power_of_two(Index least) {
  return static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(least)));
}

struct Running {
  Lengths request;
  Index begin = 0;     // in the buddy allocator's memory
  Index reserved = 0;  // tokens that it has room for
  Index length = 0;    // tokens that are there
};

// The line, the running requests and their memory.
class Line {
 public:
  Line(const Server& server, std::span<const Lengths> requests)
      : server_(server),
        waiting_(requests.begin(), requests.end()),
        memory_(paged() ? 0 : server.capacity),
        free_blocks_(paged() ? server.capacity / server.block_size : 0) {}

  bool paged() const { return server_.reservation == Reservation::paged; }

  void admit() {
    while (!waiting_.empty()) {
      Running next{waiting_.front()};
      next.length = next.request.prompt;
      next.reserved = reservation(next.request);
      if (paged()) {
        if (blocks(next.reserved) > free_blocks_) break;
        free_blocks_ -= blocks(next.reserved);
      } else {
        const auto begin = memory_.allocate(next.reserved);
        if (!begin) break;
        next.begin = *begin;
      }
      running_.push_back(next);
      waiting_.pop_front();
    }
    if (running_.empty() && !waiting_.empty()) {
      throw InvalidArgument("requests",
                            "one of " + std::to_string(waiting_.front().prompt) + " + " +
                                std::to_string(waiting_.front().output) + " tokens",
                            "what fits " + std::to_string(server_.capacity) + " tokens");
    }
  }

  // A token more for each, if there is a block for it. Returns how many requests ended.
  Index step() {
    Index ended = 0;
    for (std::size_t n = 0; n < running_.size();) {
      Running& r = running_[n];
      if (paged() && blocks(r.length + 1) > blocks(r.length)) {
        while (free_blocks_ == 0 && n + 1 < running_.size()) put_off();
        if (free_blocks_ == 0) {  // it is the youngest itself
          put_off();
          break;
        }
        --free_blocks_;
      }
      if (++r.length < r.request.prompt + r.request.output) {
        ++n;
        continue;
      }
      give_back(r);
      running_.erase(running_.begin() + static_cast<Index>(n));
      ++ended;
    }
    return ended;
  }

  MemoryUse use() const {
    MemoryUse sum;
    for (const Running& r : running_) {
      const Index end = r.request.prompt + r.request.output;
      const Index room = paged() ? blocks(r.length) * server_.block_size : r.reserved;
      sum.tokens += static_cast<double>(r.length);
      sum.reserved += static_cast<double>(std::min(end, room) - r.length);
      sum.internal += static_cast<double>(room - std::min(end, room));
    }
    const auto all = static_cast<double>(server_.capacity);
    sum.external = all - sum.tokens - sum.reserved - sum.internal;
    sum.mean_batch = static_cast<double>(running_.size());
    for (double* share : {&sum.tokens, &sum.reserved, &sum.internal, &sum.external}) *share /= all;
    return sum;
  }
  bool waits() const { return !waiting_.empty(); }

 private:
  Index blocks(Index tokens) const { return ceil_div(tokens, server_.block_size); }
  Index reservation(const Lengths& request) const {
    switch (server_.reservation) {
      case Reservation::max:
        return server_.max_length;
      case Reservation::pow2:
        return std::min(server_.max_length, request.prompt + power_of_two(request.output));
      case Reservation::oracle:
        return request.prompt + request.output;
      case Reservation::paged:
        break;
    }
    return request.prompt;
  }
  void give_back(const Running& r) {
    if (paged()) {
      free_blocks_ += blocks(r.length);
    } else {
      memory_.release(r.begin);
    }
  }
  void put_off() {
    give_back(running_.back());
    waiting_.push_front(running_.back().request);
    running_.pop_back();
  }

  Server server_;
  std::deque<Lengths> waiting_;
  std::vector<Running> running_;
  BuddyAllocator memory_;
  Index free_blocks_;
};

}  // namespace

BuddyAllocator::BuddyAllocator(Index size) {
  if (size < 0) throw InvalidArgument("size", std::to_string(size), "0 or more");
  for (Index begin = 0; begin < size;) {
    const auto piece = static_cast<Index>(std::bit_floor(static_cast<std::uint64_t>(size - begin)));
    free_[piece].insert(begin);
    roots_[begin] = piece;
    begin += piece;
  }
}

std::optional<Index> BuddyAllocator::allocate(Index size) {
  if (size < 1) throw InvalidArgument("size", std::to_string(size), "1 or more");
  const Index wanted = power_of_two(size);
  auto at = free_.lower_bound(wanted);
  while (at != free_.end() && at->second.empty()) ++at;
  if (at == free_.end()) return std::nullopt;
  const Index begin = *at->second.begin();
  at->second.erase(at->second.begin());
  for (Index half = at->first / 2; half >= wanted; half /= 2) free_[half].insert(begin + half);
  taken_[begin] = wanted;
  return begin;
}

void BuddyAllocator::release(Index begin) {
  const auto taken = taken_.find(begin);
  if (taken == taken_.end()) throw InvalidArgument("begin", std::to_string(begin), "that of an allocation");
  Index size = taken->second;
  taken_.erase(taken);
  const auto root = std::prev(roots_.upper_bound(begin));
  while (size < root->second) {
    const Index offset = begin - root->first, other = root->first + (offset ^ size);
    if (free_[size].erase(other) == 0) break;
    begin = std::min(begin, other);
    size *= 2;
  }
  free_[size].insert(begin);
}

MemoryUse saturated_use(const Server& server, std::span<const Lengths> requests) {
  if (server.capacity < 1) throw InvalidArgument("capacity", std::to_string(server.capacity), "1 or more");
  if (server.block_size < 1)
    throw InvalidArgument("block_size", std::to_string(server.block_size), "1 or more");
  for (const Lengths& request : requests) {
    const Index length = request.prompt + request.output;
    if (request.prompt < 1 || request.output < 1 || length > server.max_length || length > server.capacity) {
      throw InvalidArgument("requests",
                            std::to_string(request.prompt) + " + " + std::to_string(request.output),
                            "lengths from 1, at most " + std::to_string(server.max_length) + " and " +
                                std::to_string(server.capacity) + " together");
    }
  }
  Line line(server, requests);
  MemoryUse sum;
  double steps = 0;
  Index ended = 0;
  for (line.admit(); line.waits(); line.admit()) {
    if (ended > 0) {
      const MemoryUse now = line.use();
      sum.tokens += now.tokens, sum.reserved += now.reserved, sum.internal += now.internal;
      sum.external += now.external, sum.mean_batch += now.mean_batch;
      ++steps;
    }
    ended += line.step();
  }
  if (steps == 0) {
    throw InvalidArgument("requests", std::to_string(requests.size()), "more than the memory holds at once");
  }
  for (double* share : {&sum.tokens, &sum.reserved, &sum.internal, &sum.external, &sum.mean_batch})
    *share /= steps;
  return sum;
}

}  // namespace attnlab::kv
