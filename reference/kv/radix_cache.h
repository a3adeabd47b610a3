// RadixAttention's tree: every path from the root is a beginning of some sequence, every edge a run of its
// tokens, beside the blocks that hold their keys and values.
//
// Zheng et al., "SGLang: Efficient Execution of Structured Language Model Programs" (2024), section 3. With
// block_size 1, as there, sequences share every common token; larger blocks share in whole blocks.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "reference/kv/prefix_cache.h"

namespace attnlab::kv {

class RadixCache final : public PrefixCache {
 public:
  // An edge and the node at its end.
  struct Node {
    Node* parent = nullptr;
    std::vector<Token> tokens;  // block_size for each block
    std::vector<BlockId> blocks;
    std::uint64_t last_use = 0;  // the time of the match or insertion that came by last

    struct ByTokens {
      bool operator()(std::span<const Token> a, std::span<const Token> b) const {
        return std::ranges::lexicographical_compare(a, b);
      }
    };
    // By the first block_size tokens of the child.
    std::map<std::span<const Token>, std::unique_ptr<Node>, ByTokens> children;
  };

  using PrefixCache::PrefixCache;
  ~RadixCache() override;

  std::vector<BlockId> match(std::span<const Token> tokens) override;
  std::vector<BlockId> insert(std::span<const Token> tokens, std::span<const BlockId> blocks) override;
  Index evict(Index blocks) override;
  void check() const override;

  const Node& root() const { return root_; }

 private:
  // By age. Nodes that were used at the same time are on one path, where one is a leaf.
  struct Older {
    using is_transparent = void;
    bool operator()(const Node* a, const Node* b) const { return a->last_use < b->last_use; }
    bool operator()(const Node* a, std::uint64_t time) const { return a->last_use < time; }
    bool operator()(std::uint64_t time, const Node* a) const { return time < a->last_use; }
  };

  Node* descend(std::span<const Token> tokens, std::vector<BlockId>& blocks);
  Node* split(Node* node, std::size_t blocks);
  void use(Node* node);
  void remove(Node* leaf);

  Node root_;
  std::set<Node*, Older> leaves_;
  std::uint64_t now_ = 0;
};

}  // namespace attnlab::kv
