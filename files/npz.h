// NumPy's .npz files: a ZIP archive of .npy members, as numpy.savez (stored) and savez_compressed (deflated)
// write.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "files/archive.h"

namespace attnlab::files {

// Tensor "q" is the member q.npy. raw_as as for open_npy, for every untyped member. Refuses encrypted
// members, other compressions, members that are not .npy, and sizes that no such compression could give.
// Throws FileError.
std::unique_ptr<Archive> open_npz(const std::filesystem::path& path, std::optional<DType> raw_as = {});

// Stored, and equal bytes for equal tensors (no time of writing). Throws FileError if the file cannot be
// written.
void write_npz(const std::filesystem::path& path, std::span<const Tensor> tensors);

}  // namespace attnlab::files
