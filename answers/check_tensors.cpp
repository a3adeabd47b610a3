#include "answers/check_tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "answers/check_scales.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::answers {
namespace {

bool is_output(Role role) {
  return role == Role::o || role == Role::lse || role == Role::dq || role == Role::dk || role == Role::dv;
}

// What the integers of a tensor, or elements that a .npy leaves untyped, are.
std::optional<DType> patterns_of(Role role, const CheckSources& s) {
  const std::optional<DType> dtype = parse_float_type("dtype", s.dtype);
  const std::optional<DType> out = parse_float_type("out_dtype", s.out_dtype);
  switch (role) {
    case Role::q:
    case Role::bias:
      return dtype;
    case Role::k:
    case Role::v:
      return s.kv_dtype.empty() ? dtype : parse_float_type("kv_dtype", s.kv_dtype);
    case Role::o:
    case Role::dout:
    case Role::dq:
    case Role::dk:
    case Role::dv:
      if (out) return out;
      return dtype && bits(*dtype) == 8 ? DType::bf16 : dtype;
    default:
      return {};
  }
}

// Is there enough to look at?
void require_tensors(const CheckSources& s, const TensorFiles& opened) {
  for (const Role role : {Role::q, Role::k, Role::v}) {
    if (opened.of(role)) continue;
    throw InvalidArgument(info(role).name, "nothing",
                          s.input.empty()
                              ? "a .npy file (or `input`, one file with tensors q, k, v, o)"
                              : fmt::format("a file, or a tensor {} in {}", info(role).name, s.input));
  }
  const bool gradients = opened.of(Role::dq) || opened.of(Role::dk) || opened.of(Role::dv);
  if (!gradients && !opened.of(Role::o) && !opened.of(Role::lse)) {
    throw InvalidArgument("o", "nothing",
                          "what the kernel wrote for these inputs: `o` o.npy, and if there are, `lse`, "
                          "`dq`, `dk`, `dv` (or tensors o, lse, dq, dk, dv in `input`)");
  }
  if (gradients && !opened.of(Role::dout)) {
    throw InvalidArgument("dout", "nothing", "the gradient of the output that dq, dk and dv belong to");
  }
}

void require_types(const CheckSources& s, const TensorFiles& opened) {
  for (const RoleInfo& role : kRoles) {
    const bool integers = role.role == Role::mask || role.role == Role::block_table;
    if (const TensorSource& source = opened.of(role.role); source && !integers) {
      const DType type = source.info().dtype;
      if (is_float(type)) continue;
      const bool may_be_patterns = role.role != Role::lse && !is_scale(role.role) && bits(type) <= 16;
      const char* field = is_output(role.role) || role.role == Role::dout ? "out_dtype" : "dtype";
      throw InvalidArgument(source.label, std::string(name(type)),
                            may_be_patterns ? fmt::format("a floating-point type (or `{}`, for bf16 and fp8 "
                                                          "that are stored as integers of their width)",
                                                          field)
                                            : "a floating-point type");
    }
  }
  const auto require = [&](Role role, DType expected, const std::string& why) {
    const TensorSource& source = opened.of(role);
    if (!source || source.info().dtype == expected) return;
    throw InvalidArgument(source.label, std::string(name(source.info().dtype)),
                          fmt::format("{}, {}", name(expected), why));
  };
  const DType q = opened.of(Role::q).info().dtype;
  if (const auto dtype = parse_float_type("dtype", s.dtype)) require(Role::q, *dtype, "which `dtype` says");
  const auto kv = parse_float_type("kv_dtype", s.kv_dtype);
  for (const Role role : {Role::k, Role::v}) {
    require(role, kv.value_or(q), kv ? "which `kv_dtype` says" : "the type of q (or `kv_dtype`)");
  }
  if (const auto out = parse_float_type("out_dtype", s.out_dtype)) {
    for (const Role role : {Role::o, Role::dq, Role::dk, Role::dv}) {
      require(role, *out, "which `out_dtype` says");
    }
  }
}

// Reads the tensors of a check whose sources are open and of fitting types.
class Reader {
 public:
  Reader(const CheckSources& sources, const ProblemFields& fields, const TensorFiles& opened)
      : sources_(sources), fields_(fields), opened_(opened) {}

  CheckInputs read() {
    const bool packed = fields_.packed();
    const Form::Order order = order_of("layout", sources_.layout, packed);
    if (paged()) {
      paged_extents(order);
    } else {
      const Sizes sizes = sizes_of(opened_.of(Role::q), k(), v(), order);
      if (!sources_.page_layout.empty()) {
        throw InvalidArgument("page_layout", sources_.page_layout, "nothing without `block_table`");
      }
      result_.form = sizes.form, q_ = sizes.q, k_ = sizes.k, v_ = sizes.v;
    }
    set_problem(packed);
    check_shapes(packed);
    load();
    return std::move(result_);
  }

 private:
  const Form& form() const { return result_.form; }
  const TensorSource& k() const { return opened_.of(Role::k); }
  const TensorSource& v() const { return opened_.of(Role::v); }
  bool paged() const { return static_cast<bool>(opened_.of(Role::block_table)); }

  // K and V of a cache: pages of the order that --page-layout says, and a table that says whose they are.
  void paged_extents(Form::Order order) {
    const TensorSource& q = opened_.of(Role::q);
    result_.form = form_of(q.label, q.info().shape, order);
    q_ = extents_in(form(), q.label, q.info().shape, {});
    const std::string& layout = sources_.page_layout;
    page_form_ = {order_of("page_layout", layout.empty() ? "bshd" : layout, false), 4};
    k_ = extents_in(page_form_, k().label, k().info().shape, {{}, {}, {}, q_.dim, q_.heads});
    v_ = extents_in(page_form_, v().label, v().info().shape, {k_.batch, k_.heads, k_.seqlen, {}, {}});
    pages_ = k_.batch;
    page_size_ = k_.seqlen;
    if (page_size_ < 1) refuse_shape(k().label, k().info().shape, "pages of a row or more");
    const TensorSource& table = opened_.of(Role::block_table);
    const DType type = table.info().dtype;
    if (type != DType::i32 && type != DType::i64) {
      throw InvalidArgument(table.label, std::string(name(type)), "int32 or int64");
    }
    const std::vector<Index> shape = table.info().shape;
    if (shape.size() != 2) refuse_shape(table.label, shape, "[batch, pages of a sequence]");
    table_batch_ = shape[0];
    table_pages_ = shape[1];
    k_.seqlen = v_.seqlen = table_pages_ * page_size_;
  }

  void set_problem(bool packed) {
    attention::Problem& p = result_.problem;
    set_sizes(p, q_, k_, v_);
    ProblemFields fields = fields_;
    if (paged() && packed && fields.cu_seqlens_kv.empty()) {
      // Packed queries over a cache: kv_lens say how many keys each sequence has.
      fields.cu_seqlens_kv = {0};
      for (const Index length : fields.kv_lens) {
        fields.cu_seqlens_kv.push_back(fields.cu_seqlens_kv.back() + length);
      }
      fields.kv_lens.clear();
    }
    apply_to_tensors(fields, p);
    if (paged() && table_batch_ != p.batch) {
      refuse_shape(opened_.of(Role::block_table).label, {table_batch_, table_pages_},
                   fmt::format("[{}, pages of a sequence]", p.batch));
    }
  }

  void check_shapes(bool packed) {
    const attention::Problem& p = result_.problem;
    const std::optional<Index> batch = q_.batch;
    if (packed) {
      const TensorSource& q = opened_.of(Role::q);
      extents_in(form(), q.label, q.info().shape, {batch, q_.heads, p.tensor_rows_q(), q_.dim, {}});
      if (!paged()) {
        extents_in(form(), k().label, k().info().shape, {batch, k_.heads, p.tensor_rows_kv(), k_.dim, {}});
      }
    }
    const Extents o{q_.batch, q_.heads, q_.seqlen, v_.dim};
    const auto require = [&](Role role, const Extents& e) {
      if (const TensorSource& source = opened_.of(role)) {
        extents_in(form(), source.label, source.info().shape, {e.batch, e.heads, e.seqlen, e.dim, {}});
      }
    };
    require(Role::o, o);
    require(Role::dout, o);
    require(Role::dq, q_);
    if (paged() && (opened_.of(Role::dk) || opened_.of(Role::dv))) {
      throw InvalidArgument(opened_.of(Role::dk) ? "dk" : "dv", "a tensor",
                            "nothing beside `block_table`: a cache has no gradients");
    }
    require(Role::dk, k_);
    require(Role::dv, v_);
    if (const TensorSource& lse = opened_.of(Role::lse)) {
      const std::vector<Index> wanted = form().lse_shape(q_);
      if (lse.info().shape != wanted) refuse_shape(lse.label, lse.info().shape, shape_text(wanted));
    }
  }

  const files::Tensor& keep(Role role) { return result_.tensors.emplace_back(opened_.of(role).load()); }

  Tensor tensor(Role role, const Extents& e) {
    return opened_.of(role) ? form().tensor(keep(role), e) : Tensor{};
  }

  Tensor kv(Role role, const Extents& e) {
    if (!paged()) return tensor(role, e);
    Tensor t = page_form_.tensor(keep(role), {pages_, e.heads, page_size_, e.dim});
    t.batch = result_.problem.batch;
    t.seqlen = result_.problem.seqlen_kv;
    t.block_table = result_.block_table.data();
    t.block_table_stride = table_pages_;
    t.page_size = page_size_;
    t.num_pages = pages_;
    return t;
  }

  void load_block_table() {
    const TensorSource& source = opened_.of(Role::block_table);
    for (const double page : source.load().to_double()) {
      if (page < 0 && fields_.kv_lens.empty() && fields_.cu_seqlens_kv.empty()) {
        throw InvalidArgument("kv_lens", "nothing",
                              "the keys of each sequence, as the block table has entries without a page");
      }
      constexpr double kLargest = std::numeric_limits<std::int32_t>::max();
      if (std::abs(page) > kLargest) {
        throw InvalidArgument(source.label, fmt::format("page {:.0f}", page), "less than 2^31");
      }
      result_.block_table.push_back(static_cast<std::int32_t>(page));
    }
  }

  void load() {
    attention::Problem& p = result_.problem;
    result_.mask_and_bias = read_mask_and_bias(opened_.of(Role::mask), opened_.of(Role::bias), p);
    if (paged()) load_block_table();
    oracle::Inputs& in = result_.inputs;
    in.q = tensor(Role::q, q_);
    in.k = kv(Role::k, k_);
    in.v = kv(Role::v, v_);
    in.dout = tensor(Role::dout, {q_.batch, q_.heads, q_.seqlen, v_.dim});
    oracle::Outputs& out = result_.outputs;
    out.o = tensor(Role::o, {q_.batch, q_.heads, q_.seqlen, v_.dim});
    out.dq = tensor(Role::dq, q_);
    out.dk = tensor(Role::dk, k_);
    out.dv = tensor(Role::dv, v_);
    if (opened_.of(Role::lse)) {
      const files::Tensor& lse = keep(Role::lse);
      out.lse = bhsd(lse.data.data(), lse.dtype, q_.batch, q_.heads, q_.seqlen, 1);
    }
    for (const auto& [role, scaled] :
         {std::pair{Role::q_scale, &in.q}, {Role::k_scale, &in.k}, {Role::v_scale, &in.v}}) {
      apply_scale(sources_.file(role), opened_.of(role), info(role).name, p.num_kv_heads, *scaled,
                  result_.scales);
    }
    oracle::require_fit(p, in, out);
  }

  const CheckSources& sources_;
  const ProblemFields& fields_;
  const TensorFiles& opened_;
  CheckInputs result_;
  Form page_form_;
  Extents q_, k_, v_;
  Index pages_ = 0, page_size_ = 0, table_batch_ = 0, table_pages_ = 0;
};

// NaN and infinities among the rows that belong to sequences.
std::uint64_t count_not_finite(const attention::Problem& p, const Tensor& t, bool keys) {
  constexpr Index kRows = 256;
  std::vector<double> buffer(static_cast<std::size_t>(kRows * t.dim));
  std::uint64_t count = 0;
  for (Index b = 0; b < p.batch; ++b) {
    Rows rows = keys ? p.kv_rows(b) : p.q_rows(b);
    if (t.paged()) rows.begin = 0;
    for (Index h = 0; h < t.heads; ++h) {
      for (Index r = 0; r < rows.size; r += kRows) {
        const Rows some{rows.begin + r, std::min(kRows, rows.size - r)};
        read(t, t.paged() ? b : p.tensor_batch(b), h, some, {buffer.data(), some.size, t.dim, t.dim});
        count +=
            static_cast<std::uint64_t>(std::count_if(buffer.begin(), buffer.begin() + some.size * t.dim,
                                                     [](double value) { return !std::isfinite(value); }));
      }
    }
  }
  return count;
}

}  // namespace

CheckInputs read_check_inputs(const CheckSources& sources, const ProblemFields& fields) {
  TensorFiles opened = open_tensors(
      sources, [](Role) { return true; }, parse_float_type("dtype", sources.dtype),
      [&](Role role) { return patterns_of(role, sources); });
  require_tensors(sources, opened);
  require_types(sources, opened);
  CheckInputs result = Reader(sources, fields, opened).read();
  result.unused = std::move(opened.unused);
  const oracle::Inputs& in = result.inputs;
  for (const auto& [name, tensor, keys] :
       {std::tuple{"q", &in.q, false}, {"k", &in.k, true}, {"v", &in.v, true}, {"dout", &in.dout, false}}) {
    if (!*tensor) continue;
    if (const std::uint64_t count = count_not_finite(result.problem, *tensor, keys); count != 0) {
      result.not_finite.push_back({name, count});
    }
  }
  return result;
}

}  // namespace attnlab::answers
