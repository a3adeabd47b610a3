// How keys and values arrive: straight in registers, where a lane fetches just what it will need and waits for no other
// one; or by asynchronous copies in a ring of tiles in shared memory, line after line.
//
// A tile is 16 keys. With g = lane / 4 and t = lane % 4, a lane has of K pieces t, t + 4, t + 8, ... of rows g and g +
// 8, and of V pieces g, g + 8, ... of rows 2t, 2t + 1, 2t + 8 and 2t + 9. What that makes of head_dim is an order of
// its own, the same for Q and K (key_column) and undone for O (value_column).
//
// A policy has start(first key), then for each tile in turn: wait(), keys(), keys_done(), values(), values_done().
#pragma once

#include "cuda/device/decode_numbers.cuh"
#include "cuda/device/decode_rows.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kTileKeys = 16;

// What a lane has of a tile, in words of 32 bits.
template <class C, int D, int Dv>
struct Shares {
  static constexpr int kNumbers = 4 / sizeof(C);                   // in a word
  static constexpr int kKeyWords = D / kNumbers / 4;               // of each of 2 rows
  static constexpr int kValueWords = Dv / kNumbers / 8;            // of each of 4 rows
  static constexpr int kKeyPiece = kKeyWords < 4 ? kKeyWords : 4;  // words
  static constexpr int kValuePiece = kValueWords < 4 ? kValueWords : 4;
  static_assert(kKeyWords % kKeyPiece == 0 && kValueWords % kValuePiece == 0 && kValuePiece % 2 == 0);
  // The first of the four columns that words of K give in step n, by lane t; and a lane's number x of V, by lane g.
  __device__ static constexpr int key_column(int n, int t) {
    constexpr int kSteps = kKeyPiece * kNumbers / 4;  // of a piece
    return n / kSteps * 4 * kKeyPiece * kNumbers + t * kKeyPiece * kNumbers + n % kSteps * 4;
  }
  __device__ static constexpr int value_column(int x, int g) {
    constexpr int kOfPiece = kValuePiece * kNumbers;
    return x / kOfPiece * 8 * kOfPiece + g * kOfPiece + x % kOfPiece;
  }
};

template <int Words>
struct alignas(4 * Words) Piece {
  unsigned word[Words];
};

// The words of a lane's rows of a tile.
template <int Rows, int Words>
struct Lanes {
  unsigned row[Rows][Words];
};

// A tile's first key, and where it lies if the tile is in one page.
struct TileAt {
  int key;
  Place place;
};

// The tiles of one warp: every `step` keys, of keys [begin, end).
template <class C>
struct Tiles16 {
  Side<C> k, v;
  Pages pages;
  bool whole;  // each tile lies in one page
  int step;
  Keys keys;

  __device__ TileAt at(int key) const {
    return {key, whole && key < keys.end ? pages.place(key) : Place{0, 0}};
  }
  __device__ TileAt after(TileAt tile) const { return at(tile.key + step); }
  __device__ bool exists(TileAt tile) const { return tile.key < keys.end; }
  // All its rows are wanted.
  __device__ bool full(TileAt tile) const { return tile.key >= keys.begin && tile.key + 16 <= keys.end; }
  __device__ bool wanted(TileAt tile, int r) const {
    return tile.key + r >= keys.begin && tile.key + r < keys.end;
  }
  // Row r of the tile, which must be wanted.
  __device__ const C* row(const Side<C>& side, TileAt tile, int r) const {
    return whole ? side.row({tile.place.page, tile.place.row + r}) : side.row(pages.place(tile.key + r));
  }
  // Rows r[0], r[1], ... of the tile, from each one's number `from` on; null where not wanted.
  template <int Rows>
  __device__ __forceinline__ void rows(const Side<C>& side, TileAt tile, const int (&r)[Rows], int from,
                                       const C* (&at)[Rows]) const {
    if (whole && full(tile)) {  // nearly always
      const C* first = side.row(tile.place) + from;
      const int stride = static_cast<int>(side.row_stride);
#pragma unroll
      for (int n = 0; n < Rows; ++n) at[n] = first + r[n] * stride;
    } else {
#pragma unroll
      for (int n = 0; n < Rows; ++n) at[n] = wanted(tile, r[n]) ? row(side, tile, r[n]) + from : nullptr;
    }
  }
};

// This lane's rows and columns of a tile.
__device__ __forceinline__ int lane_g() { return static_cast<int>(threadIdx.x) % 32 / 4; }
__device__ __forceinline__ int lane_t() { return static_cast<int>(threadIdx.x) % 4; }
__device__ __forceinline__ int key_row(int half) { return lane_g() + 8 * half; }
__device__ __forceinline__ int value_row(int a) { return 2 * lane_t() + a % 2 + a / 2 * 8; }

template <int Words>
__device__ __forceinline__ void fetch(unsigned* to, const void* from) {
  if constexpr (Words == 4) {
    const uint4 x = __ldcg(static_cast<const uint4*>(from));
    to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
  } else {
    static_assert(Words == 2);
    const uint2 x = __ldcg(static_cast<const uint2*>(from));
    to[0] = x.x, to[1] = x.y;
  }
}

// One tile ahead, K and V in turn: while a tile's scores are computed its V is on the way, and while P V is computed
// the next tile's K. What is hidden becomes 0.
template <class C, int D, int Dv>
class InRegisters {
  using Share = Shares<C, D, Dv>;

 public:
  static constexpr int kBytes = 0;  // of shared memory for each warp

  __device__ InRegisters(const Tiles16<C>& tiles, void*) : tiles_(tiles) {}

  __device__ __forceinline__ void start(int key) {
    next_ = tiles_.at(key);
    fetch_keys(), fetch_values();
    next_ = tiles_.after(next_);
  }
  __device__ __forceinline__ void wait() {}
  __device__ __forceinline__ const Lanes<2, Share::kKeyWords>& keys() const { return k_; }
  __device__ __forceinline__ void keys_done() { fetch_keys(); }
  __device__ __forceinline__ const Lanes<4, Share::kValueWords>& values() const { return v_; }
  __device__ __forceinline__ void values_done() {
    fetch_values();
    next_ = tiles_.after(next_);
  }
  __device__ __forceinline__ void end() {}

 private:
  // Pieces of Width words of some rows, each one `Apart` words behind the last.
  template <int Width, int Apart, int Rows, int Words>
  __device__ __forceinline__ static void fetch_rows(unsigned (&to)[Rows][Words], const C* const (&rows)[Rows],
                                                    bool full) {
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
#pragma unroll
      for (int n = 0; n < Words; n += Width) {
        if (full) {
          fetch<Width>(to[r] + n, rows[r] + n * Apart * Share::kNumbers);
        } else {
#pragma unroll
          for (int x = 0; x < Width; ++x) to[r][n + x] = 0;
          if (rows[r] != nullptr) fetch<Width>(to[r] + n, rows[r] + n * Apart * Share::kNumbers);
        }
      }
    }
  }
  __device__ __forceinline__ void fetch_keys() {
    if (!tiles_.exists(next_)) return;
    const int r[2] = {key_row(0), key_row(1)};
    const C* rows[2];
    tiles_.rows(tiles_.k, next_, r, lane_t() * Share::kKeyPiece * Share::kNumbers, rows);
    if (tiles_.full(next_)) {
      fetch_rows<Share::kKeyPiece, 4>(k_.row, rows, true);
    } else {
      fetch_rows<Share::kKeyPiece, 4>(k_.row, rows, false);
    }
  }
  __device__ __forceinline__ void fetch_values() {
    if (!tiles_.exists(next_)) return;
    const int r[4] = {value_row(0), value_row(1), value_row(2), value_row(3)};
    const C* rows[4];
    tiles_.rows(tiles_.v, next_, r, lane_g() * Share::kValuePiece * Share::kNumbers, rows);
    if (tiles_.full(next_)) {
      fetch_rows<Share::kValuePiece, 8>(v_.row, rows, true);
    } else {
      fetch_rows<Share::kValuePiece, 8>(v_.row, rows, false);
    }
  }

  Tiles16<C> tiles_;
  TileAt next_;
  Lanes<2, Share::kKeyWords> k_;
  Lanes<4, Share::kValueWords> v_;
};

// kStages tiles of each warp in shared memory, fetched by cp.async that far ahead. A copy of the warp is 512 bytes that
// follow one another, or as many as a row has: each line of the cache is asked for once, which the pieces that a lane
// wants for itself cannot do.
template <class C, int D, int Dv>
class InRing {
  using Share = Shares<C, D, Dv>;
  static constexpr int kKeyBytes = D * static_cast<int>(sizeof(C)),
                       kValueBytes = Dv * static_cast<int>(sizeof(C));
  static constexpr int kStageBytes = kTileKeys * (kKeyBytes + kValueBytes);
  static constexpr int kRoom = 24576;

 public:
  static constexpr int kStages = kRoom / kStageBytes < 2   ? 2
                                 : kRoom / kStageBytes > 6 ? 6
                                                           : kRoom / kStageBytes;
  static constexpr int kBytes = kStages * kStageBytes;

  __device__ InRing(const Tiles16<C>& tiles, void* shared)
      : tiles_(tiles), ring_(static_cast<char*>(shared)) {}

  __device__ __forceinline__ void start(int key) {
    next_ = tiles_.at(key);
    read_ = kStages - 1, write_ = 0;
#pragma unroll 1
    for (int n = 0; n < kStages - 1; ++n) fetch_tile();
  }
  // Sends for one more tile, which goes where the last one was.
  __device__ __forceinline__ void wait() {
    __syncwarp();  // every lane has read the last one
    fetch_tile();
    read_ = read_ + 1 == kStages ? 0 : read_ + 1;
    arrived<kStages - 1>();
    __syncwarp();  // every lane's copies are there
  }
  __device__ __forceinline__ Lanes<2, Share::kKeyWords> keys() const {
    Lanes<2, Share::kKeyWords> k;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int r = key_row(half);
      read_row<Share::kKeyPiece, 4>(k.row[half], stage(read_) + r * kKeyBytes, lane_t(), key_swizzle(r));
    }
    return k;
  }
  __device__ __forceinline__ void keys_done() {}
  __device__ __forceinline__ Lanes<4, Share::kValueWords> values() const {
    Lanes<4, Share::kValueWords> v;
#pragma unroll
    for (int a = 0; a < 4; ++a) {
      const int r = value_row(a);
      read_row<Share::kValuePiece, 8>(v.row[a], stage(read_) + kTileKeys * kKeyBytes + r * kValueBytes,
                                      lane_g(), value_swizzle(r));
    }
    return v;
  }
  __device__ __forceinline__ void values_done() {}
  __device__ __forceinline__ void end() { arrived<0>(); }

 private:
  // Which 16 bytes of a row change places, so that lanes that read together meet different banks: of K they read 4
  // pieces of two rows that follow one another, of V 2 pieces of every other one of 8 rows.
  __device__ static int key_swizzle(int r) { return kKeyBytes >= 128 ? (r & 1) << 6 : 0; }
  __device__ static int value_swizzle(int r) { return kValueBytes >= 128 ? (r & 6) << 4 : 0; }

  __device__ char* stage(int n) const { return ring_ + n * kStageBytes; }
  // Pieces of Width words, the first one number `first`, each one Apart pieces behind the last.
  template <int Width, int Apart, int Words>
  __device__ __forceinline__ static void read_row(unsigned (&to)[Words], const char* row, int first,
                                                  int swizzle) {
#pragma unroll
    for (int n = 0; n < Words / Width; ++n) {
      const int at = (first + n * Apart) * 4 * Width;
      const auto piece = *reinterpret_cast<const Piece<Width>*>(row + (at ^ swizzle));
#pragma unroll
      for (int x = 0; x < Width; ++x) to[n * Width + x] = piece.word[x];
    }
  }
  // 16 rows, 16 bytes by each lane at a time.
  template <int RowBytes, class Swizzle>
  __device__ __forceinline__ void fetch_side(char* to, const Side<C>& side, Swizzle swizzle, bool full) {
    constexpr int kPieces = RowBytes / 16, kRows = 32 / kPieces;  // of a row; rows of a copy
    const int lane = static_cast<int>(threadIdx.x) % 32, row = lane / kPieces, at = lane % kPieces * 16;
    const auto bytes = [&](const C* x) { return reinterpret_cast<const char*>(x) + at; };
    if (full && tiles_.whole) {
      const char* from = bytes(side.row({next_.place.page, next_.place.row + row}));
      const std::int64_t step = kRows * side.row_stride * static_cast<std::int64_t>(sizeof(C));
#pragma unroll
      for (int n = 0; n < kTileKeys / kRows; ++n, from += step) {
        const int r = row + n * kRows;
        copy_async<16>(to + r * RowBytes + (at ^ swizzle(r)), from, true);
      }
    } else if (full) {
#pragma unroll
      for (int n = 0; n < kTileKeys / kRows; ++n) {
        const int r = row + n * kRows;
        copy_async<16>(to + r * RowBytes + (at ^ swizzle(r)), bytes(tiles_.row(side, next_, r)), true);
      }
    } else {
#pragma unroll 1
      for (int r = row; r < kTileKeys; r += kRows) {
        const bool wanted = tiles_.wanted(next_, r);
        copy_async<16>(to + r * RowBytes + (at ^ swizzle(r)),
                       wanted ? bytes(tiles_.row(side, next_, r)) : bytes(side.data), wanted);
      }
    }
  }
  __device__ __forceinline__ void fetch_tile() {
    if (tiles_.exists(next_)) {
      const bool full = tiles_.full(next_);
      char* to = stage(write_);
      fetch_side<kKeyBytes>(to, tiles_.k, key_swizzle, full);
      fetch_side<kValueBytes>(to + kTileKeys * kKeyBytes, tiles_.v, value_swizzle, full);
    }
    end_of_copies();
    write_ = write_ + 1 == kStages ? 0 : write_ + 1;
    next_ = tiles_.after(next_);
  }

  Tiles16<C> tiles_;
  TileAt next_;
  char* ring_;
  int read_, write_;
};

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
