/* Builds a model operator by operator with the Neural Network Runtime's C interface, compiles it for a device and runs it.
 *
 * The model finds edges: how much brighter the brightest of a pixel's neighbours is than the darkest one (the "morphological gradient").
 * The darkest is the brightest of the negative picture, so all it takes is two maximum poolings, a product and a sum:
 *
 *     x --------------------- MAX_POOL --\
 *      \                                  ADD -- y
 *       MUL -1 -------------- MAX_POOL --/
 *
 * Usage: nnrt_build_model [DEVICE], where DEVICE is part of a device's name. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "neural_network_runtime/neural_network_runtime.h"

enum { ROWS = 20, COLUMNS = 60, PIXELS = ROWS * COLUMNS };

static void check(OH_NN_ReturnCode code, const char *what) {
  if (code == OH_NN_SUCCESS) return;
  fprintf(stderr, "%s failed with code %d\n", what, (int)code);
  exit(1);
}

/* Calls a function and ends the program if it fails. */
#define DO(call) check(call, #call)

/* --- devices ----------------------------------------------------------------------------------------------------------- */

/* Lists the devices; the one whose name has `wanted` in it, or the first. */
static size_t choose_device(const char *wanted) {
  static const char *const kinds[] = {"other", "CPU", "GPU", "accelerator"};
  const size_t *ids = NULL;
  uint32_t count = 0;
  size_t chosen = 0;
  DO(OH_NNDevice_GetAllDevicesID(&ids, &count));
  for (uint32_t i = 0; i < count; i++) {
    const char *name = NULL;
    OH_NN_DeviceType type = OH_NN_OTHERS;
    DO(OH_NNDevice_GetName(ids[i], &name));
    DO(OH_NNDevice_GetType(ids[i], &type));
    printf("device %u: %s (%s)\n", i, name, kinds[type]);
    if (chosen == 0 && (wanted == NULL || strstr(name, wanted) != NULL)) chosen = ids[i];
  }
  if (chosen == 0) {
    fprintf(stderr, count == 0 ? "there is no device; MSLITE_NNRT_DRIVERS names drivers\n" : "there is no such device\n");
    exit(1);
  }
  return chosen;
}

/* --- the model --------------------------------------------------------------------------------------------------------- */

/* Adds a tensor and returns its index; tensors are numbered in the order in which they are added. */
static uint32_t add_tensor(OH_NNModel *model, OH_NN_DataType type, const int32_t *shape, size_t rank) {
  static uint32_t count = 0;
  NN_TensorDesc *desc = OH_NNTensorDesc_Create();
  DO(OH_NNTensorDesc_SetDataType(desc, type));
  if (rank > 0) DO(OH_NNTensorDesc_SetShape(desc, shape, rank));
  DO(OH_NNModel_AddTensorToModel(model, desc));
  DO(OH_NNTensorDesc_Destroy(&desc));
  return count++;
}

/* A parameter of an operator: a constant tensor of the type that names it. */
static uint32_t add_parameter(OH_NNModel *model, OH_NN_TensorType kind, OH_NN_DataType type, int32_t count, const void *values,
                              size_t size) {
  const uint32_t index = add_tensor(model, type, &count, 1);
  DO(OH_NNModel_SetTensorType(model, index, kind));
  DO(OH_NNModel_SetTensorData(model, index, values, size));
  return index;
}

static void add_operation(OH_NNModel *model, OH_NN_OperationType operation, uint32_t *parameters, uint32_t parameter_count,
                          uint32_t *inputs, uint32_t input_count, uint32_t output) {
  const OH_NN_UInt32Array params = {parameters, parameter_count}, in = {inputs, input_count}, out = {&output, 1};
  DO(OH_NNModel_AddOperation(model, operation, &params, &in, &out));
}

/* The brightest of 3 x 3 pixels; the result has the size of the input. */
static void add_max_pool(OH_NNModel *model, uint32_t input, uint32_t output) {
  const int64_t kernel[2] = {3, 3}, stride[2] = {1, 1};
  const int8_t same_size = 0;
  uint32_t parameters[3] = {
      add_parameter(model, OH_NN_MAX_POOL_KERNEL_SIZE, OH_NN_INT64, 2, kernel, sizeof kernel),
      add_parameter(model, OH_NN_MAX_POOL_STRIDE, OH_NN_INT64, 2, stride, sizeof stride),
      add_parameter(model, OH_NN_MAX_POOL_PAD_MODE, OH_NN_INT8, 1, &same_size, sizeof same_size),
  };
  add_operation(model, OH_NN_OPS_MAX_POOL, parameters, 3, &input, 1, output);
}

static OH_NNModel *build_model(void) {
  /* One picture, its rows, its columns, one channel. */
  const int32_t picture[4] = {1, ROWS, COLUMNS, 1}, single[1] = {1};
  const float minus_one = -1;
  OH_NNModel *model = OH_NNModel_Construct();
  uint32_t x = add_tensor(model, OH_NN_FLOAT32, picture, 4);
  uint32_t factor = add_tensor(model, OH_NN_FLOAT32, single, 1);
  DO(OH_NNModel_SetTensorData(model, factor, &minus_one, sizeof minus_one));
  uint32_t negative = add_tensor(model, OH_NN_FLOAT32, picture, 4);
  uint32_t brightest = add_tensor(model, OH_NN_FLOAT32, picture, 4);
  uint32_t darkest = add_tensor(model, OH_NN_FLOAT32, picture, 4);
  uint32_t y = add_tensor(model, OH_NN_FLOAT32, picture, 4);

  add_max_pool(model, x, brightest);
  uint32_t product[2] = {x, factor};
  add_operation(model, OH_NN_OPS_MUL, NULL, 0, product, 2, negative);
  add_max_pool(model, negative, darkest);
  uint32_t sum[2] = {brightest, darkest};
  add_operation(model, OH_NN_OPS_ADD, NULL, 0, sum, 2, y);

  const OH_NN_UInt32Array inputs = {&x, 1}, outputs = {&y, 1};
  DO(OH_NNModel_SpecifyInputsAndOutputs(model, &inputs, &outputs));
  DO(OH_NNModel_Finish(model));
  return model;
}

/* --- compiling and running --------------------------------------------------------------------------------------------- */

static OH_NNExecutor *compile(OH_NNModel *model, size_t device) {
  static const char *const names[] = {"MAX_POOL", "MUL", "MAX_POOL", "ADD"};
  const bool *supported = NULL;
  uint32_t count = 0;
  DO(OH_NNModel_GetAvailableOperations(model, device, &supported, &count));
  for (uint32_t i = 0; i < count; i++) printf("operator %u, %s: %s\n", i, names[i], supported[i] ? "supported" : "not supported");
  OH_NNCompilation *compilation = OH_NNCompilation_Construct(model);
  DO(OH_NNCompilation_SetDevice(compilation, device));
  DO(OH_NNCompilation_Build(compilation));
  OH_NNExecutor *executor = OH_NNExecutor_Construct(compilation);
  /* The executor has all that it needs. */
  OH_NNCompilation_Destroy(&compilation);
  return executor;
}

/* A tensor in memory of the device. */
static NN_Tensor *make_tensor(size_t device, NN_TensorDesc *desc) {
  NN_Tensor *tensor = OH_NNTensor_Create(device, desc);
  if (tensor == NULL) {
    fprintf(stderr, "there is no memory for a tensor\n");
    exit(1);
  }
  DO(OH_NNTensorDesc_Destroy(&desc));
  return tensor;
}

/* A disc and a bar. */
static void draw(float *picture) {
  for (int row = 0; row < ROWS; row++)
    for (int column = 0; column < COLUMNS; column++) {
      const int dy = 2 * (row - ROWS / 2), dx = column - 18;
      const int is_disc = dx * dx + dy * dy < 225, is_bar = column > 40 && column < 52 && row > 3 && row < 16;
      picture[row * COLUMNS + column] = is_disc || is_bar ? 1 : 0;
    }
}

static void print(const char *title, const float *picture) {
  printf("%s\n", title);
  for (int row = 0; row < ROWS; row++) {
    for (int column = 0; column < COLUMNS; column++) putchar(picture[row * COLUMNS + column] > 0.5f ? '#' : '.');
    putchar('\n');
  }
}

int main(int argc, char **argv) {
  const size_t device = choose_device(argc > 1 ? argv[1] : NULL);
  OH_NNModel *model = build_model();
  OH_NNExecutor *executor = compile(model, device);
  OH_NNModel_Destroy(&model);

  NN_Tensor *input = make_tensor(device, OH_NNExecutor_CreateInputTensorDesc(executor, 0));
  NN_Tensor *output = make_tensor(device, OH_NNExecutor_CreateOutputTensorDesc(executor, 0));
  draw(OH_NNTensor_GetDataBuffer(input));
  DO(OH_NNExecutor_RunSync(executor, &input, 1, &output, 1));
  print("picture", OH_NNTensor_GetDataBuffer(input));
  print("edges", OH_NNTensor_GetDataBuffer(output));

  DO(OH_NNTensor_Destroy(&input));
  DO(OH_NNTensor_Destroy(&output));
  OH_NNExecutor_Destroy(&executor);
  return 0;
}
