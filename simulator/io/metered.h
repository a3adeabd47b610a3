// The papers' machine: HBM, and an SRAM of exactly M elements. Every load and store is a copy and is counted;
// what does not fit is refused; what was never written cannot be read. An algorithm that runs here and gives
// the right result has moved every byte it needed through the counters.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

#include "simulator/io/traffic.h"

namespace attnlab::io {

// Reading HBM that was declared undefined and never stored, or storing SRAM that was never computed. A defect
// of the algorithm, never of its input.
class UndefinedRead : public std::logic_error {
 public:
  explicit UndefinedRead(const std::string& what) : std::logic_error(what) {}
};

class Metered {
 public:
  static constexpr bool kMetered = true;

  explicit Metered(std::int64_t sram_elements) : sram_(sram_elements) {}

  template <class T>
  Tile<T> load(Hbm tensor, MatrixView<T> source) {
    using Value = std::remove_const_t<T>;
    const MatrixView<Value> copy =
        allocate<Value>(kHbmNames[static_cast<std::size_t>(tensor)], source.rows, source.cols);
    Tile<T> tile(copy, &sram_);
    copy_in(tensor, MatrixView<const Value>{source.data, source.rows, source.cols, source.row_stride}, copy);
    return tile;
  }
  // By pages: each entry of the table is read, too.
  template <class T>
  Tile<T> load(Hbm tensor, const PagedMatrix<T>& source) {
    using Value = std::remove_const_t<T>;
    const MatrixView<Value> copy = allocate<Value>(name(tensor), source.rows, source.cols);
    Tile<T> tile(copy, &sram_);
    source.for_each_piece(
        [&](Rows rows, MatrixView<const Value> piece) { copy_in(tensor, piece, copy.middle(rows)); });
    traffic_.load(Hbm::block_table) += static_cast<Count>(source.entries());
    return tile;
  }
  template <class T>
  void load_into(Hbm tensor, MatrixView<const std::type_identity_t<T>> source, Tile<T>& tile) {
    copy_in(tensor, source, tile.view());
  }
  template <class T>
  Tile<T> tile(const char* name, Index rows, Index cols) {
    Tile<T> tile(allocate<T>(name, rows, cols), &sram_);
    poison(tile.view());
    return tile;
  }
  template <class T>
  Tile<T> tile_for(const char* name, MatrixView<T> target) {
    return tile<T>(name, target.rows, target.cols);
  }
  template <class T>
  void store(Hbm tensor, MatrixView<T> target, const Tile<T>& tile) {
    const MatrixView<T> source = tile.view();
    if (copy(MatrixView<const T>(source), target)) {
      throw UndefinedRead(std::string("store of ") + name(tensor) + " from SRAM that was never computed");
    }
    traffic_.store(tensor) += static_cast<Count>(source.rows) * static_cast<Count>(source.cols);
  }
  // Fills a region of HBM with a pattern that load() recognises.
  template <class T>
  void undefined(Hbm tensor, MatrixView<T> region) {
    undefined_[static_cast<std::size_t>(tensor)] = true;
    poison(region);
  }
  void count(Flop kind, std::int64_t operations) { traffic_.flop(kind) += static_cast<Count>(operations); }

  // What has been counted since construction.
  Traffic traffic() const {
    Traffic result = traffic_;
    result.sram_peak = static_cast<Count>(sram_.peak());
    return result;
  }
  std::int64_t sram_in_use() const { return sram_.in_use(); }

 private:
  static const char* name(Hbm tensor) { return kHbmNames[static_cast<std::size_t>(tensor)]; }

  template <class T>
  MatrixView<T> allocate(const char* name, Index rows, Index cols) {
    return {reinterpret_cast<T*>(sram_.allocate(name, rows, cols, sizeof(T))), rows, cols, cols};
  }

  template <class T>
  void copy_in(Hbm tensor, MatrixView<const T> source, MatrixView<T> target) {
    if (copy(source, target) && undefined_[static_cast<std::size_t>(tensor)]) {
      throw UndefinedRead(std::string("load of ") + name(tensor) + " from HBM that was never stored");
    }
    traffic_.load(tensor) += static_cast<Count>(source.rows) * static_cast<Count>(source.cols);
  }

  // A NaN whose payload no arithmetic here produces. Types without a NaN are not tracked.
  template <class T>
  static auto pattern() {
    if constexpr (sizeof(T) == 8) {
      return std::uint64_t{0x7FF9AB1EAB1EAB1E};
    } else {
      return std::uint32_t{0x7FE1AB1E};
    }
  }
  template <class T>
  static void poison(MatrixView<T> region) {
    if constexpr (std::is_floating_point_v<T>) {
      const T value = std::bit_cast<T>(pattern<T>());
      for (Index r = 0; r < region.rows; ++r) std::fill_n(region.middle({r, 1}).data, region.cols, value);
    }
  }
  // Copies, and tells whether the poison was among what was copied: one pass, since the passes over S and P
  // of standard attention have little else to do.
  template <class T>
  static bool copy(MatrixView<const T> source, MatrixView<T> target) {
    bool found = false;
    for (Index r = 0; r < source.rows; ++r) {
      const T* from = source.middle({r, 1}).data;  // null in a matrix without columns
      T* to = target.middle({r, 1}).data;
      if constexpr (std::is_floating_point_v<T>) {
        using Bits = decltype(pattern<T>());
        Bits matches = 0;
        for (Index c = 0; c < source.cols; ++c) {
          const T value = from[c];
          matches |= static_cast<Bits>(std::bit_cast<Bits>(value) == pattern<T>());
          to[c] = value;
        }
        found |= matches != 0;
      } else {
        std::copy_n(from, source.cols, to);
      }
    }
    return found;
  }

  Sram sram_;
  Traffic traffic_;
  std::array<bool, kHbmCount> undefined_{};
};

}  // namespace attnlab::io
