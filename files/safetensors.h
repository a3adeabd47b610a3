// Hugging Face's .safetensors files (github.com/huggingface/safetensors, "Format"): 8 bytes of header length,
// a JSON header, the data.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>

#include "files/archive.h"

namespace attnlab::files {

// Validates the header as the format demands: its length, no name twice, known types, every tensor's size
// equal to what its type and shape need, and data that cover the file without hole or overlap. An unaligned
// beginning is legal. Throws FileError.
std::unique_ptr<Archive> open_safetensors(const std::filesystem::path& path);

// Writes tensors one by one, so that only one need be in memory: load(i) gives the tensor that tensors[i]
// announced. They are laid out by decreasing element size, hence every one is aligned. Throws FileError if
// the file cannot be written, InvalidArgument if a loaded tensor is not the announced one or a text is not
// UTF-8; the exceptions of load pass through.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorInfo> tensors,
                       const std::function<Tensor(std::size_t)>& load, const Metadata& metadata = {});

void write_safetensors(const std::filesystem::path& path, std::span<const Tensor> tensors,
                       const Metadata& metadata = {});

}  // namespace attnlab::files
