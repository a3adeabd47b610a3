// Are .npy files read as NumPy wrote them, and refused where they say what we cannot hold?
#include "files/npy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "files/npy_header.h"
#include "files/tensor_file.h"
#include "reference/core/errors.h"
#include "tests/files/fixtures.h"
#include "tests/files/refusal.h"
#include "tests/files/temporary_folder.h"

namespace attnlab::files {
namespace {

using namespace std::string_literals;

void expect_equal(const Tensor& got, const Tensor& expected) {
  EXPECT_EQ(static_cast<const TensorInfo&>(got), static_cast<const TensorInfo&>(expected)) << expected.name;
  EXPECT_EQ(got.data, expected.data) << expected.name;
}

class NpyFile : public TemporaryFolder {
 protected:
  // A version 1.0 file with this header text and so many zero bytes of data.
  std::filesystem::path npy(const std::string& header, std::size_t data_bytes = 0) const {
    const std::string length = {static_cast<char>(header.size() & 0xff),
                                static_cast<char>(header.size() >> 8)};
    put(path("x.npy"), "\x93NUMPY\x01\x00"s + length + header + std::string(data_bytes, '\0'));
    return path("x.npy");
  }
};

TEST_F(NpyFile, NumPysFilesAreRead) {
  for (const char* file : {"version2", "version3", "fortran"}) {
    const std::vector<Tensor> tensors = read(fixture(std::string(file) + ".npy"));
    ASSERT_EQ(tensors.size(), 1u) << file;
    expect_equal(tensors[0], fixture_tensor(DType::f32, {2, 3, 4}, file));
  }
  expect_equal(read(fixture("scalar.npy"))[0], fixture_tensor(DType::f64, {}, "scalar"));
  expect_equal(read(fixture("vector.npy"))[0], fixture_tensor(DType::i32, {5}, "vector"));
  expect_equal(read(fixture("empty.npy"))[0], fixture_tensor(DType::f32, {0, 3}, "empty"));
}

TEST_F(NpyFile, UntypedElementsNeedTheirType) {
  for (const auto& [key, type] : ml_dtypes()) {
    const auto file = fixture(key + ".npy");
    expect_equal(read(file, type)[0], fixture_tensor(type, {2, 3, 4}, key));
    EXPECT_REFUSED(FileError, read(file), "say which type they are");
    EXPECT_REFUSED(FileError, read(file, DType::f32), "they cannot be fp32");
  }
  // Typed elements stay what they are.
  expect_equal(read(fixture("vector.npy"), DType::bf16)[0], fixture_tensor(DType::i32, {5}, "vector"));
}

TEST_F(NpyFile, EveryTypeAndShapeComesBack) {
  for (const auto& types : {numpy_types(), ml_dtypes()}) {
    for (const auto& [key, type] : types) {
      for (const std::vector<Index>& shape :
           {std::vector<Index>{}, {1}, {7}, {0}, {2, 3}, {2, 0, 3}, {1, 2, 1, 4, 5}}) {
        const Tensor tensor = fixture_tensor(type, shape, key);
        write(path(key + ".npy"), {&tensor, 1});
        const std::vector<Tensor> back = read(path(key + ".npy"));
        ASSERT_EQ(back.size(), 1u);
        expect_equal(back[0], tensor);
      }
    }
  }
}

TEST_F(NpyFile, DataBeginAtAMultipleOf64) {
  for (Index n = 1; n < 1'000'000'000'000; n *= 10) {
    const std::string header = npy_header({"", DType::e4m3, {n, n / 10 + 1}});
    EXPECT_EQ(header.size() % 64, 0u) << n;
    EXPECT_EQ(header.back(), '\n');
  }
}

TEST_F(NpyFile, UnsupportedElementsAreNamed) {
  EXPECT_REFUSED(FileError, read(fixture("big_endian.npy")), "big-endian ('>f4'): save them as '<f4'");
  EXPECT_REFUSED(FileError, read(fixture("complex.npy")), "type '<c8' are not supported, only <f8");
  EXPECT_REFUSED(FileError, read(fixture("text.npy")), "type '<U1'");
  EXPECT_REFUSED(FileError, read(fixture("structured.npy")), "structured elements");
}

TEST_F(NpyFile, HeadersAreReadAsPythonReadsThem) {
  for (const char* header : {"{'descr':'<f4','fortran_order':False,'shape':(2,)}",
                             "{\"shape\": (2,), \"fortran_order\": True, \"descr\": \"<f4\", }\n",
                             " { 'descr' : '=f4' , 'shape' : ( 1 , 2 , ) , 'fortran_order' : False } "}) {
    EXPECT_EQ(open_npy(npy(header, 8))->info("x").dtype, DType::f32) << header;
  }
  EXPECT_EQ(open_npy(npy("{'descr': '>u1', 'fortran_order': False, 'shape': (2,)}", 2))->info("x").dtype,
            DType::u8);
}

TEST_F(NpyFile, BadHeadersAreRefused) {
  const auto refused = [&](const std::string& header, const std::string& words) {
    const std::string message = refusal<FileError>([&] { open_npy(npy(header, 8)); });
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, words, message);
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, path("x.npy").string() + ": ", message);
  };
  const auto with_shape = [](const std::string& shape) {
    return "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}";
  };
  refused("", "expected '{'");
  refused("{}", "expected descr, fortran_order and shape");
  refused("{'descr': '<f4', 'shape': (2,)}", "expected descr, fortran_order and shape");
  refused("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
          "'descr' is given twice");
  refused("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", "expected True or False");
  refused("{'descr': '<f4, 'fortran_order': False, 'shape': (2,)}", "type '<f4, '");
  refused("{'descr': '<f4", "expected the string's end");
  refused("{'descr': '', 'fortran_order': False, 'shape': (2,)}", "type ''");
  refused("{'colour': 'red'}", "unknown key 'colour'");
  refused(with_shape("(2,)") + "x", "expected nothing more");
  refused(with_shape("2"), "expected '('");
  refused(with_shape("(2"), "expected ')'");
  refused(with_shape("(-2,)"), "expected a dimension");
  refused(with_shape("(2.0,)"), "expected ')'");
  refused(with_shape("(99999999999999999999,)"), "a dimension is too large");
  refused(with_shape("(4611686018427387904, 2)"), "too large");
  refused(with_shape("(4294967296, 4294967296, 4294967296, 0)"), "too large");
  refused(with_shape("(3,)"), "is truncated: 8 bytes of data, fp32 [3] takes 12");
  refused(with_shape("(1,)"), "is too long: 8 bytes of data, fp32 [1] takes 4");
  refused(with_shape("(2305843009213693951,)"), "is truncated");
}

TEST_F(NpyFile, OtherFilesAreRefused) {
  put(path("x.npy"), "");
  EXPECT_REFUSED(FileError, open_npy(path("x.npy")), "truncated");
  put(path("x.npy"), "PK\x03\x04 something else");
  EXPECT_REFUSED(FileError, open_npy(path("x.npy")), "wrong magic number");
  put(path("x.npy"), "\x93NUMPY\x09\x00v\x00 and so on"s);
  EXPECT_REFUSED(FileError, open_npy(path("x.npy")), "version 9.0");
  put(path("x.npy"), "\x93NUMPY\x02\x00\xff\xff\xff\xff and so on"s);
  EXPECT_REFUSED(FileError, open_npy(path("x.npy")), "4294967295 bytes long");
}

TEST_F(NpyFile, ShapesBeyondVersionOneAreRefused) {
  const Tensor tensor{{"x", DType::u8, std::vector<Index>(30'000, 1)}, {std::byte{7}}};
  EXPECT_REFUSED(InvalidArgument, write(path("x.npy"), {&tensor, 1}), "30000 dimensions");
}

}  // namespace
}  // namespace attnlab::files
