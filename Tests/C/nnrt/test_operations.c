/* Every operator with every parameter: right, missing, twice, of the wrong type, of the wrong number, of a value out of range. */
#include "common.h"
#include "operations.h"

/* One model per check would be slow: tensors are added as they are needed, and each try of an operator gets new outputs. */
typedef struct {
  OH_NNModel *model;
  uint32_t count;
} builder_t;

static uint32_t data_tensor(builder_t *b) {
  const int32_t dims[4] = {2, 3, 4, 5};
  OK(add_tensor(b->model, OH_NN_FLOAT32, 4, dims, OH_NN_TENSOR));
  return b->count++;
}

static size_t size_of(OH_NN_DataType type) {
  return type == OH_NN_INT64 ? 8 : type == OH_NN_INT32 || type == OH_NN_FLOAT32 ? 4 : 1;
}

/* A parameter tensor of `count` times 1 (0 where that is out of range), with or without a dimension. */
static uint32_t parameter(builder_t *b, OH_NN_TensorType type, OH_NN_DataType data_type, int32_t count, int has_dimension, int value) {
  uint8_t bytes[64] = {0};
  for (int32_t i = 0; i < count; i++) {
    if (data_type == OH_NN_INT64) ((int64_t *)bytes)[i] = value;
    if (data_type == OH_NN_INT32) ((int32_t *)bytes)[i] = value;
    if (data_type == OH_NN_FLOAT32) ((float *)bytes)[i] = (float)value;
    if (size_of(data_type) == 1) bytes[i] = (uint8_t)value;
  }
  OK(add_tensor(b->model, data_type, has_dimension ? 1 : 0, &count, type));
  OK(OH_NNModel_SetTensorData(b->model, b->count, bytes, size_of(data_type) * (size_t)count));
  return b->count++;
}

static uint32_t good(builder_t *b, const parameter_t *p) {
  const int value = p->lowest <= p->highest && p->highest < 1 ? p->highest : 1;
  const int32_t count = p->count == 0 ? 2 : (int32_t)p->count;
  return parameter(b, p->type, p->data_type, count, count > 1, value);
}

static OH_NN_ReturnCode try_operation(builder_t *b, const operation_t *op, const uint32_t *given, uint32_t given_count, uint32_t inputs,
                                      uint32_t outputs) {
  static uint32_t none[1];
  uint32_t in[256], out[256], params[32];
  for (uint32_t i = 0; i < inputs; i++) in[i] = i % 8; /* the first tensors of the model */
  for (uint32_t i = 0; i < outputs; i++) out[i] = 8 + i;
  memcpy(params, given, given_count * sizeof *given);
  const OH_NN_UInt32Array param_list = {given_count > 0 ? params : NULL, given_count};
  const OH_NN_UInt32Array in_list = {inputs > 0 ? in : none, inputs}, out_list = {outputs > 0 ? out : none, outputs};
  return OH_NNModel_AddOperation(b->model, op->operation, &param_list, &in_list, &out_list);
}

static void test(const operation_t *op) {
  builder_t b = {OH_NNModel_Construct(), 0};
  for (int i = 0; i < 16; i++) data_tensor(&b);
  const parameter_t *mine[32];
  uint32_t all[32], count = 0;
  for (size_t i = 0; i < COUNT_OF(parameters); i++)
    if (parameters[i].operation == op->operation) mine[count++] = &parameters[i];
  for (uint32_t i = 0; i < count; i++) all[i] = good(&b, mine[i]);
#define TRY(list, n) try_operation(&b, op, list, n, op->least_inputs, op->least_outputs)

  /* All parameters, in either order; then each one missing. */
  uint32_t some[33];
  OK(TRY(all, count));
  for (uint32_t i = 0; i < count; i++) some[i] = all[count - 1 - i];
  OK(TRY(some, count));
  for (uint32_t i = 0; i < count; i++) {
    uint32_t n = 0;
    for (uint32_t k = 0; k < count; k++)
      if (k != i) some[n++] = all[k];
    CHECK_STATUS(TRY(some, n), mine[i]->is_required ? OH_NN_INVALID_PARAMETER : OH_NN_SUCCESS);
  }
  int is_any_required = 0;
  for (uint32_t i = 0; i < count; i++) is_any_required |= mine[i]->is_required;
  CHECK_STATUS(TRY(all, 0), is_any_required ? OH_NN_INVALID_PARAMETER : OH_NN_SUCCESS);

  for (uint32_t i = 0; i < count; i++) {
    const parameter_t *p = mine[i];
    const int32_t n = p->count == 0 ? 2 : (int32_t)p->count;
    memcpy(some, all, sizeof all);
    /* Twice, by another tensor. */
    some[count] = good(&b, p);
    INVALID(TRY(some, count + 1));
    /* Another data type. */
    const OH_NN_DataType other = p->data_type == OH_NN_INT64 ? OH_NN_INT32 : OH_NN_INT64;
    some[i] = parameter(&b, p->type, other, n, n > 1, 1);
    INVALID(TRY(some, count));
    /* Another number of values, where it is not free. */
    if (p->count != 0) {
      some[i] = parameter(&b, p->type, p->data_type, n + 1, 1, 1);
      INVALID(TRY(some, count));
      if (n > 1) {
        some[i] = parameter(&b, p->type, p->data_type, n - 1, 1, 1);
        INVALID(TRY(some, count));
      } else {
        /* One value is a scalar, or a dimension of 1 where that is accepted. */
        some[i] = parameter(&b, p->type, p->data_type, 1, 1, p->lowest <= p->highest && p->highest < 1 ? p->highest : 1);
        CHECK_STATUS(TRY(some, count), p->is_rankless ? OH_NN_INVALID_PARAMETER : OH_NN_SUCCESS);
      }
    }
    /* Values out of range. */
    if (p->lowest <= p->highest) {
      some[i] = parameter(&b, p->type, p->data_type, n, n > 1, p->highest + 1);
      INVALID(TRY(some, count));
      some[i] = parameter(&b, p->type, p->data_type, n, n > 1, p->lowest - 1);
      INVALID(TRY(some, count));
      for (int value = p->lowest; value <= p->highest; value++) {
        some[i] = parameter(&b, p->type, p->data_type, n, n > 1, value);
        OK(TRY(some, count));
      }
    }
    /* Without data. */
    OK(add_tensor(b.model, p->data_type, n > 1 ? 1 : 0, &n, p->type));
    some[i] = b.count++;
    INVALID(TRY(some, count));
  }

  /* Parameters of every other operator. */
  for (int type = 1; type <= 162; type++) {
    int is_mine = 0;
    for (uint32_t i = 0; i < count; i++) is_mine |= (int)mine[i]->type == type;
    if (is_mine) continue;
    memcpy(some, all, sizeof all);
    some[count] = parameter(&b, (OH_NN_TensorType)type, OH_NN_INT64, 1, 0, 1);
    INVALID(TRY(some, count + 1));
  }
  some[count] = data_tensor(&b);
  INVALID(TRY(some, count + 1));

  /* Numbers of inputs and outputs. */
  for (uint32_t inputs = 0; inputs <= 8; inputs++)
    CHECK_STATUS(try_operation(&b, op, all, count, inputs, op->least_outputs),
                 inputs >= op->least_inputs && inputs <= op->most_inputs && inputs > 0 ? OH_NN_SUCCESS : OH_NN_INVALID_PARAMETER);
  for (uint32_t outputs = 0; outputs <= 6; outputs++)
    CHECK_STATUS(try_operation(&b, op, all, count, op->least_inputs, outputs),
                 outputs >= op->least_outputs && outputs <= op->most_outputs && outputs > 0 ? OH_NN_SUCCESS : OH_NN_INVALID_PARAMETER);
  OH_NNModel_Destroy(&b.model);
}

/* An axis of a full connection counts; that it does not cannot be said together with it. */
static void full_connection(void) {
  builder_t b = {OH_NNModel_Construct(), 0};
  for (int i = 0; i < 16; i++) data_tensor(&b);
  const operation_t op = {OH_NN_OPS_FULL_CONNECTION, 2, 3, 1, 1};
  const uint32_t axis = parameter(&b, OH_NN_FULL_CONNECTION_AXIS, OH_NN_INT64, 1, 0, 1);
  const uint32_t yes = parameter(&b, OH_NN_FULL_CONNECTION_USE_AXIS, OH_NN_BOOL, 1, 0, 1);
  const uint32_t no = parameter(&b, OH_NN_FULL_CONNECTION_USE_AXIS, OH_NN_BOOL, 1, 0, 0);
  OK(try_operation(&b, &op, &axis, 1, 2, 1));
  OK(try_operation(&b, &op, &no, 1, 2, 1));
  OK(try_operation(&b, &op, (uint32_t[]){axis, yes}, 2, 2, 1));
  INVALID(try_operation(&b, &op, (uint32_t[]){axis, no}, 2, 2, 1));
  OH_NNModel_Destroy(&b.model);
}

/* The first normalised dimension is one of the input's, and not the first. */
static void layer_norm(void) {
  builder_t b = {OH_NNModel_Construct(), 0};
  for (int i = 0; i < 16; i++) data_tensor(&b);
  const operation_t op = {OH_NN_OPS_LAYER_NORM, 3, 3, 1, 1};
  for (int axis = -2; axis <= 5; axis++) {
    const uint32_t given = parameter(&b, OH_NN_LAYER_NORM_BEGIN_NORM_AXIS, OH_NN_INT64, 1, 0, axis);
    CHECK_STATUS(try_operation(&b, &op, &given, 1, 3, 1), axis >= 1 && axis <= 3 ? OH_NN_SUCCESS : OH_NN_INVALID_PARAMETER);
  }
  OH_NNModel_Destroy(&b.model);
}

int main(void) {
  CHECK(COUNT_OF(operations) == 108);
  CHECK(COUNT_OF(parameters) == 161);
  for (size_t i = 0; i < COUNT_OF(operations); i++) {
    CHECK((size_t)operations[i].operation == i + 1);
    test(&operations[i]);
  }
  full_connection();
  layer_norm();
  return check_result();
}
