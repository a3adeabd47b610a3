#include "reference/kv/radix_cache.h"

#include <limits>
#include <utility>

namespace attnlab::kv {
namespace {

std::size_t to_size(Index n) { return static_cast<std::size_t>(n); }

}  // namespace

RadixCache::~RadixCache() {  // without recursion: a tree is as deep as its longest conversation
  while (!leaves_.empty()) remove(*leaves_.begin());
}

// A leaf goes; its parent may be one then.
void RadixCache::remove(Node* leaf) {
  Node* parent = leaf->parent;
  leaves_.erase(leaf);
  parent->children.erase(std::span<const Token>(leaf->tokens).first(to_size(block_size_)));
  if (parent != &root_ && parent->children.empty()) leaves_.insert(parent);
}

void RadixCache::use(Node* node) {
  const bool leaf = node->children.empty();
  if (leaf) leaves_.erase(node);
  node->last_use = now_;
  if (leaf) leaves_.insert(node);
}

// Follows the tokens as far as they are kept; the path ends in a node, which is split off if need be.
RadixCache::Node* RadixCache::descend(std::span<const Token> tokens, std::vector<BlockId>& blocks) {
  ++now_;
  const std::size_t size = to_size(block_size_);
  Node* node = &root_;
  while (tokens.size() >= size) {
    const auto edge = node->children.find(tokens.first(size));
    if (edge == node->children.end()) break;
    node = edge->second.get();
    const auto differ = std::ranges::mismatch(node->tokens, tokens).in1;
    const std::size_t common = static_cast<std::size_t>(differ - node->tokens.begin()) / size;
    if (common < node->blocks.size()) node = split(node, common);
    use(node);
    blocks.insert(blocks.end(), node->blocks.begin(), node->blocks.end());
    tokens = tokens.subspan(common * size);
  }
  return node;
}

// Makes the first `blocks` blocks of a node a node of their own, which is returned; the rest stays the node
// that it was, below it.
RadixCache::Node* RadixCache::split(Node* node, std::size_t blocks) {
  const std::size_t size = to_size(block_size_), tokens = blocks * size;
  auto edge = node->parent->children.extract(std::span<const Token>(node->tokens).first(size));
  auto upper = std::make_unique<Node>();
  upper->parent = node->parent;
  upper->tokens.assign(node->tokens.begin(), node->tokens.begin() + static_cast<Index>(tokens));
  upper->blocks.assign(node->blocks.begin(), node->blocks.begin() + static_cast<Index>(blocks));
  upper->last_use = node->last_use;
  node->tokens.erase(node->tokens.begin(), node->tokens.begin() + static_cast<Index>(tokens));
  node->blocks.erase(node->blocks.begin(), node->blocks.begin() + static_cast<Index>(blocks));
  node->parent = upper.get();
  upper->children.emplace(std::span<const Token>(node->tokens).first(size), std::move(edge.mapped()));
  edge.key() = std::span<const Token>(upper->tokens).first(size);
  edge.mapped() = std::move(upper);
  return edge.mapped()->parent->children.insert(std::move(edge)).position->second.get();
}

std::vector<BlockId> RadixCache::match(std::span<const Token> tokens) {
  std::vector<BlockId> known;
  descend(tokens, known);
  return known;
}

std::vector<BlockId> RadixCache::insert(std::span<const Token> tokens, std::span<const BlockId> blocks) {
  require_full(tokens, blocks);
  const std::size_t size = to_size(block_size_);
  std::vector<BlockId> all;
  all.reserve(blocks.size());
  Node* node = descend(tokens.first(blocks.size() * size), all);
  const auto rest = tokens.subspan(all.size() * size);
  if (const auto more = fresh(blocks, all.size()); !more.empty()) {
    for (const BlockId block : more) pool_.keep(block);
    kept_ += static_cast<Index>(more.size());
    auto leaf = std::make_unique<Node>();
    leaf->parent = node;
    leaf->tokens.assign(rest.begin(), rest.begin() + static_cast<Index>(more.size() * size));
    leaf->blocks.assign(more.begin(), more.end());
    leaf->last_use = now_;
    if (node != &root_ && node->children.empty()) leaves_.erase(node);  // a leaf no more
    leaves_.insert(leaf.get());
    node->children.emplace(std::span<const Token>(leaf->tokens).first(size), std::move(leaf));
  }
  all.insert(all.end(), blocks.begin() + static_cast<Index>(all.size()), blocks.end());
  return all;
}

Index RadixCache::evict(Index blocks) {
  Index freed = 0;
  for (auto at = leaves_.begin(); freed < blocks && at != leaves_.end();) {
    Node* leaf = *at;
    while (freed < blocks && !leaf->blocks.empty() && pool_.holders(leaf->blocks.back()) == 0) {
      pool_.let_go(leaf->blocks.back());
      leaf->blocks.pop_back();
      ++freed;
    }
    if (leaf->blocks.empty()) {
      const std::uint64_t time = leaf->last_use;
      remove(leaf);
      at = leaves_.lower_bound(time);  // its parent may be the next
    } else {
      leaf->tokens.resize(leaf->blocks.size() * to_size(block_size_));
      ++at;  // somebody reads it
    }
  }
  kept_ -= freed;
  return freed;
}

void RadixCache::check() const {
  Index kept = 0, idle = 0;
  std::size_t leaves = 0;
  std::vector<const Node*> open{&root_};
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    Index least_holders = std::numeric_limits<Index>::max();
    if (node != &root_) {
      require_invariant(!node->blocks.empty(), "every node has a block");
      require_invariant(node->tokens.size() == node->blocks.size() * to_size(block_size_),
                        "a node's tokens fill its blocks");
      for (const BlockId block : node->blocks) {
        require_invariant(pool_.kept(block), "the pool knows which blocks are kept");
        require_invariant(pool_.holders(block) <= least_holders, "who holds a block holds those before");
        least_holders = pool_.holders(block);
        idle += least_holders == 0 ? 1 : 0;
      }
      kept += static_cast<Index>(node->blocks.size());
      leaves += node->children.empty() ? 1 : 0;
      const auto leaf = leaves_.find(node->last_use);
      require_invariant(!node->children.empty() || (leaf != leaves_.end() && *leaf == node),
                        "what has no child is a leaf");
    }
    for (const auto& [first, child] : node->children) {
      require_invariant(child->parent == node, "a child knows its parent");
      require_invariant(std::ranges::equal(first, std::span(child->tokens).first(first.size())),
                        "an edge is found by its first tokens");
      require_invariant(node == &root_ || child->last_use <= node->last_use,
                        "what is used below was used above");
      require_invariant(pool_.holders(child->blocks.front()) <= least_holders,
                        "who holds a block holds those before");
      open.push_back(child.get());
    }
  }
  require_invariant(leaves == leaves_.size(), "no leaf that is gone is remembered");
  require_invariant(kept == kept_, "the number of blocks that are kept");
  require_invariant(idle == pool_.idle(), "no idle block is lost");
}

}  // namespace attnlab::kv
