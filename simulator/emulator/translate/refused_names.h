// CUDA's names that the emulator does not have: one list, so that a program which uses one is refused with
// that name and its line before a C++ compiler finds it strange.
#pragma once

#include <string>
#include <string_view>

namespace attnlab::emulator::translate {

// Where a name may stand: anywhere, or in device code alone.
enum class Where { anywhere, device_code };

// What the name belongs to ("graphs"), or nothing if it is not on the list. call: a ( or < follows it.
std::string_view refused_name(std::string_view name, Where where, bool call, bool qualified);

// The same of what g++ or clang++ said when it preprocessed a file: the header of a library that is not
// there. Throws FileError with the line of the #include, or returns.
void refuse_headers(const std::string& said);

}  // namespace attnlab::emulator::translate
