// Are .safetensors files read as Hugging Face's library wrote them, one tensor at a time, and every lie in a
// header refused?
#include "files/safetensors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <stdexcept>
#include <string>
#include <vector>

#include "files/tensor_file.h"
#include "reference/core/errors.h"
#include "tests/files/fixtures.h"
#include "tests/files/refusal.h"
#include "tests/files/temporary_folder.h"

namespace attnlab::files {
namespace {

class SafetensorsFile : public TemporaryFolder {
 protected:
  static std::string length_of(std::uint64_t bytes) {
    const auto field = std::bit_cast<std::array<char, 8>>(bytes);
    return {field.data(), field.size()};
  }

  std::filesystem::path safetensors(const std::string& header, std::size_t data_bytes = 0) const {
    put(path("x.safetensors"), length_of(header.size()) + header + std::string(data_bytes, '\0'));
    return path("x.safetensors");
  }

  void refused(const std::string& header, std::size_t data_bytes, const std::string& words) const {
    const std::string message =
        refusal<FileError>([&] { open_safetensors(safetensors(header, data_bytes)); });
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, words, message) << header;
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, path("x.safetensors").string() + ": ", message);
  }
};

TEST_F(SafetensorsFile, TheReferenceLibrarysFileIsRead) {
  const auto file = open(fixture("all_types.safetensors"));
  ASSERT_EQ(file->tensors().size(), numpy_types().size() + ml_dtypes().size());
  EXPECT_EQ(file->metadata(), (Metadata{{"made by", "safetensors"}, {"π", "3.14"}}));
  for (const auto& types : {numpy_types(), ml_dtypes()}) {
    for (const auto& [key, type] : types) {
      const Tensor expected = fixture_tensor(type, {2, 3, 4}, key);
      const Tensor got = file->load(key);
      EXPECT_EQ(static_cast<const TensorInfo&>(got), static_cast<const TensorInfo&>(expected)) << key;
      EXPECT_EQ(got.data, expected.data) << key;
    }
  }
}

TEST_F(SafetensorsFile, EveryTypeComesBackWidestFirst) {
  std::vector<Tensor> tensors;
  for (const auto& types : {ml_dtypes(), numpy_types()}) {
    for (const auto& [key, type] : types)
      tensors.push_back(fixture_tensor(type, {3, 5}, "layer.\"0\"/" + key));
  }
  tensors.push_back(fixture_tensor(DType::f32, {}, "scalar"));
  tensors.push_back(fixture_tensor(DType::f32, {0, 2}, "empty"));
  const Metadata metadata = {{"format", "pt"}, {"größe", "a\nb\"c"}};
  write(path("x.safetensors"), tensors, metadata);

  const auto file = open(path("x.safetensors"));
  EXPECT_EQ(file->metadata(), metadata);
  ASSERT_EQ(file->tensors().size(), tensors.size());
  for (const Tensor& expected : tensors) {
    const Tensor got = file->load(expected.name);
    EXPECT_EQ(static_cast<const TensorInfo&>(got), static_cast<const TensorInfo&>(expected)) << expected.name;
    EXPECT_EQ(got.data, expected.data) << expected.name;
  }
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    EXPECT_GE(bits(file->tensors()[i - 1].dtype), bits(file->tensors()[i].dtype));
  }
  std::array<char, 8> length;
  get(path("x.safetensors")).copy(length.data(), length.size());
  EXPECT_EQ(std::bit_cast<std::uint64_t>(length) % 8, 0u);  // with the widest first, every tensor is aligned
}

// 64 GiB that take no room on the disk: reading all of them would take minutes or all memory.
TEST_F(SafetensorsFile, OneTensorOfAHugeFileIsReadAlone) {
  const std::uint64_t huge = std::uint64_t{1} << 36;
  const std::string header =
      R"({"huge":{"dtype":"U8","shape":[68719476736],"data_offsets":[0,68719476736]},)"
      R"("small":{"dtype":"U8","shape":[3],"data_offsets":[68719476736,68719476739]}})";
  const auto file_path = safetensors(header);
  std::error_code error;
  std::filesystem::resize_file(file_path, 8 + header.size() + huge, error);
  if (error) GTEST_SKIP() << "no sparse files here: " << error.message();
  std::ofstream(file_path, std::ios::binary | std::ios::app) << "abc";
  const auto file = open(file_path);
  EXPECT_EQ(file->info("huge").shape, (std::vector<Index>{Index{1} << 36}));
  EXPECT_EQ(file->load("small").data,
            (std::vector<std::byte>{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}}));
}

TEST_F(SafetensorsFile, TensorsAreWrittenOneByOne) {
  const std::vector<TensorInfo> announced = {{"b", DType::f16, {4}}, {"a", DType::f64, {2}}};
  std::vector<std::size_t> asked;
  const auto load = [&](std::size_t i) {
    asked.push_back(i);
    return fixture_tensor(announced[i].dtype, announced[i].shape, announced[i].name);
  };
  write_safetensors(path("x.safetensors"), announced, load, {{"k", "v"}});
  EXPECT_EQ(asked, (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(open(path("x.safetensors"))->load("b").data, load(0).data);
  EXPECT_EQ(open(path("x.safetensors"))->load("a").data, load(1).data);

  const std::string before = get(path("x.safetensors"));
  const auto other = [](std::size_t) { return fixture_tensor(DType::f16, {5}, "b"); };
  EXPECT_REFUSED(InvalidArgument, write_safetensors(path("x.safetensors"), announced, other),
                 "got b fp16 [5], expected a fp64 [2], as announced");
  const auto broken = [](std::size_t) -> Tensor { throw std::logic_error("from load"); };
  EXPECT_THROW(write_safetensors(path("x.safetensors"), announced, broken), std::logic_error);
  EXPECT_EQ(get(path("x.safetensors")), before);
  EXPECT_EQ(listing().size(), 1u);
}

TEST_F(SafetensorsFile, LegalHeadersAreRead) {
  EXPECT_TRUE(open_safetensors(safetensors("{}"))->tensors().empty());
  EXPECT_TRUE(open_safetensors(safetensors("{}      "))->tensors().empty());
  const auto unaligned =
      open_safetensors(safetensors(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},)"
                                   R"("a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}})",
                                   5));
  EXPECT_EQ(unaligned->tensors()[0].name, "a");  // the order of the data
  EXPECT_EQ(unaligned->load("b").data.size(), 4u);
}

// Nobody would wait for a reader whose time grows with the square of their number.
TEST_F(SafetensorsFile, ManyTensorsAreRead) {
  constexpr int kMany = 200'000;
  std::string header = "{";
  for (int i = 0; i < kMany; ++i)
    header +=
        fmt::format(R"({}"t{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", i == 0 ? "" : ",", i);
  header += "}";
  EXPECT_EQ(open_safetensors(safetensors(header))->tensors().size(), std::size_t{kMany});
}

TEST_F(SafetensorsFile, BadHeadersAreRefused) {
  refused("", 0, "not a JSON object");
  refused("[]", 0, "not a JSON object");
  refused("{", 0, "not JSON");
  refused("{} {}", 0, "not JSON");
  refused("{\"\xff\":1}", 0, "not JSON");
  refused(std::string(100'000, '['), 0, "not a JSON object");
  refused("{\"a\":" + std::string(100'000, '['), 0, "not JSON");
  refused(R"({"a":1})", 0, "tensor a: has no dtype");
  refused(R"({"__metadata__":1})", 0, "__metadata__ is not an object");
  refused(R"({"__metadata__":{"k":1}})", 0, "__metadata__.k is not a string");
  refused(R"({"__metadata__":{"k":"a","k":"b"}})", 0, "\"k\" is given twice");

  const std::string a = R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  refused(R"({"a":)" + a + R"(,"a":)" + a + "}", 4, "\"a\" is given twice");
  refused(R"({"a":)" + a + R"(,"b":)" + a + "}", 4, "tensor b: data begin at 0, overlapping");
  refused(R"({"a":)" + a + "}", 3, "is truncated: 3 bytes of data, the tensors take 4");
  refused(R"({"a":)" + a + "}", 5, "is too long: 5 bytes of data, the tensors take 4");
}

TEST_F(SafetensorsFile, BadEntriesAreRefused) {
  const auto entry = [&](const std::string& dtype, const std::string& shape, const std::string& offsets,
                         const std::string& words) {
    refused(R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", 4,
            words);
  };
  entry("1", "[4]", "[0,4]", "tensor a: dtype is not a string");
  entry("\"F8_E8M0\"", "[4]", "[0,4]", "tensor a: type F8_E8M0 is not supported");
  entry("\"U8\"", "4", "[0,4]", "tensor a: shape is not a list");
  entry("\"U8\"", "[4.0]", "[0,4]", "tensor a: shape has an element that is not a count");
  entry("\"U8\"", "[-4]", "[0,4]", "tensor a: shape has an element that is not a count");
  entry("\"U8\"", "[9223372036854775808]", "[0,4]", "tensor a: shape has an element that is not a count");
  entry("\"U8\"", "[1e400]", "[0,4]", "not JSON");
  entry("\"U8\"", "[4294967296,4294967296]", "[0,4]",
        "tensor a: shape [4294967296, 4294967296] is too large");
  entry("\"F16\"", "[9223372036854775807]", "[0,4]", "is too large");
  entry("\"U8\"", "[4]", "[0]", "tensor a: data_offsets are not a begin and an end");
  entry("\"U8\"", "[4]", "[4,0]", "tensor a: data_offsets are not a begin and an end");
  entry("\"U8\"", "[4]", "[0,4,8]", "tensor a: data_offsets are not a begin and an end");
  entry("\"U8\"", "[3]", "[0,4]", "tensor a: has 4 bytes of data, uint8 [3] takes 3");
  entry("\"F32\"", "[4]", "[0,4]", "tensor a: has 4 bytes of data, fp32 [4] takes 16");
  entry("\"U8\"", "[3]", "[1,4]", "tensor a: data begin at 1, apart from the data before, which end at 0");
  entry("\"U8\"", "[4]", "[9223372036854775803,9223372036854775807]", "apart from");
}

TEST_F(SafetensorsFile, ImpossibleHeaderLengthsAreRefused) {
  put(path("x.safetensors"), "abc");
  EXPECT_REFUSED(FileError, open_safetensors(path("x.safetensors")), "is truncated");
  for (std::uint64_t length : {std::uint64_t{100'000'001}, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
    put(path("x.safetensors"), length_of(length) + "{}");
    EXPECT_REFUSED(FileError, open_safetensors(path("x.safetensors")), "bytes long");
  }
  put(path("x.safetensors"), length_of(3) + "{}");
  EXPECT_REFUSED(FileError, open_safetensors(path("x.safetensors")), "is truncated");
}

TEST_F(SafetensorsFile, TextsThatAreNotUtf8AreNotWritten) {
  const Tensor tensor = fixture_tensor(DType::f32, {1}, "\xff"), good = fixture_tensor(DType::f32, {1}, "q");
  EXPECT_REFUSED(InvalidArgument, write(path("x.safetensors"), {&tensor, 1}), "UTF-8");
  EXPECT_REFUSED(InvalidArgument, write(path("x.safetensors"), {&good, 1}, {{"k", "\xff"}}), "UTF-8");
  const Tensor reserved = fixture_tensor(DType::f32, {1}, "__metadata__");
  EXPECT_REFUSED(InvalidArgument, write(path("x.safetensors"), {&reserved, 1}), "__metadata__");
  EXPECT_TRUE(listing().empty());
}

}  // namespace
}  // namespace attnlab::files
