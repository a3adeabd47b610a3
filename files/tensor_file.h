// Tensor files of every format, by path: .npy, .npz and .safetensors.
//
//   for (const Tensor& t : files::read("q.npz")) ...          // everything
//   const auto file = files::open("model.safetensors");      // the header only
//   const Tensor q = file->load("layers.0.q_proj.weight");   // one tensor
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "files/archive.h"

namespace attnlab::files {

enum class Format { npy, npz, safetensors };

// The format of the path's extension, in any case. Throws FileError for another one.
Format format_of(const std::filesystem::path& path);

// Opens by extension, and by the first bytes where the extension is another one. raw_as: the type of elements
// that a .npy or .npz leaves untyped, as ml_dtypes' bfloat16 and FP8 arrays saved by NumPy are. Throws
// FileError.
std::unique_ptr<Archive> open(const std::filesystem::path& path, std::optional<DType> raw_as = {});

// Every tensor of the file, in its order.
std::vector<Tensor> read(const std::filesystem::path& path, std::optional<DType> raw_as = {});

// Writes by extension: the whole file, or none and the old one stays. A .npy holds exactly one tensor, whose
// name is not kept; names in the others must be distinct and not empty; only .safetensors holds metadata.
// Throws InvalidArgument for tensors that cannot be written so, FileError for a path that cannot.
void write(const std::filesystem::path& path, std::span<const Tensor> tensors, const Metadata& metadata = {});

}  // namespace attnlab::files
