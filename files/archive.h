// An open tensor file: what it holds is known, the data stay on disk until asked for.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/tensor.h"

namespace attnlab::files {

using Metadata = std::map<std::string, std::string>;

// Opening has validated the whole header: names are distinct and the data of every tensor lie within the
// file. One thread at a time.
class Archive {
 public:
  virtual ~Archive() = default;
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // in the order of the file
  const Metadata& metadata() const { return metadata_; }               // of .safetensors; empty for others

  bool contains(std::string_view name) const { return index_.contains(name); }

  // Both throw FileError for an unknown name (with the names there are); load also if the data cannot be read
  // or do not fit into memory.
  const TensorInfo& info(std::string_view name) const;
  Tensor load(std::string_view name) const;

 protected:
  Archive(std::string path, std::vector<TensorInfo> tensors, Metadata metadata);

 private:
  // Fills in the row-major data of tensors()[index].
  virtual void read_data(std::size_t index, std::span<std::byte> data) const = 0;
  std::size_t index_of(std::string_view name) const;

  std::string path_;
  std::vector<TensorInfo> tensors_;
  Metadata metadata_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

}  // namespace attnlab::files
