#include "files/tensor_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "files/input_file.h"
#include "files/npy.h"
#include "files/npz.h"
#include "files/safetensors.h"
#include "reference/core/errors.h"

namespace attnlab::files {
namespace {

std::optional<Format> format_of_extension(const std::filesystem::path& path) {
  std::string extension = path.extension();
  std::ranges::transform(extension, extension.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; });
  if (extension == ".npy") return Format::npy;
  if (extension == ".npz") return Format::npz;
  if (extension == ".safetensors") return Format::safetensors;
  return {};
}

Format format_of_content(const std::filesystem::path& path) {
  const InputFile file(path);
  std::string start(std::min<std::uint64_t>(file.size(), 9), '\0');
  file.read(0, std::as_writable_bytes(std::span(start)));
  if (start.starts_with("\x93NUMPY")) return Format::npy;
  if (start.starts_with("PK\x03\x04") || start.starts_with("PK\x05\x06")) return Format::npz;
  if (start.ends_with('{') && start.size() == 9) return Format::safetensors;
  throw FileError(path, "is neither a .npy, a .npz nor a .safetensors file");
}

}  // namespace

Format format_of(const std::filesystem::path& path) {
  if (const auto format = format_of_extension(path)) return *format;
  throw FileError(path, fmt::format("unknown extension \"{}\", expected .npy, .npz or .safetensors",
                                    path.extension().string()));
}

std::unique_ptr<Archive> open(const std::filesystem::path& path, std::optional<DType> raw_as) {
  const std::optional<Format> by_extension = format_of_extension(path);
  switch (by_extension ? *by_extension : format_of_content(path)) {
    case Format::npy:
      return open_npy(path, raw_as);
    case Format::npz:
      return open_npz(path, raw_as);
    case Format::safetensors:
      break;
  }
  return open_safetensors(path);
}

std::vector<Tensor> read(const std::filesystem::path& path, std::optional<DType> raw_as) {
  const std::unique_ptr<Archive> file = open(path, raw_as);
  std::vector<Tensor> tensors;
  for (const TensorInfo& info : file->tensors()) tensors.push_back(file->load(info.name));
  return tensors;
}

void write(const std::filesystem::path& path, std::span<const Tensor> tensors, const Metadata& metadata) {
  const Format format = format_of(path);
  if (format != Format::safetensors && !metadata.empty()) {
    throw InvalidArgument("metadata", fmt::format("{} entries", metadata.size()),
                          "none, outside .safetensors");
  }
  switch (format) {
    case Format::npy:
      if (tensors.size() != 1)
        throw InvalidArgument("tensors", fmt::format("{} tensors", tensors.size()), "one for a .npy file");
      return write_npy(path, tensors[0]);
    case Format::npz:
      return write_npz(path, tensors);
    case Format::safetensors:
      return write_safetensors(path, tensors, metadata);
  }
}

}  // namespace attnlab::files
