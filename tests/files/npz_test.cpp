// Are .npz archives read as NumPy wrote them, stored and deflated, and refused where an archive is no such
// thing?
#include "files/npz.h"

#include <gtest/gtest.h>
#include <zip.h>

#include <map>
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

class NpzFile : public TemporaryFolder {
 protected:
  struct Options {
    int compression = ZIP_CM_STORE;
    bool encrypted = false;
  };

  // An archive of arbitrary members, made with libzip alone.
  std::filesystem::path npz(const std::map<std::string, std::string>& members, Options options) const {
    zip_t* archive = zip_open(path("x.npz").c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    EXPECT_NE(archive, nullptr);
    for (const auto& [name, bytes] : members) {
      zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
      const auto index =
          static_cast<zip_uint64_t>(zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8));
      EXPECT_EQ(zip_set_file_compression(archive, index, options.compression, 0), 0);
      if (options.encrypted) {
        EXPECT_EQ(zip_file_set_encryption(archive, index, ZIP_EM_AES_256, "secret"), 0);
      }
    }
    EXPECT_EQ(zip_close(archive), 0);
    return path("x.npz");
  }
  std::filesystem::path npz(const std::map<std::string, std::string>& members) const {
    return npz(members, {});
  }

  static std::string npy(const Tensor& tensor) {
    return npy_header(tensor) +
           std::string(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
  }
};

TEST_F(NpzFile, NumPysStoredArchiveIsRead) {
  const auto file = open(fixture("stored.npz"));
  ASSERT_EQ(file->tensors().size(), numpy_types().size());
  for (const auto& [key, type] : numpy_types()) {
    const Tensor expected = fixture_tensor(type, {2, 3, 4}, key);
    const Tensor got = file->load(key);
    EXPECT_EQ(static_cast<const TensorInfo&>(got), static_cast<const TensorInfo&>(expected)) << key;
    EXPECT_EQ(got.data, expected.data) << key;
  }
}

TEST_F(NpzFile, NumPysCompressedArchiveIsRead) {
  const auto file = open(fixture("deflated.npz"));
  EXPECT_EQ(file->load("long").data, fixture_tensor(DType::f32, {40, 50}, "").data);
  const Tensor fortran = file->load("fortran");
  EXPECT_EQ(fortran.shape, (std::vector<Index>{2, 3, 4}));
  EXPECT_EQ(fortran.data, fixture_tensor(DType::f16, {2, 3, 4}, "").data);
}

TEST_F(NpzFile, EveryTypeComesBackInOrder) {
  std::vector<Tensor> tensors;
  for (const auto& types : {ml_dtypes(), numpy_types()}) {
    for (const auto& [key, type] : types) tensors.push_back(fixture_tensor(type, {3, 5}, "layer.0/" + key));
  }
  tensors.push_back(fixture_tensor(DType::f32, {}, "scalar"));
  tensors.push_back(fixture_tensor(DType::f32, {0, 2}, "empty"));
  tensors.push_back(fixture_tensor(DType::f32, {2}, "größe"));
  write(path("x.npz"), tensors);
  const std::vector<Tensor> back = read(path("x.npz"));
  ASSERT_EQ(back.size(), tensors.size());
  for (std::size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(static_cast<const TensorInfo&>(back[i]), static_cast<const TensorInfo&>(tensors[i]))
        << tensors[i].name;
    EXPECT_EQ(back[i].data, tensors[i].data) << tensors[i].name;
  }
}

TEST_F(NpzFile, EqualTensorsGiveEqualBytes) {
  const Tensor tensor = fixture_tensor(DType::f32, {3}, "q");
  write(path("a.npz"), {&tensor, 1});
  write(path("b.npz"), {&tensor, 1});
  EXPECT_EQ(get(path("a.npz")), get(path("b.npz")));
  // The date field of the first local header: day 1, month 1, year 1980.
  EXPECT_EQ(get(path("a.npz")).substr(10, 4), "\0\0\x21\0"s);
}

TEST_F(NpzFile, UntypedMembersTakeTheGivenType) {
  const std::string untyped = get(fixture("bf16.npy"));
  EXPECT_EQ(open_npz(npz({{"k.npy", untyped}}), DType::bf16)->load("k").data,
            fixture_tensor(DType::bf16, {2, 3, 4}, "k").data);
  EXPECT_REFUSED(FileError, open_npz(npz({{"k.npy", untyped}})), "member k.npy: elements are '<V2'");
}

TEST_F(NpzFile, MembersThatAreNoArraysAreRefused) {
  const std::string array = npy(fixture_tensor(DType::f32, {3}, "q"));
  EXPECT_REFUSED(FileError, open_npz(npz({{"notes.txt", "hello"}})), "member notes.txt: is not a .npy array");
  EXPECT_REFUSED(FileError, open_npz(npz({{"q.npy", "hello"}})), "member q.npy: is truncated");
  EXPECT_REFUSED(FileError, open_npz(npz({{"q.npy", "hello, world"}})), "member q.npy: is not a .npy file");
  EXPECT_REFUSED(FileError, open_npz(npz({{"q.npy", array + "x"}})),
                 "member q.npy: 141 bytes, fp32 [3] takes 128 + 12");
  EXPECT_REFUSED(FileError, open_npz(npz({{"q.npy", array.substr(0, 130)}})), "member q.npy: 130 bytes");
  EXPECT_REFUSED(FileError, open_npz(npz({{"q.npy", array}}, {.encrypted = true})),
                 "member q.npy: is encrypted");
  EXPECT_REFUSED(FileError, open_npz(npz({{"q.npy", array}}, {.compression = ZIP_CM_BZIP2})), "by method 12");
}

TEST_F(NpzFile, ASizeThatDeflateCannotGiveIsRefused) {
  // Another length in both headers of a deflated member: 2 GB out of some hundred bytes.
  const Tensor zeros{{"q", DType::u8, {5000}}, std::vector<std::byte>(5000)};
  std::string archive = get(npz({{"q.npy", npy(zeros)}}, {.compression = ZIP_CM_DEFLATE}));
  const std::string length = {0x08, 0x14, 0, 0}, claimed = {0, 0, 0, 0x7f};  // 128 + 5000
  int replaced = 0;
  for (std::size_t at; (at = archive.find(length)) != std::string::npos; ++replaced)
    archive.replace(at, 4, claimed);
  ASSERT_EQ(replaced, 2);
  put(path("bomb.npz"), archive);
  EXPECT_REFUSED(FileError, open_npz(path("bomb.npz")), "member q.npy: cannot have 2130706432 bytes in");
}

TEST_F(NpzFile, DamagedDataAreFound) {
  const Tensor tensor = fixture_tensor(DType::f32, {8}, "q");
  write(path("x.npz"), {&tensor, 1});
  std::string archive = get(path("x.npz"));
  const std::string data(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
  const std::size_t at = archive.find(data);
  ASSERT_NE(at, std::string::npos);
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::string damaged = archive;
    damaged[at + i] = static_cast<char>(damaged[at + i] ^ 1);
    put(path("x.npz"), damaged);
    EXPECT_REFUSED(FileError, read(path("x.npz")), "CRC error");
  }
}

TEST_F(NpzFile, ANameGivenTwiceIsRefused) {
  const std::string array = npy(fixture_tensor(DType::f32, {3}, "q"));
  std::string archive = get(npz({{"q.npy", array}, {"k.npy", array}}));
  for (std::size_t at; (at = archive.find("k.npy")) != std::string::npos;) archive[at] = 'q';
  put(path("x.npz"), archive);
  EXPECT_REFUSED(FileError, open_npz(path("x.npz")), "bad ZIP archive");
}

TEST_F(NpzFile, NamesThatAreNotUtf8AreNotWritten) {
  const Tensor tensor = fixture_tensor(DType::f32, {1}, "\xff");
  EXPECT_REFUSED(InvalidArgument, write(path("x.npz"), {&tensor, 1}), "UTF-8");
  EXPECT_TRUE(listing().empty());
}

TEST_F(NpzFile, OtherFilesAreRefused) {
  put(path("x.npz"), "");
  EXPECT_REFUSED(FileError, open_npz(path("x.npz")), "bad ZIP archive");
  put(path("x.npz"), std::string(1000, 'P'));
  EXPECT_REFUSED(FileError, open_npz(path("x.npz")), "bad ZIP archive: Not a zip archive");
  put(path("x.npz"), "PK\5\6" + std::string(18, '\0'));  // no member at all
  EXPECT_TRUE(open_npz(path("x.npz"))->tensors().empty());
}

}  // namespace
}  // namespace attnlab::files
