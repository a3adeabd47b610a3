#include "files/archive.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "reference/core/errors.h"

namespace attnlab::files {

Archive::Archive(std::string path, std::vector<TensorInfo> tensors, Metadata metadata)
    : path_(std::move(path)), tensors_(std::move(tensors)), metadata_(std::move(metadata)) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!index_.emplace(tensors_[i].name, i).second)
      throw FileError(path_, fmt::format("holds two tensors named \"{}\"", tensors_[i].name));
  }
}

std::size_t Archive::index_of(std::string_view name) const {
  if (const auto found = index_.find(name); found != index_.end()) return found->second;
  constexpr std::size_t kShown = 12;
  std::string names;
  for (std::size_t i = 0; i < tensors_.size() && i < kShown; ++i) names += (i ? ", " : "") + tensors_[i].name;
  if (tensors_.size() > kShown) names += fmt::format(", ... ({} in all)", tensors_.size());
  throw FileError(path_,
                  fmt::format("has no tensor \"{}\", only: {}", name, tensors_.empty() ? "none" : names));
}

const TensorInfo& Archive::info(std::string_view name) const { return tensors_[index_of(name)]; }

Tensor Archive::load(std::string_view name) const {
  const std::size_t index = index_of(name);
  Tensor tensor{tensors_[index], {}};
  const auto bytes = static_cast<std::size_t>(byte_count(tensor).value());
  try {
    tensor.data.resize(bytes);
  } catch (const std::bad_alloc&) {
    throw FileError(path_, fmt::format("tensor \"{}\" of {} bytes does not fit into memory", name, bytes));
  }
  read_data(index, tensor.data);
  return tensor;
}

}  // namespace attnlab::files
