/**
 * @file context.hpp
 * Where and how a model runs: threads, processors, devices.
 */
#ifndef MSLITE_CPP_CONTEXT_HPP
#define MSLITE_CPP_CONTEXT_HPP

#include <vector>
#include "mslite/cpp/result.hpp"
#include "mslite/cpp/span.hpp"

namespace mslite {

/** A device of the Neural Network Runtime. */
struct NnrtDevice {
  std::size_t id;
  std::string name;
  OH_AI_NNRTDeviceType type;
};

/** The devices of the Neural Network Runtime; empty where there is no runtime. */
inline std::vector<NnrtDevice> nnrt_devices() {
  std::vector<NnrtDevice> devices;
  std::size_t count = 0;
  NNRTDeviceDesc *list = OH_AI_GetAllNNRTDeviceDescs(&count);
  for (std::size_t i = 0; i < count; i++) {
    const NNRTDeviceDesc *device = OH_AI_GetElementOfNNRTDeviceDescs(list, i);
    const char *name = OH_AI_GetNameFromNNRTDeviceDesc(device);
    devices.push_back({OH_AI_GetDeviceIdFromNNRTDeviceDesc(device), name == nullptr ? "" : name, OH_AI_GetTypeFromNNRTDeviceDesc(device)});
  }
  if (list != nullptr) OH_AI_DestroyAllNNRTDeviceDescs(&list);
  return devices;
}

/** A device for a context, which takes it over. Setters that the device has no use for do nothing. */
class DeviceInfo {
 public:
  /** @param type CPU, GPU, KIRIN_NPU or NNRT; whether such a device exists is a build's question */
  static Result<DeviceInfo> create(OH_AI_DeviceType type) {
    return made(OH_AI_DeviceInfoCreate(type), "no device info of type " + std::to_string(static_cast<int>(type)));
  }
  /** The NNRt device of that name; fails when there is none. */
  static Result<DeviceInfo> nnrt(const char *name) {
    return made(OH_AI_CreateNNRTDeviceInfoByName(name), std::string("no NNRt device \"") + (name == nullptr ? "" : name) + "\"");
  }
  /** The first NNRt device of that type; fails when there is none. */
  static Result<DeviceInfo> nnrt(OH_AI_NNRTDeviceType type) {
    return made(OH_AI_CreateNNRTDeviceInfoByType(type), "no NNRt device of type " + std::to_string(static_cast<int>(type)));
  }

  OH_AI_DeviceInfoHandle handle() const noexcept { return owner_.get(); }
  /** Gives the handle up, to a context for instance. */
  OH_AI_DeviceInfoHandle release() noexcept { return owner_.release(); }

  OH_AI_DeviceType type() const noexcept { return OH_AI_DeviceInfoGetDeviceType(handle()); }
  /** Half-precision arithmetic where it is faster. */
  void set_half_precision(bool wanted) noexcept { OH_AI_DeviceInfoSetEnableFP16(handle(), wanted); }
  bool half_precision() const noexcept { return OH_AI_DeviceInfoGetEnableFP16(handle()); }
  void set_provider(const char *provider) noexcept { OH_AI_DeviceInfoSetProvider(handle(), provider); }
  std::string provider() const { return detail::take_string(OH_AI_DeviceInfoGetProvider(handle())); }
  void set_provider_device(const char *device) noexcept { OH_AI_DeviceInfoSetProviderDevice(handle(), device); }
  std::string provider_device() const { return detail::take_string(OH_AI_DeviceInfoGetProviderDevice(handle())); }
  /** Of a KIRIN_NPU: 0 automatic, 1 low, 2 balanced, 3 high, 4 extreme. */
  void set_frequency(int frequency) noexcept { OH_AI_DeviceInfoSetFrequency(handle(), frequency); }
  int frequency() const noexcept { return OH_AI_DeviceInfoGetFrequency(handle()); }

  /* Of NNRt devices. */
  void set_device_id(std::size_t id) noexcept { OH_AI_DeviceInfoSetDeviceId(handle(), id); }
  std::size_t device_id() const noexcept { return OH_AI_DeviceInfoGetDeviceId(handle()); }
  void set_performance_mode(OH_AI_PerformanceMode mode) noexcept { OH_AI_DeviceInfoSetPerformanceMode(handle(), mode); }
  OH_AI_PerformanceMode performance_mode() const noexcept { return OH_AI_DeviceInfoGetPerformanceMode(handle()); }
  void set_priority(OH_AI_Priority priority) noexcept { OH_AI_DeviceInfoSetPriority(handle(), priority); }
  OH_AI_Priority priority() const noexcept { return OH_AI_DeviceInfoGetPriority(handle()); }
  /** A setting for the driver; fails for other kinds of devices and for names that are not known. */
  Result<void> add_extension(const char *name, Span<const char> value) {
    return detail::result_of(OH_AI_DeviceInfoAddExtension(handle(), name, value.data(), value.size()));
  }

 private:
  explicit DeviceInfo(OH_AI_DeviceInfoHandle handle) noexcept : owner_(handle) {}
  static Result<DeviceInfo> made(OH_AI_DeviceInfoHandle handle, std::string otherwise) {
    if (handle == nullptr) return Error(OH_AI_STATUS_LITE_PARAM_INVALID, std::move(otherwise));
    return DeviceInfo(handle);
  }

  detail::Owner<OH_AI_DeviceInfoDestroy> owner_;
};

/** Settings for one model, which a build takes: a context builds one model. It may end before or after the model. */
class Context {
 public:
  /** Without devices: a build wants one to three. */
  Context() noexcept : owner_(OH_AI_ContextCreate()) {}
  /** @param threads 0: chosen at build; read threads() afterwards */
  static Context cpu(std::int32_t threads = 0, bool half_precision = false) {
    Context context;
    context.set_threads(threads);
    DeviceInfo device = DeviceInfo::create(OH_AI_DEVICETYPE_CPU).value();
    device.set_half_precision(half_precision);
    context.add(std::move(device));
    return context;
  }

  OH_AI_ContextHandle handle() const noexcept { return owner_.get(); }

  /** Appends a device, preferred less than those before. */
  void add(DeviceInfo device) noexcept {
    if (handle() != nullptr) OH_AI_ContextAddDeviceInfo(handle(), device.release());
  }

  void set_threads(std::int32_t threads) noexcept { OH_AI_ContextSetThreadNum(handle(), threads); }
  std::int32_t threads() const noexcept { return OH_AI_ContextGetThreadNum(handle()); }
  /** 0: not pinned; 1: the fastest processors first; 2: those of middle speed first. */
  void set_affinity_mode(int mode) noexcept { OH_AI_ContextSetThreadAffinityMode(handle(), mode); }
  int affinity_mode() const noexcept { return OH_AI_ContextGetThreadAffinityMode(handle()); }
  void set_affinity_cores(Span<const std::int32_t> cores) noexcept {
    OH_AI_ContextSetThreadAffinityCoreList(handle(), cores.data(), cores.size());
  }
  std::vector<std::int32_t> affinity_cores() const {
    std::size_t count = 0;
    const std::int32_t *cores = OH_AI_ContextGetThreadAffinityCoreList(handle(), &count);
    std::vector<std::int32_t> copy(cores, cores == nullptr ? cores : cores + count);
    std::free(const_cast<std::int32_t *>(cores));
    return copy;
  }
  void set_parallel(bool parallel) noexcept { OH_AI_ContextSetEnableParallel(handle(), parallel); }
  bool parallel() const noexcept { return OH_AI_ContextGetEnableParallel(handle()); }

 private:
  detail::Owner<OH_AI_ContextDestroy> owner_;
};

}  // namespace mslite
#endif
