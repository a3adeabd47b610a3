// The error codes of the CUDA runtime API, with CUDA 13's names and numbers and a description of ours each.
// ATTNLAB_CUDA_ERRORS(X) expands X(name, number, description) for all of them, in order of their numbers.
#pragma once

#define ATTNLAB_CUDA_ERRORS(X)                                                                           \
  X(cudaSuccess, 0, "no error")                                                                          \
  X(cudaErrorInvalidValue, 1, "invalid argument")                                                        \
  X(cudaErrorMemoryAllocation, 2, "out of memory")                                                       \
  X(cudaErrorInitializationError, 3, "the driver could not be initialised")                              \
  X(cudaErrorCudartUnloading, 4, "the runtime is shutting down")                                         \
  X(cudaErrorProfilerDisabled, 5, "the profiler is disabled for this run")                               \
  X(cudaErrorProfilerNotInitialized, 6, "the profiler was not initialised (no longer used)")             \
  X(cudaErrorProfilerAlreadyStarted, 7, "the profiler runs already (no longer used)")                    \
  X(cudaErrorProfilerAlreadyStopped, 8, "the profiler does not run (no longer used)")                    \
  X(cudaErrorInvalidConfiguration, 9, "invalid launch configuration")                                    \
  X(cudaErrorInvalidPitchValue, 12, "invalid pitch")                                                     \
  X(cudaErrorInvalidSymbol, 13, "not a device variable")                                                 \
  X(cudaErrorInvalidHostPointer, 16, "not a host pointer (no longer used)")                              \
  X(cudaErrorInvalidDevicePointer, 17, "not a device pointer (no longer used)")                          \
  X(cudaErrorInvalidTexture, 18, "invalid texture")                                                      \
  X(cudaErrorInvalidTextureBinding, 19, "the texture is not bound")                                      \
  X(cudaErrorInvalidChannelDescriptor, 20, "invalid channel descriptor")                                 \
  X(cudaErrorInvalidMemcpyDirection, 21, "a copy in a direction that does not exist")                    \
  X(cudaErrorAddressOfConstant, 22, "the address of a constant variable was taken (no longer used)")     \
  X(cudaErrorTextureFetchFailed, 23, "a texture could not be read (no longer used)")                     \
  X(cudaErrorTextureNotBound, 24, "a texture was read that is not bound (no longer used)")               \
  X(cudaErrorSynchronizationError, 25, "synchronisation failed (no longer used)")                        \
  X(cudaErrorInvalidFilterSetting, 26, "a texture's filter does not fit its type")                       \
  X(cudaErrorInvalidNormSetting, 27, "a texture of this type cannot be read as normalised floats")       \
  X(cudaErrorMixedDeviceExecution, 28, "device and emulated code were mixed (no longer used)")           \
  X(cudaErrorNotYetImplemented, 31, "not implemented yet (no longer used)")                              \
  X(cudaErrorMemoryValueTooLarge, 32, "an emulated pointer exceeds 32 bits (no longer used)")            \
  X(cudaErrorStubLibrary, 34, "the CUDA library that was loaded is a stub")                              \
  X(cudaErrorInsufficientDriver, 35, "the driver is older than the runtime needs")                       \
  X(cudaErrorCallRequiresNewerDriver, 36, "this call needs a newer driver")                              \
  X(cudaErrorInvalidSurface, 37, "invalid surface")                                                      \
  X(cudaErrorDuplicateVariableName, 43, "two variables have the same name")                              \
  X(cudaErrorDuplicateTextureName, 44, "two textures have the same name")                                \
  X(cudaErrorDuplicateSurfaceName, 45, "two surfaces have the same name")                                \
  X(cudaErrorDevicesUnavailable, 46, "all devices are busy or closed to this process")                   \
  X(cudaErrorIncompatibleDriverContext, 49, "the current driver context does not suit the runtime")      \
  X(cudaErrorMissingConfiguration, 52, "a launch without a configuration")                               \
  X(cudaErrorPriorLaunchFailure, 53, "an earlier launch failed (no longer used)")                        \
  X(cudaErrorLaunchMaxDepthExceeded, 65, "launches from kernels are nested too deep")                    \
  X(cudaErrorLaunchFileScopedTex, 66, "a kernel launched from a kernel uses a file's texture")           \
  X(cudaErrorLaunchFileScopedSurf, 67, "a kernel launched from a kernel uses a file's surface")          \
  X(cudaErrorSyncDepthExceeded, 68, "a kernel waits for its launches at too deep a level")               \
  X(cudaErrorLaunchPendingCountExceeded, 69, "too many launches from kernels are pending")               \
  X(cudaErrorInvalidDeviceFunction, 98, "not a kernel, or not one for this device")                      \
  X(cudaErrorNoDevice, 100, "no device")                                                                 \
  X(cudaErrorInvalidDevice, 101, "there is no device of this number")                                    \
  X(cudaErrorDeviceNotLicensed, 102, "the device has no licence")                                        \
  X(cudaErrorSoftwareValidityNotEstablished, 103, "the software's validity could not be established")    \
  X(cudaErrorStartupFailure, 127, "internal failure at start")                                           \
  X(cudaErrorInvalidKernelImage, 200, "invalid device code")                                             \
  X(cudaErrorDeviceUninitialized, 201, "no context on this device")                                      \
  X(cudaErrorMapBufferObjectFailed, 205, "a buffer object could not be mapped")                          \
  X(cudaErrorUnmapBufferObjectFailed, 206, "a buffer object could not be unmapped")                      \
  X(cudaErrorArrayIsMapped, 207, "the array is mapped and cannot be destroyed")                          \
  X(cudaErrorAlreadyMapped, 208, "the resource is mapped already")                                       \
  X(cudaErrorNoKernelImageForDevice, 209, "no device code for this device")                              \
  X(cudaErrorAlreadyAcquired, 210, "the resource is held already")                                       \
  X(cudaErrorNotMapped, 211, "the resource is not mapped")                                               \
  X(cudaErrorNotMappedAsArray, 212, "the resource is not mapped as an array")                            \
  X(cudaErrorNotMappedAsPointer, 213, "the resource is not mapped as a pointer")                         \
  X(cudaErrorECCUncorrectable, 214, "a memory error that cannot be corrected")                           \
  X(cudaErrorUnsupportedLimit, 215, "the device does not have this limit")                               \
  X(cudaErrorDeviceAlreadyInUse, 216, "another thread holds the device for itself")                      \
  X(cudaErrorPeerAccessUnsupported, 217, "these devices cannot reach each other's memory")               \
  X(cudaErrorInvalidPtx, 218, "PTX that does not compile")                                               \
  X(cudaErrorInvalidGraphicsContext, 219, "invalid graphics context")                                    \
  X(cudaErrorNvlinkUncorrectable, 220, "an NVLink error that cannot be corrected")                       \
  X(cudaErrorJitCompilerNotFound, 221, "the PTX compiler is missing")                                    \
  X(cudaErrorUnsupportedPtxVersion, 222, "PTX newer than this PTX compiler")                             \
  X(cudaErrorJitCompilationDisabled, 223, "compilation of PTX is disabled")                              \
  X(cudaErrorUnsupportedExecAffinity, 224, "the device cannot run with this affinity")                   \
  X(cudaErrorUnsupportedDevSideSync, 225, "the kernel calls cudaDeviceSynchronize")                      \
  X(cudaErrorContained, 226, "a memory error that was contained; the process must be restarted")         \
  X(cudaErrorInvalidSource, 300, "invalid device source")                                                \
  X(cudaErrorFileNotFound, 301, "file not found")                                                        \
  X(cudaErrorSharedObjectSymbolNotFound, 302, "a shared library lacks a symbol")                         \
  X(cudaErrorSharedObjectInitFailed, 303, "a shared library could not be initialised")                   \
  X(cudaErrorOperatingSystem, 304, "a call of the operating system failed")                              \
  X(cudaErrorInvalidResourceHandle, 400, "not a valid stream, event or other handle")                    \
  X(cudaErrorIllegalState, 401, "the object is in no state for this operation")                          \
  X(cudaErrorLossyQuery, 402, "the answer would lose information")                                       \
  X(cudaErrorSymbolNotFound, 500, "there is no symbol of this name")                                     \
  X(cudaErrorNotReady, 600, "not finished yet")                                                          \
  X(cudaErrorIllegalAddress, 700, "a kernel accessed memory that is not there")                          \
  X(cudaErrorLaunchOutOfResources, 701, "the kernel needs more registers or other resources than exist") \
  X(cudaErrorLaunchTimeout, 702, "the kernel ran too long")                                              \
  X(cudaErrorLaunchIncompatibleTexturing, 703, "a launch with another texturing mode")                   \
  X(cudaErrorPeerAccessAlreadyEnabled, 704, "peer access is enabled already")                            \
  X(cudaErrorPeerAccessNotEnabled, 705, "peer access is not enabled")                                    \
  X(cudaErrorSetOnActiveProcess, 708, "must be set before the device is used")                           \
  X(cudaErrorContextIsDestroyed, 709, "the context was destroyed")                                       \
  X(cudaErrorAssert, 710, "an assertion failed in a kernel")                                             \
  X(cudaErrorTooManyPeers, 711, "no further peer can be enabled")                                        \
  X(cudaErrorHostMemoryAlreadyRegistered, 712, "this host memory is registered already")                 \
  X(cudaErrorHostMemoryNotRegistered, 713, "this host memory is not registered")                         \
  X(cudaErrorHardwareStackError, 714, "a kernel's call stack is corrupt or too large")                   \
  X(cudaErrorIllegalInstruction, 715, "a kernel executed an illegal instruction")                        \
  X(cudaErrorMisalignedAddress, 716, "a kernel accessed memory that is not aligned to the access")       \
  X(cudaErrorInvalidAddressSpace, 717, "an instruction was given an address of another address space")   \
  X(cudaErrorInvalidPc, 718, "a kernel jumped to where no code is")                                      \
  X(cudaErrorLaunchFailure, 719, "the kernel failed")                                                    \
  X(cudaErrorCooperativeLaunchTooLarge, 720, "the grid's blocks cannot all be resident at once")         \
  X(cudaErrorTensorMemoryLeak, 721, "a block ended without freeing its tensor memory")                   \
  X(cudaErrorNotPermitted, 800, "not permitted")                                                         \
  X(cudaErrorNotSupported, 801, "not supported")                                                         \
  X(cudaErrorSystemNotReady, 802, "the system is not ready for CUDA")                                    \
  X(cudaErrorSystemDriverMismatch, 803, "driver and libraries are of different versions")                \
  X(cudaErrorCompatNotSupportedOnDevice, 804, "forward compatibility is not for this device")            \
  X(cudaErrorMpsConnectionFailed, 805, "the MPS client cannot reach its server")                         \
  X(cudaErrorMpsRpcFailure, 806, "the MPS server and its client lost each other")                        \
  X(cudaErrorMpsServerNotReady, 807, "the MPS server takes no clients now")                              \
  X(cudaErrorMpsMaxClientsReached, 808, "the MPS server has no room for another client")                 \
  X(cudaErrorMpsMaxConnectionsReached, 809, "the device has no room for another MPS connection")         \
  X(cudaErrorMpsClientTerminated, 810, "the MPS server ended this client")                               \
  X(cudaErrorCdpNotSupported, 811, "launches from kernels are not supported")                            \
  X(cudaErrorCdpVersionMismatch, 812, "different versions of launches from kernels")                     \
  X(cudaErrorStreamCaptureUnsupported, 900, "not allowed while the stream is captured")                  \
  X(cudaErrorStreamCaptureInvalidated, 901, "an earlier error ended the capture")                        \
  X(cudaErrorStreamCaptureMerge, 902, "two captures would be merged")                                    \
  X(cudaErrorStreamCaptureUnmatched, 903, "the capture did not begin in this stream")                    \
  X(cudaErrorStreamCaptureUnjoined, 904, "a captured fork was never joined")                             \
  X(cudaErrorStreamCaptureIsolation, 905, "a captured dependency crosses the capture's border")          \
  X(cudaErrorStreamCaptureImplicit, 906, "a dependency on the legacy stream under capture")              \
  X(cudaErrorCapturedEvent, 907, "the event was last recorded under capture")                            \
  X(cudaErrorStreamCaptureWrongThread, 908, "the capture was begun by another thread")                   \
  X(cudaErrorTimeout, 909, "timed out")                                                                  \
  X(cudaErrorGraphExecUpdateFailure, 910, "the graph differs too much from the one instantiated")        \
  X(cudaErrorExternalDevice, 911, "a device outside CUDA failed")                                        \
  X(cudaErrorInvalidClusterSize, 912, "invalid cluster size")                                            \
  X(cudaErrorFunctionNotLoaded, 913, "the function is not loaded")                                       \
  X(cudaErrorInvalidResourceType, 914, "a resource of the wrong type")                                   \
  X(cudaErrorInvalidResourceConfiguration, 915, "a resource's configuration is invalid or too large")    \
  X(cudaErrorUnknown, 999, "unknown error")                                                              \
  X(cudaErrorApiFailureBase, 10000, "a driver error that the runtime does not know (no longer used)")
