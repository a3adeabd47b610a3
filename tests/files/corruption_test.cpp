// Does any damage to a file crash a reader, or get past it with tensors of the wrong size?
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "files/tensor_file.h"
#include "reference/core/errors.h"
#include "tests/files/fixtures.h"
#include "tests/files/temporary_folder.h"

namespace attnlab::files {
namespace {

class Corruption : public TemporaryFolder {
 protected:
  // Whether the bytes are read as tensors. Anything but a FileError, or a tensor whose data do not fit, fails
  // the test.
  bool is_read(const std::string& bytes, const std::string& extension) const {
    const auto file = path("damaged" + extension);
    put(file, bytes);
    try {
      for (const Tensor& tensor : read(file, DType::bf16)) {
        EXPECT_EQ(byte_count(tensor), static_cast<Index>(tensor.data.size()));
        EXPECT_EQ(tensor.to_double().size(), static_cast<std::size_t>(element_count(tensor.shape).value()));
      }
      return true;
    } catch (const FileError& error) {
      EXPECT_EQ(error.path(), file);
      return false;
    }
  }

  // Files of every kind of header, as bytes.
  std::vector<std::pair<std::string, std::string>> samples() const {
    std::vector<std::pair<std::string, std::string>> all;
    for (const char* name : {"fortran.npy", "version2.npy", "bf16.npy"})
      all.emplace_back(".npy", get(fixture(name)));
    const std::vector<Tensor> two = {fixture_tensor(DType::f32, {2, 3}, "q"),
                                     fixture_tensor(DType::u8, {}, "k")};
    for (const char* extension : {".npz", ".safetensors"}) {
      write(path(std::string("whole") + extension), two);
      all.emplace_back(extension, get(path(std::string("whole") + extension)));
    }
    all.emplace_back(".npz", get(fixture("deflated.npz")));
    all.emplace_back(".safetensors", get(fixture("all_types.safetensors")));
    return all;
  }
};

TEST_F(Corruption, TheSamplesThemselvesAreRead) {
  for (const auto& [extension, bytes] : samples()) EXPECT_TRUE(is_read(bytes, extension)) << extension;
}

TEST_F(Corruption, EveryTruncationIsRefused) {
  for (const auto& [extension, bytes] : samples()) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      ASSERT_FALSE(is_read(bytes.substr(0, length), extension)) << extension << ' ' << length;
    }
  }
}

TEST_F(Corruption, EveryAppendedByteIsRefused) {
  for (const auto& [extension, bytes] : samples())
    EXPECT_FALSE(is_read(bytes + '\0', extension)) << extension;
}

// Headers, and the data for good measure.
TEST_F(Corruption, EveryChangedByteIsRefusedOrHarmless) {
  for (const auto& [extension, bytes] : samples()) {
    int refused = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (int flip : {0x01, 0x10, 0x80, 0xff}) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        refused += is_read(damaged, extension) ? 0 : 1;
        ASSERT_FALSE(HasFailure()) << extension << ' ' << at << ' ' << flip;
      }
    }
    EXPECT_GT(refused, 100) << extension;
  }
}

}  // namespace
}  // namespace attnlab::files
