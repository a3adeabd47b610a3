#include "simulator/memory/attention_layout.h"

#include "reference/core/checked.h"

namespace attnlab::memory {
namespace {

constexpr std::uint64_t kAlignment = 512, kReach = (std::uint64_t{1} << 32) * kLineBytes - kLineBytes;

std::uint64_t columns(std::uint32_t t, const attention::Problem& p) {
  switch (static_cast<Hbm>(t)) {
    case Hbm::m:
    case Hbm::l:
    case Hbm::lse:
    case Hbm::delta:
      return 1;
    case Hbm::V:
    case Hbm::O:
    case Hbm::dO:
    case Hbm::dV:
      return static_cast<std::uint64_t>(p.head_dim_v);
    default:
      return static_cast<std::uint64_t>(p.head_dim);
  }
}

}  // namespace

const char* tensor_name(std::uint32_t tensor) { return tensor == kDqSum ? "dQ_sum" : kHbmNames[tensor]; }

AttentionLayout::Side AttentionLayout::side_of(std::uint32_t tensor) {
  switch (static_cast<Hbm>(tensor)) {
    case Hbm::K:
    case Hbm::V:
    case Hbm::dK:
    case Hbm::dV:
      return Side::keys;
    case Hbm::S:
    case Hbm::P:
    case Hbm::P_dropped:
    case Hbm::dropout_mask:
    case Hbm::dP:
    case Hbm::dS:
      return Side::scores;
    default:
      return Side::queries;
  }
}

AttentionLayout::AttentionLayout(const attention::Problem& p, const io::ElementSizes& sizes,
                                 std::span<const std::uint32_t> used)
    : problem_(p) {
  const auto multiply = [](std::uint64_t a, Index b) {
    return checked_multiply(a, static_cast<std::uint64_t>(b), "bytes of the tensors");
  };
  for (const std::uint32_t t : used) {
    Place& place = places_[t];
    place.side = side_of(t);
    place.element = t == kDqSum ? 4 : sizes.bytes[t];
    place.cols = place.side == Side::scores ? static_cast<std::uint64_t>(p.seqlen_kv) : columns(t, p);
    if (t == tensor(Hbm::P) && p.softcap == 0) {
      place.begin = places_[tensor(Hbm::S)].begin;
      continue;
    }
    place.begin = bytes_;
    const bool scores = place.side == Side::scores, keys = place.side == Side::keys;
    std::uint64_t size = place.element;
    for (const Index extent : {scores ? p.batch : p.tensor_batches(), keys ? p.num_kv_heads : p.num_heads,
                               scores ? p.seqlen_q : (keys ? p.tensor_rows_kv() : p.tensor_rows_q()),
                               static_cast<Index>(place.cols)})
      size = multiply(size, extent);
    bytes_ = checked_add(bytes_, size, "bytes of the tensors");
    if (bytes_ > kReach - kAlignment) {
      throw InvalidArgument("bytes of the tensors", std::to_string(bytes_) + " and more",
                            "less than 512 GiB");
    }
    bytes_ = divide_up(bytes_, kAlignment) * kAlignment;
  }
}

TileAccess AttentionLayout::tile(RequestKind kind, std::uint32_t tensor, Index b, Index h, Rows rows) const {
  const auto cols = static_cast<Index>(places_[tensor].cols);
  return tile(kind, tensor, b, h, rows, {0, cols});
}

TileAccess AttentionLayout::tile(RequestKind kind, std::uint32_t tensor, Index b, Index h, Rows rows,
                                 Rows cols) const {
  const Place& place = places_[tensor];
  const attention::Problem& p = problem_;
  Index matrix = 0, first = rows.begin;  // counted in matrices, and rows of one
  Index matrix_rows = 0;
  switch (place.side) {
    case Side::queries:
      matrix = p.tensor_batch(b) * p.num_heads + h;
      matrix_rows = p.tensor_rows_q();
      first += p.q_rows(b).begin;
      break;
    case Side::keys:
      matrix = p.tensor_batch(b) * p.num_kv_heads + h / p.group_size();
      matrix_rows = p.tensor_rows_kv();
      first += p.kv_rows(b).begin;
      break;
    case Side::scores:
      matrix = b * p.num_heads + h;
      matrix_rows = p.seqlen_q;
      break;
  }
  const auto u = [](Index value) { return static_cast<std::uint64_t>(value); };
  TileAccess access;
  access.kind = kind;
  access.tensor = tensor;
  access.row_stride = place.cols * place.element;
  access.row_bytes = u(cols.size) * place.element;
  access.rows = u(rows.size);
  access.address =
      place.begin + u(matrix * matrix_rows + first) * access.row_stride + u(cols.begin) * place.element;
  return access;
}

}  // namespace attnlab::memory
