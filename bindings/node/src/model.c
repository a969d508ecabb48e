/* The class Model. */
#include <stdlib.h>
#include <string.h>
#include "addon.h"

NativeModel *new_model(void) {
  NativeModel *model = malloc(sizeof *model);
  if (model == NULL) return NULL;
  *model = (NativeModel){.references = 1, .handle = OH_AI_ModelCreate()};
  if (model->handle != NULL) return model;
  free(model);
  return NULL;
}

void retain_model(NativeModel *model) { model->references++; }

void release_model(NativeModel *model) {
  if (--model->references > 0) return;
  if (model->handle != NULL) OH_AI_ModelDestroy(&model->handle);
  free(model->outputs);
  free(model);
}

bool model_ready(napi_env env, const NativeModel *model) {
  if (model->handle != NULL && model->busy == 0) return true;
  if (model->handle == NULL) throw_error(env, (uint32_t)OH_AI_STATUS_LITE_NULLPTR, "the model is closed");
  else throw_error(env, (uint32_t)OH_AI_STATUS_LITE_ERROR, "the model is running: wait for its promise");
  return false;
}

static void retain_object(napi_env env, void *native, napi_ref object) {
  NativeModel *model = native;
  int64_t total;
  retain_model(model);
  model->object = object;
  napi_adjust_external_memory(env, (int64_t)model->size, &total);
}

static void release_object(napi_env env, void *native) {
  NativeModel *model = native;
  int64_t total;
  napi_adjust_external_memory(env, -(int64_t)model->size, &total);
  napi_delete_reference(env, model->object);
  release_model(model);
}

static const NativeClass model_class = {"Model", {0x6d736c6974652d31, 0x6d6f64656c2d2d31}, retain_object, release_object};

/* The model that a method or property is of, ready for use, and its arguments; NULL with the error thrown. */
static NativeModel *receiver(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  napi_value self = NULL;
  if (!NODE(napi_get_cb_info(env, info, &count, arguments, &self, NULL))) return NULL;
  NativeModel *model = unwrap_object(env, self, &model_class, "not a Model");
  return model != NULL && model_ready(env, model) ? model : NULL;
}

/* Boolean functions: whether it worked; getLastError() has the reason. */
static napi_value succeeded(napi_env env, OH_AI_Status status) { return make_boolean(env, status == OH_AI_STATUS_SUCCESS); }

/* --- running ------------------------------------------------------------------------------------------------------------------- */

typedef struct PredictJob {
  Job job;
  NativeModel *model;
  NativeTensor **inputs;
  size_t count;
  OH_AI_TensorHandle *handles;
  OH_AI_TensorHandleArray outputs;
} PredictJob;

/* A model and those whose tensors are its inputs belong to the job until it ends. */
static void set_busy(PredictJob *predict, int change) {
  predict->model->busy += (size_t)change;
  for (size_t i = 0; i < predict->count; i++) predict->inputs[i]->model->busy += (size_t)change;
}

static void run_predict(Job *job) {
  PredictJob *predict = (PredictJob *)job;
  const OH_AI_TensorHandleArray inputs = {predict->count, predict->handles};
  const OH_AI_Status status = OH_AI_ModelPredict(predict->model->handle, inputs, &predict->outputs, NULL, NULL);
  if (status != OH_AI_STATUS_SUCCESS) job_failed(job, status);
}

static void end_predict(PredictJob *predict) {
  if (predict->handles == NULL) return;
  set_busy(predict, -1);
  free(predict->handles);
  predict->handles = NULL;
}

static napi_value finish_predict(napi_env env, Job *job) {
  PredictJob *predict = (PredictJob *)job;
  return wrap_outputs(env, predict->model, predict->outputs);
}

static void discard_predict(Job *job) {
  PredictJob *predict = (PredictJob *)job;
  end_predict(predict);
  release_tensors(predict->inputs, predict->count);
  release_model(predict->model);
}

/* predict(inputs), predict(inputs, callback) */
static napi_value predict(napi_env env, napi_callback_info info) {
  napi_value arguments[2] = {NULL, NULL};
  NativeModel *model = receiver(env, info, 2, arguments);
  NativeTensor **inputs = NULL;
  size_t count = 0;
  if (model == NULL) return NULL;
  if (!is_absent(env, arguments[1]) && !is_type(env, arguments[1], napi_function)) return throw_type_error(env, "the callback is not a function");
  if (!get_tensors(env, arguments[0], "inputs", &inputs, &count)) return NULL;
  PredictJob *job = calloc(1, sizeof *job);
  OH_AI_TensorHandle *handles = malloc((count + 1) * sizeof *handles);
  if (job == NULL || handles == NULL) {
    free(job);
    free(handles);
    release_tensors(inputs, count);
    return throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
  }
  for (size_t i = 0; i < count; i++) handles[i] = inputs[i]->handle;
  retain_model(model);
  *job = (PredictJob){{.run = run_predict, .finish = finish_predict, .discard = discard_predict}, model, inputs, count, handles, {0, NULL}};
  set_busy(job, 1);
  return start_job(env, &job->job, arguments[1]);
}

/* predictSync(inputs): on this thread. Nothing else can use the model meanwhile, so that it is not marked as busy. */
static napi_value predict_sync(napi_env env, napi_callback_info info) {
  napi_value inputs = NULL, result = NULL;
  NativeModel *model = receiver(env, info, 1, &inputs);
  NativeTensor **tensors = NULL;
  size_t count = 0;
  if (model == NULL || !get_tensors(env, inputs, "inputs", &tensors, &count)) return NULL;
  OH_AI_TensorHandle *handles = handles_of(tensors, count);
  OH_AI_TensorHandleArray outputs = {0, NULL};
  const OH_AI_Status status = OH_AI_ModelPredict(model->handle, (OH_AI_TensorHandleArray){count, handles}, &outputs, NULL, NULL);
  if (status == OH_AI_STATUS_SUCCESS) result = wrap_outputs(env, model, outputs);
  else throw_status(env, status);
  free(handles);
  release_tensors(tensors, count);
  return result;
}

/* --- inputs, outputs, shapes --------------------------------------------------------------------------------------------------- */

static napi_value get_inputs(napi_env env, napi_callback_info info) {
  NativeModel *model = receiver(env, info, 0, NULL);
  return model == NULL ? NULL : wrap_tensors(env, model, OH_AI_ModelGetInputs(model->handle), INPUT_TENSOR);
}

static napi_value get_outputs(napi_env env, napi_callback_info info) {
  NativeModel *model = receiver(env, info, 0, NULL);
  return model == NULL ? NULL : wrap_tensors(env, model, OH_AI_ModelGetOutputs(model->handle), OUTPUT_TENSOR);
}

/* One shape from an array of numbers. */
static bool get_dims(napi_env env, napi_value value, OH_AI_ShapeInfo *shape) {
  bool array = false;
  uint32_t rank = 0;
  if (napi_is_array(env, value, &array) != napi_ok || !array) {
    throw_type_error(env, "a shape is not an array of numbers");
    return false;
  }
  if (!NODE(napi_get_array_length(env, value, &rank))) return false;
  if (rank > OH_AI_MAX_SHAPE_NUM) {
    throw_type_error(env, "a shape has %u dimensions", rank);
    return false;
  }
  shape->shape_num = rank;
  for (uint32_t i = 0; i < rank; i++) {
    napi_value dim;
    if (!NODE(napi_get_element(env, value, i, &dim)) || !get_whole(env, dim, "a dimension", INT32_MIN, INT32_MAX, &shape->shape[i])) return false;
  }
  return true;
}

/* resize(inputs, dims) */
static napi_value resize(napi_env env, napi_callback_info info) {
  napi_value arguments[2] = {NULL, NULL}, result = NULL;
  NativeModel *model = receiver(env, info, 2, arguments);
  NativeTensor **inputs = NULL;
  size_t count = 0;
  bool array = false;
  uint32_t shapes = 0;
  if (model == NULL) return NULL;
  if (napi_is_array(env, arguments[1], &array) != napi_ok || !array) return throw_type_error(env, "dims is not an array of shapes");
  if (!NODE(napi_get_array_length(env, arguments[1], &shapes)) || !get_tensors(env, arguments[0], "inputs", &inputs, &count)) return NULL;
  OH_AI_ShapeInfo *infos = calloc((size_t)shapes + 1, sizeof *infos);
  OH_AI_TensorHandle *handles = handles_of(inputs, count);
  bool ok = infos != NULL;
  if (!ok) throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
  for (uint32_t i = 0; ok && i < shapes; i++) {
    napi_value dims;
    ok = NODE(napi_get_element(env, arguments[1], i, &dims)) && get_dims(env, dims, &infos[i]);
  }
  if (ok) result = succeeded(env, OH_AI_ModelResize(model->handle, (OH_AI_TensorHandleArray){count, handles}, infos, shapes));
  free(infos);
  free(handles);
  release_tensors(inputs, count);
  return result;
}

/* --- training ------------------------------------------------------------------------------------------------------------------ */

/* runStep(inputs): tensors that are not the model's own inputs are copied into these. */
static napi_value run_step(napi_env env, napi_callback_info info) {
  napi_value argument = NULL, result = NULL;
  NativeModel *model = receiver(env, info, 1, &argument);
  NativeTensor **inputs = NULL;
  size_t count = 0;
  if (model == NULL || !get_tensors(env, argument, "inputs", &inputs, &count)) return NULL;
  const OH_AI_TensorHandleArray own = OH_AI_ModelGetInputs(model->handle);
  bool ok = count == own.handle_num;
  if (!ok) throw_type_error(env, "%zu inputs; the model has %zu", count, own.handle_num);
  for (size_t i = 0; ok && i < count; i++) {
    OH_AI_TensorHandle from = inputs[i]->handle, to = own.handle_list[i];
    if (from == to) continue;
    const size_t size = OH_AI_TensorGetDataSize(to);
    const void *data = OH_AI_TensorGetData(from);
    void *copy = OH_AI_TensorGetMutableData(to);
    ok = data != NULL && copy != NULL && OH_AI_TensorGetDataSize(from) == size && OH_AI_TensorGetDataType(from) == OH_AI_TensorGetDataType(to);
    if (ok) memmove(copy, data, size);
    else throw_type_error(env, "input %zu has no data, or another type or size than the model's", i);
  }
  if (ok) result = succeeded(env, OH_AI_RunStep(model->handle, NULL, NULL));
  release_tensors(inputs, count);
  return result;
}

static napi_value get_weights(napi_env env, napi_callback_info info) {
  NativeModel *model = receiver(env, info, 0, NULL);
  if (model == NULL) return NULL;
  OH_AI_TensorHandleArray list = OH_AI_ModelGetWeights(model->handle);
  napi_value weights = wrap_tensors(env, model, list, WEIGHT_TENSOR);
  free(list.handle_list);
  return weights;
}

static napi_value update_weights(napi_env env, napi_callback_info info) {
  napi_value argument = NULL;
  NativeModel *model = receiver(env, info, 1, &argument);
  NativeTensor **weights = NULL;
  size_t count = 0;
  if (model == NULL || !get_tensors(env, argument, "weights", &weights, &count)) return NULL;
  OH_AI_TensorHandle *handles = handles_of(weights, count);
  const OH_AI_Status status = OH_AI_ModelUpdateWeights(model->handle, (OH_AI_TensorHandleArray){count, handles});
  free(handles);
  release_tensors(weights, count);
  return succeeded(env, status);
}

/* setupVirtualBatch(virtualBatchMultiplier, lr, momentum) */
static napi_value setup_virtual_batch(napi_env env, napi_callback_info info) {
  napi_value arguments[3] = {NULL, NULL, NULL};
  int64_t multiplier = 0;
  double rate = 0, momentum = 0;
  NativeModel *model = receiver(env, info, 3, arguments);
  if (model == NULL || !get_whole(env, arguments[0], "virtualBatchMultiplier", INT32_MIN, INT32_MAX, &multiplier) ||
      !get_number(env, arguments[1], "lr", &rate) || !get_number(env, arguments[2], "momentum", &momentum))
    return NULL;
  return succeeded(env, OH_AI_ModelSetupVirtualBatch(model->handle, (int)multiplier, (float)rate, (float)momentum));
}

/* (quantizationType?, exportInferenceOnly?, outputTensorName?) */
typedef struct ExportArguments {
  int64_t quantization;
  bool inference_only;
  char **names;
  size_t count;
} ExportArguments;

static bool get_export_arguments(napi_env env, const napi_value *arguments, ExportArguments *export) {
  *export = (ExportArguments){OH_AI_NO_QUANT, true, NULL, 0};
  return (is_absent(env, arguments[0]) || get_whole(env, arguments[0], "quantizationType", OH_AI_NO_QUANT, OH_AI_FULL_QUANT, &export->quantization)) &&
         (is_absent(env, arguments[1]) || get_boolean(env, arguments[1], "exportInferenceOnly", &export->inference_only)) &&
         (is_absent(env, arguments[2]) || get_strings(env, arguments[2], "outputTensorName", &export->names, &export->count));
}

/* exportModel(modelFile, ...) */
static napi_value export_model(napi_env env, napi_callback_info info) {
  napi_value arguments[4] = {NULL, NULL, NULL, NULL};
  ExportArguments export;
  NativeModel *model = receiver(env, info, 4, arguments);
  if (model == NULL || !get_export_arguments(env, arguments + 1, &export)) return NULL;
  char *path = get_string(env, arguments[0], "modelFile");
  napi_value result = NULL;
  if (path != NULL)
    result = succeeded(env, OH_AI_ExportModel(model->handle, OH_AI_MODELTYPE_MINDIR, path, (OH_AI_QuantizationType)export.quantization,
                                              export.inference_only, export.names, export.count));
  free(path);
  free_strings(export.names, export.count);
  return result;
}

/* exportModelBuffer(...): an ArrayBuffer. */
static napi_value export_model_buffer(napi_env env, napi_callback_info info) {
  napi_value arguments[3] = {NULL, NULL, NULL}, buffer = NULL;
  ExportArguments export;
  char *data = NULL;
  size_t size = 0;
  void *bytes = NULL;
  NativeModel *model = receiver(env, info, 3, arguments);
  if (model == NULL || !get_export_arguments(env, arguments, &export)) return NULL;
  const OH_AI_Status status =
    OH_AI_ExportModelBuffer(model->handle, OH_AI_MODELTYPE_MINDIR, &data, &size, (OH_AI_QuantizationType)export.quantization,
                            export.inference_only, export.names, export.count);
  free_strings(export.names, export.count);
  if (status != OH_AI_STATUS_SUCCESS) return throw_status(env, status);
  if (NODE(napi_create_arraybuffer(env, size, &bytes, &buffer))) memcpy(bytes, data, size);
  free(data);
  return buffer;
}

/* exportWeightsCollaborateWithMicro(weightFile, isInference?, enableFp16?, changeableWeightsName?) */
static napi_value export_weights(napi_env env, napi_callback_info info) {
  napi_value arguments[4] = {NULL, NULL, NULL, NULL}, result = NULL;
  bool inference = true, half = false;
  char **names = NULL;
  size_t count = 0;
  NativeModel *model = receiver(env, info, 4, arguments);
  if (model == NULL || (!is_absent(env, arguments[1]) && !get_boolean(env, arguments[1], "isInference", &inference)) ||
      (!is_absent(env, arguments[2]) && !get_boolean(env, arguments[2], "enableFp16", &half)) ||
      (!is_absent(env, arguments[3]) && !get_strings(env, arguments[3], "changeableWeightsName", &names, &count)))
    return NULL;
  char *path = get_string(env, arguments[0], "weightFile");
  if (path != NULL)
    result = succeeded(
      env, OH_AI_ExportWeightsCollaborateWithMicro(model->handle, OH_AI_MODELTYPE_MINDIR, path, inference, half, names, count));
  free(path);
  free_strings(names, count);
  return result;
}

static napi_value get_learning_rate(napi_env env, napi_callback_info info) {
  NativeModel *model = receiver(env, info, 0, NULL);
  return model == NULL ? NULL : make_number(env, (double)OH_AI_ModelGetLearningRate(model->handle));
}

static napi_value set_learning_rate(napi_env env, napi_callback_info info) {
  napi_value argument = NULL;
  double rate = 0;
  NativeModel *model = receiver(env, info, 1, &argument);
  if (model == NULL || !get_number(env, argument, "learningRate", &rate)) return NULL;
  const OH_AI_Status status = OH_AI_ModelSetLearningRate(model->handle, (float)rate);
  return status == OH_AI_STATUS_SUCCESS ? NULL : throw_status(env, status);
}

static napi_value get_train_mode(napi_env env, napi_callback_info info) {
  NativeModel *model = receiver(env, info, 0, NULL);
  return model == NULL ? NULL : make_boolean(env, OH_AI_ModelGetTrainMode(model->handle));
}

static napi_value set_train_mode(napi_env env, napi_callback_info info) {
  napi_value argument = NULL;
  bool train = false;
  NativeModel *model = receiver(env, info, 1, &argument);
  if (model == NULL || !get_boolean(env, argument, "trainMode", &train)) return NULL;
  const OH_AI_Status status = OH_AI_ModelSetTrainMode(model->handle, train);
  return status == OH_AI_STATUS_SUCCESS ? NULL : throw_status(env, status);
}

/* --- the class ----------------------------------------------------------------------------------------------------------------- */

/* close(): releases the model now, and not when its objects are collected. */
static napi_value close_model(napi_env env, napi_callback_info info) {
  NativeModel *model = receiver(env, info, 0, NULL);
  if (model != NULL) OH_AI_ModelDestroy(&model->handle);
  return NULL;
}

bool define_model_class(napi_env env, Addon *addon) {
  const napi_property_descriptor properties[] = {
    {"learningRate", NULL, NULL, get_learning_rate, set_learning_rate, NULL, napi_enumerable, NULL},
    {"trainMode", NULL, NULL, get_train_mode, set_train_mode, NULL, napi_enumerable, NULL},
    {"predict", NULL, predict, NULL, NULL, NULL, napi_default_method, NULL},
    {"predictSync", NULL, predict_sync, NULL, NULL, NULL, napi_default_method, NULL},
    {"getInputs", NULL, get_inputs, NULL, NULL, NULL, napi_default_method, NULL},
    {"getOutputs", NULL, get_outputs, NULL, NULL, NULL, napi_default_method, NULL},
    {"resize", NULL, resize, NULL, NULL, NULL, napi_default_method, NULL},
    {"runStep", NULL, run_step, NULL, NULL, NULL, napi_default_method, NULL},
    {"getWeights", NULL, get_weights, NULL, NULL, NULL, napi_default_method, NULL},
    {"updateWeights", NULL, update_weights, NULL, NULL, NULL, napi_default_method, NULL},
    {"setupVirtualBatch", NULL, setup_virtual_batch, NULL, NULL, NULL, napi_default_method, NULL},
    {"exportModel", NULL, export_model, NULL, NULL, NULL, napi_default_method, NULL},
    {"exportModelBuffer", NULL, export_model_buffer, NULL, NULL, NULL, napi_default_method, NULL},
    {"exportWeightsCollaborateWithMicro", NULL, export_weights, NULL, NULL, NULL, napi_default_method, NULL},
    {"close", NULL, close_model, NULL, NULL, NULL, napi_default_method, NULL},
  };
  return define_class(env, &model_class, properties, sizeof properties / sizeof *properties, &addon->model_class);
}

napi_value wrap_model(napi_env env, NativeModel *model) {
  Addon *addon = get_addon(env);
  return addon == NULL ? NULL : make_object(env, addon, addon->model_class, model);
}
