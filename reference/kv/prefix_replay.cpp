#include "reference/kv/prefix_replay.h"

#include <list>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "reference/core/errors.h"

namespace attnlab::kv {
namespace {

void require_capacity(Index capacity) {
  if (capacity < 0) throw InvalidArgument("capacity", std::to_string(capacity), "0 or more");
}

// Counts what a request finds: its first blocks up to the first that is not there.
template <class Known>
void count(Hits& hits, const BlockNames& request, const Known& known) {
  hits.blocks += static_cast<Index>(request.size());
  for (const std::int64_t name : request) {
    if (!known.contains(name)) break;
    ++hits.found;
  }
}

// next[r][n]: the next request that has block n of request r; the number of requests if none has.
std::vector<std::vector<std::size_t>> next_uses(std::span<const BlockNames> requests) {
  std::vector<std::vector<std::size_t>> next(requests.size());
  std::unordered_map<std::int64_t, std::size_t> seen;
  for (std::size_t r = requests.size(); r-- > 0;) {
    for (const std::int64_t name : requests[r]) {
      const auto [at, fresh] = seen.try_emplace(name, requests.size());
      next[r].push_back(at->second);
      at->second = r;
    }
  }
  return next;
}

}  // namespace

Hits replay_lru(std::span<const BlockNames> requests, Index capacity) {
  require_capacity(capacity);
  Hits hits;
  std::list<std::int64_t> by_age;  // the oldest first
  std::unordered_map<std::int64_t, std::list<std::int64_t>::iterator> known;
  for (const BlockNames& request : requests) {
    count(hits, request, known);
    for (auto name = request.rbegin(); name != request.rend(); ++name) {
      const auto at = known.find(*name);
      if (at != known.end()) {
        by_age.splice(by_age.end(), by_age, at->second);
      } else {
        known.emplace(*name, by_age.insert(by_age.end(), *name));
      }
    }
    for (; static_cast<Index>(known.size()) > capacity; by_age.pop_front()) known.erase(by_age.front());
  }
  return hits;
}

Hits replay_belady(std::span<const BlockNames> requests, Index capacity) {
  require_capacity(capacity);
  Hits hits;
  const auto next = next_uses(requests);
  using Use = std::tuple<std::size_t, std::size_t, std::int64_t>;  // next use, place in the request, name
  std::set<Use> by_use;
  std::unordered_map<std::int64_t, Use> known;
  for (std::size_t r = 0; r < requests.size(); ++r) {
    const BlockNames& request = requests[r];
    count(hits, request, known);
    for (std::size_t n = 0; n < request.size(); ++n) {
      Use& use = known[request[n]];
      by_use.erase(use);
      by_use.insert(use = {next[r][n], n, request[n]});
    }
    while (static_cast<Index>(known.size()) > capacity) {
      const auto last = std::prev(by_use.end());
      known.erase(std::get<std::int64_t>(*last));
      by_use.erase(last);
    }
  }
  return hits;
}

Hits replay_unlimited(std::span<const BlockNames> requests) {
  Hits hits;
  std::unordered_set<std::int64_t> known;
  for (const BlockNames& request : requests) {
    count(hits, request, known);
    known.insert(request.begin(), request.end());
  }
  return hits;
}

}  // namespace attnlab::kv
