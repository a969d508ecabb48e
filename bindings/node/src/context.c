/* Contexts, devices and train settings from objects of JavaScript. */
#include <stdlib.h>
#include <string.h>
#include "addon.h"

static bool is_object(napi_env env, napi_value value, const char *what) {
  if (is_absent(env, value) || is_type(env, value, napi_object)) return true;
  throw_type_error(env, "%s is not an object", what);
  return false;
}

/* An optional whole number of an object; `*number` stays where it is absent. */
static bool optional_whole(napi_env env, napi_value object, const char *name, int64_t low, int64_t high, int64_t *number) {
  napi_value value = get_property(env, object, name);
  return value != NULL && (is_absent(env, value) || get_whole(env, value, name, low, high, number));
}

/* The number of a device, which takes all 64 bits: a BigInt, or a number. */
static bool optional_device_id(napi_env env, napi_value object, uint64_t *id) {
  napi_value value = get_property(env, object, "deviceID");
  bool exact = false;
  int64_t small = 0;
  if (value == NULL || is_absent(env, value)) return value != NULL;
  if (!is_type(env, value, napi_bigint)) {
    if (!get_whole(env, value, "deviceID", 0, INT64_MAX, &small)) return false;
    *id = (uint64_t)small;
    return true;
  }
  if (!NODE(napi_get_value_bigint_uint64(env, value, id, &exact))) return false;
  if (!exact) throw_type_error(env, "deviceID is not from 0 to 2^64 - 1");
  return exact;
}

/* "preferred_fp16" or "enforce_fp32". */
static bool optional_precision(napi_env env, napi_value object, bool *half) {
  napi_value value = get_property(env, object, "precisionMode");
  if (value == NULL) return false;
  if (is_absent(env, value)) return true;
  char *mode = get_string(env, value, "precisionMode");
  if (mode == NULL) return false;
  *half = strcmp(mode, "preferred_fp16") == 0;
  const bool known = *half || strcmp(mode, "enforce_fp32") == 0;
  free(mode);
  if (!known) throw_type_error(env, "precisionMode is neither preferred_fp16 nor enforce_fp32");
  return known;
}

static bool optional_cores(napi_env env, napi_value object, OH_AI_ContextHandle context) {
  napi_value value = get_property(env, object, "threadAffinityCoreList");
  bool array = false, ok = true;
  uint32_t count = 0;
  if (value == NULL) return false;
  if (is_absent(env, value)) return true;
  if (napi_is_array(env, value, &array) != napi_ok || !array) {
    throw_type_error(env, "threadAffinityCoreList is not an array of numbers");
    return false;
  }
  if (!NODE(napi_get_array_length(env, value, &count))) return false;
  int32_t *cores = malloc(((size_t)count + 1) * sizeof *cores);
  for (uint32_t i = 0; ok && cores != NULL && i < count; i++) {
    napi_value element;
    int64_t core = 0;
    ok = NODE(napi_get_element(env, value, i, &element)) && get_whole(env, element, "a core of threadAffinityCoreList", 0, INT32_MAX, &core);
    cores[i] = (int32_t)core;
  }
  if (ok && cores != NULL && count > 0) OH_AI_ContextSetThreadAffinityCoreList(context, cores, count);
  free(cores);
  return ok;
}

static bool add_cpu(napi_env env, napi_value cpu, OH_AI_ContextHandle context) {
  int64_t threads = 2, affinity = 0;
  bool half = false;
  if (!is_object(env, cpu, "cpu") || !optional_whole(env, cpu, "threadNum", 0, INT32_MAX, &threads) ||
      !optional_whole(env, cpu, "threadAffinityMode", 0, 2, &affinity) || !optional_precision(env, cpu, &half) ||
      !optional_cores(env, cpu, context))
    return false;
  OH_AI_ContextSetThreadNum(context, (int32_t)threads);
  OH_AI_ContextSetThreadAffinityMode(context, (int)affinity);
  OH_AI_DeviceInfoHandle device = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  OH_AI_DeviceInfoSetEnableFP16(device, half);
  OH_AI_ContextAddDeviceInfo(context, device);
  return true;
}

static bool add_extensions(napi_env env, napi_value list, OH_AI_DeviceInfoHandle device) {
  bool array = false;
  uint32_t count = 0;
  if (is_absent(env, list)) return list != NULL;
  if (napi_is_array(env, list, &array) != napi_ok || !array) {
    throw_type_error(env, "extensions is not an array");
    return false;
  }
  if (!NODE(napi_get_array_length(env, list, &count))) return false;
  for (uint32_t i = 0; i < count; i++) {
    napi_value extension, name_value, value;
    void *bytes = NULL;
    size_t size = 0;
    if (!NODE(napi_get_element(env, list, i, &extension)) || !is_object(env, extension, "an extension") ||
        (name_value = get_property(env, extension, "name")) == NULL || (value = get_property(env, extension, "value")) == NULL)
      return false;
    char *name = get_string(env, name_value, "an extension's name");
    bool ok = name != NULL && get_bytes(env, value, "an extension's value", &bytes, &size);
    if (ok) {
      /* An empty ArrayBuffer has no address. */
      const OH_AI_Status status = OH_AI_DeviceInfoAddExtension(device, name, bytes == NULL ? "" : bytes, size);
      ok = status == OH_AI_STATUS_SUCCESS;
      if (!ok) throw_status(env, status);
    }
    free(name);
    if (!ok) return false;
  }
  return true;
}

static bool add_nnrt(napi_env env, napi_value nnrt, OH_AI_ContextHandle context) {
  uint64_t id = 0;
  int64_t mode = OH_AI_PERFORMANCE_NONE, priority = OH_AI_PRIORITY_MEDIUM;
  if (!is_object(env, nnrt, "nnrt") || !optional_device_id(env, nnrt, &id) ||
      !optional_whole(env, nnrt, "performanceMode", OH_AI_PERFORMANCE_NONE, OH_AI_PERFORMANCE_EXTREME, &mode) ||
      !optional_whole(env, nnrt, "priority", OH_AI_PRIORITY_NONE, OH_AI_PRIORITY_HIGH, &priority))
    return false;
  OH_AI_DeviceInfoHandle device = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_NNRT);
  OH_AI_DeviceInfoSetDeviceId(device, (size_t)id);
  OH_AI_DeviceInfoSetPerformanceMode(device, (OH_AI_PerformanceMode)mode);
  OH_AI_DeviceInfoSetPriority(device, (OH_AI_Priority)priority);
  if (!add_extensions(env, get_property(env, nnrt, "extensions"), device)) {
    OH_AI_DeviceInfoDestroy(&device);
    return false;
  }
  OH_AI_ContextAddDeviceInfo(context, device);
  return true;
}

static bool add_device(napi_env env, const char *target, napi_value object, OH_AI_ContextHandle context) {
  napi_value device = NULL;
  const bool cpu = strcmp(target, "cpu") == 0;
  if (!cpu && strcmp(target, "nnrt") != 0) {
    throw_type_error(env, "the target \"%s\" is neither cpu nor nnrt", target);
    return false;
  }
  device = get_property(env, object, cpu ? "cpu" : "nnrt");
  if (device == NULL) return false;
  return cpu ? add_cpu(env, device, context) : add_nnrt(env, device, context);
}

OH_AI_ContextHandle make_context(napi_env env, napi_value object) {
  napi_value target;
  char **targets = NULL;
  size_t count = 0;
  if (!is_object(env, object, "context") || (target = get_property(env, object, "target")) == NULL) return NULL;
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  bool ok = context != NULL;
  if (!ok) throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
  if (ok && is_absent(env, target)) {
    ok = add_device(env, "cpu", object, context);
  } else if (ok) {
    ok = get_strings(env, target, "target", &targets, &count);
    for (size_t i = 0; ok && i < count; i++) ok = add_device(env, targets[i], object, context);
    free_strings(targets, count);
  }
  if (!ok) OH_AI_ContextDestroy(&context);
  return context;
}

bool set_key(napi_env env, napi_value object, OH_AI_ModelHandle model) {
  napi_value decryption = get_property(env, object, "decryption"), key, mode_value;
  void *bytes = NULL;
  size_t size = 0;
  if (decryption == NULL || is_absent(env, decryption)) return decryption != NULL;
  if (!is_object(env, decryption, "decryption") || (key = get_property(env, decryption, "key")) == NULL ||
      (mode_value = get_property(env, decryption, "mode")) == NULL)
    return false;
  char *mode = NULL;
  if (!is_absent(env, mode_value) && (mode = get_string(env, mode_value, "decryption.mode")) == NULL) return false;
  const bool given = get_bytes(env, key, "decryption.key", &bytes, &size);
  OH_AI_Status status = OH_AI_STATUS_SUCCESS;
  /* An empty ArrayBuffer has no address, and no address would take a key back. */
  if (given) status = MSLite_ModelSetDecryptionKey(model, bytes == NULL ? (const uint8_t *)"" : bytes, size, mode);
  free(mode);
  if (status != OH_AI_STATUS_SUCCESS) throw_status(env, status);
  return given && status == OH_AI_STATUS_SUCCESS;
}

OH_AI_TrainCfgHandle make_train_cfg(napi_env env, napi_value object) {
  static const char *defaults[] = {"loss_fct", "_loss_fn", "SigmoidCrossEntropy"};
  char **names = NULL;
  size_t count = 0;
  int64_t level = OH_AI_KO0;
  napi_value loss_name;
  if (!is_object(env, object, "trainCfg") || (loss_name = get_property(env, object, "lossName")) == NULL ||
      !optional_whole(env, object, "optimizationLevel", OH_AI_KO0, OH_AI_KAUTO, &level))
    return NULL;
  if (level == 1) {
    throw_type_error(env, "optimizationLevel is not one of 0, 2, 3 and 4");
    return NULL;
  }
  const bool given = !is_absent(env, loss_name);
  if (given && !get_strings(env, loss_name, "lossName", &names, &count)) return NULL;
  OH_AI_TrainCfgHandle cfg = OH_AI_TrainCfgCreate();
  OH_AI_TrainCfgSetOptimizationLevel(cfg, (OH_AI_OptimizationLevel)level);
  if (given) OH_AI_TrainCfgSetLossName(cfg, (const char **)names, count);
  else OH_AI_TrainCfgSetLossName(cfg, defaults, sizeof defaults / sizeof *defaults);
  free_strings(names, count);
  return cfg;
}

/* [{id, type, name}] */
napi_value nnrt_devices(napi_env env, napi_callback_info info) {
  size_t count = 0;
  napi_value list = NULL;
  (void)info;
  NNRTDeviceDesc *all = OH_AI_GetAllNNRTDeviceDescs(&count);
  bool ok = NODE(napi_create_array(env, &list));
  for (size_t i = 0; ok && all != NULL && i < count; i++) {
    const NNRTDeviceDesc *one = OH_AI_GetElementOfNNRTDeviceDescs(all, i);
    napi_value device = NULL, id = NULL;
    ok = NODE(napi_create_object(env, &device)) && NODE(napi_create_bigint_uint64(env, OH_AI_GetDeviceIdFromNNRTDeviceDesc(one), &id)) &&
         set_property(env, device, "id", id) &&
         set_property(env, device, "type", make_number(env, OH_AI_GetTypeFromNNRTDeviceDesc(one))) &&
         set_property(env, device, "name", make_string(env, OH_AI_GetNameFromNNRTDeviceDesc(one))) &&
         NODE(napi_set_element(env, list, (uint32_t)i, device));
  }
  if (all != NULL) OH_AI_DestroyAllNNRTDeviceDescs(&all);
  return ok ? list : NULL;
}
