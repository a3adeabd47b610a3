// NumPy's .npy files: one array.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "files/archive.h"

namespace attnlab::files {

// The one tensor is named after the file: "q" in q.npy. raw_as: the type of elements that the file leaves
// untyped (see npy_header.h). Bytes after the array are refused. Throws FileError.
std::unique_ptr<Archive> open_npy(const std::filesystem::path& path, std::optional<DType> raw_as = {});

// Throws FileError if the file cannot be written.
void write_npy(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace attnlab::files
