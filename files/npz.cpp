#include "files/npz.h"

#include <fmt/format.h>
#include <zip.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "files/input_file.h"
#include "files/npy_header.h"
#include "files/place.h"
#include "os/output_file.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::files {
namespace {

constexpr std::string_view kSuffix = ".npy";

struct DiscardArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Zip = std::unique_ptr<zip_t, DiscardArchive>;

struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};
using ZipMember = std::unique_ptr<zip_file_t, CloseMember>;

Zip open_zip(const std::string& path, int flags, const Place& place) {
  int code = 0;
  Zip archive(zip_open(path.c_str(), flags, &code));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string problem = zip_error_strerror(&error);
    zip_error_fini(&error);
    place.fail("bad ZIP archive: " + problem);
  }
  return archive;
}

struct Member {
  NpyHeader header;
  zip_uint64_t index;
  Place place;
};

// Reads one member from its start, in order.
class MemberReader {
 public:
  MemberReader(zip_t* archive, zip_uint64_t index, const Place& place)
      : file_(zip_fopen_index(archive, index, 0)), place_(place) {
    if (!file_) place.fail(zip_strerror(archive));
  }

  void read(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t got = read_some(bytes);
      if (got == 0) place_.fail("is truncated");
      bytes = bytes.subspan(got);
    }
  }

  // The archive's checksum is compared when the end is met.
  void expect_end() {
    std::array<std::byte, 1> beyond;
    if (read_some(beyond) != 0) place_.fail("is longer than its array");
  }

 private:
  std::size_t read_some(std::span<std::byte> bytes) {
    const zip_int64_t got = zip_fread(file_.get(), bytes.data(), bytes.size());
    if (got < 0) place_.fail(zip_file_strerror(file_.get()));
    return static_cast<std::size_t>(got);
  }

  ZipMember file_;
  const Place& place_;
};

class Npz : public Archive {
 public:
  Npz(const std::string& path, std::vector<TensorInfo> tensors, Zip zip, std::vector<Member> members)
      : Archive(path, std::move(tensors), {}), zip_(std::move(zip)), members_(std::move(members)) {}

 private:
  void read_data(std::size_t index, std::span<std::byte> data) const override {
    const Member& member = members_[index];
    MemberReader reader(zip_.get(), member.index, member.place);
    std::vector<std::byte> header(member.header.bytes);
    reader.read(header);
    if (member.header.fortran_order) {
      std::vector<std::byte> column_major(data.size());
      reader.read(column_major);
      from_fortran_order(member.header.info, column_major, data);
    } else {
      reader.read(data);
    }
    reader.expect_end();
  }

  Zip zip_;
  std::vector<Member> members_;
};

// What the archive says of a member, once it is believable.
zip_stat_t checked_stat(zip_t* zip, zip_uint64_t index, std::uint64_t file_bytes, Place& place) {
  zip_stat_t stat;
  if (zip_stat_index(zip, index, 0, &stat) != 0) place.fail(zip_strerror(zip));
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((stat.valid & kNeeded) != kNeeded) place.fail(fmt::format("member {} has no name or no size", index));
  place.part = fmt::format("member {}", stat.name);
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) && stat.encryption_method != ZIP_EM_NONE)
    place.fail("is encrypted");
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
    place.fail(fmt::format("is compressed by method {}, neither stored nor deflated", stat.comp_method));
  // Deflate spends at least two bits (a length, a distance) on 258 bytes, a factor of 1032.
  const std::uint64_t growth = stat.comp_method == ZIP_CM_STORE ? 1 : 1032;
  if (stat.comp_size > file_bytes || stat.size / growth > stat.comp_size)
    place.fail(fmt::format("cannot have {} bytes in {} compressed ones", stat.size, stat.comp_size));
  return stat;
}

}  // namespace

std::unique_ptr<Archive> open_npz(const std::filesystem::path& path, std::optional<DType> raw_as) {
  const std::uint64_t file_bytes = InputFile(path).size();  // refuses what is not a file, by its own message
  Zip zip = open_zip(path, ZIP_RDONLY | ZIP_CHECKCONS, {path, ""});
  std::vector<TensorInfo> tensors;
  std::vector<Member> members;
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(zip.get(), 0));
  for (zip_uint64_t i = 0; i < count; ++i) {
    Place place{path, ""};
    const zip_stat_t stat = checked_stat(zip.get(), i, file_bytes, place);
    std::string tensor_name = stat.name;
    if (!tensor_name.ends_with(kSuffix)) place.fail("is not a .npy array");
    tensor_name.resize(tensor_name.size() - kSuffix.size());

    MemberReader reader(zip.get(), i, place);
    NpyHeader header =
        read_npy_header([&](std::span<std::byte> bytes) { reader.read(bytes); }, raw_as, place);
    header.info.name = tensor_name;
    const auto data_bytes = static_cast<std::uint64_t>(byte_count(header.info).value());
    if (header.bytes > stat.size || stat.size - header.bytes != data_bytes) {
      place.fail(fmt::format("{} bytes, {} {} takes {} + {}", stat.size, name(header.info.dtype),
                             shape_text(header.info.shape), header.bytes, data_bytes));
    }
    tensors.push_back(header.info);
    members.push_back({std::move(header), i, std::move(place)});
  }
  return std::make_unique<Npz>(path, std::move(tensors), std::move(zip), std::move(members));
}

void write_npz(const std::filesystem::path& path, std::span<const Tensor> tensors) {
  check_tensors(std::vector<TensorInfo>(tensors.begin(), tensors.end()));
  std::vector<std::string> headers;  // the archive refers to them until it is closed
  for (const Tensor& tensor : tensors) {
    check_data(tensor);
    headers.push_back(npy_header(tensor));
  }

  os::OutputFile file(path);
  const Place place{path, ""};
  Zip zip = open_zip(file.temporary(), ZIP_CREATE | ZIP_TRUNCATE, place);
  const auto check = [&](bool succeeded) {
    if (!succeeded) place.fail(fmt::format("cannot be written: {}", zip_strerror(zip.get())));
  };
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    // Only read, though the library's type is not const.
    zip_buffer_fragment_t parts[] = {
        {reinterpret_cast<zip_uint8_t*>(headers[i].data()), headers[i].size()},
        {reinterpret_cast<zip_uint8_t*>(const_cast<std::byte*>(tensors[i].data.data())),
         tensors[i].data.size()}};
    zip_source_t* source = zip_source_buffer_fragment(zip.get(), parts, std::size(parts), 0);
    check(source != nullptr);
    const std::string member = tensors[i].name + std::string(kSuffix);
    const zip_int64_t added = zip_file_add(zip.get(), member.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (added < 0) zip_source_free(source);
    if (added < 0 && zip_error_code_zip(zip_get_error(zip.get())) == ZIP_ER_INVAL)
      throw InvalidArgument("tensors", "a name that is not UTF-8", "UTF-8, which .npz demands");
    check(added >= 0);
    const auto index = static_cast<zip_uint64_t>(added);
    check(zip_set_file_compression(zip.get(), index, ZIP_CM_STORE, 0) == 0);
    constexpr zip_uint16_t kMidnight = 0, kFirstDayOf1980 = 1 << 5 | 1;  // the earliest a ZIP archive can say
    check(zip_file_set_dostime(zip.get(), index, kMidnight, kFirstDayOf1980, 0) == 0);
  }
  check(zip_close(zip.get()) == 0);
  zip.release();  // closed: no longer ours
  file.commit();
}

}  // namespace attnlab::files
