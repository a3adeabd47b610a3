// nvcuda::wmma: products of matrices by a warp.
//
// Shapes 16x16x16, 32x8x16 and 8x32x16 of fp16, bf16 and 8-bit integers, 16x16x8 of tf32, 8x8x4 of fp64. How
// a fragment's elements are spread over lanes is not specified by CUDA (simulator/emulator/builtins/matrix.h
// says what is done here), and with it how many accesses a load takes; both may differ from a GPU's.
#pragma once

#include <type_traits>

#include "cuda_bf16.h"
#include "cuda_fp16.h"
#include "simulator/emulator/builtins/matrix.h"

namespace attnlab::emulator::builtins {
namespace nvcuda {
namespace wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;

enum layout_t { mem_row_major, mem_col_major };

namespace precision {
struct tf32;
}

namespace details {

template <class T>
struct Type {
  using storage = T;
  static constexpr calls::Element element = std::is_same_v<T, __half>          ? calls::Element::fp16
                                            : std::is_same_v<T, __nv_bfloat16> ? calls::Element::bf16
                                            : std::is_same_v<T, float>         ? calls::Element::fp32
                                            : std::is_same_v<T, double>        ? calls::Element::fp64
                                            : std::is_same_v<T, int>           ? calls::Element::s32
                                            : std::is_same_v<T, unsigned char> ? calls::Element::u8
                                                                               : calls::Element::s8;
};
template <>
struct Type<precision::tf32> {
  using storage = float;
  static constexpr calls::Element element = calls::Element::tf32;
};

template <class T>
inline constexpr bool is_input = std::is_same_v<T, __half> || std::is_same_v<T, __nv_bfloat16> ||
                                 std::is_same_v<T, signed char> || std::is_same_v<T, unsigned char>;

constexpr bool is_shape(int m, int n, int k) {
  return k == 16 && ((m == 16 && n == 16) || (m == 32 && n == 8) || (m == 8 && n == 32));
}

template <class Use, int m, int n, int k, class T>
struct Matrix {
  static constexpr bool is_a = std::is_same_v<Use, matrix_a>, is_b = std::is_same_v<Use, matrix_b>;
  static constexpr bool is_sum = std::is_same_v<Use, accumulator>;
  static constexpr bool known_sum =
      (std::is_same_v<T, float> || std::is_same_v<T, __half> ||
       std::is_same_v<T, int>)&&(is_shape(m, n, k) || (m == 16 && n == 16 && k == 8));
  static constexpr bool known_input = (is_input<T> && is_shape(m, n, k)) ||
                                      (std::is_same_v<T, precision::tf32> && m == 16 && n == 16 && k == 8);
  static constexpr bool known_double = std::is_same_v<T, double> && m == 8 && n == 8 && k == 4;
  static_assert((is_sum ? known_sum : known_input) || known_double,
                "this wmma shape and type is not supported by the emulator");
  using storage = typename Type<T>::storage;
  static constexpr unsigned rows = is_b ? k : m, columns = is_a ? k : n;
  static constexpr unsigned elements = rows * columns / 32;
  static constexpr calls::Fragment fragment{rows, columns,
                                            is_sum                ? 2u
                                            : sizeof(storage) > 4 ? 1u
                                                                  : unsigned{4 / sizeof(storage)},
                                            is_b, Type<T>::element};
};

// A lane's elements to and from words, without their address being taken.
template <class T, unsigned n>
struct Elements {
  T x[n];

  ATTNLAB_BUILTIN calls::Registers attnlab_words() const {
    struct Words {
      unsigned word[sizeof(T) * n / 4];
    };
    const auto words = __builtin_bit_cast(Words, *this);
    calls::Registers registers{};
#pragma GCC unroll 8
    for (unsigned i = 0; i < sizeof words / 4; ++i) registers.word[i] = words.word[i];
    return registers;
  }
  ATTNLAB_BUILTIN void attnlab_assign(calls::Registers registers) {
    struct Words {
      unsigned word[sizeof(T) * n / 4];
    } words;
#pragma GCC unroll 8
    for (unsigned i = 0; i < sizeof words / 4; ++i) words.word[i] = registers.word[i];
    *this = __builtin_bit_cast(Elements, words);
  }
};

}  // namespace details

template <class Use, int m, int n, int k, class T, class Layout = void>
class fragment : public details::Elements<typename details::Matrix<Use, m, n, k, T>::storage,
                                          details::Matrix<Use, m, n, k, T>::elements> {
 public:
  using attnlab_matrix = details::Matrix<Use, m, n, k, T>;
  using element_type = T;
  using storage_element_type = typename attnlab_matrix::storage;
  static constexpr int num_elements = static_cast<int>(attnlab_matrix::elements);
  static constexpr int num_storage_elements = num_elements;
};

template <class Use, int m, int n, int k, class T, class Layout, class V>
ATTNLAB_BUILTIN void fill_fragment(fragment<Use, m, n, k, T, Layout>& f, const V& value) {
#pragma GCC unroll 16
  for (auto& x : f.x)
    x = static_cast<typename fragment<Use, m, n, k, T, Layout>::storage_element_type>(value);
}

// ldm: elements between the beginnings of rows (col_major: columns).
template <class Use, int m, int n, int k, class T, class Layout, class V>
ATTNLAB_BUILTIN void load_matrix_sync(fragment<Use, m, n, k, T, Layout>& f, const V* memory, unsigned ldm) {
  static_assert(!std::is_void_v<Layout>, "an accumulator is loaded with its layout as the last argument");
  f.attnlab_assign(calls::load_fragment(details::Matrix<Use, m, n, k, T>::fragment, memory, ldm,
                                        std::is_same_v<Layout, row_major>));
}
template <int m, int n, int k, class T, class V>
ATTNLAB_BUILTIN void load_matrix_sync(fragment<accumulator, m, n, k, T>& f, const V* memory, unsigned ldm,
                                      layout_t layout) {
  f.attnlab_assign(calls::load_fragment(details::Matrix<accumulator, m, n, k, T>::fragment, memory, ldm,
                                        layout == mem_row_major));
}
template <int m, int n, int k, class T, class V>
ATTNLAB_BUILTIN void store_matrix_sync(V* memory, const fragment<accumulator, m, n, k, T>& f, unsigned ldm,
                                       layout_t layout) {
  calls::store_fragment(details::Matrix<accumulator, m, n, k, T>::fragment, memory, f.attnlab_words(), ldm,
                        layout == mem_row_major);
}

// d = a * b + c.
template <int m, int n, int k, class D, class A, class LayoutA, class B, class LayoutB, class C>
ATTNLAB_BUILTIN void mma_sync(fragment<accumulator, m, n, k, D>& d,
                              const fragment<matrix_a, m, n, k, A, LayoutA>& a,
                              const fragment<matrix_b, m, n, k, B, LayoutB>& b,
                              const fragment<accumulator, m, n, k, C>& c, bool saturate = false) {
  static_assert(std::is_same_v<C, D>, "the emulator's wmma has one type of accumulator at a time");
  d.attnlab_assign(calls::multiply_fragments(
      details::Matrix<matrix_a, m, n, k, A>::fragment, details::Matrix<matrix_b, m, n, k, B>::fragment,
      details::Matrix<accumulator, m, n, k, C>::fragment, a.attnlab_words(), b.attnlab_words(),
      c.attnlab_words(), saturate));
}

// The nearest tf32 number (10 bits of fraction), ties away from zero.
ATTNLAB_BUILTIN float __float_to_tf32(float x) {
  return __builtin_bit_cast(float, (__builtin_bit_cast(unsigned, x) + 0x1000u) & ~0x1fffu);
}

}  // namespace wmma
}  // namespace nvcuda
}  // namespace attnlab::emulator::builtins
