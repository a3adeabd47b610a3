// _core.CacheManager and what surrounds it: the KV cache's memory (reference/kv), for lessons and experiments.
#include <nanobind/nanobind.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <string_view>
#include <tuple>
#include <utility>

#include "files/request_trace.h"
#include "python/src/functions.h"
#include "reference/kv/cache_manager.h"
#include "reference/kv/memory_use.h"
#include "reference/kv/prefix_replay.h"
#include "reference/kv/radix_drawing.h"

namespace attnlab::python {
namespace {

namespace nb = nanobind;
using kv::BlockId;
using kv::CacheManager;
using kv::SequenceId;
using kv::Token;

// The value of one of the names, or a refusal that lists them.
template <class T, std::size_t kCount>
T named(const char* argument, std::string_view name,
        const std::array<std::pair<std::string_view, T>, kCount>& all) {
  std::string names;
  for (const auto& [known, value] : all) {
    if (name == known) return value;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  throw InvalidArgument(argument, "'" + std::string(name) + "'", "one of " + names);
}

constexpr std::array<std::pair<std::string_view, kv::Sharing>, 3> kSharings{
    {{"none", kv::Sharing::none}, {"radix", kv::Sharing::radix}, {"hash", kv::Sharing::hash}}};
constexpr std::array<std::pair<std::string_view, kv::Reservation>, 4> kReservations{
    {{"max", kv::Reservation::max},
     {"pow2", kv::Reservation::pow2},
     {"oracle", kv::Reservation::oracle},
     {"paged", kv::Reservation::paged}}};

using Copy = std::tuple<BlockId, BlockId, Index>;
Copy copy_of(const kv::BlockCopy& copy) { return {copy.from, copy.to, copy.rows}; }
std::vector<Copy> copies_of(const std::vector<kv::BlockCopy>& copies) {
  std::vector<Copy> all;
  for (const kv::BlockCopy& copy : copies) all.push_back(copy_of(copy));
  return all;
}

template <class T>
std::vector<T> list_of(std::span<const T> values) {
  return {values.begin(), values.end()};
}

const kv::RadixCache& tree_of(const CacheManager& cache) {
  if (cache.prefixes() == nullptr) throw InvalidArgument("sharing", "'none'", "'radix', which keeps a tree");
  const auto* tree = dynamic_cast<const kv::RadixCache*>(cache.prefixes());
  if (tree == nullptr) throw InvalidArgument("sharing", "'hash'", "'radix', which keeps a tree");
  return *tree;
}

using Words = std::function<std::string(std::vector<Token>)>;
kv::TokenText text_of(const Words& words) {
  return [words](std::span<const Token> tokens) { return words(list_of(tokens)); };
}

std::map<std::string, double> memory_use(const std::string& reservation, Index capacity,
                                         const std::vector<std::pair<Index, Index>>& lengths,
                                         Index max_length, Index block_size) {
  std::vector<kv::Lengths> requests;
  for (const auto& [prompt, output] : lengths) requests.push_back({prompt, output});
  const kv::MemoryUse use = kv::saturated_use(
      {named("reservation", reservation, kReservations), capacity, max_length, block_size}, requests);
  return {{"tokens", use.tokens},
          {"reserved", use.reserved},
          {"internal", use.internal},
          {"external", use.external},
          {"mean_batch", use.mean_batch}};
}

std::pair<Index, Index> prefix_hits(const std::vector<kv::BlockNames>& requests,
                                    std::optional<Index> capacity, const std::string& policy) {
  using Replay = kv::Hits (*)(std::span<const kv::BlockNames>, Index);
  static constexpr std::array<std::pair<std::string_view, Replay>, 2> kPolicies{
      {{"lru", kv::replay_lru}, {"belady", kv::replay_belady}}};
  const Replay replay = named("policy", policy, kPolicies);
  const kv::Hits hits = capacity ? replay(requests, *capacity) : kv::replay_unlimited(requests);
  return {hits.found, hits.blocks};
}

std::vector<std::tuple<double, Index, Index, std::vector<std::int64_t>>> read_trace(const std::string& path) {
  std::vector<std::tuple<double, Index, Index, std::vector<std::int64_t>>> requests;
  for (files::TracedRequest& r : files::read_request_trace(path)) {
    requests.emplace_back(r.arrival, r.prompt, r.output, std::move(r.blocks));
  }
  return requests;
}

}  // namespace

void add_cache(nb::module_& module) {
  nb::exception<kv::OutOfBlocks>(module, "OutOfBlocks", PyExc_ValueError);
  nb::class_<CacheManager>(module, "CacheManager")
      .def(
          "__init__",
          [](CacheManager* self, Index num_blocks, Index block_size, const std::string& sharing,
             Index host_blocks) {
            new (self)
                CacheManager({num_blocks, block_size, named("sharing", sharing, kSharings), host_blocks});
          },
          nb::arg("num_blocks"), nb::arg("block_size"), nb::arg("sharing"), nb::arg("host_blocks"))
      .def("start",
           [](CacheManager& self, std::vector<Token> tokens, std::optional<Index> upto, bool resumed) {
             const auto origin = resumed ? CacheManager::Origin::resumed : CacheManager::Origin::fresh;
             const auto started = self.start(std::move(tokens), upto, origin);
             return std::pair(started.id, started.cached);
           })
      .def("grow", &CacheManager::grow)
      .def("append",
           [](CacheManager& self, SequenceId id, Token token) {
             const kv::Slot slot = self.append(id, token);
             std::optional<Copy> copy;
             if (slot.copy_before) copy = copy_of(*slot.copy_before);
             return std::tuple(slot.block, slot.row, copy);
           })
      .def("fork", &CacheManager::fork)
      .def("reorder", [](CacheManager& self, const std::vector<SequenceId>& beams,
                         const std::vector<Index>& parents) { return self.reorder(beams, parents); })
      .def("match",
           [](const CacheManager& self, const std::vector<Token>& tokens) {
             if (self.prefixes() == nullptr) return Index{0};
             return static_cast<Index>(self.prefixes()->match(tokens).size()) * self.block_size();
           })
      .def("publish", &CacheManager::publish)
      .def("finish", &CacheManager::finish)
      .def("swap_out", [](CacheManager& self,
                          const std::vector<SequenceId>& ids) { return copies_of(self.swap_out(ids)); })
      .def("swap_in", [](CacheManager& self,
                         const std::vector<SequenceId>& ids) { return copies_of(self.swap_in(ids)); })
      .def("table", [](const CacheManager& self, SequenceId id) { return list_of(self.table(id)); })
      .def("tokens", [](const CacheManager& self, SequenceId id) { return list_of(self.tokens(id)); })
      .def("room", &CacheManager::room)
      .def("check", &CacheManager::check)
      .def("counts",
           [](const CacheManager& self) {
             const CacheManager::Counts& c = self.counts();
             return std::map<std::string, Index>{
                 {"prompt_tokens", c.prompt_tokens},   {"hit_tokens", c.hit_tokens},
                 {"resumed_tokens", c.resumed_tokens}, {"found_tokens", c.found_tokens},
                 {"evicted_blocks", c.evicted_blocks}, {"copied_blocks", c.copied_blocks}};
           })
      .def("holders", [](const CacheManager& self, BlockId block) { return self.pool().holders(block); })
      .def("kept", [](const CacheManager& self, BlockId block) { return self.pool().kept(block); })
      .def_prop_ro("num_blocks", [](const CacheManager& self) { return self.pool().size(); })
      .def_prop_ro("free_blocks", [](const CacheManager& self) { return self.pool().free(); })
      .def_prop_ro("idle_blocks", [](const CacheManager& self) { return self.pool().idle(); })
      .def("tree_text",
           [](const CacheManager& self, const Words& words) {
             return kv::to_text(tree_of(self), self.pool(), text_of(words));
           })
      .def("tree_svg", [](const CacheManager& self, const Words& words, const std::string& title) {
        return kv::to_svg(tree_of(self), self.pool(), text_of(words), title);
      });
  module.def("memory_use", &memory_use, nb::arg("reservation"), nb::arg("capacity"), nb::arg("lengths"),
             nb::arg("max_length"), nb::arg("block_size"));
  module.def("prefix_hits", &prefix_hits, nb::arg("requests"), nb::arg("capacity").none(), nb::arg("policy"));
  module.def("read_trace", &read_trace, nb::arg("path"));
}

}  // namespace attnlab::python
