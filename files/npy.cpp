#include "files/npy.h"

#include <fmt/format.h>

#include <utility>

#include "files/input_file.h"
#include "files/npy_header.h"
#include "files/place.h"
#include "os/output_file.h"
#include "reference/core/shape.h"

namespace attnlab::files {
namespace {

class Npy : public Archive {
 public:
  Npy(std::unique_ptr<InputFile> file, NpyHeader header)
      : Archive(file->path(), {header.info}, {}), file_(std::move(file)), header_(std::move(header)) {}

 private:
  void read_data(std::size_t, std::span<std::byte> data) const override {
    if (!header_.fortran_order) return file_->read(header_.bytes, data);
    std::vector<std::byte> column_major(data.size());
    file_->read(header_.bytes, column_major);
    from_fortran_order(header_.info, column_major, data);
  }

  std::unique_ptr<InputFile> file_;
  NpyHeader header_;
};

}  // namespace

std::unique_ptr<Archive> open_npy(const std::filesystem::path& path, std::optional<DType> raw_as) {
  auto file = std::make_unique<InputFile>(path);
  const Place place{path, ""};
  std::uint64_t offset = 0;
  const auto read_next = [&](std::span<std::byte> bytes) {
    file->read(offset, bytes);
    offset += bytes.size();
  };
  NpyHeader header = read_npy_header(read_next, raw_as, place);
  header.info.name = path.stem();
  const std::uint64_t have = file->size() - header.bytes;
  const auto need = static_cast<std::uint64_t>(byte_count(header.info).value());
  if (have != need) {
    place.fail(fmt::format("{}: {} bytes of data, {} {} takes {}",
                           have < need ? "is truncated" : "is too long", have, name(header.info.dtype),
                           shape_text(header.info.shape), need));
  }
  return std::make_unique<Npy>(std::move(file), std::move(header));
}

void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  check_data(tensor);
  const std::string header = npy_header(tensor);
  os::OutputFile file(path);
  file.write(header);
  file.write(tensor.data);
  file.commit();
}

}  // namespace attnlab::files
