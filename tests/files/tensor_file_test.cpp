// Does the right reader or writer get each path, does a failed write leave the old file, and is every bad
// path refused?
#include "files/tensor_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <string>
#include <vector>

#include "os/output_file.h"
#include "reference/core/errors.h"
#include "tests/files/fixtures.h"
#include "tests/files/refusal.h"
#include "tests/files/temporary_folder.h"

namespace attnlab::files {
namespace {

using Names = std::set<std::string>;
constexpr const char* kExtensions[] = {".npy", ".npz", ".safetensors"};

class TensorFile : public TemporaryFolder {
 protected:
  const Tensor q_ = fixture_tensor(DType::f32, {2, 3}, "q");
  const Tensor k_ = fixture_tensor(DType::bf16, {4}, "k");
};

// No file of this process grows beyond so many bytes: the disk is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{bytes, old_limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int);
};

TEST_F(TensorFile, ExtensionsChooseTheFormatInAnyCase) {
  EXPECT_EQ(format_of("a/q.npy"), Format::npy);
  EXPECT_EQ(format_of("q.NPZ"), Format::npz);
  EXPECT_EQ(format_of("model.v2.SafeTensors"), Format::safetensors);
  for (const char* other : {"q", "q.txt", "npy", ".npy", "q.npy/", ""}) {
    EXPECT_REFUSED(FileError, format_of(other), "expected .npy, .npz or .safetensors");
  }
}

TEST_F(TensorFile, ContentChoosesTheFormatElsewhere) {
  for (const char* extension : kExtensions) {
    write(path(std::string("x") + extension), {&q_, 1});
    std::filesystem::rename(path(std::string("x") + extension), path("x.bin"));
    EXPECT_EQ(read(path("x.bin")).at(0).data, q_.data) << extension;
  }
  put(path("x.bin"), "neither");
  EXPECT_REFUSED(FileError, read(path("x.bin")), "is neither a .npy, a .npz nor a .safetensors file");
  put(path("x.bin"), "");
  EXPECT_REFUSED(FileError, read(path("x.bin")), "is neither");
}

TEST_F(TensorFile, AnExtensionIsBelieved) {
  write(path("x.npy"), {&q_, 1});
  std::filesystem::rename(path("x.npy"), path("x.npz"));
  EXPECT_REFUSED(FileError, open(path("x.npz")), "bad ZIP archive");
}

TEST(Archive, HoldsDistinctNames) {
  class Two : public Archive {
   public:
    Two(const char* first, const char* second)
        : Archive("x", {{first, DType::u8, {}}, {second, DType::u8, {}}}, {}) {}

   private:
    void read_data(std::size_t, std::span<std::byte>) const override {}
  };
  EXPECT_EQ(Two("q", "k").tensors().size(), 2u);
  EXPECT_REFUSED(FileError, Two("q", "q"), "x: holds two tensors named \"q\"");
}

TEST_F(TensorFile, UnknownNamesAreRefusedWithTheKnownOnes) {
  write(path("x.safetensors"), std::vector{q_, k_});
  const auto file = open(path("x.safetensors"));
  EXPECT_TRUE(file->contains("q"));
  EXPECT_FALSE(file->contains("v"));
  EXPECT_REFUSED(FileError, file->load("v"), "has no tensor \"v\", only: q, k");
  EXPECT_REFUSED(FileError, file->info(""), "has no tensor \"\"");
  std::vector<Tensor> many(100, q_);
  for (std::size_t i = 0; i < many.size(); ++i) many[i].name = std::to_string(i);
  write(path("x.npz"), many);
  EXPECT_REFUSED(FileError, open(path("x.npz"))->load("v"), "9, 10, 11, ... (100 in all)");
}

TEST_F(TensorFile, PathsThatAreNoFilesAreRefused) {
  for (const char* extension : kExtensions) {
    const auto file = path(std::string("x") + extension);
    EXPECT_REFUSED(FileError, open(file), file.string() + ": cannot be opened: No such file");
    std::filesystem::create_directory(file);
    EXPECT_REFUSED(FileError, open(file), file.string() + ": is a directory");
    EXPECT_REFUSED(FileError, write(file, {&q_, 1}), file.string() + ": is a directory");
    EXPECT_REFUSED(FileError, os::check_writable(file), file.string() + ": is a directory");
    std::filesystem::remove(file);
    ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
    EXPECT_REFUSED(FileError, open(file), "is not a regular file");  // and does not wait for a writer
    EXPECT_REFUSED(FileError, write(file, {&q_, 1}), "is not a regular file");
    std::filesystem::remove(file);

    const auto nowhere = path(std::string("missing/x") + extension);
    EXPECT_REFUSED(FileError, write(nowhere, {&q_, 1}),
                   nowhere.string() + ": cannot be written: No such file");
    EXPECT_REFUSED(FileError, os::check_writable(nowhere), "cannot be written: No such file");
  }
  EXPECT_REFUSED(FileError, write(path("x.txt"), {&q_, 1}), "unknown extension \".txt\"");
  EXPECT_TRUE(listing().empty());
}

TEST_F(TensorFile, TensorsThatCannotBeWrittenAreRefused) {
  Tensor cut = q_, untyped = q_, nameless = q_, nul = q_;
  cut.data.pop_back();
  untyped.dtype = DType::int4;
  nameless.name = "";
  nul.name = std::string("a\0b", 3);
  for (const char* extension : kExtensions) {
    const auto file = path(std::string("x") + extension);
    EXPECT_REFUSED(InvalidArgument, write(file, {&cut, 1}), "tensor: got 23 bytes");
    EXPECT_REFUSED(InvalidArgument, write(file, {&untyped, 1}), "int4");
    EXPECT_REFUSED(InvalidArgument, write(file, {}), "tensors: got ");
  }
  for (const char* extension : {".npz", ".safetensors"}) {
    const auto file = path(std::string("x") + extension);
    EXPECT_REFUSED(InvalidArgument, write(file, std::vector{q_, k_, q_}), "two named \"q\"");
    EXPECT_REFUSED(InvalidArgument, write(file, {&nameless, 1}), "usable name");
    EXPECT_REFUSED(InvalidArgument, write(file, {&nul, 1}), "usable name");
  }
  EXPECT_REFUSED(InvalidArgument, write(path("x.npy"), std::vector{q_, k_}), "got 2 tensors, expected one");
  EXPECT_REFUSED(InvalidArgument, write(path("x.npz"), {&q_, 1}, {{"a", "b"}}), "metadata: got 1 entries");
  write(path("x.npy"), {&nameless, 1});  // a .npy keeps no name
  EXPECT_EQ(listing(), Names{"x.npy"});
}

TEST_F(TensorFile, AFailedWriteLeavesTheOldFile) {
  const Tensor large = fixture_tensor(DType::f64, {100'000}, "q");
  for (const char* extension : kExtensions) {
    const std::string file = std::string("x") + extension;
    write(path(file), {&q_, 1});
    const std::string before = get(path(file));
    {
      const FullDisk full(100'000);
      EXPECT_REFUSED(FileError, write(path(file), {&large, 1}), path(file).string() + ": cannot be written");
      EXPECT_REFUSED(FileError, write(path("new" + file), {&large, 1}), "cannot be written");
    }
    EXPECT_EQ(get(path(file)), before);
    EXPECT_EQ(listing(), Names{file});
    write(path(file), {&large, 1});
    EXPECT_EQ(read(path(file)).at(0).data, large.data);
    std::filesystem::remove(path(file));
  }
}

TEST_F(TensorFile, AnUnfinishedFileIsNotThere) {
  put(path("x.csv"), "old");
  {
    os::OutputFile file(path("x.csv"));
    file.write("new");
    EXPECT_EQ(get(path("x.csv")), "old");
    EXPECT_EQ(listing().size(), 2u);
  }
  EXPECT_EQ(get(path("x.csv")), "old");
  EXPECT_EQ(listing(), Names{"x.csv"});
  os::OutputFile file(path("x.csv"));
  file.write("new");
  file.commit();
  EXPECT_EQ(get(path("x.csv")), "new");
  EXPECT_EQ(listing(), Names{"x.csv"});
}

TEST_F(TensorFile, CheckingTouchesNothing) {
  put(path("x.npy"), "old");
  os::check_writable(path("x.npy"));
  os::check_writable(path("y.npy"));
  EXPECT_EQ(get(path("x.npy")), "old");
  EXPECT_EQ(listing(), Names{"x.npy"});
}

TEST_F(TensorFile, NewFilesHaveTheUsualPermissions) {
  const mode_t mask = umask(027);
  for (const char* extension : kExtensions) {
    const auto file = path(std::string("x") + extension);
    write(file, {&q_, 1});
    struct stat status {};
    ASSERT_EQ(stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0640u) << extension;
  }
  umask(mask);
}

TEST_F(TensorFile, WritingThroughALinkKeepsTheLink) {
  for (const char* extension : kExtensions) {
    const auto link = path(std::string("link") + extension), target = path(std::string("target") + extension);
    put(target, "old");
    std::filesystem::create_symlink(target.filename(), link);
    write(link, {&q_, 1});
    EXPECT_TRUE(std::filesystem::is_symlink(link));
    EXPECT_EQ(read(target).at(0).data, q_.data);
  }
}

// A checkpoint may be converted onto itself.
TEST_F(TensorFile, AnOpenFileCanBeReplaced) {
  for (const char* extension : kExtensions) {
    const auto file = path(std::string("q") + extension);
    write(file, {&q_, 1});
    const auto open_file = open(file);
    Tensor other = q_;
    other.data.assign(other.data.size(), std::byte{9});
    write(file, {&other, 1});
    EXPECT_EQ(open_file->load("q").data, q_.data) << extension;
    EXPECT_EQ(read(file).at(0).data, other.data) << extension;
  }
}

}  // namespace
}  // namespace attnlab::files
