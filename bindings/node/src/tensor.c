/* The class MSTensor: a tensor of a model. Data are copied in and out: JavaScript may detach a buffer, and a model may be closed, while the
 * other side still holds an address. */
#include <stdlib.h>
#include <string.h>
#include "addon.h"

void retain_tensor(NativeTensor *tensor) { tensor->references++; }

void release_tensor(NativeTensor *tensor) {
  if (--tensor->references > 0) return;
  for (size_t i = 0; i < tensor->model->output_count; i++)
    if (tensor->model->outputs[i] == tensor) tensor->model->outputs[i] = NULL;
  if (tensor->kind == WEIGHT_TENSOR) OH_AI_TensorDestroy(&tensor->handle);
  release_model(tensor->model);
  free(tensor);
}

static void retain_object(napi_env env, void *native, napi_ref object) {
  NativeTensor *tensor = native;
  (void)env;
  retain_tensor(tensor);
  tensor->object = object;
}

static void release_object(napi_env env, void *native) {
  NativeTensor *tensor = native;
  napi_delete_reference(env, tensor->object);
  tensor->object = NULL;
  release_tensor(tensor);
}

static const NativeClass tensor_class = {"MSTensor", {0x6d736c6974652d31, 0x74656e736f722d31}, retain_object, release_object};

static NativeTensor *unwrap(napi_env env, napi_value value) { return unwrap_object(env, value, &tensor_class, "not an MSTensor of a model"); }

/* The tensor that a method or property is of. `while_running`: it may be used during a run. */
static NativeTensor *receiver(napi_env env, napi_callback_info info, napi_value *argument, bool while_running) {
  napi_value self = NULL;
  size_t count = argument == NULL ? 0 : 1;
  if (!NODE(napi_get_cb_info(env, info, &count, argument, &self, NULL))) return NULL;
  NativeTensor *tensor = unwrap(env, self);
  if (tensor == NULL) return NULL;
  if (tensor->model->handle == NULL || !while_running) return model_ready(env, tensor->model) ? tensor : NULL;
  return tensor;
}

static napi_value get_name(napi_env env, napi_callback_info info) {
  NativeTensor *tensor = receiver(env, info, NULL, true);
  return tensor == NULL ? NULL : make_string(env, OH_AI_TensorGetName(tensor->handle));
}

/* A run may change the shape of an output. */
static NativeTensor *shaped_receiver(napi_env env, napi_callback_info info) {
  NativeTensor *tensor = receiver(env, info, NULL, true);
  return tensor == NULL || tensor->kind != OUTPUT_TENSOR || model_ready(env, tensor->model) ? tensor : NULL;
}

static napi_value get_shape(napi_env env, napi_callback_info info) {
  NativeTensor *tensor = shaped_receiver(env, info);
  napi_value list = NULL;
  size_t rank = 0;
  if (tensor == NULL) return NULL;
  const int64_t *dims = OH_AI_TensorGetShape(tensor->handle, &rank);
  if (!NODE(napi_create_array_with_length(env, rank, &list))) return NULL;
  for (size_t i = 0; i < rank; i++) {
    napi_value dim = make_number(env, (double)dims[i]);
    if (dim == NULL || !NODE(napi_set_element(env, list, (uint32_t)i, dim))) return NULL;
  }
  return list;
}

static napi_value get_element_num(napi_env env, napi_callback_info info) {
  NativeTensor *tensor = shaped_receiver(env, info);
  return tensor == NULL ? NULL : make_number(env, (double)OH_AI_TensorGetElementNum(tensor->handle));
}

static napi_value get_data_size(napi_env env, napi_callback_info info) {
  NativeTensor *tensor = shaped_receiver(env, info);
  return tensor == NULL ? NULL : make_number(env, (double)OH_AI_TensorGetDataSize(tensor->handle));
}

static napi_value get_dtype(napi_env env, napi_callback_info info) {
  NativeTensor *tensor = receiver(env, info, NULL, true);
  return tensor == NULL ? NULL : make_number(env, OH_AI_TensorGetDataType(tensor->handle));
}

static napi_value get_format(napi_env env, napi_callback_info info) {
  NativeTensor *tensor = receiver(env, info, NULL, true);
  return tensor == NULL ? NULL : make_number(env, OH_AI_TensorGetFormat(tensor->handle));
}

static napi_value get_data(napi_env env, napi_callback_info info) {
  NativeTensor *tensor = receiver(env, info, NULL, false);
  napi_value buffer = NULL;
  void *bytes = NULL;
  if (tensor == NULL) return NULL;
  const size_t size = OH_AI_TensorGetDataSize(tensor->handle);
  const void *data = OH_AI_TensorGetData(tensor->handle);
  if (data == NULL && size > 0) return throw_error(env, (uint32_t)OH_AI_STATUS_LITE_NULLPTR, "the tensor has no data yet");
  if (!NODE(napi_create_arraybuffer(env, size, &bytes, &buffer))) return NULL;
  if (size > 0) memcpy(bytes, data, size);
  return buffer;
}

static napi_value set_data(napi_env env, napi_callback_info info) {
  napi_value argument = NULL;
  void *bytes = NULL;
  size_t size = 0;
  NativeTensor *tensor = receiver(env, info, &argument, false);
  if (tensor == NULL || !get_bytes(env, argument, "the data", &bytes, &size)) return NULL;
  const size_t wanted = OH_AI_TensorGetDataSize(tensor->handle);
  if (size != wanted) return throw_type_error(env, "the data have %zu bytes, the tensor has %zu", size, wanted);
  if (size > 0) {
    void *data = OH_AI_TensorGetMutableData(tensor->handle);
    if (data == NULL) return throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "the tensor's memory cannot be written");
    memcpy(data, bytes, size);
  }
  return NULL;
}

bool define_tensor_class(napi_env env, Addon *addon) {
  const napi_property_descriptor properties[] = {
    {"name", NULL, NULL, get_name, NULL, NULL, napi_enumerable, NULL},
    {"shape", NULL, NULL, get_shape, NULL, NULL, napi_enumerable, NULL},
    {"elementNum", NULL, NULL, get_element_num, NULL, NULL, napi_enumerable, NULL},
    {"dataSize", NULL, NULL, get_data_size, NULL, NULL, napi_enumerable, NULL},
    {"dtype", NULL, NULL, get_dtype, NULL, NULL, napi_enumerable, NULL},
    {"format", NULL, NULL, get_format, NULL, NULL, napi_enumerable, NULL},
    {"getData", NULL, get_data, NULL, NULL, NULL, napi_default_method, NULL},
    {"setData", NULL, set_data, NULL, NULL, NULL, napi_default_method, NULL},
  };
  return define_class(env, &tensor_class, properties, sizeof properties / sizeof *properties, &addon->tensor_class);
}

/* remember: where to keep the tensor's address while it lives; may be NULL. */
static napi_value wrap(napi_env env, Addon *addon, NativeModel *model, OH_AI_TensorHandle handle, TensorKind kind, NativeTensor **remember) {
  NativeTensor *tensor = malloc(sizeof *tensor);
  if (tensor == NULL) {
    if (kind == WEIGHT_TENSOR) OH_AI_TensorDestroy(&handle);
    return throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
  }
  retain_model(model);
  *tensor = (NativeTensor){1, model, handle, kind, NULL};
  if (remember != NULL) *remember = tensor;
  napi_value object = make_object(env, addon, addon->tensor_class, tensor);
  release_tensor(tensor);
  return object;
}

napi_value wrap_tensors(napi_env env, NativeModel *model, OH_AI_TensorHandleArray list, TensorKind kind) {
  napi_value array = NULL;
  Addon *addon = get_addon(env);
  bool ok = addon != NULL && NODE(napi_create_array_with_length(env, list.handle_num, &array));
  for (size_t i = 0; i < list.handle_num; i++) {
    if (!ok) {
      if (kind == WEIGHT_TENSOR) OH_AI_TensorDestroy(&list.handle_list[i]);
      continue;
    }
    napi_value tensor = wrap(env, addon, model, list.handle_list[i], kind, NULL);
    ok = tensor != NULL && NODE(napi_set_element(env, array, (uint32_t)i, tensor));
  }
  return ok ? array : NULL;
}

/* The object of the tensor behind a handle, if JavaScript still has one. */
static napi_value living(napi_env env, const NativeTensor *tensor, OH_AI_TensorHandle handle) {
  napi_value object = NULL;
  if (tensor == NULL || tensor->handle != handle || tensor->object == NULL) return NULL;
  return napi_get_reference_value(env, tensor->object, &object) == napi_ok ? object : NULL;
}

napi_value wrap_outputs(napi_env env, NativeModel *model, OH_AI_TensorHandleArray list) {
  napi_value array = NULL;
  Addon *addon = get_addon(env);
  if (model->output_count != list.handle_num) {
    free(model->outputs);
    model->outputs = calloc(list.handle_num + 1, sizeof(NativeTensor *));
    model->output_count = model->outputs == NULL ? 0 : list.handle_num;
    if (model->outputs == NULL) return throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
  }
  if (addon == NULL || !NODE(napi_create_array_with_length(env, list.handle_num, &array))) return NULL;
  for (size_t i = 0; i < list.handle_num; i++) {
    napi_value tensor = living(env, model->outputs[i], list.handle_list[i]);
    if (tensor == NULL) tensor = wrap(env, addon, model, list.handle_list[i], OUTPUT_TENSOR, &model->outputs[i]);
    if (tensor == NULL || !NODE(napi_set_element(env, array, (uint32_t)i, tensor))) return NULL;
  }
  return array;
}

void release_tensors(NativeTensor **list, size_t count) {
  for (size_t i = 0; list != NULL && i < count; i++) release_tensor(list[i]);
  free(list);
}

bool get_tensors(napi_env env, napi_value value, const char *what, NativeTensor ***list, size_t *count) {
  bool array = false;
  uint32_t length = 0;
  *list = NULL;
  *count = 0;
  if (napi_is_array(env, value, &array) != napi_ok || !array) {
    throw_type_error(env, "%s is not an array of MSTensors", what);
    return false;
  }
  if (!NODE(napi_get_array_length(env, value, &length))) return false;
  NativeTensor **tensors = calloc((size_t)length + 1, sizeof *tensors);
  if (tensors == NULL) {
    throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
    return false;
  }
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    if (!NODE(napi_get_element(env, value, i, &element)) || (tensors[i] = unwrap(env, element)) == NULL ||
        !model_ready(env, tensors[i]->model)) {
      release_tensors(tensors, i);
      return false;
    }
    retain_tensor(tensors[i]);
  }
  *list = tensors;
  *count = length;
  return true;
}

bool get_tensor_floats(napi_env env, napi_value value, const char *otherwise, void **floats, size_t *count) {
  NativeTensor *tensor = unwrap_object(env, value, &tensor_class, otherwise);
  if (tensor == NULL || !model_ready(env, tensor->model)) return false;
  if (OH_AI_TensorGetDataType(tensor->handle) != OH_AI_DATATYPE_NUMBERTYPE_FLOAT32) {
    throw_type_error(env, "the tensor is not one of float32");
    return false;
  }
  *count = OH_AI_TensorGetDataSize(tensor->handle) / sizeof(float);
  *floats = OH_AI_TensorGetMutableData(tensor->handle);
  if (*floats != NULL || *count == 0) return true;
  throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "the tensor's memory cannot be written");
  return false;
}

OH_AI_TensorHandle *handles_of(NativeTensor **list, size_t count) {
  OH_AI_TensorHandle *handles = count == 0 ? NULL : malloc(count * sizeof *handles);
  for (size_t i = 0; handles != NULL && i < count; i++) handles[i] = list[i]->handle;
  return handles;
}
