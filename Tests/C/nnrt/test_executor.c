/* Executors: with tensors, and with inputs and outputs that are remembered, as before API 11. */
#include "common.h"

static const OH_NN_Tensor square_tensor = {OH_NN_FLOAT32, 4, square, NULL, OH_NN_TENSOR};

static NN_Tensor *tensor_of(NN_TensorDesc *desc, const int32_t *dims, size_t rank, const float *data) {
  if (dims != NULL) OK(OH_NNTensorDesc_SetShape(desc, dims, rank));
  NN_Tensor *tensor = OH_NNTensor_Create(0, desc);
  CHECK(tensor != NULL);
  size_t size = 0;
  OK(OH_NNTensor_GetSize(tensor, &size));
  if (data != NULL) memcpy(OH_NNTensor_GetDataBuffer(tensor), data, size);
  OK(OH_NNTensorDesc_Destroy(&desc));
  return tensor;
}

static void counts_and_descriptions(void) {
  OH_NNExecutor *executor = executor_of(add_model(), 0);
  size_t count = 0;
  INVALID(OH_NNExecutor_GetInputCount(NULL, &count));
  INVALID(OH_NNExecutor_GetInputCount(executor, NULL));
  INVALID(OH_NNExecutor_GetOutputCount(NULL, &count));
  INVALID(OH_NNExecutor_GetOutputCount(executor, NULL));
  OK(OH_NNExecutor_GetInputCount(executor, &count));
  CHECK(count == 2);
  OK(OH_NNExecutor_GetOutputCount(executor, &count));
  CHECK(count == 1);
  CHECK(OH_NNExecutor_CreateInputTensorDesc(NULL, 0) == NULL);
  CHECK(OH_NNExecutor_CreateInputTensorDesc(executor, 2) == NULL);
  CHECK(OH_NNExecutor_CreateInputTensorDesc(executor, SIZE_MAX) == NULL);
  CHECK(OH_NNExecutor_CreateOutputTensorDesc(NULL, 0) == NULL);
  CHECK(OH_NNExecutor_CreateOutputTensorDesc(executor, 1) == NULL);
  NN_TensorDesc *desc = OH_NNExecutor_CreateInputTensorDesc(executor, 1);
  OH_NN_DataType type = OH_NN_UNKNOWN;
  OH_NN_Format format = OH_NN_FORMAT_NONE;
  int32_t *shape = NULL;
  size_t rank = 0;
  const char *name = NULL;
  OK(OH_NNTensorDesc_GetDataType(desc, &type));
  OK(OH_NNTensorDesc_GetFormat(desc, &format));
  OK(OH_NNTensorDesc_GetShape(desc, &shape, &rank));
  OK(OH_NNTensorDesc_GetName(desc, &name));
  CHECK(type == OH_NN_FLOAT32 && format == OH_NN_FORMAT_NHWC && rank == 4 && memcmp(shape, square, sizeof square) == 0);
  CHECK(strcmp(name, "Tensor: 1") == 0);
  OK(OH_NNTensorDesc_Destroy(&desc));
  OH_NNExecutor_Destroy(NULL);
  OH_NNExecutor *copy = executor;
  OH_NNExecutor_Destroy(&executor);
  CHECK(executor == NULL);
  OH_NNExecutor_Destroy(&executor);
  INVALID(OH_NNExecutor_GetInputCount(copy, &count));
  OH_NNExecutor_Destroy(&copy);
  CHECK(copy == NULL);
}

static void output_shapes(void) {
  OH_NNExecutor *executor = executor_of(pool_model(), 0);
  int32_t *shape = NULL, *again = NULL;
  uint32_t rank = 0;
  INVALID(OH_NNExecutor_GetOutputShape(NULL, 0, &shape, &rank));
  INVALID(OH_NNExecutor_GetOutputShape(executor, 1, &shape, &rank));
  INVALID(OH_NNExecutor_GetOutputShape(executor, 0, NULL, &rank));
  INVALID(OH_NNExecutor_GetOutputShape(executor, 0, &shape, NULL));
  OK(OH_NNExecutor_GetOutputShape(executor, 0, &shape, &rank));
  CHECK(rank == 4 && shape[0] == -1);
  INVALID(OH_NNExecutor_GetOutputShape(executor, 0, &shape, &rank));
  /* After a run it is that of the result. */
  const int32_t dims[4] = {1, 3, 3, 1};
  const OH_NN_Tensor tensor = {OH_NN_FLOAT32, 4, dims, NULL, OH_NN_TENSOR};
  const float x[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  float y[4] = {0};
  OK(OH_NNExecutor_SetInput(executor, 0, &tensor, x, sizeof x));
  OK(OH_NNExecutor_SetOutput(executor, 0, y, sizeof y));
  OK(OH_NNExecutor_Run(executor));
  CHECK(y[0] == 2 && y[1] == 3 && y[2] == 5 && y[3] == 6);
  OK(OH_NNExecutor_GetOutputShape(executor, 0, &again, &rank));
  CHECK(rank == 4 && again[0] == 1 && again[1] == 2 && again[2] == 2 && again[3] == 1);
  /* Too little room: the shape says how much it takes. */
  const int32_t larger[4] = {1, 4, 3, 1};
  const OH_NN_Tensor tall = {OH_NN_FLOAT32, 4, larger, NULL, OH_NN_TENSOR};
  const float more[12] = {0};
  OK(OH_NNExecutor_SetInput(executor, 0, &tall, more, sizeof more));
  INVALID(OH_NNExecutor_Run(executor));
  again = NULL;
  OK(OH_NNExecutor_GetOutputShape(executor, 0, &again, &rank));
  CHECK(again[1] == 3);
  float room[6];
  OK(OH_NNExecutor_SetOutput(executor, 0, room, sizeof room));
  OK(OH_NNExecutor_Run(executor));
  OH_NNExecutor_Destroy(&executor);
}

static void ranges(void) {
  controls()->largest = 5;
  OH_NNExecutor *executor = executor_of(pool_model(), 0);
  size_t *least = NULL, *most = NULL, rank = 0;
  INVALID(OH_NNExecutor_GetInputDimRange(NULL, 0, &least, &most, &rank));
  INVALID(OH_NNExecutor_GetInputDimRange(executor, 1, &least, &most, &rank));
  INVALID(OH_NNExecutor_GetInputDimRange(executor, 0, NULL, &most, &rank));
  INVALID(OH_NNExecutor_GetInputDimRange(executor, 0, &least, NULL, &rank));
  INVALID(OH_NNExecutor_GetInputDimRange(executor, 0, &least, &most, NULL));
  OK(OH_NNExecutor_GetInputDimRange(executor, 0, &least, &most, &rank));
  CHECK(rank == 4 && least[0] == 1 && most[3] == 5);
  NN_TensorDesc *desc = OH_NNExecutor_CreateInputTensorDesc(executor, 0);
  const int32_t tall[4] = {1, 6, 3, 1}, result[4] = {1, 5, 2, 1};
  NN_Tensor *in = tensor_of(desc, tall, 4, NULL), *out = tensor_of(OH_NNExecutor_CreateOutputTensorDesc(executor, 0), result, 4, NULL);
  INVALID(OH_NNExecutor_RunSync(executor, &in, 1, &out, 1));
  OK(OH_NNTensor_Destroy(&in));
  OK(OH_NNTensor_Destroy(&out));
  OH_NNExecutor_Destroy(&executor);
  no_faults();
}

/* Of a device that does not tell. */
static void no_ranges(void) {
  OH_NNExecutor *executor = executor_of(pool_model(), 0);
  size_t *least = NULL, *most = NULL, rank = 0;
  FORBIDDEN(OH_NNExecutor_GetInputDimRange(executor, 0, &least, &most, &rank));
  INVALID(OH_NNExecutor_GetInputDimRange(executor, 1, &least, &most, &rank));
  CHECK(least == NULL && most == NULL);
  OH_NNExecutor_Destroy(&executor);
}

static void with_tensors(void) {
  OH_NNExecutor *executor = executor_of(add_model(), 0);
  const float x[4] = {0, 1, 2, 3};
  NN_Tensor *in[2], *out[1], *none[2] = {NULL, NULL};
  for (size_t i = 0; i < 2; i++) in[i] = tensor_of(OH_NNExecutor_CreateInputTensorDesc(executor, i), NULL, 0, x);
  out[0] = tensor_of(OH_NNExecutor_CreateOutputTensorDesc(executor, 0), NULL, 0, NULL);
  float *y = OH_NNTensor_GetDataBuffer(out[0]);
  for (int run = 0; run < 3; run++) {
    ((float *)OH_NNTensor_GetDataBuffer(in[1]))[0] = (float)run;
    OK(OH_NNExecutor_RunSync(executor, in, 2, out, 1));
    CHECK(y[0] == (float)run && y[1] == 2 && y[2] == 4 && y[3] == 6);
  }
  INVALID(OH_NNExecutor_RunSync(NULL, in, 2, out, 1));
  INVALID(OH_NNExecutor_RunSync(executor, NULL, 2, out, 1));
  INVALID(OH_NNExecutor_RunSync(executor, in, 2, NULL, 1));
  INVALID(OH_NNExecutor_RunSync(executor, in, 0, out, 1));
  INVALID(OH_NNExecutor_RunSync(executor, in, 1, out, 1));
  INVALID(OH_NNExecutor_RunSync(executor, in, 201, out, 1));
  INVALID(OH_NNExecutor_RunSync(executor, in, SIZE_MAX, out, 1));
  INVALID(OH_NNExecutor_RunSync(executor, in, 2, out, 0));
  INVALID(OH_NNExecutor_RunSync(executor, in, 2, out, 2));
  INVALID(OH_NNExecutor_RunSync(executor, none, 2, out, 1));
  INVALID(OH_NNExecutor_RunSync(executor, in, 2, none, 1));
  NN_Tensor *same[1] = {in[0]};
  INVALID(OH_NNExecutor_RunSync(executor, in, 2, same, 1));
  /* Tensors that do not fit the model: data type, rank, size, room. */
  const int32_t other_size[4] = {1, 2, 3, 1}, other_rank[3] = {1, 2, 2};
  const struct {
    OH_NN_DataType type;
    const int32_t *dims;
    size_t rank;
  } wrong[] = {{OH_NN_INT32, square, 4}, {OH_NN_FLOAT32, other_size, 4}, {OH_NN_FLOAT32, other_rank, 3}};
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    NN_TensorDesc *desc = OH_NNTensorDesc_Create();
    OK(OH_NNTensorDesc_SetDataType(desc, wrong[i].type));
    NN_Tensor *bad[2] = {in[0], tensor_of(desc, wrong[i].dims, wrong[i].rank, NULL)};
    INVALID(OH_NNExecutor_RunSync(executor, bad, 2, out, 1));
    if (i == 0) INVALID(OH_NNExecutor_RunSync(executor, in, 2, &bad[1], 1));
    OK(OH_NNTensor_Destroy(&bad[1]));
  }
  NN_TensorDesc *desc = OH_NNExecutor_CreateOutputTensorDesc(executor, 0);
  const int32_t small[4] = {1, 1, 1, 1};
  NN_Tensor *tiny[1] = {tensor_of(desc, small, 4, NULL)};
  INVALID(OH_NNExecutor_RunSync(executor, in, 2, tiny, 1));
  OK(OH_NNTensor_Destroy(&tiny[0]));
  /* A dead tensor, an unknown size. */
  NN_Tensor *dead[2] = {in[0], in[1]}, *gone = tensor_of(OH_NNExecutor_CreateInputTensorDesc(executor, 0), NULL, 0, x);
  dead[1] = gone;
  OK(OH_NNTensor_Destroy(&gone));
  INVALID(OH_NNExecutor_RunSync(executor, dead, 2, out, 1));
  const int32_t open[4] = {1, -1, 2, 1};
  OK(OH_NNTensorDesc_SetShape(OH_NNTensor_GetTensorDesc(in[1]), open, 4));
  INVALID(OH_NNExecutor_RunSync(executor, in, 2, out, 1));
  OK(OH_NNTensorDesc_SetShape(OH_NNTensor_GetTensorDesc(in[1]), square, 4));
  OK(OH_NNExecutor_RunSync(executor, in, 2, out, 1));
  for (size_t i = 0; i < 2; i++) OK(OH_NNTensor_Destroy(&in[i]));
  OK(OH_NNTensor_Destroy(&out[0]));
  OH_NNExecutor_Destroy(&executor);
}

/* Sizes that only a run tells are in the tensor's description then. */
static void dynamic_tensors(void) {
  OH_NNExecutor *executor = executor_of(pool_model(), 0);
  const int32_t dims[4] = {1, 3, 3, 1};
  const float x[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  NN_Tensor *in = tensor_of(OH_NNExecutor_CreateInputTensorDesc(executor, 0), dims, 4, x);
  NN_TensorDesc *desc = OH_NNExecutor_CreateOutputTensorDesc(executor, 0);
  NN_Tensor *out = OH_NNTensor_CreateWithSize(0, desc, 100), *small = OH_NNTensor_CreateWithSize(0, desc, 12);
  OK(OH_NNTensorDesc_Destroy(&desc));
  OK(OH_NNExecutor_RunSync(executor, &in, 1, &out, 1));
  const float *y = OH_NNTensor_GetDataBuffer(out);
  CHECK(y[0] == 2 && y[1] == 3 && y[2] == 5 && y[3] == 6);
  int32_t *shape = NULL;
  size_t rank = 0;
  OK(OH_NNTensorDesc_GetShape(OH_NNTensor_GetTensorDesc(out), &shape, &rank));
  CHECK(rank == 4 && shape[0] == 1 && shape[1] == 2 && shape[2] == 2 && shape[3] == 1);
  INVALID(OH_NNExecutor_RunSync(executor, &in, 1, &small, 1));
  OK(OH_NNTensor_Destroy(&in));
  OK(OH_NNTensor_Destroy(&out));
  OK(OH_NNTensor_Destroy(&small));
  OH_NNExecutor_Destroy(&executor);
}

static void remembered_inputs(void) {
  OH_NNExecutor *executor = executor_of(add_model(), 0);
  float x[4] = {0, 1, 2, 3}, y[4] = {0};
  const int32_t other_size[4] = {1, 2, 3, 1}, other_rank[3] = {1, 2, 2}, open[4] = {1, -1, 2, 1};
  const OH_NN_Tensor type = {OH_NN_INT32, 4, square, NULL, OH_NN_TENSOR}, kind = {OH_NN_FLOAT32, 4, square, NULL, OH_NN_ADD_ACTIVATIONTYPE};
  const OH_NN_Tensor size = {OH_NN_FLOAT32, 4, other_size, NULL, OH_NN_TENSOR}, rank = {OH_NN_FLOAT32, 3, other_rank, NULL, OH_NN_TENSOR};
  const OH_NN_Tensor unknown = {OH_NN_FLOAT32, 4, open, NULL, OH_NN_TENSOR}, no_dims = {OH_NN_FLOAT32, 4, NULL, NULL, OH_NN_TENSOR};
  INVALID(OH_NNExecutor_Run(NULL));
  INVALID(OH_NNExecutor_Run(executor));
  INVALID(OH_NNExecutor_SetInput(NULL, 0, &square_tensor, x, sizeof x));
  INVALID(OH_NNExecutor_SetInput(executor, 2, &square_tensor, x, sizeof x));
  INVALID(OH_NNExecutor_SetInput(executor, 0, NULL, x, sizeof x));
  INVALID(OH_NNExecutor_SetInput(executor, 0, &square_tensor, NULL, sizeof x));
  INVALID(OH_NNExecutor_SetInput(executor, 0, &square_tensor, x, 0));
  INVALID(OH_NNExecutor_SetInput(executor, 0, &square_tensor, x, sizeof x - 1));
  const OH_NN_Tensor *wrong[] = {&type, &kind, &size, &rank, &unknown, &no_dims};
  for (size_t i = 0; i < COUNT_OF(wrong); i++) INVALID(OH_NNExecutor_SetInput(executor, 0, wrong[i], x, sizeof x));
  INVALID(OH_NNExecutor_SetOutput(NULL, 0, y, sizeof y));
  INVALID(OH_NNExecutor_SetOutput(executor, 1, y, sizeof y));
  INVALID(OH_NNExecutor_SetOutput(executor, 0, NULL, sizeof y));
  INVALID(OH_NNExecutor_SetOutput(executor, 0, y, 0));
  INVALID(OH_NNExecutor_SetOutput(executor, 0, y, sizeof y - 1));
  /* One after another: each missing one keeps it from running. */
  OK(OH_NNExecutor_SetInput(executor, 0, &square_tensor, x, sizeof x));
  INVALID(OH_NNExecutor_Run(executor));
  OK(OH_NNExecutor_SetInput(executor, 1, &square_tensor, x, sizeof x));
  INVALID(OH_NNExecutor_Run(executor));
  OK(OH_NNExecutor_SetOutput(executor, 0, y, sizeof y));
  /* The inputs are copies; they stay for the next run; a new one takes the place of the old. */
  x[3] = 100;
  OK(OH_NNExecutor_Run(executor));
  CHECK(y[0] == 0 && y[1] == 2 && y[2] == 4 && y[3] == 6);
  OK(OH_NNExecutor_SetInput(executor, 1, &square_tensor, x, sizeof x));
  OK(OH_NNExecutor_Run(executor));
  CHECK(y[3] == 103);
  float other[8] = {0};
  OK(OH_NNExecutor_SetOutput(executor, 0, other, sizeof other));
  OK(OH_NNExecutor_Run(executor));
  CHECK(other[3] == 103 && other[4] == 0);
  OH_NNExecutor_Destroy(&executor);
}

/* Two executors of one compilation, which goes first; and a model of two operators, one of them with two outputs. */
static void several(void) {
  OH_NNModel *model = add_model();
  OH_NNCompilation *compilation = compiled(model, 0);
  OH_NNExecutor *a = OH_NNExecutor_Construct(compilation), *b = OH_NNExecutor_Construct(compilation);
  OH_NNCompilation_Destroy(&compilation);
  OH_NNModel_Destroy(&model);
  CHECK(adds(a) && adds(b) && adds(a));
  OH_NNExecutor_Destroy(&a);
  CHECK(adds(b));
  OH_NNExecutor_Destroy(&b);

  model = OH_NNModel_Construct();
  const int32_t six[1] = {6}, two[1] = {2};
  const int32_t k = 2;
  const bool sorted = true;
  const int8_t activation = OH_NN_FUSED_RELU;
  OK(add_tensor(model, OH_NN_FLOAT32, 1, six, OH_NN_TENSOR));
  OK(add_tensor(model, OH_NN_FLOAT32, 1, six, OH_NN_TENSOR));
  OK(add_tensor(model, OH_NN_FLOAT32, 1, six, OH_NN_TENSOR));
  OK(add_tensor(model, OH_NN_INT32, 0, NULL, OH_NN_TENSOR));
  OK(OH_NNModel_SetTensorData(model, 3, &k, 4));
  OK(add_parameter(model, 4, OH_NN_BOOL, 1, OH_NN_TOP_K_SORTED, &sorted, 1));
  OK(add_parameter(model, 5, OH_NN_INT8, 1, OH_NN_ADD_ACTIVATIONTYPE, &activation, 1));
  OK(add_tensor(model, OH_NN_FLOAT32, 1, two, OH_NN_TENSOR));
  OK(add_tensor(model, OH_NN_INT32, 1, two, OH_NN_TENSOR));
  /* In the order in which they cannot run. */
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_TOP_K, LIST(4), LIST(2, 3), LIST(6, 7)));
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(5), LIST(0, 1), LIST(2)));
  OK(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), LIST(6, 7)));
  OK(OH_NNModel_Finish(model));
  OH_NNExecutor *executor = executor_of(model, 0);
  const OH_NN_Tensor tensor = {OH_NN_FLOAT32, 1, six, NULL, OH_NN_TENSOR};
  const float x[6] = {5, -9, 3, 8, 1, 2}, y[6] = {0, 0, 6, 0, 0, -7};
  float best[2];
  int32_t where[2];
  OK(OH_NNExecutor_SetInput(executor, 0, &tensor, x, sizeof x));
  OK(OH_NNExecutor_SetInput(executor, 1, &tensor, y, sizeof y));
  OK(OH_NNExecutor_SetOutput(executor, 0, best, sizeof best));
  OK(OH_NNExecutor_SetOutput(executor, 1, where, sizeof where));
  OK(OH_NNExecutor_Run(executor));
  CHECK(best[0] == 9 && best[1] == 8 && where[0] == 2 && where[1] == 3);
  OH_NNExecutor_Destroy(&executor);
}

/* Drivers that fail, or say what cannot be. */
static void failing_devices(void) {
  OH_NNExecutor *add = executor_of(add_model(), 0), *pool = executor_of(pool_model(), 0);
  CHECK(adds(add));
  controls()->fail_run = OH_NN_TIMEOUT;
  CHECK(!adds(add));
  no_faults();
  CHECK(adds(add));
  float sum[4];
  OK(OH_NNExecutor_SetOutput(add, 0, sum, sizeof sum));
  const int32_t dims[4] = {1, 3, 3, 1};
  const OH_NN_Tensor tensor = {OH_NN_FLOAT32, 4, dims, NULL, OH_NN_TENSOR};
  const float x[9] = {0};
  float y[4];
  OK(OH_NNExecutor_SetInput(pool, 0, &tensor, x, sizeof x));
  OK(OH_NNExecutor_SetOutput(pool, 0, y, sizeof y));
  for (int kind = GARBAGE_RANK; kind <= GARBAGE_CODE; kind++) {
    controls()->garbage = kind;
    CHECK_STATUS(OH_NNExecutor_Run(add), OH_NN_UNAVAILABLE_DEVICE);
    CHECK_STATUS(OH_NNExecutor_Run(pool), OH_NN_UNAVAILABLE_DEVICE);
    /* No shape of that kind is shown. */
    int32_t *shape = NULL;
    uint32_t rank = 0;
    OK(OH_NNExecutor_GetOutputShape(add, 0, &shape, &rank));
    CHECK(rank == 4 && memcmp(shape, square, sizeof square) == 0);
  }
  no_faults();
  OK(OH_NNExecutor_Run(add));
  CHECK(sum[1] == 2 && sum[3] == 6);
  OK(OH_NNExecutor_Run(pool));
  OH_NNExecutor_Destroy(&add);
  OH_NNExecutor_Destroy(&pool);
}

int main(void) {
  no_faults();
  counts_and_descriptions();
  output_shapes();
  const char *words = getenv("MSLITE_NNRT_TEST");
  if (words != NULL && strcmp(words, "no_ranges") == 0) no_ranges();
  else ranges();
  with_tensors();
  dynamic_tensors();
  remembered_inputs();
  several();
  failing_devices();
  return check_result();
}
