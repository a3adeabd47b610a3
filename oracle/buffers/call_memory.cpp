#include "oracle/buffers/call_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "reference/core/blocks.h"
#include "reference/core/errors.h"
#include "reference/core/random.h"

namespace attnlab::oracle {
namespace {

constexpr const char* kNameTexts[] = {"q", "k",   "v",  "dout", "saved_o", "saved_lse",
                                      "o", "lse", "dq", "dk",   "dv"};

std::size_t bytes_of(DType dtype) { return static_cast<std::size_t>(bits(dtype)) / 8; }

void store(DType dtype, double value, std::byte* to) {
  if (dtype == DType::f32) {
    const auto narrow = static_cast<float>(value);
    std::memcpy(to, &narrow, sizeof narrow);
  } else {
    const std::uint64_t pattern = encode(dtype, value);
    std::memcpy(to, &pattern, bytes_of(dtype));  // little endian, as everything here
  }
}

}  // namespace

CallMemory::CallMemory(const attention::Problem& problem, DType dtype, const MemoryOptions& options)
    : problem_(problem), dtype_(dtype), options_(options) {
  if (!possible(options.layout, problem)) {
    throw InvalidArgument("layout", name(options.layout), "one that suits the problem");
  }
  if (options.page_size != 0 && options.backward) {
    throw InvalidArgument("page_size", std::to_string(options.page_size), "0 in a backward pass");
  }
  place();
  arena_.emplace(regions_, options.poison);
  for (Slot& slot : slots_) {
    if (slot.present)
      slot.data = arena_->data(slot.region) + static_cast<std::size_t>(slot.first) * bytes_of(slot.dtype);
  }
}

void CallMemory::place() {
  const attention::Problem& p = problem_;
  const DType out = output_type(dtype_);
  add(q, dtype_, true, p.num_heads, p.head_dim);
  add(k, dtype_, false, p.num_kv_heads, p.head_dim);
  add(v, dtype_, false, p.num_kv_heads, p.head_dim_v);
  if (options_.page_size != 0) add_pages();
  if (options_.backward) {
    add(dout, out, true, p.num_heads, p.head_dim_v);
    add(saved_o, out, true, p.num_heads, p.head_dim_v);
    add(saved_lse, lse_type(dtype_), true, p.num_heads, 1);
    add(dq, out, true, p.num_heads, p.head_dim);
    add(dk, out, false, p.num_kv_heads, p.head_dim);
    add(dv, out, false, p.num_kv_heads, p.head_dim_v);
  } else {
    add(o, out, true, p.num_heads, p.head_dim_v);
    if (options_.lse) add(lse, lse_type(dtype_), true, p.num_heads, 1);
  }
  if (options_.layout == Layout::qkv && options_.page_size == 0) {
    lay_out_qkv(q);
    if (options_.backward) lay_out_qkv(dq);
  }
  for (int n = 0; n < kNames; ++n) {
    Slot& slot = slots_[static_cast<std::size_t>(n)];
    const bool laid_out = slot.row_stride != 0;
    if (!slot.present || laid_out) continue;
    const bool row_numbers = n == lse || n == saved_lse;
    lay_out(slot, row_numbers                      ? Layout::bhsd
                  : options_.layout == Layout::qkv ? Layout::bshd
                                                   : options_.layout);
  }
  if (bits(dtype_) == 8) {
    for (std::size_t n = 0; n < 3; ++n) {
      scale_region_[n] = region_of(problem_.tensor_batches() * slots_[n].heads, DType::f32);
    }
  }
}

// Pages of all sequences in a random order, and one that belongs to nobody.
void CallMemory::add_pages() {
  const attention::Problem& p = problem_;
  const auto pages_of = [&](Index b) { return ceil_div(p.kv_rows(b).size, options_.page_size); };
  pages_a_sequence_ = 1, num_pages_ = 0;
  for (Index b = 0; b < p.batch; ++b) {
    pages_a_sequence_ = std::max(pages_a_sequence_, pages_of(b));
    num_pages_ += pages_of(b);
  }
  std::vector<std::int32_t> order(static_cast<std::size_t>(num_pages_));
  std::iota(order.begin(), order.end(), 0);
  Random random(options_.seed, 12);
  for (std::size_t n = order.size(); n > 1; --n)
    std::swap(order[n - 1], order[static_cast<std::size_t>(random.below(static_cast<Index>(n)))]);
  page_table_.assign(static_cast<std::size_t>(p.batch * pages_a_sequence_),
                     static_cast<std::int32_t>(num_pages_));
  std::size_t next = 0;
  for (Index b = 0; b < p.batch; ++b) {
    for (Index n = 0; n < pages_of(b); ++n)
      page_table_[static_cast<std::size_t>(b * pages_a_sequence_ + n)] = order[next++];
  }
  ++num_pages_;
  for (const Name name : {k, v}) slots_[name].batch = num_pages_, slots_[name].rows = options_.page_size;
  page_table_region_ = region_of(static_cast<Index>(page_table_.size()), DType::i32);
}

void CallMemory::add(Name name, DType dtype, bool queries, Index heads, Index dim) {
  Slot& slot = slots_[name];
  slot.present = true;
  slot.queries = queries;
  slot.dtype = dtype;
  slot.batch = problem_.tensor_batches();
  slot.heads = heads;
  slot.rows = queries ? problem_.tensor_rows_q() : problem_.tensor_rows_kv();
  slot.dim = dim;
}

std::size_t CallMemory::region_of(Index elements, DType dtype, std::size_t slabs, Index slab_stride) {
  regions_.push_back({static_cast<std::size_t>(elements) * bytes_of(dtype), slabs,
                      static_cast<std::size_t>(slab_stride) * bytes_of(dtype)});
  return regions_.size() - 1;
}

void CallMemory::lay_out(Slot& s, Layout layout) {
  constexpr Index kColumnGap = 16, kRowGap = 3, kFar = (Index{1} << 32) + (Index{1} << 20);
  s.row_stride = s.dim;
  s.head_stride = s.rows * s.dim;
  s.batch_stride = s.heads * s.head_stride;
  if (layout == Layout::bshd) {
    s.head_stride = s.dim;
    s.row_stride = s.heads * s.dim;
  } else if (layout == Layout::padded_rows) {
    s.row_stride = s.dim + kColumnGap;
    s.head_stride = (s.rows + kRowGap) * s.row_stride;
    s.batch_stride = s.heads * s.head_stride;
  } else if (layout == Layout::far) {
    const Index slab = s.batch_stride;
    s.batch_stride = std::max(kFar, slab + (Index{1} << 20));
    s.region = region_of(slab, s.dtype, static_cast<std::size_t>(s.batch), s.batch_stride);
    return;
  }
  s.region = region_of(s.batch * s.batch_stride, s.dtype);
}

void CallMemory::lay_out_qkv(Name first) {
  const Index kv_heads = problem_.num_kv_heads, all = problem_.num_heads + 2 * kv_heads,
              dim = problem_.head_dim, rows = problem_.tensor_rows_q();
  const std::size_t region = region_of(problem_.tensor_batches() * rows * all * dim, slots_[first].dtype);
  for (int n = 0; n < 3; ++n) {
    Slot& s = slots_[static_cast<std::size_t>(first) + static_cast<std::size_t>(n)];
    s.head_stride = dim;
    s.row_stride = all * dim;
    s.batch_stride = rows * s.row_stride;
    s.first = n == 0 ? 0 : (problem_.num_heads + (n - 1) * kv_heads) * dim;
    s.region = region;
  }
}

bool CallMemory::in_padding(const Slot& slot, Index b, Index row) const {
  if (problem_.packed()) return false;
  return row >= (slot.queries ? problem_.q_rows(b) : problem_.kv_rows(b)).size;
}

void CallMemory::write(const Data& data) {
  write(q, data.q);
  if (options_.page_size == 0) {
    write(k, data.k), write(v, data.v);
  } else {
    write_pages(k, data.k), write_pages(v, data.v);
    std::memcpy(arena_->data(page_table_region_), page_table_.data(),
                page_table_.size() * sizeof(std::int32_t));
  }
  if (options_.backward) write(dout, data.dout), write(saved_o, data.o), write(saved_lse, data.lse);
  const Numbers* numbers[] = {&data.q, &data.k, &data.v};
  for (std::size_t n = 0; n < 3; ++n) {
    scaled_[n] = bits(dtype_) == 8 && !numbers[n]->scale.empty();
    if (scaled_[n]) {
      std::memcpy(arena_->data(scale_region_[n]), numbers[n]->scale.data(),
                  numbers[n]->scale.size() * sizeof(float));
    }
  }
}

void CallMemory::write(Name name, const Numbers& numbers) {
  const Slot& s = slots_[name];
  const bool rows_fit = numbers.rows == s.rows || (numbers.rows > 0 && numbers.rows < s.rows);
  if (numbers.batch != s.batch || numbers.heads != s.heads || !rows_fit || numbers.dim != s.dim) {
    throw InvalidArgument(kNameTexts[name], "numbers of another shape", "the problem's");
  }
  const std::size_t size = bytes_of(s.dtype), row_bytes = size * static_cast<std::size_t>(s.dim);
  for (Index b = 0; b < s.batch; ++b) {
    for (Index h = 0; h < s.heads; ++h) {
      for (Index i = 0; i < s.rows; ++i) {
        std::byte* to =
            s.data +
            static_cast<std::size_t>(b * s.batch_stride + h * s.head_stride + i * s.row_stride) * size;
        if (in_padding(s, b, i)) {
          std::memset(to, static_cast<int>(arena_->poison_byte()), row_bytes);
          continue;
        }
        if (i >= numbers.rows) {  // written already
          std::memcpy(to,
                      to - static_cast<std::ptrdiff_t>(numbers.rows * s.row_stride) *
                               static_cast<std::ptrdiff_t>(size),
                      row_bytes);
          continue;
        }
        for (const double value : numbers.row(b, h, i)) store(s.dtype, value, to), to += size;
      }
    }
  }
}

// Rows of every sequence into its pages; all else there is poison.
void CallMemory::write_pages(Name name, const Numbers& numbers) {
  const Slot& s = slots_[name];
  const attention::Problem& p = problem_;
  if (numbers.batch != p.tensor_batches() || numbers.heads != s.heads || numbers.rows != p.tensor_rows_kv() ||
      numbers.dim != s.dim) {
    throw InvalidArgument(kNameTexts[name], "numbers of another shape", "the problem's");
  }
  arena_->poison_region(s.region);
  for (Index b = 0; b < p.batch; ++b) {
    const Rows rows = p.kv_rows(b);
    for (Index h = 0; h < s.heads; ++h) {
      for (Index j = 0; j < rows.size; ++j) {
        const Index page =
            page_table_[static_cast<std::size_t>(b * pages_a_sequence_ + j / options_.page_size)];
        const Index element =
            page * s.batch_stride + h * s.head_stride + j % options_.page_size * s.row_stride;
        std::byte* to = s.data + static_cast<std::size_t>(element) * bytes_of(s.dtype);
        for (const double value : numbers.row(p.tensor_batch(b), h, rows.begin + j))
          store(s.dtype, value, to), to += bytes_of(s.dtype);
      }
    }
  }
}

Tensor CallMemory::tensor(Name name) const {
  Tensor tensor = output(name).read();
  if (options_.page_size != 0 && (name == k || name == v)) {
    tensor.batch = problem_.batch, tensor.seqlen = problem_.seqlen_kv;
    tensor.block_table = reinterpret_cast<const std::int32_t*>(arena_->data(page_table_region_));
    tensor.block_table_stride = pages_a_sequence_;
    tensor.page_size = options_.page_size, tensor.num_pages = num_pages_;
  }
  if (name <= v && scaled_[name]) {
    tensor.scale = broadcast(reinterpret_cast<const float*>(arena_->data(scale_region_[name])),
                             problem_.tensor_batches(), tensor.heads, 1, 1);
  }
  return tensor;
}

OutputTensor CallMemory::output(Name name) const {
  const Slot& s = slots_[name];
  if (!s.present) return {};
  OutputTensor t;
  t.data = s.data, t.dtype = s.dtype;
  t.batch = s.batch, t.heads = s.heads, t.seqlen = s.rows, t.dim = s.dim;
  t.batch_stride = s.batch_stride, t.head_stride = s.head_stride, t.row_stride = s.row_stride;
  return t;
}

bool CallMemory::is_input(std::size_t region) const {
  for (const Name name : {o, lse, dq, dk, dv}) {
    if (slots_[name].present && slots_[name].region == region) return false;
  }
  return true;
}

std::string CallMemory::names_in(std::size_t region) const {
  std::string names;
  for (std::size_t n = 0; n < kNames; ++n) {
    if (slots_[n].present && slots_[n].region == region) {
      names += (names.empty() ? "" : ", ") + std::string(kNameTexts[n]);
    }
  }
  if (!names.empty()) return names;
  return options_.page_size != 0 && region == page_table_region_ ? "the block table" : "the scales";
}

void CallMemory::call(const Kernel& kernel) {
  std::vector<std::size_t> hashes(regions_.size());
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    if (is_input(r)) {
      hashes[r] = arena_->hash(r);
    } else {
      arena_->poison_region(r);
    }
  }
  kernel({problem_, tensor(q), tensor(k), tensor(v), tensor(dout), output(o), output(lse), output(dq),
          output(dk), output(dv), tensor(saved_o), tensor(saved_lse)});
  require_untouched_bands();
  require_unchanged_inputs(hashes);
}

Results CallMemory::run(const Kernel& kernel) {
  call(kernel);
  Results results{take(o), take(lse), take(dq), take(dk), take(dv)};
  require_untouched_gaps();
  return results;
}

void CallMemory::require_untouched_bands() const {
  const auto overrun = arena_->overrun();
  if (!overrun) return;
  const std::string names = names_in(overrun->region);
  const auto size = static_cast<std::ptrdiff_t>(regions_[overrun->region].bytes);
  throw Violation("guard-bands",
                  overrun->byte < 0
                      ? fmt::format("writes {} bytes before the begin of {}", -overrun->byte, names)
                      : fmt::format("writes {} bytes behind the end of {} ({} bytes)", overrun->byte - size,
                                    names, size));
}

void CallMemory::require_unchanged_inputs(const std::vector<std::size_t>& hashes) const {
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    if (is_input(r) && arena_->hash(r) != hashes[r]) {
      throw Violation("inputs-unchanged", "overwrites " + names_in(r));
    }
  }
}

// Copies an output, then poisons its elements: what is not poison after that lies between them.
Result CallMemory::take(Name name) {
  const Slot& s = slots_[name];
  Result result;
  if (!s.present) return result;
  result.dtype = s.dtype;
  result.batch = s.batch, result.heads = s.heads, result.rows = s.rows, result.dim = s.dim;
  const std::size_t size = bytes_of(s.dtype), row_bytes = size * static_cast<std::size_t>(s.dim);
  result.bytes.resize(static_cast<std::size_t>(s.batch * s.heads * s.rows) * row_bytes);
  std::byte* to = result.bytes.data();
  for (Index b = 0; b < s.batch; ++b) {
    for (Index h = 0; h < s.heads; ++h) {
      for (Index i = 0; i < s.rows; ++i, to += row_bytes) {
        std::byte* from =
            s.data +
            static_cast<std::size_t>(b * s.batch_stride + h * s.head_stride + i * s.row_stride) * size;
        std::memcpy(to, from, row_bytes);
        std::memset(from, static_cast<int>(arena_->poison_byte()), row_bytes);
      }
    }
  }
  return result;
}

void CallMemory::require_untouched_gaps() {
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    if (is_input(r)) continue;
    if (const auto byte = arena_->first_written(r)) {
      throw Violation("guard-bands",
                      fmt::format("writes between the rows of {}, at byte {}", names_in(r), *byte));
    }
  }
}

}  // namespace attnlab::oracle
