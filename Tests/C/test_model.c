/* One real model through the whole interface. Usage: test_model MODEL_DIRECTORY, whose folder ms_from_repos holds ml_face_isface.ms and its input. */
#define _POSIX_C_SOURCE 200809L
#include "mslite/extensions.h"
#include "check.h"
#include "read_file.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_REBUILD 0xFFFFFFF4u
enum { INPUT_COUNT = 6912, INPUT_BYTES = INPUT_COUNT * 4, OUTPUT_BYTES = 8 };

static const OH_AI_ModelType MINDIR = OH_AI_MODELTYPE_MINDIR;
static const OH_AI_DataType FLOAT32 = OH_AI_DATATYPE_NUMBERTYPE_FLOAT32;
static const int64_t input_shape[4] = {1, 48, 48, 3};
static const int64_t output_shape[2] = {1, 2};
static char model_path[1024];
static float input[INPUT_COUNT];
static void *model_bytes;
static size_t model_size;

static OH_AI_ContextHandle cpu_context(void) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  return context;
}

/* A built model whose context handle is gone already. */
static OH_AI_ModelHandle built(void) {
  OH_AI_ContextHandle context = cpu_context();
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, model_path, MINDIR, context), OH_AI_STATUS_SUCCESS);
  OH_AI_ContextDestroy(&context);
  return model;
}

static void fill(OH_AI_ModelHandle model) {
  void *data = OH_AI_TensorGetMutableData(OH_AI_ModelGetInputs(model).handle_list[0]);
  CHECK(data != NULL);
  if (data != NULL) memcpy(data, input, INPUT_BYTES);
}

static int is_expected(const void *data) {
  float v[2];
  if (data == NULL) return 0;
  memcpy(v, data, sizeof v);
  return fabsf(v[0] - 0.99799f) < 0.001f && fabsf(v[1] - 0.00201f) < 0.001f;
}

/* A struct as an uninitialised variable may hold it. */
static OH_AI_TensorHandleArray garbage(size_t count) {
  OH_AI_TensorHandleArray array;
  memset(&array, 0xA5, sizeof array);
  array.handle_num = count;
  return array;
}

static void build_and_inspect(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate(), second = OH_AI_ModelCreate();
  OH_AI_ContextHandle context = cpu_context();
  CHECK_STATUS(OH_AI_ModelBuild(model, model_bytes, 1, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  void *copy = malloc(model_size);
  memcpy(copy, model_bytes, model_size);
  /* A failed build leaves the model for another one with the same context. */
  CHECK_STATUS(OH_AI_ModelBuild(model, copy, model_size, MINDIR, context), OH_AI_STATUS_SUCCESS);
  memset(copy, 0, model_size);
  free(copy);
  CHECK_STATUS(OH_AI_ModelBuild(model, model_bytes, model_size, MINDIR, context), MODEL_REBUILD);
  CHECK_STATUS(OH_AI_ModelBuild(model, model_bytes, 0, MINDIR, context), MODEL_REBUILD);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, "/no/such/file", MINDIR, context), MODEL_REBUILD);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(second, model_path, MINDIR, context), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelLoadConfig(model, "/dev/null"), OH_AI_STATUS_LITE_ERROR);
  CHECK(OH_AI_ContextGetThreadNum(context) == 2 || OH_AI_ContextGetThreadNum(context) == 4);

  OH_AI_TensorHandleArray in = OH_AI_ModelGetInputs(model), out = OH_AI_ModelGetOutputs(model);
  CHECK(in.handle_num == 1 && out.handle_num == 1);
  size_t rank = 0;
  const int64_t *dims = OH_AI_TensorGetShape(in.handle_list[0], &rank);
  CHECK(rank == 4 && dims != NULL && memcmp(dims, input_shape, sizeof input_shape) == 0);
  dims = OH_AI_TensorGetShape(out.handle_list[0], &rank);
  CHECK(rank == 2 && dims != NULL && memcmp(dims, output_shape, sizeof output_shape) == 0);
  CHECK(strcmp(OH_AI_TensorGetName(in.handle_list[0]), "data") == 0);
  CHECK(strcmp(OH_AI_TensorGetName(out.handle_list[0]), "prob") == 0);
  CHECK(OH_AI_TensorGetDataType(in.handle_list[0]) == FLOAT32);
  CHECK(OH_AI_TensorGetFormat(in.handle_list[0]) == OH_AI_FORMAT_NHWC);
  CHECK(OH_AI_TensorGetDataSize(in.handle_list[0]) == INPUT_BYTES);
  CHECK(OH_AI_ModelGetInputByTensorName(model, "data") == in.handle_list[0]);
  CHECK(OH_AI_ModelGetOutputByTensorName(model, "prob") == out.handle_list[0]);
  CHECK(OH_AI_ModelGetInputByTensorName(model, "prob") == NULL);
  CHECK(OH_AI_ModelGetOutputByTensorName(model, "aaa") == NULL);
  CHECK(OH_AI_ModelGetInputByTensorName(model, NULL) == NULL);

  /* What a caller writes into the list stays without effect on the next one. */
  OH_AI_TensorHandle own = in.handle_list[0];
  in.handle_list[0] = OH_AI_TensorCreate("mine", FLOAT32, input_shape, 4, NULL, 0);
  OH_AI_TensorDestroy(&in.handle_list[0]);
  CHECK(OH_AI_ModelGetInputs(model).handle_list[0] == own);
  /* A model's tensor cannot be destroyed from outside. */
  OH_AI_TensorHandle kept = own;
  OH_AI_TensorDestroy(&kept);
  CHECK(OH_AI_TensorGetDataSize(own) == INPUT_BYTES);

  OH_AI_ModelDestroy(&model);
  CHECK(model == NULL);
  CHECK(OH_AI_TensorGetDataSize(own) == 0);
  OH_AI_ContextDestroy(&context);
  OH_AI_ModelDestroy(&second);
}

static void predict_own(void) {
  OH_AI_ModelHandle model = built();
  OH_AI_TensorHandleArray in = OH_AI_ModelGetInputs(model), out = garbage(1);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR);
  fill(model);
  CHECK_STATUS(OH_AI_ModelPredict(model, garbage(0), &out, NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelPredict(model, garbage(2), &out, NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelPredict(model, garbage(1), &out, NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  OH_AI_TensorHandle nothing[1] = {NULL};
  OH_AI_TensorHandleArray none = {1, nothing};
  CHECK_STATUS(OH_AI_ModelPredict(model, none, &out, NULL, NULL), OH_AI_STATUS_LITE_NULLPTR);
  nothing[0] = &out;
  CHECK_STATUS(OH_AI_ModelPredict(model, none, &out, NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, NULL, NULL, NULL), OH_AI_STATUS_LITE_NULLPTR);
  for (int i = 0; i < 50; i++) {
    out = garbage((size_t)i % 3);
    CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
    CHECK(out.handle_num == 1 && out.handle_list[0] == OH_AI_ModelGetOutputs(model).handle_list[0]);
    CHECK(is_expected(OH_AI_TensorGetData(out.handle_list[0])));
  }
  /* The result of a run as the list of the next, and a list from GetOutputs. */
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
  OH_AI_TensorHandleArray own = OH_AI_ModelGetOutputs(model);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &own, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(is_expected(OH_AI_TensorGetData(OH_AI_ModelGetOutputByTensorName(model, "prob"))));
  /* A leftover list of inputs is not taken for a list of outputs. */
  out = in;
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(out.handle_list[0] == own.handle_list[0] && is_expected(OH_AI_TensorGetData(out.handle_list[0])));
  /* A buffer the caller gave the model's output. */
  float mine[2] = {0, 0};
  CHECK_STATUS(OH_AI_TensorSetUserData(own.handle_list[0], mine, OUTPUT_BYTES), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(is_expected(mine) && OH_AI_TensorGetData(out.handle_list[0]) == mine);
  /* And one of the output's own. */
  OH_AI_TensorSetData(own.handle_list[0], NULL);
  void *data = OH_AI_TensorGetMutableData(own.handle_list[0]);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(OH_AI_TensorGetData(out.handle_list[0]) == data && is_expected(data));
  OH_AI_ModelDestroy(&model);
}

static void stale_outputs(void) {
  OH_AI_TensorHandleArray out = garbage(1);
  for (int i = 0; i < 5; i++) {
    OH_AI_ModelHandle model = built();
    fill(model);
    /* From the second time on: the list of a model that is gone. */
    CHECK_STATUS(OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
    CHECK(out.handle_list[0] == OH_AI_ModelGetOutputs(model).handle_list[0]);
    CHECK(is_expected(OH_AI_TensorGetData(out.handle_list[0])));
    OH_AI_ModelDestroy(&model);
  }
}

static void predict_callers(bool with_allocator) {
  OH_AI_ModelHandle model = built();
  char *raw_input = (char *)malloc(INPUT_BYTES + 1), *raw_output = (char *)malloc(OUTPUT_BYTES + 1);
  /* Buffers need no alignment. */
  for (size_t shift = 0; shift < 2; shift++) {
    memcpy(raw_input + shift, input, INPUT_BYTES);
    OH_AI_TensorHandle x = OH_AI_TensorCreate("any name", FLOAT32, input_shape, 4, raw_input + shift, INPUT_BYTES);
    OH_AI_TensorHandle y = OH_AI_TensorCreate("prob", FLOAT32, output_shape, 2, raw_output + shift, OUTPUT_BYTES);
    OH_AI_TensorHandle z = OH_AI_TensorCreate("prob", FLOAT32, output_shape, 2, NULL, 0);
    if (with_allocator) {
      OH_AI_AllocatorHandle allocator = OH_AI_TensorGetAllocator(OH_AI_ModelGetInputs(model).handle_list[0]);
      CHECK_STATUS(OH_AI_TensorSetAllocator(x, allocator), OH_AI_STATUS_SUCCESS);
      CHECK_STATUS(OH_AI_TensorSetAllocator(z, allocator), OH_AI_STATUS_SUCCESS);
      CHECK(OH_AI_TensorGetAllocator(z) == allocator);
    }
    OH_AI_TensorHandleArray in = {1, &x}, out = {1, &y}, out2 = {1, &z};
    for (int i = 0; i < 50; i++) {
      memset(raw_output, 0, OUTPUT_BYTES + 1);
      CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
      CHECK(out.handle_list == &y && is_expected(raw_output + shift));
    }
    CHECK_STATUS(OH_AI_ModelPredict(model, in, &out2, NULL, NULL), OH_AI_STATUS_SUCCESS);
    CHECK(is_expected(OH_AI_TensorGetData(z)));
    OH_AI_TensorDestroy(&x);
    OH_AI_TensorDestroy(&y);
    OH_AI_TensorDestroy(&z);
  }
  free(raw_input);
  free(raw_output);
  /* Nothing of the caller's is kept: the model's own input still has no data. */
  OH_AI_TensorHandleArray out = garbage(0);
  CHECK_STATUS(OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), &out, NULL, NULL),
               OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR);
  OH_AI_ModelDestroy(&model);
}

static void refused_tensors(void) {
  OH_AI_ModelHandle model = built();
  const int64_t six[1] = {6}, one[1] = {1};
  float values[6] = {0};
  OH_AI_TensorHandleArray in, out = garbage(0);
  OH_AI_TensorHandle x = OH_AI_TensorCreate("data", FLOAT32, six, 1, values, sizeof values);
  in.handle_num = 1;
  in.handle_list = &x;
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR);
  OH_AI_TensorDestroy(&x);
  x = OH_AI_TensorCreate("data", OH_AI_DATATYPE_NUMBERTYPE_INT32, input_shape, 4, input, INPUT_BYTES);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR);
  OH_AI_TensorDestroy(&x);
  x = OH_AI_TensorCreate("data", FLOAT32, input_shape, 4, NULL, 0);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR);
  OH_AI_TensorDestroy(&x);

  x = OH_AI_TensorCreate("data", FLOAT32, input_shape, 4, input, INPUT_BYTES);
  OH_AI_TensorHandle small = OH_AI_TensorCreate("prob", FLOAT32, one, 1, NULL, 0);
  OH_AI_TensorHandleArray too_small = {1, &small};
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &too_small, NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  OH_AI_TensorDestroy(&small);

  fill(model);
  OH_AI_TensorHandleArray own = OH_AI_ModelGetInputs(model);
  OH_AI_TensorSetFormat(own.handle_list[0], OH_AI_FORMAT_NC4HW4);
  CHECK((unsigned)OH_AI_ModelPredict(model, own, &out, NULL, NULL) == OH_AI_STATUS_LITE_FORMAT_ERROR);
  OH_AI_TensorSetFormat(own.handle_list[0], OH_AI_FORMAT_NHWC);
  const int64_t flat[1] = {6912};
  OH_AI_TensorSetShape(own.handle_list[0], flat, 1);
  CHECK_STATUS(OH_AI_ModelPredict(model, own, &out, NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  OH_AI_TensorSetShape(own.handle_list[0], input_shape, 4);
  OH_AI_TensorSetDataType(own.handle_list[0], OH_AI_DATATYPE_NUMBERTYPE_INT8);
  CHECK_STATUS(OH_AI_ModelPredict(model, own, &out, NULL, NULL), OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR);
  OH_AI_TensorSetDataType(own.handle_list[0], FLOAT32);
  CHECK_STATUS(OH_AI_ModelPredict(model, own, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);

  CHECK_STATUS(OH_AI_ModelPredictWithConfig(model, own, &out, "", NULL, NULL), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelPredictWithConfig(model, own, &out, "input_para:src_h=1", NULL, NULL),
               OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelPredictWithConfig(model, in, &out, "input_para:src_h=1", NULL, NULL),
               OH_AI_STATUS_LITE_AIPP_NOT_SUPPORTED);
  CHECK_STATUS(OH_AI_ModelPredictWithConfig(model, garbage(3), &out, "x", NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  OH_AI_TensorDestroy(&x);
  OH_AI_ModelDestroy(&model);
}

static void resize(void) {
  OH_AI_ModelHandle model = built();
  OH_AI_TensorHandleArray in = OH_AI_ModelGetInputs(model), out = garbage(1);
  const OH_AI_ShapeInfo refused[] = {{4, {1, 96, 96, 1}}, {4, {1, 3, 48, 48}}, {4, {1, 112, 112, 3}}, {0, {0}},
                                     {4, {1, 48, 48, 0}}, {9, {1, 1, 1, 1, 1, 48, 48, 3, 1}}, {(size_t)-1, {1}}};
  OH_AI_ShapeInfo same = {4, {1, 48, 48, 3}}, negative = {4, {1, -32, 32, 1}};
  fill(model);
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    OH_AI_ShapeInfo info = refused[i];
    CHECK_STATUS(OH_AI_ModelResize(model, in, &info, 1), OH_AI_STATUS_LITE_ERROR);
  }
  CHECK_STATUS(OH_AI_ModelResize(model, in, &negative, 1), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelResize(model, in, NULL, 1), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelResize(model, in, &same, 0), OH_AI_STATUS_LITE_INPUT_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelResize(model, garbage(0), &same, 1), OH_AI_STATUS_LITE_INPUT_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelResize(model, garbage(1), &same, 1), OH_AI_STATUS_LITE_PARAM_INVALID);
  OH_AI_TensorHandle x = OH_AI_TensorCreate("data", FLOAT32, input_shape, 4, NULL, 0);
  OH_AI_TensorHandleArray callers = {1, &x};
  CHECK_STATUS(OH_AI_ModelResize(model, callers, &same, 1), OH_AI_STATUS_LITE_PARAM_INVALID);
  OH_AI_TensorDestroy(&x);
  /* Refusals leave everything as it was. */
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(is_expected(OH_AI_TensorGetData(out.handle_list[0])));
  CHECK_STATUS(OH_AI_ModelResize(model, in, &same, 1), OH_AI_STATUS_SUCCESS);
  CHECK(OH_AI_TensorGetData(in.handle_list[0]) == NULL);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR);
  fill(model);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(is_expected(OH_AI_TensorGetData(out.handle_list[0])));
  OH_AI_ModelDestroy(&model);
}

static int before_calls, after_calls, odd_calls;
static OH_AI_ModelHandle running;

static bool see(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs, const OH_AI_CallBackParam node) {
  if (node.node_name == NULL || node.node_type == NULL || node.node_type[0] == 0) odd_calls++;
  if (inputs.handle_num == 0 || outputs.handle_num == 0) odd_calls++;
  for (size_t i = 0; i < inputs.handle_num; i++)
    if (OH_AI_TensorGetName(inputs.handle_list[i]) == NULL) odd_calls++;
  /* Weights may have been given up after packing; what the operator works on is there. */
  if (inputs.handle_num > 0 && OH_AI_TensorGetData(inputs.handle_list[0]) == NULL) odd_calls++;
  for (size_t i = 0; i < outputs.handle_num; i++)
    if (OH_AI_TensorGetDataSize(outputs.handle_list[i]) == 0) odd_calls++;
  return true;
}

static bool on_before(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs,
                      const OH_AI_CallBackParam node) {
  if (before_calls++ != after_calls) odd_calls++;
  return see(inputs, outputs, node);
}

static bool on_after(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs,
                     const OH_AI_CallBackParam node) {
  if (++after_calls != before_calls) odd_calls++;
  return see(inputs, outputs, node);
}

static bool refuse(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs,
                   const OH_AI_CallBackParam node) {
  (void)inputs;
  (void)outputs;
  (void)node;
  after_calls++;
  return false;
}

static bool meddle(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs,
                   const OH_AI_CallBackParam node) {
  OH_AI_TensorHandleArray out = garbage(1), in = OH_AI_ModelGetInputs(running);
  OH_AI_ModelHandle copy = running;
  (void)outputs;
  (void)node;
  if ((unsigned)OH_AI_ModelPredict(running, in, &out, NULL, NULL) != OH_AI_STATUS_LITE_ERROR) odd_calls++;
  OH_AI_ModelDestroy(&copy);
  if (copy != running) odd_calls++;
  /* Memory that the run reads stays where it is, and what the callback sees is not its to destroy. */
  OH_AI_TensorSetData(in.handle_list[0], NULL);
  OH_AI_TensorDestroy(&inputs.handle_list[0]);
  return true;
}

static void callbacks(void) {
  OH_AI_ModelHandle model = built();
  OH_AI_TensorHandleArray in = OH_AI_ModelGetInputs(model), out = garbage(1);
  fill(model);
  before_calls = after_calls = odd_calls = 0;
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, on_before, on_after), OH_AI_STATUS_SUCCESS);
  const int operators = before_calls;
  CHECK(operators > 0 && after_calls == operators && odd_calls == 0);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, on_before, on_after), OH_AI_STATUS_SUCCESS);
  CHECK(before_calls == 2 * operators && after_calls == 2 * operators && odd_calls == 0);
  CHECK(is_expected(OH_AI_TensorGetData(out.handle_list[0])));
  after_calls = 0;
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, refuse), OH_AI_STATUS_SUCCESS);
  CHECK(after_calls == operators);
  running = model;
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, meddle, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(odd_calls == 0 && is_expected(OH_AI_TensorGetData(out.handle_list[0])));
  before_calls = after_calls = 0;
  CHECK_STATUS(OH_AI_RunStep(model, on_before, on_after), OH_AI_STATUS_SUCCESS);
  CHECK(before_calls == operators && odd_calls == 0);
  OH_AI_ModelDestroy(&model);
}

static void inference_model_as_training(void) {
  OH_AI_ContextHandle context = cpu_context();
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_TrainCfgHandle config = OH_AI_TrainCfgCreate();
  char without_suffix[1024];
  snprintf(without_suffix, sizeof without_suffix, "%.*s", (int)(strlen(model_path) - 3), model_path);
  CHECK_STATUS(OH_AI_TrainModelBuildFromFile(model, without_suffix, MINDIR, context, config), OH_AI_STATUS_SUCCESS);
  /* Inputs have memory from the start. */
  CHECK(OH_AI_TensorGetData(OH_AI_ModelGetInputs(model).handle_list[0]) != NULL);
  CHECK_STATUS(OH_AI_RunStep(model, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(!OH_AI_ModelGetTrainMode(model));
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, false), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelSetLearningRate(model, 0.1f), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelSetupVirtualBatch(model, 2, 0.1f, 0.1f), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, garbage(0)), OH_AI_STATUS_LITE_INPUT_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, "/tmp/x", OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_TrainModelBuild(model, model_bytes, model_size, MINDIR, context, NULL), MODEL_REBUILD);
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);
  /* Never filled, an ordinary build has no data to step on. */
  model = built();
  CHECK_STATUS(OH_AI_RunStep(model, NULL, NULL), OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR);
  OH_AI_ModelDestroy(&model);
}

static void user_data_and_allocator(void) {
  OH_AI_ModelHandle model = built();
  OH_AI_TensorHandleArray in = OH_AI_ModelGetInputs(model), out = garbage(1);
  OH_AI_TensorHandle t = OH_AI_TensorCreate("t", FLOAT32, input_shape, 4, NULL, 0);
  OH_AI_AllocatorHandle allocator = OH_AI_TensorGetAllocator(in.handle_list[0]);
  CHECK_STATUS(OH_AI_TensorSetUserData(in.handle_list[0], input, INPUT_BYTES - 4), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_TensorSetUserData(in.handle_list[0], input, INPUT_BYTES), OH_AI_STATUS_SUCCESS);
  CHECK(OH_AI_TensorGetData(in.handle_list[0]) == input);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(is_expected(OH_AI_TensorGetData(out.handle_list[0])));
  CHECK_STATUS(OH_AI_TensorSetAllocator(t, allocator), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelDestroy(&model);
  CHECK_STATUS(OH_AI_TensorSetAllocator(t, allocator), OH_AI_STATUS_LITE_NULLPTR);
  CHECK(OH_AI_TensorGetMutableData(t) != NULL);
  OH_AI_TensorDestroy(&t);
}

static void settings(void) {
  const int32_t cores[] = {0, 1, 3, 4, -3};
  for (int mode = 0; mode < 4; mode++) {
    for (int32_t threads = 0; threads < 5; threads += 2) {
      OH_AI_ContextHandle context = OH_AI_ContextCreate();
      OH_AI_DeviceInfoHandle cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
      OH_AI_ModelHandle model = OH_AI_ModelCreate();
      OH_AI_TensorHandleArray out = garbage(1);
      OH_AI_DeviceInfoSetEnableFP16(cpu, mode % 2 == 1);
      OH_AI_ContextAddDeviceInfo(context, cpu);
      OH_AI_ContextSetThreadNum(context, threads);
      OH_AI_ContextSetEnableParallel(context, true);
      if (mode == 3) OH_AI_ContextSetThreadAffinityCoreList(context, cores, 5);
      else OH_AI_ContextSetThreadAffinityMode(context, mode);
      CHECK_STATUS(OH_AI_ModelBuildFromFile(model, model_path, MINDIR, context), OH_AI_STATUS_SUCCESS);
      fill(model);
      CHECK_STATUS(OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
      CHECK(is_expected(OH_AI_TensorGetData(out.handle_list[0])));
      OH_AI_ModelDestroy(&model);
      OH_AI_ContextDestroy(&context);
    }
  }
}

static void load_config(void) {
  char path[] = "/tmp/mslite_config_XXXXXX";
  const int descriptor = mkstemp(path);
  FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
  CHECK(file != NULL);
  if (file == NULL) return;
  fputs("[execution_plan]\nconv1=data_type:float16\nconv2=\"data_type:float32;backend:CPU\"\n", file);
  fclose(file);
  OH_AI_ContextHandle context = cpu_context();
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_TensorHandleArray out = garbage(1);
  CHECK_STATUS(OH_AI_ModelLoadConfig(model, path), OH_AI_STATUS_SUCCESS);
  remove(path);
  CHECK_STATUS(OH_AI_ModelBuild(model, model_bytes, model_size, MINDIR, context), OH_AI_STATUS_SUCCESS);
  fill(model);
  CHECK_STATUS(OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(is_expected(OH_AI_TensorGetData(out.handle_list[0])));
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);
}

static void profile(void) {
  OH_AI_ModelHandle model = built();
  OH_AI_TensorHandleArray out = garbage(1);
  size_t count = 0;
  fill(model);
  CHECK_STATUS(MSLite_ModelSetProfiling(model, true), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), &out, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(MSLite_ModelGetProfile(model, NULL, &count), OH_AI_STATUS_SUCCESS);
  CHECK(count > 0);
  MSLite_NodeProfile *entries = (MSLite_NodeProfile *)calloc(count + 1, sizeof *entries);
  size_t room = 1;
  CHECK_STATUS(MSLite_ModelGetProfile(model, entries, &room), OH_AI_STATUS_SUCCESS);
  CHECK(room == count && entries[0].runs == 1 && entries[1].runs == 0);
  CHECK_STATUS(MSLite_ModelGetProfile(model, entries, &room), OH_AI_STATUS_SUCCESS);
  CHECK(room == count && entries[count - 1].runs == 1 && entries[count - 1].type[0] != 0);
  CHECK_STATUS(MSLite_ModelGetProfile(model, entries, NULL), OH_AI_STATUS_LITE_NULLPTR);
  for (size_t i = 0; i < count; i++) {
    bool is_convolution = strcmp(entries[i].type, "Conv2DFusion") == 0;
    CHECK(!is_convolution || entries[i].algorithm[0] != 0);
    CHECK(entries[i].chain <= count);
  }
  CHECK_STATUS(MSLite_ModelSetProfiling(model, false), OH_AI_STATUS_SUCCESS);
  free(entries);
  OH_AI_ModelDestroy(&model);
}

/* Threads: results are counted here and checked by the main thread. */
static void *own_model(void *argument) {
  size_t good = 0;
  (void)argument;
  for (int round = 0; round < 5; round++) {
    OH_AI_ContextHandle context = cpu_context();
    OH_AI_ModelHandle model = OH_AI_ModelCreate();
    OH_AI_TensorHandleArray out = garbage(1);
    if ((unsigned)OH_AI_ModelBuildFromFile(model, model_path, MINDIR, context) == OH_AI_STATUS_SUCCESS) {
      OH_AI_TensorHandleArray in = OH_AI_ModelGetInputs(model);
      memcpy(OH_AI_TensorGetMutableData(in.handle_list[0]), input, INPUT_BYTES);
      for (int i = 0; i < 20; i++)
        good += (unsigned)OH_AI_ModelPredict(model, in, &out, NULL, NULL) == OH_AI_STATUS_SUCCESS &&
                is_expected(OH_AI_TensorGetData(out.handle_list[0]));
    }
    OH_AI_ContextDestroy(&context);
    OH_AI_ModelDestroy(&model);
  }
  return (void *)good;
}

static OH_AI_ModelHandle contested;
static void *same_model(void *argument) {
  size_t odd = 0;
  (void)argument;
  for (int i = 0; i < 200; i++) {
    OH_AI_TensorHandle y = OH_AI_TensorCreate("prob", FLOAT32, output_shape, 2, NULL, 0);
    OH_AI_TensorHandleArray out = {1, &y};
    OH_AI_TensorHandle x = OH_AI_TensorCreate("data", FLOAT32, input_shape, 4, input, INPUT_BYTES);
    OH_AI_TensorHandleArray in = {1, &x};
    const unsigned status = (unsigned)OH_AI_ModelPredict(contested, in, &out, NULL, NULL);
    if (status == OH_AI_STATUS_SUCCESS ? !is_expected(OH_AI_TensorGetData(y)) : status != OH_AI_STATUS_LITE_ERROR) odd++;
    OH_AI_TensorDestroy(&x);
    OH_AI_TensorDestroy(&y);
  }
  return (void *)odd;
}

static void threads(void) {
  pthread_t workers[2];
  void *result = NULL;
  for (int i = 0; i < 2; i++) pthread_create(&workers[i], NULL, own_model, NULL);
  for (int i = 0; i < 2; i++) {
    pthread_join(workers[i], &result);
    CHECK((size_t)result == 100);
  }
  contested = built();
  for (int i = 0; i < 2; i++) pthread_create(&workers[i], NULL, same_model, NULL);
  for (int i = 0; i < 2; i++) {
    pthread_join(workers[i], &result);
    CHECK(result == NULL);
  }
  OH_AI_ModelDestroy(&contested);
  CHECK(contested == NULL);
}

/* A training graph is refused by its first operator that would change weights, and the handle serves for another build. */
static void training_graphs_are_refused(const char *directory) {
  static const char *const names[] = {"lenet_train", "mix_lenet_tod", "conv_train_model"};
  char path[1024];
  OH_AI_ContextHandle context = cpu_context();
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    snprintf(path, sizeof path, "%s/ms_from_repos/%s.ms", directory, names[i]);
    CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
    CHECK(strstr(MSLite_GetLastError(), "changes the weight") != NULL && strstr(MSLite_GetLastError(), "OH_AI_TrainModelBuild") != NULL);
  }
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, model_path, MINDIR, context), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);
}

int main(int argc, char **argv) {
  char path[1024];
  size_t size = 0;
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL_DIRECTORY\n", argv[0]);
    return 2;
  }
  snprintf(model_path, sizeof model_path, "%s/ms_from_repos/ml_face_isface.ms", argv[1]);
  snprintf(path, sizeof path, "%s/ms_from_repos/ml_face_isface.in_0.bin", argv[1]);
  model_bytes = read_file(model_path, &model_size);
  void *bytes = read_file(path, &size);
  if (model_bytes == NULL || bytes == NULL || size != INPUT_BYTES) {
    fprintf(stderr, "%s: no model, or no input of %d bytes\n", argv[1], (int)INPUT_BYTES);
    return 2;
  }
  /* The picture is NCHW, three planes of 48 x 48; the model wants NHWC. */
  for (size_t c = 0; c < 3; c++)
    for (size_t p = 0; p < 48 * 48; p++) memcpy(&input[p * 3 + c], (const char *)bytes + (c * 48 * 48 + p) * sizeof(float), sizeof(float));
  free(bytes);
  build_and_inspect();
  training_graphs_are_refused(argv[1]);
  predict_own();
  stale_outputs();
  predict_callers(false);
  predict_callers(true);
  refused_tensors();
  resize();
  callbacks();
  inference_model_as_training();
  user_data_and_allocator();
  settings();
  load_config();
  profile();
  threads();
  free(model_bytes);
  return check_result();
}
