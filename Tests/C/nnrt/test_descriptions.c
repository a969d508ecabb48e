/* Tensor descriptions and quantisation parameters. */
#include "common.h"

static void fresh(void) {
  NN_TensorDesc *desc = OH_NNTensorDesc_Create();
  CHECK(desc != NULL);
  const char *name = NULL;
  OH_NN_DataType type = OH_NN_INT8;
  OH_NN_Format format = OH_NN_FORMAT_ND;
  int32_t *shape = NULL;
  size_t rank = 9, size = 9;
  OK(OH_NNTensorDesc_GetName(desc, &name));
  CHECK(name != NULL && name[0] == 0);
  OK(OH_NNTensorDesc_GetDataType(desc, &type));
  CHECK(type == OH_NN_UNKNOWN);
  OK(OH_NNTensorDesc_GetFormat(desc, &format));
  CHECK(format == OH_NN_FORMAT_NONE);
  OK(OH_NNTensorDesc_GetShape(desc, &shape, &rank));
  CHECK(rank == 0);
  INVALID(OH_NNTensorDesc_GetElementCount(desc, &size));
  INVALID(OH_NNTensorDesc_GetByteSize(desc, &size));
  OK(OH_NNTensorDesc_Destroy(&desc));
  CHECK(desc == NULL);
}

static void values(void) {
  NN_TensorDesc *desc = OH_NNTensorDesc_Create();
  char text[] = "a name";
  OK(OH_NNTensorDesc_SetName(desc, text));
  text[0] = 'x';
  const char *name = NULL;
  OK(OH_NNTensorDesc_GetName(desc, &name));
  CHECK(strcmp(name, "a name") == 0);
  const size_t bytes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};
  int32_t dims[10] = {2, 3, 5, 1, 1, 1, 1, 1, 1, 1};
  for (int type = 0; type <= 12; type++) {
    OK(OH_NNTensorDesc_SetDataType(desc, (OH_NN_DataType)type));
    OH_NN_DataType got = OH_NN_UNKNOWN;
    OK(OH_NNTensorDesc_GetDataType(desc, &got));
    CHECK((int)got == type);
    for (size_t rank = 1; rank <= 10; rank++) {
      OK(OH_NNTensorDesc_SetShape(desc, dims, rank));
      const size_t count = rank == 1 ? 2 : rank == 2 ? 6 : 30;
      size_t elements = 0, size = 0;
      OK(OH_NNTensorDesc_GetElementCount(desc, &elements));
      CHECK(elements == count);
      CHECK_STATUS(OH_NNTensorDesc_GetByteSize(desc, &size), type == 0 ? OH_NN_INVALID_PARAMETER : OH_NN_SUCCESS);
      if (type != 0) CHECK(size == count * bytes[type]);
      int32_t *shape = NULL;
      size_t length = 0;
      OK(OH_NNTensorDesc_GetShape(desc, &shape, &length));
      CHECK(length == rank && memcmp(shape, dims, rank * sizeof *dims) == 0);
    }
  }
  for (int format = 0; format <= 3; format++) {
    OH_NN_Format got = OH_NN_FORMAT_NONE;
    OK(OH_NNTensorDesc_SetFormat(desc, (OH_NN_Format)format));
    OK(OH_NNTensorDesc_GetFormat(desc, &got));
    CHECK((int)got == format);
  }
  /* A size that is not known. */
  const int32_t open[2] = {-1, 4};
  size_t elements = 7, size = 7;
  OK(OH_NNTensorDesc_SetShape(desc, open, 2));
  CHECK_STATUS(OH_NNTensorDesc_GetElementCount(desc, &elements), OH_NN_DYNAMIC_SHAPE);
  CHECK(elements == 0);
  OK(OH_NNTensorDesc_GetByteSize(desc, &size));
  CHECK(size == 0);
  OK(OH_NNTensorDesc_Destroy(&desc));
}

static void misuse(void) {
  NN_TensorDesc *desc = OH_NNTensorDesc_Create(), *none = NULL;
  const int32_t dims[2] = {2, 3}, zero[2] = {2, 0}, negative[2] = {-2, 3};
  const int32_t huge[10] = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, 1, 1, 1, 1, 1, 1};
  const char *name = NULL;
  int32_t *shape = NULL;
  size_t size = 0;
  OH_NN_DataType type;
  OH_NN_Format format;
  INVALID(OH_NNTensorDesc_Destroy(NULL));
  INVALID(OH_NNTensorDesc_Destroy(&none));
  INVALID(OH_NNTensorDesc_SetName(NULL, "x"));
  INVALID(OH_NNTensorDesc_SetName(desc, NULL));
  INVALID(OH_NNTensorDesc_GetName(NULL, &name));
  INVALID(OH_NNTensorDesc_GetName(desc, NULL));
  name = "x";
  INVALID(OH_NNTensorDesc_GetName(desc, &name));
  INVALID(OH_NNTensorDesc_SetDataType(NULL, OH_NN_INT8));
  INVALID(OH_NNTensorDesc_SetDataType(desc, (OH_NN_DataType)13));
  INVALID(OH_NNTensorDesc_SetDataType(desc, (OH_NN_DataType)-1));
  INVALID(OH_NNTensorDesc_GetDataType(NULL, &type));
  INVALID(OH_NNTensorDesc_GetDataType(desc, NULL));
  INVALID(OH_NNTensorDesc_SetShape(NULL, dims, 2));
  INVALID(OH_NNTensorDesc_SetShape(desc, NULL, 2));
  INVALID(OH_NNTensorDesc_SetShape(desc, dims, 0));
  INVALID(OH_NNTensorDesc_SetShape(desc, huge, 11));
  INVALID(OH_NNTensorDesc_SetShape(desc, dims, SIZE_MAX));
  INVALID(OH_NNTensorDesc_SetShape(desc, zero, 2));
  INVALID(OH_NNTensorDesc_SetShape(desc, negative, 2));
  INVALID(OH_NNTensorDesc_GetShape(NULL, &shape, &size));
  INVALID(OH_NNTensorDesc_GetShape(desc, NULL, &size));
  INVALID(OH_NNTensorDesc_GetShape(desc, &shape, NULL));
  shape = (int32_t *)&size;
  INVALID(OH_NNTensorDesc_GetShape(desc, &shape, &size));
  INVALID(OH_NNTensorDesc_SetFormat(NULL, OH_NN_FORMAT_ND));
  INVALID(OH_NNTensorDesc_SetFormat(desc, (OH_NN_Format)4));
  INVALID(OH_NNTensorDesc_SetFormat(desc, (OH_NN_Format)-1));
  INVALID(OH_NNTensorDesc_GetFormat(NULL, &format));
  INVALID(OH_NNTensorDesc_GetFormat(desc, NULL));
  INVALID(OH_NNTensorDesc_GetElementCount(NULL, &size));
  INVALID(OH_NNTensorDesc_GetElementCount(desc, NULL));
  INVALID(OH_NNTensorDesc_GetByteSize(NULL, &size));
  INVALID(OH_NNTensorDesc_GetByteSize(desc, NULL));
  /* More bytes than an address space has. */
  OK(OH_NNTensorDesc_SetDataType(desc, OH_NN_FLOAT32));
  OK(OH_NNTensorDesc_SetShape(desc, huge, 10));
  INVALID(OH_NNTensorDesc_GetElementCount(desc, &size));
  INVALID(OH_NNTensorDesc_GetByteSize(desc, &size));
  /* Handles of another kind, dead ones, and what never was one. */
  OH_NNModel *model = OH_NNModel_Construct();
  INVALID(OH_NNTensorDesc_SetDataType((NN_TensorDesc *)model, OH_NN_INT8));
  INVALID(OH_NNTensorDesc_Destroy((NN_TensorDesc **)&model));
  CHECK(model != NULL);
  OH_NNModel_Destroy(&model);
  CHECK(model == NULL);
  NN_TensorDesc *copy = desc;
  OK(OH_NNTensorDesc_Destroy(&desc));
  INVALID(OH_NNTensorDesc_SetDataType(copy, OH_NN_INT8));
  INVALID(OH_NNTensorDesc_Destroy(&copy));
  CHECK(copy == NULL);
  copy = NO_HANDLE;
  INVALID(OH_NNTensorDesc_GetByteSize(copy, &size));
}

static void quant_params(void) {
  NN_QuantParam *params = OH_NNQuantParam_Create(), *none = NULL;
  const double scales[2] = {0.5, 0.25};
  const int32_t zeros[2] = {3, -4};
  const uint32_t eight[2] = {8, 8}, four[2] = {8, 4};
  CHECK(params != NULL);
  INVALID(OH_NNQuantParam_SetScales(NULL, scales, 2));
  INVALID(OH_NNQuantParam_SetScales(params, NULL, 2));
  INVALID(OH_NNQuantParam_SetScales(params, scales, 0));
  INVALID(OH_NNQuantParam_SetZeroPoints(NULL, zeros, 2));
  INVALID(OH_NNQuantParam_SetZeroPoints(params, NULL, 2));
  INVALID(OH_NNQuantParam_SetZeroPoints(params, zeros, 0));
  INVALID(OH_NNQuantParam_SetNumBits(NULL, eight, 2));
  INVALID(OH_NNQuantParam_SetNumBits(params, NULL, 2));
  INVALID(OH_NNQuantParam_SetNumBits(params, eight, 0));
  OH_NNModel *model = OH_NNModel_Construct();
  OK(add_tensor(model, OH_NN_INT8, 4, square, OH_NN_TENSOR));
  INVALID(OH_NNModel_SetTensorQuantParams(model, 0, params)); /* empty */
  OK(OH_NNQuantParam_SetScales(params, scales, 2));
  INVALID(OH_NNModel_SetTensorQuantParams(model, 0, params));
  OK(OH_NNQuantParam_SetZeroPoints(params, zeros, 2));
  INVALID(OH_NNModel_SetTensorQuantParams(model, 0, params));
  OK(OH_NNQuantParam_SetNumBits(params, eight, 1));
  INVALID(OH_NNModel_SetTensorQuantParams(model, 0, params)); /* not as many */
  OK(OH_NNQuantParam_SetNumBits(params, four, 2));
  INVALID(OH_NNModel_SetTensorQuantParams(model, 0, params)); /* not 8 */
  OK(OH_NNQuantParam_SetNumBits(params, eight, 2));
  OK(OH_NNModel_SetTensorQuantParams(model, 0, params));
  OK(OH_NNModel_SetTensorQuantParams(model, 0, params));
  INVALID(OH_NNModel_SetTensorQuantParams(NULL, 0, params));
  INVALID(OH_NNModel_SetTensorQuantParams(model, 1, params));
  INVALID(OH_NNModel_SetTensorQuantParams(model, 0, NULL));
  OH_NNModel_Destroy(&model);
  INVALID(OH_NNQuantParam_Destroy(NULL));
  INVALID(OH_NNQuantParam_Destroy(&none));
  NN_QuantParam *copy = params;
  OK(OH_NNQuantParam_Destroy(&params));
  CHECK(params == NULL);
  INVALID(OH_NNQuantParam_Destroy(&copy));
  CHECK(copy == NULL);
}

int main(void) {
  fresh();
  values();
  misuse();
  quant_params();
  return check_result();
}
