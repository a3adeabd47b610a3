// The header of NumPy's .npy format, versions 1 to 3 (numpy.lib.format), read and written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "files/place.h"
#include "files/tensor.h"

namespace attnlab::files {

struct NpyHeader {
  TensorInfo info;      // without a name
  bool fortran_order;   // the data are column-major
  std::uint64_t bytes;  // of the header: where the data begin
};

// Fills the span with the next bytes, or throws FileError.
using ReadNext = std::function<void(std::span<std::byte>)>;

// NumPy has no bfloat16 or FP8. ml_dtypes adds them, and numpy.save then writes '<V2', '<V1' or '<f1', which
// says only how wide an element is: such a header is refused unless raw_as says which type it is. Their names
// ('bfloat16', 'float8_e4m3fn', 'float8_e5m2') are read as they stand. Big-endian, structured, complex, text
// and object elements are refused, and every size that does not fit 63 bits. Throws FileError from `place`.
NpyHeader read_npy_header(const ReadNext& read_next, std::optional<DType> raw_as, const Place& place);

// All bytes before the data, a multiple of 64, in version 1.0. bfloat16 and FP8 are written by ml_dtypes'
// names: numpy.load reads them once ml_dtypes is imported. Throws InvalidArgument for int4 and for a shape
// beyond the 64 KiB that version 1.0 holds.
std::string npy_header(const TensorInfo& info);

// Copies column-major elements into row-major order.
void from_fortran_order(const TensorInfo& info, std::span<const std::byte> column_major,
                        std::span<std::byte> row_major);

}  // namespace attnlab::files
