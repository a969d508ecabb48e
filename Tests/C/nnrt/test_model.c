/* Building models. */
#include "common.h"

static void tensors(void) {
  OH_NNModel *model = OH_NNModel_Construct(), *none = NULL;
  const int32_t dims[4] = {1, 2, 2, 1}, zero[4] = {1, 0, 2, 1}, negative[4] = {1, -5, 2, 1}, open[4] = {-1, 2, 2, 1};
  const int32_t huge[4] = {100000, 100000, 1, 1}, many[11] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  INVALID(OH_NNModel_AddTensor(NULL, &(OH_NN_Tensor){OH_NN_FLOAT32, 4, dims, NULL, OH_NN_TENSOR}));
  INVALID(OH_NNModel_AddTensor(none, &(OH_NN_Tensor){OH_NN_FLOAT32, 4, dims, NULL, OH_NN_TENSOR}));
  INVALID(OH_NNModel_AddTensor(model, NULL));
  INVALID(add_tensor(model, (OH_NN_DataType)13, 4, dims, OH_NN_TENSOR));
  INVALID(add_tensor(model, (OH_NN_DataType)-1, 4, dims, OH_NN_TENSOR));
  INVALID(add_tensor(model, OH_NN_FLOAT32, 4, dims, (OH_NN_TensorType)163));
  INVALID(add_tensor(model, OH_NN_FLOAT32, 4, dims, (OH_NN_TensorType)-1));
  INVALID(add_tensor(model, OH_NN_FLOAT32, 4, NULL, OH_NN_TENSOR));
  INVALID(add_tensor(model, OH_NN_FLOAT32, 4, zero, OH_NN_TENSOR));
  INVALID(add_tensor(model, OH_NN_FLOAT32, 4, negative, OH_NN_TENSOR));
  INVALID(add_tensor(model, OH_NN_FLOAT32, 4, huge, OH_NN_TENSOR));
  INVALID(add_tensor(model, OH_NN_FLOAT32, 11, many, OH_NN_TENSOR));
  /* Quantisation: bits, and arrays that are not there. */
  const uint32_t bits8[1] = {8}, bits16[1] = {16};
  const double scale[1] = {0.5};
  const int32_t zero_point[1] = {1};
  const OH_NN_QuantParam good = {1, bits8, scale, zero_point}, wide = {1, bits16, scale, zero_point}, partial = {1, bits8, NULL, zero_point};
  INVALID(OH_NNModel_AddTensor(model, &(OH_NN_Tensor){OH_NN_INT8, 4, dims, &wide, OH_NN_TENSOR}));
  INVALID(OH_NNModel_AddTensor(model, &(OH_NN_Tensor){OH_NN_INT8, 4, dims, &partial, OH_NN_TENSOR}));
  OK(OH_NNModel_AddTensor(model, &(OH_NN_Tensor){OH_NN_INT8, 4, dims, &good, OH_NN_TENSOR})); /* 0 */
  OK(add_tensor(model, OH_NN_FLOAT32, 4, open, OH_NN_TENSOR));                               /* 1 */
  OK(add_tensor(model, OH_NN_FLOAT32, 0, NULL, OH_NN_TENSOR));                               /* 2 */
  OK(add_tensor(model, OH_NN_FLOAT32, 4, dims, OH_NN_TENSOR));                               /* 3 */

  /* The newer way. */
  NN_TensorDesc *desc = OH_NNTensorDesc_Create();
  OK(OH_NNTensorDesc_SetDataType(desc, OH_NN_FLOAT32));
  OK(OH_NNTensorDesc_SetShape(desc, dims, 4));
  OK(OH_NNModel_AddTensorToModel(model, desc)); /* 4 */
  INVALID(OH_NNModel_AddTensorToModel(NULL, desc));
  INVALID(OH_NNModel_AddTensorToModel(model, NULL));
  OK(OH_NNTensorDesc_Destroy(&desc));

  const float data[4] = {1, 2, 3, 4};
  INVALID(OH_NNModel_SetTensorData(NULL, 3, data, 16));
  INVALID(OH_NNModel_SetTensorData(model, 5, data, 16));
  INVALID(OH_NNModel_SetTensorData(model, 3, NULL, 16));
  INVALID(OH_NNModel_SetTensorData(model, 3, data, 0));
  INVALID(OH_NNModel_SetTensorData(model, 3, data, 12));
  INVALID(OH_NNModel_SetTensorData(model, 3, data, 20));
  FORBIDDEN(OH_NNModel_SetTensorData(model, 1, data, 16));
  OK(OH_NNModel_SetTensorData(model, 3, data, 16));
  INVALID(OH_NNModel_SetTensorData(model, 3, data, 16));
  OK(OH_NNModel_SetTensorData(model, 2, data, 4));

  INVALID(OH_NNModel_SetTensorType(NULL, 3, OH_NN_TENSOR));
  INVALID(OH_NNModel_SetTensorType(model, 5, OH_NN_TENSOR));
  INVALID(OH_NNModel_SetTensorType(model, 3, (OH_NN_TensorType)163));
  INVALID(OH_NNModel_SetTensorType(model, 3, (OH_NN_TensorType)-1));
  OK(OH_NNModel_SetTensorType(model, 3, OH_NN_REDUCE_L2_COEFF));
  OK(OH_NNModel_SetTensorType(model, 3, OH_NN_TENSOR));
  OH_NNModel_Destroy(&model);
}

/* Tensors 0, 1: inputs; 2: parameter; 3: output; 4: more; 5: a parameter without data. */
static OH_NNModel *parts(void) {
  OH_NNModel *model = OH_NNModel_Construct();
  const int8_t activation = 0;
  OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(add_parameter(model, 2, OH_NN_INT8, 1, OH_NN_ADD_ACTIVATIONTYPE, &activation, 1));
  OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(add_tensor(model, OH_NN_INT8, 0, NULL, OH_NN_ADD_ACTIVATIONTYPE));
  return model;
}

static void operations(void) {
  OH_NNModel *model = parts();
  uint32_t some[2] = {0, 1};
  const OH_NN_UInt32Array no_data = {NULL, 1}, no_size = {some, 0}, too_many = {some, 201};
  INVALID(OH_NNModel_AddOperation(NULL, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, (OH_NN_OperationType)0, LIST(2), LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, (OH_NN_OperationType)109, LIST(2), LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, (OH_NN_OperationType)-1, LIST(2), LIST(0, 1), LIST(3)));
  /* Lists. */
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, NULL, LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), NULL, LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), NULL));
  const OH_NN_UInt32Array *bad[] = {&no_data, &no_size};
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, bad[i], LIST(0, 1), LIST(3)));
    INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), bad[i], LIST(3)));
    INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), bad[i]));
  }
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), &too_many, LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), NOTHING, LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), NOTHING));
  /* Indices: out of range, twice, of the wrong kind, both input and output. */
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(6), LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 6), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), LIST(UINT32_MAX)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2, 2), LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 2), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), LIST(2)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), LIST(1)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(4), LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_UNSTACK, NOTHING, LIST(0), LIST(3, 3)));
  /* A parameter without data, numbers of inputs and outputs. */
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(5), LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1, 4), LIST(3)));
  INVALID(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), LIST(3, 4)));
  /* What is right, without the parameter too; a tensor may be both operands. */
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), LIST(3)));
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, NOTHING, LIST(3, 3), LIST(4)));
  /* What is in use does not become a parameter. */
  INVALID(OH_NNModel_SetTensorType(model, 0, OH_NN_ADD_ACTIVATIONTYPE));
  OH_NNModel_Destroy(&model);
}

static void inputs_and_outputs(void) {
  OH_NNModel *model = parts();
  uint32_t some[2] = {0, 1};
  const OH_NN_UInt32Array no_data = {NULL, 1}, no_size = {some, 0}, too_many = {some, 201};
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(NULL, LIST(0, 1), LIST(3)));
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, NULL, LIST(3)));
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), NULL));
  const OH_NN_UInt32Array *bad[] = {&no_data, &no_size, &too_many};
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, bad[i], LIST(3)));
    INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), bad[i]));
  }
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 6), LIST(3)));
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), LIST(6)));
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 2), LIST(3)));
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), LIST(2)));
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), LIST(1)));
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 0), LIST(3)));
  INVALID(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), LIST(3, 3)));
  OK(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), LIST(3)));
  FORBIDDEN(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), LIST(3)));
  OH_NNModel_Destroy(&model);
}

static void finishing(void) {
  INVALID(OH_NNModel_Finish(NULL));
  OH_NNModel *model = OH_NNModel_Construct();
  FORBIDDEN(OH_NNModel_Finish(model));
  OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  FORBIDDEN(OH_NNModel_Finish(model));
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_RELU, NOTHING, LIST(0), LIST(1)));
  FORBIDDEN(OH_NNModel_Finish(model));
  OK(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0), LIST(1)));
  OK(OH_NNModel_Finish(model));
  /* Nothing more after that. */
  const float data[4] = {0};
  FORBIDDEN(OH_NNModel_Finish(model));
  FORBIDDEN(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  FORBIDDEN(OH_NNModel_SetTensorData(model, 0, data, 16));
  FORBIDDEN(OH_NNModel_SetTensorType(model, 0, OH_NN_TENSOR));
  FORBIDDEN(OH_NNModel_AddOperation(model, OH_NN_OPS_RELU, NOTHING, LIST(0), LIST(1)));
  FORBIDDEN(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0), LIST(1)));
  NN_QuantParam *params = OH_NNQuantParam_Create();
  OK(OH_NNQuantParam_SetScales(params, &(double){1}, 1));
  OK(OH_NNQuantParam_SetZeroPoints(params, &(int32_t){0}, 1));
  OK(OH_NNQuantParam_SetNumBits(params, &(uint32_t){8}, 1));
  FORBIDDEN(OH_NNModel_SetTensorQuantParams(model, 0, params));
  OK(OH_NNQuantParam_Destroy(&params));
  /* Except this, as on a phone: it has no effect. */
  NN_TensorDesc *desc = OH_NNTensorDesc_Create();
  OK(OH_NNTensorDesc_SetDataType(desc, OH_NN_FLOAT32));
  OK(OH_NNTensorDesc_SetShape(desc, square, 4));
  OK(OH_NNModel_AddTensorToModel(model, desc));
  OK(OH_NNTensorDesc_Destroy(&desc));
  OH_NNModel_Destroy(NULL);
  OH_NNModel_Destroy(&model);
  CHECK(model == NULL);
  OH_NNModel_Destroy(&model);
}

static void available(void) {
  OH_NNModel *model = unfinished_add();
  const size_t id = device("Device-CPU");
  const bool *supported = NULL;
  uint32_t count = 0;
  FORBIDDEN(OH_NNModel_GetAvailableOperations(model, id, &supported, &count));
  OK(OH_NNModel_Finish(model));
  INVALID(OH_NNModel_GetAvailableOperations(NULL, id, &supported, &count));
  INVALID(OH_NNModel_GetAvailableOperations(model, id, NULL, &count));
  INVALID(OH_NNModel_GetAvailableOperations(model, id, &supported, NULL));
  CHECK_STATUS(OH_NNModel_GetAvailableOperations(model, 123456, &supported, &count), OH_NN_FAILED);
  OK(OH_NNModel_GetAvailableOperations(model, id, &supported, &count));
  CHECK(count == 1 && supported[0]);
  INVALID(OH_NNModel_GetAvailableOperations(model, id, &supported, &count));
  supported = NULL;
  controls()->refuse[OH_NN_OPS_ADD] = 1;
  OK(OH_NNModel_GetAvailableOperations(model, 0, &supported, &count));
  CHECK(count == 1 && !supported[0]);
  supported = NULL;
  controls()->fail_query = OH_NN_FAILED;
  CHECK_STATUS(OH_NNModel_GetAvailableOperations(model, id, &supported, &count), OH_NN_UNAVAILABLE_DEVICE);
  no_faults();
  OH_NNModel_Destroy(&model);

  /* The answers are in the order in which operators were added, whatever the order they run in. */
  model = OH_NNModel_Construct();
  for (int i = 0; i < 4; i++) OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_TANH, NOTHING, LIST(2), LIST(3)));
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_SIGMOID, NOTHING, LIST(1), LIST(2)));
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_RELU, NOTHING, LIST(0), LIST(1)));
  OK(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0), LIST(3)));
  OK(OH_NNModel_Finish(model));
  controls()->refuse[OH_NN_OPS_SIGMOID] = 1;
  supported = NULL;
  OK(OH_NNModel_GetAvailableOperations(model, id, &supported, &count));
  CHECK(count == 3 && supported[0] && !supported[1] && supported[2]);
  no_faults();
  OH_NNModel_Destroy(&model);
}

int main(void) {
  no_faults();
  tensors();
  operations();
  inputs_and_outputs();
  finishing();
  available();
  return check_result();
}
