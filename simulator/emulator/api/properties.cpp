// The one device: its properties, attributes and limits, and what there is only one answer to.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/api/places.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/machine/global_memory.h"
#include "simulator/emulator/machine/gpu.h"

namespace attnlab::emulator::api {
namespace {

constexpr int kVersion = CUDART_VERSION;
constexpr char kBusId[] = "0000:00:00.0";

cudaError_t null(const char* function, const void* caller) {
  return refuse(cudaErrorInvalidValue, function, caller, "the result's place is null");
}

cudaError_t no_device(const char* function, int device, const void* caller) {
  return refuse(cudaErrorInvalidDevice, function, caller, "device %d, there is only 0", device);
}

template <class T, class U>
void copy_dimensions(T (&to)[3], const U& from) {
  to[0] = static_cast<T>(from.x);
  to[1] = static_cast<T>(from.y);
  to[2] = static_cast<T>(from.z);
}

cudaDeviceProp properties_of(const Gpu& gpu) {
  const device::Device& d = gpu.device;
  cudaDeviceProp p{};
  const std::string name = d.name + " (emulated by attnlab)";
  name.copy(p.name, sizeof p.name - 1);
  std::memcpy(p.uuid.bytes, "attnlab emulator", sizeof p.uuid.bytes);
  p.totalGlobalMem = d.hbm_bytes;
  p.sharedMemPerBlock = kStaticSharedLimit;
  p.regsPerBlock = static_cast<int>(kRegistersPerBlock);
  p.warpSize = static_cast<int>(kWarpSize);
  p.memPitch = 2147483647;
  p.maxThreadsPerBlock = static_cast<int>(kMaxThreadsPerBlock);
  copy_dimensions(p.maxThreadsDim, kMaxBlock);
  copy_dimensions(p.maxGridSize, kMaxGrid);
  p.totalConstMem = kConstantBytes;
  p.major = gpu.major;
  p.minor = gpu.minor;
  p.textureAlignment = 512;
  p.texturePitchAlignment = 32;
  p.multiProcessorCount = static_cast<int>(d.sms);
  p.canMapHostMemory = 1;
  p.concurrentKernels = 1;
  p.ECCEnabled = d.name == "rtx4090" ? 0 : 1;
  p.asyncEngineCount = 3;
  p.unifiedAddressing = 1;
  p.l2CacheSize = static_cast<int>(d.l2_bytes);
  p.maxThreadsPerMultiProcessor = static_cast<int>(d.threads_per_sm);
  p.streamPrioritiesSupported = 1;
  p.globalL1CacheSupported = 1;
  p.localL1CacheSupported = 1;
  p.sharedMemPerMultiprocessor = d.shared_bytes_per_sm;
  p.regsPerMultiprocessor = static_cast<int>(d.register_bytes_per_sm / 4);
  p.managedMemory = 1;
  p.concurrentManagedAccess = 1;
  p.computePreemptionSupported = 1;
  p.canUseHostPointerForRegisteredMem = 1;
  p.cooperativeLaunch = 1;
  p.sharedMemPerBlockOptin = d.shared_bytes_per_block;
  p.maxBlocksPerMultiProcessor = static_cast<int>(gpu.blocks_per_sm);
  p.reservedSharedMemPerBlock = kReservedSharedPerBlock;
  p.memoryPoolsSupported = 1;
  p.clusterLaunch = gpu.clusters ? 1 : 0;
  p.clockRate = static_cast<int>(d.clock_hz / 1000);
  return p;
}

// The attributes, each by the property that has the same figure.
struct Attribute {
  cudaDeviceAttr attribute;
  long long (*value)(const cudaDeviceProp&);
};
#define ATTNLAB_ATTRIBUTE(attribute, field)                                            \
  Attribute {                                                                          \
    attribute, [](const cudaDeviceProp& p) { return static_cast<long long>(p.field); } \
  }
constexpr std::array kAttributes{
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxThreadsPerBlock, maxThreadsPerBlock),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxBlockDimX, maxThreadsDim[0]),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxBlockDimY, maxThreadsDim[1]),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxBlockDimZ, maxThreadsDim[2]),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxGridDimX, maxGridSize[0]),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxGridDimY, maxGridSize[1]),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxGridDimZ, maxGridSize[2]),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxSharedMemoryPerBlock, sharedMemPerBlock),
    ATTNLAB_ATTRIBUTE(cudaDevAttrTotalConstantMemory, totalConstMem),
    ATTNLAB_ATTRIBUTE(cudaDevAttrWarpSize, warpSize),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxPitch, memPitch),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxRegistersPerBlock, regsPerBlock),
    ATTNLAB_ATTRIBUTE(cudaDevAttrClockRate, clockRate),
    ATTNLAB_ATTRIBUTE(cudaDevAttrTextureAlignment, textureAlignment),
    ATTNLAB_ATTRIBUTE(cudaDevAttrGpuOverlap, asyncEngineCount > 0),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMultiProcessorCount, multiProcessorCount),
    ATTNLAB_ATTRIBUTE(cudaDevAttrKernelExecTimeout, integrated),
    ATTNLAB_ATTRIBUTE(cudaDevAttrIntegrated, integrated),
    ATTNLAB_ATTRIBUTE(cudaDevAttrCanMapHostMemory, canMapHostMemory),
    ATTNLAB_ATTRIBUTE(cudaDevAttrComputeMode, computeMode),
    ATTNLAB_ATTRIBUTE(cudaDevAttrConcurrentKernels, concurrentKernels),
    ATTNLAB_ATTRIBUTE(cudaDevAttrEccEnabled, ECCEnabled),
    ATTNLAB_ATTRIBUTE(cudaDevAttrPciBusId, pciBusID),
    ATTNLAB_ATTRIBUTE(cudaDevAttrPciDeviceId, pciDeviceID),
    ATTNLAB_ATTRIBUTE(cudaDevAttrTccDriver, tccDriver),
    ATTNLAB_ATTRIBUTE(cudaDevAttrL2CacheSize, l2CacheSize),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxThreadsPerMultiProcessor, maxThreadsPerMultiProcessor),
    ATTNLAB_ATTRIBUTE(cudaDevAttrAsyncEngineCount, asyncEngineCount),
    ATTNLAB_ATTRIBUTE(cudaDevAttrUnifiedAddressing, unifiedAddressing),
    ATTNLAB_ATTRIBUTE(cudaDevAttrPciDomainId, pciDomainID),
    ATTNLAB_ATTRIBUTE(cudaDevAttrTexturePitchAlignment, texturePitchAlignment),
    ATTNLAB_ATTRIBUTE(cudaDevAttrComputeCapabilityMajor, major),
    ATTNLAB_ATTRIBUTE(cudaDevAttrComputeCapabilityMinor, minor),
    ATTNLAB_ATTRIBUTE(cudaDevAttrStreamPrioritiesSupported, streamPrioritiesSupported),
    ATTNLAB_ATTRIBUTE(cudaDevAttrGlobalL1CacheSupported, globalL1CacheSupported),
    ATTNLAB_ATTRIBUTE(cudaDevAttrLocalL1CacheSupported, localL1CacheSupported),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxSharedMemoryPerMultiprocessor, sharedMemPerMultiprocessor),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxRegistersPerMultiprocessor, regsPerMultiprocessor),
    ATTNLAB_ATTRIBUTE(cudaDevAttrManagedMemory, managedMemory),
    ATTNLAB_ATTRIBUTE(cudaDevAttrIsMultiGpuBoard, isMultiGpuBoard),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMultiGpuBoardGroupID, multiGpuBoardGroupID),
    ATTNLAB_ATTRIBUTE(cudaDevAttrHostNativeAtomicSupported, hostNativeAtomicSupported),
    ATTNLAB_ATTRIBUTE(cudaDevAttrPageableMemoryAccess, pageableMemoryAccess),
    ATTNLAB_ATTRIBUTE(cudaDevAttrConcurrentManagedAccess, concurrentManagedAccess),
    ATTNLAB_ATTRIBUTE(cudaDevAttrComputePreemptionSupported, computePreemptionSupported),
    ATTNLAB_ATTRIBUTE(cudaDevAttrCanUseHostPointerForRegisteredMem, canUseHostPointerForRegisteredMem),
    ATTNLAB_ATTRIBUTE(cudaDevAttrCooperativeLaunch, cooperativeLaunch),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxSharedMemoryPerBlockOptin, sharedMemPerBlockOptin),
    ATTNLAB_ATTRIBUTE(cudaDevAttrHostRegisterSupported, hostRegisterSupported),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMaxBlocksPerMultiprocessor, maxBlocksPerMultiProcessor),
    ATTNLAB_ATTRIBUTE(cudaDevAttrReservedSharedMemoryPerBlock, reservedSharedMemPerBlock),
    ATTNLAB_ATTRIBUTE(cudaDevAttrMemoryPoolsSupported, memoryPoolsSupported),
    ATTNLAB_ATTRIBUTE(cudaDevAttrClusterLaunch, clusterLaunch),
    ATTNLAB_ATTRIBUTE(cudaDevAttrIpcEventSupport, ipcEventSupported),
};
#undef ATTNLAB_ATTRIBUTE

// Settings that are remembered, and have no effect.
struct Settings {
  std::mutex mutex;
  std::map<cudaLimit, std::size_t> limits;
  cudaFuncCache cache = cudaFuncCachePreferNone;
  unsigned flags = 0;
};
Settings settings;

// A limit's value before anybody set it, as an H200 has it.
std::optional<std::size_t> initial_limit(cudaLimit limit) {
  switch (limit) {
    case cudaLimitStackSize:
      return 1024;
    case cudaLimitPrintfFifoSize:
      return 8650752;
    case cudaLimitMallocHeapSize:
      return 8388608;
    case cudaLimitDevRuntimePendingLaunchCount:
      return 2048;
    case cudaLimitMaxL2FetchGranularity:
      return 64;
    case cudaLimitPersistingL2CacheSize:
      return gpu().device.l2_bytes * 3 / 16;
    default:
      return std::nullopt;
  }
}

cudaError_t no_limit(cudaLimit limit, const char* function, const void* caller) {
  // A limit that devices used to have, or none at all.
  const cudaError_t error =
      limit == cudaLimitDevRuntimeSyncDepth ? cudaErrorUnsupportedLimit : cudaErrorInvalidValue;
  return refuse(error, function, caller, "limit %d", static_cast<int>(limit));
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  if (count == nullptr) return null("cudaGetDeviceCount", __builtin_return_address(0));
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  if (device == nullptr) return null("cudaGetDevice", __builtin_return_address(0));
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device != 0) return no_device("cudaSetDevice", device, __builtin_return_address(0));
  return cudaSuccess;
}

cudaError_t cudaInitDevice(int device, unsigned, unsigned) {
  if (device != 0) return no_device("cudaInitDevice", device, __builtin_return_address(0));
  return done();
}

cudaError_t cudaChooseDevice(int* device, const cudaDeviceProp* wanted) {
  if (device == nullptr || wanted == nullptr) return null("cudaChooseDevice", __builtin_return_address(0));
  *device = 0;
  return done();
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  const void* const caller = __builtin_return_address(0);
  if (properties == nullptr) return null("cudaGetDeviceProperties", caller);
  if (device != 0) return no_device("cudaGetDeviceProperties", device, caller);
  *properties = properties_of(gpu());
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  const void* const caller = __builtin_return_address(0);
  if (value == nullptr) return null("cudaDeviceGetAttribute", caller);
  if (device != 0) return no_device("cudaDeviceGetAttribute", device, caller);
  const auto found = std::find_if(kAttributes.begin(), kAttributes.end(),
                                  [&](const Attribute& a) { return a.attribute == attribute; });
  if (found == kAttributes.end()) {
    return refuse(cudaErrorInvalidValue, "cudaDeviceGetAttribute", caller, "attribute %d is not known here",
                  static_cast<int>(attribute));
  }
  *value = static_cast<int>(found->value(properties_of(gpu())));
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  const void* const caller = __builtin_return_address(0);
  if (device != 0) return no_device("cudaDeviceGetPCIBusId", device, caller);
  if (id == nullptr || length < static_cast<int>(sizeof kBusId)) return null("cudaDeviceGetPCIBusId", caller);
  std::memcpy(id, kBusId, sizeof kBusId);
  return done();
}

cudaError_t cudaDeviceSynchronize() { return done(); }
cudaError_t cudaThreadSynchronize() { return done(); }

cudaError_t cudaDeviceReset() {
  const void* const caller = __builtin_return_address(0);
  for (const global_memory::Allocation& a : global_memory::live())
    global_memory::release(reinterpret_cast<void*>(a.begin), a.kind, caller);
  {
    const std::lock_guard lock(settings.mutex);
    settings.limits.clear();
    settings.cache = cudaFuncCachePreferNone;
    settings.flags = 0;
  }
  note_reset();
  return cudaSuccess;
}

cudaError_t cudaDeviceSetLimit(cudaLimit limit, std::size_t value) {
  if (!initial_limit(limit)) return no_limit(limit, "cudaDeviceSetLimit", __builtin_return_address(0));
  const std::lock_guard lock(settings.mutex);
  settings.limits[limit] = value;
  return done();
}

cudaError_t cudaDeviceGetLimit(std::size_t* value, cudaLimit limit) {
  const void* const caller = __builtin_return_address(0);
  if (value == nullptr) return null("cudaDeviceGetLimit", caller);
  const std::optional<std::size_t> initial = initial_limit(limit);
  if (!initial) return no_limit(limit, "cudaDeviceGetLimit", caller);
  const std::lock_guard lock(settings.mutex);
  const auto set = settings.limits.find(limit);
  *value = set == settings.limits.end() ? *initial : set->second;
  return done();
}

cudaError_t cudaDeviceSetCacheConfig(cudaFuncCache config) {
  const std::lock_guard lock(settings.mutex);
  settings.cache = config;
  return done();
}

cudaError_t cudaDeviceGetCacheConfig(cudaFuncCache* config) {
  if (config == nullptr) return null("cudaDeviceGetCacheConfig", __builtin_return_address(0));
  const std::lock_guard lock(settings.mutex);
  *config = settings.cache;
  return done();
}

// Banks are four bytes wide on every device since compute capability 5.0; wishes are ignored there too.
cudaError_t cudaDeviceSetSharedMemConfig(cudaSharedMemConfig) { return done(); }

cudaError_t cudaDeviceGetSharedMemConfig(cudaSharedMemConfig* config) {
  if (config == nullptr) return null("cudaDeviceGetSharedMemConfig", __builtin_return_address(0));
  *config = cudaSharedMemBankSizeFourByte;
  return done();
}

cudaError_t cudaSetDeviceFlags(unsigned flags) {
  if ((flags & ~cudaDeviceMask) != 0) {
    return refuse(cudaErrorInvalidValue, "cudaSetDeviceFlags", __builtin_return_address(0), "flags %u",
                  flags);
  }
  const std::lock_guard lock(settings.mutex);
  settings.flags = flags;
  return done();
}

cudaError_t cudaGetDeviceFlags(unsigned* flags) {
  if (flags == nullptr) return null("cudaGetDeviceFlags", __builtin_return_address(0));
  const std::lock_guard lock(settings.mutex);
  *flags = settings.flags | cudaDeviceMapHost;
  return done();
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  if (version == nullptr) return null("cudaRuntimeGetVersion", __builtin_return_address(0));
  *version = kVersion;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  if (version == nullptr) return null("cudaDriverGetVersion", __builtin_return_address(0));
  *version = kVersion;
  return cudaSuccess;
}

cudaError_t cudaCtxResetPersistingL2Cache() { return done(); }
cudaError_t cudaProfilerStart() { return done(); }
cudaError_t cudaProfilerStop() { return done(); }

cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  const void* const caller = __builtin_return_address(0);
  if (can == nullptr) return null("cudaDeviceCanAccessPeer", caller);
  if (device != 0 || peer != 0)
    return no_device("cudaDeviceCanAccessPeer", device != 0 ? device : peer, caller);
  *can = 0;
  return done();
}

cudaError_t cudaDeviceGetP2PAttribute(int* value, cudaDeviceP2PAttr, int device, int peer) {
  const void* const caller = __builtin_return_address(0);
  if (value == nullptr) return null("cudaDeviceGetP2PAttribute", caller);
  if (device != 0 || peer != 0)
    return no_device("cudaDeviceGetP2PAttribute", device != 0 ? device : peer, caller);
  return refuse(cudaErrorInvalidDevice, "cudaDeviceGetP2PAttribute", caller, "the device and itself");
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned) {
  const void* const caller = __builtin_return_address(0);
  if (peer != 0) return no_device("cudaDeviceEnablePeerAccess", peer, caller);
  return refuse(cudaErrorPeerAccessUnsupported, "cudaDeviceEnablePeerAccess", caller, "the device itself");
}

cudaError_t cudaDeviceDisablePeerAccess(int peer) {
  const void* const caller = __builtin_return_address(0);
  if (peer != 0) return no_device("cudaDeviceDisablePeerAccess", peer, caller);
  return refuse(cudaErrorPeerAccessNotEnabled, "cudaDeviceDisablePeerAccess", caller, "it is not enabled");
}

}  // namespace attnlab::emulator::api
