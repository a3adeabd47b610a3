// The registry of counters and the names of findings.
//
// A counter bears Nsight Compute's name only where both count the same events, so that two columns under one
// name can be subtracted. What the hardware does not count, or counts as it happens to be timed, is
// attnlab__.
#include "simulator/emulator/report/report.h"

#include "reference/core/errors.h"

namespace attnlab::emulator {
namespace {

constexpr std::array<MetricInfo, kMetricCount> kMetrics{{
    {Metric::global_load_requests, "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum",
     "loads from global memory, one per warp and instruction"},
    {Metric::global_load_sectors, "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum",
     "32-byte sectors that these loads touch; 4 per request is a warp reading 32 neighbouring floats"},
    {Metric::global_load_bytes, "attnlab__bytes_useful_mem_global_op_ld.sum",
     "bytes that threads asked for, each byte of a request once; at most 32 per sector"},
    {Metric::global_store_requests, "l1tex__t_requests_pipe_lsu_mem_global_op_st.sum",
     "stores to global memory, one per warp and instruction"},
    {Metric::global_store_sectors, "l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum",
     "32-byte sectors that these stores touch"},
    {Metric::global_store_bytes, "attnlab__bytes_useful_mem_global_op_st.sum",
     "bytes that threads stored, each byte of a request once"},
    {Metric::global_atomic_requests, "l1tex__t_requests_pipe_lsu_mem_global_op_atom.sum",
     "atomics on global memory whose old value is used, one per warp and instruction"},
    {Metric::global_atomic_sectors, "l1tex__t_sectors_pipe_lsu_mem_global_op_atom.sum",
     "32-byte sectors that these atomics touch"},
    {Metric::global_reduction_requests, "l1tex__t_requests_pipe_lsu_mem_global_op_red.sum",
     "atomics on global memory whose old value nobody asks for, one per warp and instruction"},
    {Metric::global_reduction_sectors, "l1tex__t_sectors_pipe_lsu_mem_global_op_red.sum",
     "32-byte sectors that these reductions touch"},
    {Metric::local_load_requests, "attnlab__requests_mem_local_op_ld.sum",
     "loads from arrays of a thread that g++ leaves in memory; nvcc may keep them in registers"},
    {Metric::local_store_requests, "attnlab__requests_mem_local_op_st.sum", "stores to such arrays"},
    {Metric::shared_load_requests, "attnlab__requests_written_mem_shared_op_ld.sum",
     "loads from shared memory as the source writes them, one per warp and access"},
    {Metric::shared_load_wavefronts, "attnlab__wavefronts_written_mem_shared_op_ld.sum",
     "passes through the 32 banks that these loads need; one per request when no two lanes meet in a bank"},
    {Metric::shared_load_conflicts, "attnlab__bank_conflicts_written_mem_shared_op_ld.sum",
     "passes beyond those that the width of the load needs: bank conflicts"},
    {Metric::shared_store_requests, "attnlab__requests_written_mem_shared_op_st.sum",
     "stores to shared memory as the source writes them, one per warp and access"},
    {Metric::shared_store_wavefronts, "attnlab__wavefronts_written_mem_shared_op_st.sum",
     "passes through the 32 banks that these stores need"},
    {Metric::shared_store_conflicts, "attnlab__bank_conflicts_written_mem_shared_op_st.sum",
     "passes beyond those that the width of the store needs: bank conflicts"},
    {Metric::shared_atomic_requests, "smsp__inst_executed_op_shared_atom.sum",
     "atomics on shared memory, one per warp and instruction"},
    {Metric::shared_load_requests_fused, "smsp__inst_executed_op_shared_ld.sum",
     "loads from shared memory as nvcc issues them: neighbouring ones fused into 64 and 128 bits"},
    {Metric::shared_load_wavefronts_fused, "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum",
     "passes through the 32 banks that the fused loads need"},
    {Metric::shared_store_requests_fused, "smsp__inst_executed_op_shared_st.sum",
     "stores to shared memory as nvcc issues them: neighbouring ones fused into 64 and 128 bits"},
    {Metric::shared_store_wavefronts_fused, "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_st.sum",
     "passes through the 32 banks that the fused stores need"},
    {Metric::async_copy_requests, "smsp__inst_executed_op_ldgsts.sum",
     "asynchronous copies from global to shared memory (cp.async), one per warp and instruction"},
    {Metric::async_copy_sectors, "attnlab__sectors_mem_global_op_ldgsts.sum",
     "32-byte sectors of global memory that these copies touch"},
    {Metric::async_copy_bytes, "attnlab__bytes_useful_mem_global_op_ldgsts.sum",
     "bytes that these copies fetched, zero fill left out"},
    {Metric::barriers, "attnlab__warps_at_barrier.sum", "warps that came to a block-wide barrier"},
    {Metric::shuffles, "attnlab__inst_executed_op_shfl.sum", "warp shuffles"},
    {Metric::votes, "attnlab__inst_executed_op_vote.sum", "warp votes: ballot, any, all"},
    {Metric::reduces, "attnlab__inst_executed_op_redux.sum",
     "warp-wide reductions in hardware (__reduce_*_sync)"},
    {Metric::branches, "attnlab__basic_blocks_entered.sum",
     "stretches of straight code that a warp entered, once for each group of threads that came together"},
    {Metric::divergent_branches, "attnlab__basic_blocks_divergent.sum",
     "of these, entered while other threads of the warp were elsewhere"},
    {Metric::thread_fma, "smsp__sass_thread_inst_executed_op_ffma_pred_on.sum",
     "fp32 multiply-adds by threads, two floating-point operations each"},
    {Metric::thread_fadd, "smsp__sass_thread_inst_executed_op_fadd_pred_on.sum",
     "fp32 additions and subtractions by threads"},
    {Metric::thread_fmul, "smsp__sass_thread_inst_executed_op_fmul_pred_on.sum", "fp32 products by threads"},
    {Metric::thread_special, "attnlab__thread_inst_executed_op_special.sum",
     "exponentials, logarithms, reciprocals, roots, sines by threads (the special function unit)"},
    {Metric::tensor_flops, "attnlab__tensor_flops.sum",
     "floating-point operations of matrix instructions, a multiply-add being two"},
    {Metric::l1_read_sectors, "attnlab__l1_read_sectors.sum", "sectors that loads looked up in L1"},
    {Metric::l1_read_hits, "attnlab__l1_read_hits.sum", "of these, found there"},
    {Metric::l2_to_l1_sectors, "l1tex__m_xbar2l1tex_read_sectors.sum",
     "sectors that came from L2 to the SMs: what tiles cost"},
    {Metric::l1_to_l2_sectors, "l1tex__m_l1tex2xbar_write_sectors.sum",
     "sectors that went from the SMs to L2: stores and atomics"},
    {Metric::l2_read_hits, "attnlab__l2_read_hits.sum", "of the sectors read by the SMs, found in L2"},
    {Metric::dram_read_bytes, "dram__bytes_read.sum", "bytes read from device memory (HBM)"},
    {Metric::dram_write_bytes, "dram__bytes_write.sum",
     "bytes written to device memory while the kernel ran"},
    {Metric::l2_dirty_bytes, "attnlab__l2_dirty_bytes.sum",
     "bytes written by the kernel that were still in L2 when it ended; they reach device memory later"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kMetrics.size(); ++i)
    if (kMetrics[i].metric != static_cast<Metric>(i) || kMetrics[i].name.empty()) return false;
  return true;
}
static_assert(in_order(), "a line for each enumerator of Metric, in its order");

constexpr std::array<std::string_view, static_cast<std::size_t>(FindingKind::count_)> kFindingNames{
    "out-of-bounds",
    "use-after-free",
    "uninitialised-read",
    "misaligned-access",
    "shared-race",
    "global-race",
    "divergent-barrier",
    "missing-arrival",
    "read-before-wait",
    "host-access",
    "write-to-constant",
    "deadlock",
    "timeout",
    "unsupported",
    "assertion",
    "trap",
    "leak",
    "refused-launch",
    "refused-call",
};
static_assert(!kFindingNames.back().empty(), "a name for each enumerator of FindingKind, in its order");

}  // namespace

const std::array<MetricInfo, kMetricCount>& metrics() { return kMetrics; }

std::string_view name(FindingKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  if (index >= kFindingNames.size())
    throw InvalidArgument("finding", std::to_string(index), "a value of the enumeration");
  return kFindingNames[index];
}

}  // namespace attnlab::emulator
