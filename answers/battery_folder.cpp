#include "answers/battery_folder.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "answers/battery_process.h"
#include "answers/json.h"
#include "files/npy.h"
#include "os/output_file.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::answers {
namespace {

namespace fs = std::filesystem;
using attention::Problem;
using oracle::Call;

std::size_t bytes_of(DType dtype) { return static_cast<std::size_t>(bits(dtype)) / 8; }

// NumPy knows neither bfloat16 nor FP8: their bit patterns, as unsigned integers.
DType file_type(DType dtype) {
  if (dtype == DType::bf16) return DType::u16;
  return bits(dtype) == 8 ? DType::u8 : dtype;
}

std::vector<Index> shape_of(Index batch, Index heads, Index rows, Index dim, bool bshd) {
  return bshd ? std::vector<Index>{batch, rows, heads, dim} : std::vector<Index>{batch, heads, rows, dim};
}
std::vector<Index> lse_shape(const OutputTensor& t) { return {t.batch, t.heads, t.seqlen}; }

// Calls body(b, h, i, byte offset of the row in the file).
template <class T, class Body>
void for_rows(const T& t, bool bshd, std::size_t element, const Body& body) {
  for (Index b = 0; b < t.batch; ++b) {
    for (Index h = 0; h < t.heads; ++h) {
      for (Index i = 0; i < t.seqlen; ++i) {
        const Index row = bshd ? (b * t.seqlen + i) * t.heads + h : (b * t.heads + h) * t.seqlen + i;
        body(b, h, i, static_cast<std::size_t>(row * t.dim) * element);
      }
    }
  }
}

// A tensor as it lies there: a paged cache is [pages, heads, rows a page, dim].
Tensor stored(Tensor t) {
  if (!t.paged()) return t;
  t.batch = t.num_pages, t.seqlen = t.page_size;
  t.block_table = nullptr;
  return t;
}

template <class T>
const std::byte* row_in_memory(const T& t, Index b, Index h, Index i) {
  const Index element = b * t.batch_stride + h * t.head_stride + i * t.row_stride;
  return static_cast<const std::byte*>(t.data) + static_cast<std::size_t>(element) * bytes_of(t.dtype);
}

void write_tensor(const Tensor& given, bool bshd, bool is_lse, const fs::path& folder, const char* name) {
  if (!given) return;
  const Tensor t = stored(given);
  files::Tensor file;
  file.name = name;
  file.dtype = file_type(t.dtype);
  file.shape = is_lse ? std::vector<Index>{t.batch, t.heads, t.seqlen}
                      : shape_of(t.batch, t.heads, t.seqlen, t.dim, bshd);
  const std::size_t element = bytes_of(t.dtype), row = element * static_cast<std::size_t>(t.dim);
  file.data.resize(static_cast<std::size_t>(t.batch * t.heads * t.seqlen) * row);
  for_rows(t, bshd && !is_lse, element, [&](Index b, Index h, Index i, std::size_t to) {
    std::memcpy(file.data.data() + to, row_in_memory(t, b, h, i), row);
  });
  files::write_npy(folder / (std::string(name) + ".npy"), file);
  if (t.scale) {
    std::vector<float> scales;
    for (Index b = 0; b < t.scale.batch; ++b) {
      for (Index h = 0; h < t.heads; ++h) {
        const auto& s = t.scale;
        scales.push_back(
            s.data[(s.batch == 1 ? 0 : b * s.batch_stride) + (s.heads == 1 ? 0 : h * s.head_stride)]);
      }
    }
    files::write_npy(
        folder / (std::string(name) + "_scale.npy"),
        files::Tensor::from(std::span<const float>(scales), {t.scale.batch, t.heads}, DType::f32, name));
  }
}

Json list_or_null(const std::vector<Index>& values) { return values.empty() ? Json(nullptr) : Json(values); }

Json problem_json(const Call& call, bool bshd) {
  const Problem& p = call.problem;
  const OutputTensor& output = call.backward() ? call.dq : call.o;
  const auto side = [](const std::optional<Index>& bound) { return bound ? Json(*bound) : Json(nullptr); };
  Json json;
  json["format"] = 1;
  json["pass"] = call.backward() ? "backward" : "forward";
  json["layout"] = bshd ? "bshd" : "bhsd";
  json["dtype"] = name(call.q.dtype);
  json["output_dtype"] = name(output.dtype);
  json["batch"] = p.batch;
  json["num_heads"] = p.num_heads;
  json["num_kv_heads"] = p.num_kv_heads;
  json["seqlen_q"] = p.seqlen_q;
  json["seqlen_kv"] = p.seqlen_kv;
  json["head_dim"] = p.head_dim;
  json["head_dim_v"] = p.head_dim_v;
  json["scale"] = p.scale();
  json["causal"] = p.causal;
  json["window"] = {side(p.window.left), side(p.window.right)};
  json["softcap"] = p.softcap;
  json["alibi_slopes"] = p.alibi_slopes.empty() ? Json(nullptr) : Json(p.alibi_slopes);
  json["sinks"] = p.sinks.empty() ? Json(nullptr) : Json(p.sinks);
  json["q_lens"] = list_or_null(p.q_lens);
  json["kv_lens"] = list_or_null(p.kv_lens);
  json["cu_seqlens_q"] = list_or_null(p.cu_seqlens_q);
  json["cu_seqlens_kv"] = list_or_null(p.cu_seqlens_kv);
  json["page_size"] = call.k.paged() ? Json(call.k.page_size) : Json(nullptr);
  json["dropout"] = p.dropout.p == 0
                        ? Json(nullptr)
                        : Json{{"p", p.dropout.p}, {"seed", p.dropout.seed}, {"offset", p.dropout.offset}};
  json["outputs"] = Json::array();
  for (const auto& [wanted, file] : {std::pair{static_cast<bool>(call.o), "o.npy"},
                                     {static_cast<bool>(call.lse), "lse.npy"},
                                     {static_cast<bool>(call.dq), "dq.npy"},
                                     {static_cast<bool>(call.dk), "dk.npy"},
                                     {static_cast<bool>(call.dv), "dv.npy"}}) {
    if (wanted) json["outputs"].push_back(file);
  }
  return json;
}

// The page table [batch, pages a sequence], one for K and V.
void write_block_table(const Call& call, const fs::path& path) {
  if (!call.k.paged()) return;
  files::Tensor file;
  file.dtype = DType::i32;
  file.shape = {call.problem.batch, call.k.block_table_stride};
  file.data.resize(static_cast<std::size_t>(call.problem.batch * call.k.block_table_stride) *
                   sizeof(std::int32_t));
  std::memcpy(file.data.data(), call.k.block_table, file.data.size());
  files::write_npy(path, file);
}

// A mask or bias, with its extents of 1.
template <class T>
void write_broadcast(const BroadcastView<T>& view, DType dtype, const fs::path& path) {
  if (!view) return;
  files::Tensor file;
  file.dtype = dtype;
  file.shape = {view.batch, view.heads, view.rows, view.cols};
  file.data.resize(static_cast<std::size_t>(view.batch * view.heads * view.rows * view.cols) * sizeof(T));
  std::byte* to = file.data.data();
  for (Index b = 0; b < view.batch; ++b) {
    for (Index h = 0; h < view.heads; ++h) {
      for (Index i = 0; i < view.rows; ++i) {
        for (Index j = 0; j < view.cols; ++j, to += sizeof(T)) {
          const T* from = view.data + b * view.batch_stride + h * view.head_stride + i * view.row_stride;
          std::memcpy(to, from + j * view.col_stride, sizeof(T));
        }
      }
    }
  }
  files::write_npy(path, file);
}

void read_output(const OutputTensor& t, bool bshd, bool is_lse, const fs::path& folder, const char* name) {
  if (!t) return;
  const fs::path path = folder / (std::string(name) + ".npy");
  if (!fs::exists(path)) throw FileError(path.filename(), "was not written");
  const auto archive = files::open_npy(path, t.dtype);
  files::Tensor file = archive->load(archive->tensors().front().name);
  const std::vector<Index> expected =
      is_lse ? lse_shape(t) : shape_of(t.batch, t.heads, t.seqlen, t.dim, bshd);
  if (file.shape != expected) {
    throw FileError(path.filename(), fmt::format("has the shape {}, expected {}", shape_text(file.shape),
                                                 shape_text(expected)));
  }
  if (file.dtype == file_type(t.dtype)) file.dtype = t.dtype;  // bit patterns
  if (!is_float(file.dtype)) {
    throw FileError(path.filename(), fmt::format("holds {}, expected {} or a wider floating-point type",
                                                 attnlab::name(file.dtype), attnlab::name(t.dtype)));
  }
  const std::size_t element = bytes_of(t.dtype), row = element * static_cast<std::size_t>(t.dim);
  if (file.dtype != t.dtype) {
    file = files::Tensor::from(std::span<const double>(file.to_double()), file.shape, t.dtype, name);
  }
  for_rows(t, bshd && !is_lse, element, [&](Index b, Index h, Index i, std::size_t from) {
    std::memcpy(const_cast<std::byte*>(row_in_memory(t, b, h, i)), file.data.data() + from, row);
  });
}

std::vector<std::string> with_folder(std::vector<std::string> words, const fs::path& folder) {
  constexpr std::string_view kPlace = "{dir}";
  for (std::string& word : words) {
    for (std::size_t at = word.find(kPlace); at != std::string::npos;
         at = word.find(kPlace, at + folder.string().size())) {
      word.replace(at, kPlace.size(), folder.string());
    }
  }
  return words;
}

// A problem whose files do not fit is none for this program.
void require_space(const Call& call, const fs::path& folder) {
  double needed = 0;
  const auto add = [&](const auto& t) {
    needed +=
        static_cast<double>(t.batch * t.heads * t.seqlen * t.dim) * static_cast<double>(bytes_of(t.dtype));
  };
  for (const Tensor* t : {&call.q, &call.k, &call.v, &call.dout, &call.saved_o, &call.saved_lse}) add(*t);
  for (const OutputTensor* t : {&call.o, &call.lse, &call.dq, &call.dk, &call.dv}) add(*t);
  const auto free = static_cast<double>(fs::space(folder).available);
  if (needed < free) return;
  throw oracle::Unsupported(fmt::format("its files take {:.1f} GB, {} has {:.1f} GB", needed / 1e9,
                                        folder.parent_path().string(), free / 1e9));
}

void run(const FolderKernelOptions& options, const Call& call, const fs::path& folder) {
  require_space(call, folder);
  write_call(call, options.bshd, folder);
  const ProcessEnd end =
      run_program(with_folder(options.words, folder), options.limit_s, folder / "stderr.txt");
  if (end.timed_out) throw std::runtime_error(fmt::format("no answer within {} s", options.limit_s));
  if (end.exit_code == kDeclined) {
    throw oracle::Unsupported(end.last_error.empty() ? "the program's exit code is 3" : end.last_error);
  }
  if (end.exit_code != 0) {
    const int signal = end.exit_code > 128 && end.exit_code < 160 ? end.exit_code - 128 : 0;
    const char* signal_text = signal != 0 ? strsignal(signal) : nullptr;
    throw std::runtime_error(fmt::format("exit code {}{}{}{}", end.exit_code,
                                         signal_text != nullptr ? fmt::format(" ({})", signal_text) : "",
                                         end.last_error.empty() ? "" : ": ", end.last_error));
  }
  read_outputs(call, options.bshd, folder);
}

}  // namespace

void write_call(const Call& call, bool bshd, const fs::path& folder) {
  for (const auto& [tensor, name] : {std::pair{&call.q, "q"},
                                     {&call.k, "k"},
                                     {&call.v, "v"},
                                     {&call.dout, "dout"},
                                     {&call.saved_o, "o"}}) {
    write_tensor(*tensor, bshd, false, folder, name);
  }
  write_tensor(call.saved_lse, bshd, true, folder, "lse");
  write_block_table(call, folder / "block_table.npy");
  write_broadcast(call.problem.mask, DType::boolean, folder / "mask.npy");
  write_broadcast(call.problem.bias, DType::f32, folder / "bias.npy");
  os::OutputFile file(folder / "problem.json");
  file.write(dump(problem_json(call, bshd)));
  file.commit();
}

void read_outputs(const Call& call, bool bshd, const fs::path& folder) {
  read_output(call.o, bshd, false, folder, "o");
  read_output(call.lse, bshd, true, folder, "lse");
  read_output(call.dq, bshd, false, folder, "dq");
  read_output(call.dk, bshd, false, folder, "dk");
  read_output(call.dv, bshd, false, folder, "dv");
}

oracle::Kernel folder_kernel(const FolderKernelOptions& options, const fs::path& place, bool keep) {
  const auto calls = std::make_shared<int>(0);
  return [=](const Call& call) {
    const fs::path folder = place / fmt::format("call-{}", ++*calls);
    fs::create_directories(folder);
    struct Removal {
      const fs::path& folder;
      bool keep;
      ~Removal() {
        std::error_code ignored;
        if (!keep) fs::remove_all(folder, ignored);
      }
    } removal{folder, keep};
    run(options, call, folder);
  };
}

}  // namespace attnlab::answers
