// The two-level memory that every tiled algorithm of attnlab is written against, and its unmetered form.
//
// An algorithm takes a Memory. load() brings part of an HBM tensor into SRAM as a tile, tile() makes room for
// an intermediate, store() writes a tile to HBM; a tile occupies SRAM exactly as long as the object lives.
// Two machines fulfil the concept:
//   Direct   (here)                     a load is a view, nothing is counted: full speed
//   Metered  (simulator/io/metered.h)   a load is a copy into an SRAM of M elements, counted by tensor
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "reference/core/errors.h"
#include "reference/core/paged_matrix.h"
#include "reference/core/view.h"

namespace attnlab {

// The HBM tensors that traffic is charged to.
enum class Hbm : std::uint8_t {
  Q,
  K,
  V,
  O,
  S,
  P,
  P_dropped,
  m,
  l,
  lse,
  dO,
  dQ,
  dK,
  dV,
  dS,
  dP,
  delta,
  mask,
  bias,
  dropout_mask,
  block_mask,
  x,
  y,
  dy,
  dx,
  c_kv,
  k_rope,
  W_UK,
  W_UV,
  q_latent,
  o_latent,
  block_table,
};
inline constexpr const char* kHbmNames[] = {
    "Q",          "K",          "V",  "O",  "S",  "P",    "P_dropped", "m",    "l",    "lse",
    "dO",         "dQ",         "dK", "dV", "dS", "dP",   "delta",     "mask", "bias", "dropout_mask",
    "block_mask", "x",          "y",  "dy", "dx", "c_kv", "k_rope",    "W_UK", "W_UV", "q_latent",
    "o_latent",   "block_table"};
inline constexpr std::size_t kHbmCount = sizeof(kHbmNames) / sizeof(kHbmNames[0]);

// Kinds of floating-point operation: matmul counts 2 per multiply-add, exp 1 per exponential (or tanh), other
// the rest (scaling, maxima, sums, additions).
enum class Flop : std::uint8_t { matmul, exp, other };

// Reading a tile that has left SRAM. A defect of the algorithm, never of its input.
class EvictedRead : public std::logic_error {
 public:
  EvictedRead() : std::logic_error("read of a tile that has left SRAM") {}
};

// Asking for more SRAM than there is.
class SramOverflow : public InvalidArgument {
 public:
  using InvalidArgument::InvalidArgument;
};

// Room for tiles: a stack of buffers that grows as needed, with the elements in use, their peak and their
// limit. Tiles usually leave in the reverse order of their coming; any other order is right too, only later
// reused.
class Sram {
 public:
  static constexpr std::int64_t kUnlimited = INT64_MAX;
  explicit Sram(std::int64_t capacity = kUnlimited) : capacity_(capacity) {}
  Sram(const Sram&) = delete;
  Sram& operator=(const Sram&) = delete;

  // Throws SramOverflow naming the tile, its shape and what is in use when elements do not fit.
  std::byte* allocate(const char* name, Index rows, Index cols, std::size_t element_size);
  void release(const std::byte* data);

  std::int64_t capacity() const { return capacity_; }
  std::int64_t in_use() const { return in_use_; }
  std::int64_t peak() const { return peak_; }

 private:
  struct Entry {
    const char* name;
    std::byte* data;
    std::size_t chunk, bytes;
    std::int64_t elements;
    bool live;
  };
  struct Chunk {
    std::unique_ptr<std::byte[]> data;
    std::byte* aligned;
    std::size_t size, used;
  };
  std::int64_t capacity_, in_use_ = 0, peak_ = 0;
  std::size_t chunk_ = 0;
  std::vector<Chunk> chunks_;
  std::vector<Entry> entries_;
};

template <class T>
using RowMajor = Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using MatrixMap = Eigen::Map<std::conditional_t<std::is_const_v<T>, const RowMajor<T>, RowMajor<T>>,
                             Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
MatrixMap<T> as_eigen(MatrixView<T> view) {
  return {view.data, view.rows, view.cols, Eigen::OuterStride<>(view.row_stride)};
}

// A matrix in SRAM. Leaves SRAM when destroyed, or earlier by evict().
template <class T>
class Tile {
 public:
  Tile(MatrixView<T> view, Sram* sram) : view_(view), sram_(sram), here_(true) {}
  Tile(Tile&& other) noexcept
      : view_(other.view_), sram_(other.sram_), here_(std::exchange(other.here_, false)) {}
  // To read only.
  template <class U>
  requires std::is_same_v<const U, T> Tile(Tile<U>&& other)
  noexcept  // NOLINT(google-explicit-constructor)
      : view_(other.view_), sram_(other.sram_), here_(std::exchange(other.here_, false)) {}
  Tile& operator=(Tile&&) = delete;
  ~Tile() { evict(); }

  void evict() noexcept {
    if (std::exchange(here_, false) && sram_ != nullptr) {
      sram_->release(reinterpret_cast<const std::byte*>(view_.data));
    }
  }
  MatrixView<T> view() const {
    if (!here_) throw EvictedRead();
    return view_;
  }
  MatrixMap<T> mat() const { return as_eigen(view()); }
  T& operator()(Index r, Index c = 0) const { return view()(r, c); }
  T* row(Index r) const { return &view()(r, 0); }
  Index rows() const { return view_.rows; }
  Index cols() const { return view_.cols; }

 private:
  template <class>
  friend class Tile;

  MatrixView<T> view_;
  Sram* sram_;  // null: a view of HBM, which occupies nothing
  bool here_;
};

// The unmetered machine. Loads are views; tiles come from a buffer that is reused; counting compiles to
// nothing.
class Direct {
 public:
  static constexpr bool kMetered = false;

  template <class T>
  Tile<T> load(Hbm, MatrixView<T> source) {
    return {source, nullptr};
  }
  // A view of what is in one piece; what lies in several pages is gathered.
  template <class T>
  Tile<T> load(Hbm tensor, const PagedMatrix<T>& source) {
    if (source.entries() > 1) {
      auto gathered =
          tile<std::remove_const_t<T>>(kHbmNames[static_cast<std::size_t>(tensor)], source.rows, source.cols);
      source.for_each_piece(
          [&](Rows rows, MatrixView<T> piece) { as_eigen(gathered.view().middle(rows)) = as_eigen(piece); });
      return Tile<T>(std::move(gathered));
    }
    MatrixView<T> whole{source.data, source.rows, source.cols, source.row_stride};
    source.for_each_piece([&](Rows, MatrixView<T> piece) { whole = piece; });
    return load(tensor, whole);
  }
  template <class T>
  Tile<T> tile(const char* name, Index rows, Index cols) {
    auto* data = reinterpret_cast<T*>(sram_.allocate(name, rows, cols, sizeof(T)));
    return {{data, rows, cols, cols}, &sram_};
  }
  // Brings an HBM matrix into a tile that is already there.
  template <class T>
  void load_into(Hbm, MatrixView<const std::type_identity_t<T>> source, Tile<T>& tile) {
    if (source.data != tile.view().data) tile.mat() = as_eigen(source);
  }
  // A tile that will be stored to `target`, uninitialised. Here it is the target itself, so that store() has
  // nothing to do.
  template <class T>
  Tile<T> tile_for(const char*, MatrixView<T> target) {
    return {target, nullptr};
  }
  // Writes the tile to its place in HBM. A tile that came from load() or tile_for() of that place is there
  // already.
  template <class T>
  void store(Hbm, MatrixView<T> target, const Tile<T>& tile) {
    const MatrixView<T> source = tile.view();
    if (source.data != target.data) as_eigen(target) = as_eigen(source);
  }
  // Declares that a region of HBM holds nothing yet: reading it before storing it is a defect that Metered
  // reports.
  template <class T>
  void undefined(Hbm, MatrixView<T>) {}
  void count(Flop, std::int64_t) {}

 private:
  Sram sram_;
};

}  // namespace attnlab
