/* Tensors: creation and its refusals, names, types, shapes, sizes, the three storage states, allocators. */
#include "mindspore/tensor.h"
#include "check.h"
#include <stdlib.h>
#include <string.h>

static const int64_t image[4] = {1, 48, 48, 3};
enum { FLOAT32 = OH_AI_DATATYPE_NUMBERTYPE_FLOAT32 };

static OH_AI_TensorHandle make(void) { return OH_AI_TensorCreate("data", (OH_AI_DataType)FLOAT32, image, 4, NULL, 0); }

static void creation(void) {
  const struct {
    OH_AI_DataType type;
    size_t size;
  } types[] = {{OH_AI_DATATYPE_OBJECTTYPE_STRING, 1},   {OH_AI_DATATYPE_NUMBERTYPE_BOOL, 1},
               {OH_AI_DATATYPE_NUMBERTYPE_INT8, 1},     {OH_AI_DATATYPE_NUMBERTYPE_INT16, 2},
               {OH_AI_DATATYPE_NUMBERTYPE_INT32, 4},    {OH_AI_DATATYPE_NUMBERTYPE_INT64, 8},
               {OH_AI_DATATYPE_NUMBERTYPE_UINT8, 1},    {OH_AI_DATATYPE_NUMBERTYPE_UINT16, 2},
               {OH_AI_DATATYPE_NUMBERTYPE_UINT32, 4},   {OH_AI_DATATYPE_NUMBERTYPE_UINT64, 8},
               {OH_AI_DATATYPE_NUMBERTYPE_FLOAT16, 2},  {OH_AI_DATATYPE_NUMBERTYPE_FLOAT32, 4},
               {OH_AI_DATATYPE_NUMBERTYPE_FLOAT64, 8}};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    OH_AI_TensorHandle t = OH_AI_TensorCreate("t", types[i].type, image, 4, NULL, 0);
    CHECK(t != NULL);
    CHECK(OH_AI_TensorGetDataType(t) == types[i].type);
    CHECK(OH_AI_TensorGetElementNum(t) == 6912);
    CHECK(OH_AI_TensorGetDataSize(t) == 6912 * types[i].size);
    CHECK(OH_AI_TensorGetFormat(t) == OH_AI_FORMAT_NHWC);
    CHECK(OH_AI_TensorGetData(t) == NULL);
    OH_AI_TensorDestroy(&t);
    CHECK(t == NULL);
  }
  const OH_AI_DataType sizeless[] = {OH_AI_DATATYPE_UNKNOWN,           OH_AI_DATATYPE_OBJECTTYPE_LIST,
                                     OH_AI_DATATYPE_OBJECTTYPE_TUPLE,  OH_AI_DATATYPE_OBJECTTYPE_TENSOR,
                                     OH_AI_DATATYPE_NUMBERTYPE_BEGIN,  OH_AI_DATATYPE_NUMBERTYPE_END,
                                     OH_AI_DataTypeInvalid};
  for (size_t i = 0; i < sizeof sizeless / sizeof sizeless[0]; i++)
    CHECK(OH_AI_TensorCreate("t", sizeless[i], image, 4, NULL, 0) == NULL);
}

static void refusals(void) {
  const OH_AI_DataType type = (OH_AI_DataType)FLOAT32;
  float data[6] = {0};
  int64_t shape[33] = {2, 3};
  const int64_t unknown[2] = {-1, 3}, negative[2] = {-2, 3};
  const int64_t huge[3] = {INT64_MAX, INT64_MAX, 4};
  CHECK(OH_AI_TensorCreate(NULL, type, shape, 2, data, 24) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, NULL, 2, data, 24) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, NULL, 0, NULL, 0) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, shape, 33, NULL, 0) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, shape, 9, NULL, 0) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, shape, (size_t)-1, NULL, 0) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, negative, 2, NULL, 0) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, unknown, 2, data, 24) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, shape, 2, NULL, 24) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, shape, 2, data, 0) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, shape, 2, data, 23) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, shape, 2, data, 28) == NULL);
  CHECK(OH_AI_TensorCreate("t", type, huge, 3, data, 24) == NULL);

  OH_AI_TensorHandle t = OH_AI_TensorCreate("t", type, unknown, 2, NULL, 0);
  CHECK(t != NULL);
  CHECK(OH_AI_TensorGetElementNum(t) == 0 && OH_AI_TensorGetDataSize(t) == 0);
  CHECK(OH_AI_TensorGetMutableData(t) == NULL);
  OH_AI_TensorDestroy(&t);
  t = OH_AI_TensorCreate("t", type, huge, 3, NULL, 0);
  CHECK(t != NULL);
  CHECK(OH_AI_TensorGetElementNum(t) == INT64_MAX);
  CHECK(OH_AI_TensorGetMutableData(t) == NULL);
  CHECK(OH_AI_TensorClone(t) == NULL);
  OH_AI_TensorDestroy(&t);
}

static void null_tensor(void) {
  size_t count = 77;
  const int64_t shape[1] = {1};
  char byte = 0;
  OH_AI_TensorHandle none = NULL;
  OH_AI_TensorDestroy(NULL);
  OH_AI_TensorDestroy(&none);
  CHECK(OH_AI_TensorClone(NULL) == NULL);
  OH_AI_TensorSetName(NULL, "a");
  CHECK(OH_AI_TensorGetName(NULL) == NULL);
  OH_AI_TensorSetDataType(NULL, OH_AI_DATATYPE_NUMBERTYPE_INT8);
  CHECK(OH_AI_TensorGetDataType(NULL) == OH_AI_DATATYPE_UNKNOWN);
  OH_AI_TensorSetShape(NULL, shape, 1);
  CHECK(OH_AI_TensorGetShape(NULL, &count) == NULL && count == 77);
  CHECK(OH_AI_TensorGetShape(NULL, NULL) == NULL);
  OH_AI_TensorSetFormat(NULL, OH_AI_FORMAT_NCHW);
  CHECK(OH_AI_TensorGetFormat(NULL) == OH_AI_FORMAT_NHWC);
  OH_AI_TensorSetData(NULL, &byte);
  CHECK(OH_AI_TensorGetData(NULL) == NULL);
  CHECK(OH_AI_TensorGetMutableData(NULL) == NULL);
  CHECK(OH_AI_TensorGetElementNum(NULL) == 0);
  CHECK(OH_AI_TensorGetDataSize(NULL) == 0);
  CHECK_STATUS(OH_AI_TensorSetUserData(NULL, &byte, 1), OH_AI_STATUS_LITE_NULLPTR);
  CHECK(OH_AI_TensorGetAllocator(NULL) == NULL);
  CHECK_STATUS(OH_AI_TensorSetAllocator(NULL, NULL), OH_AI_STATUS_LITE_NULLPTR);
}

static void description(void) {
  OH_AI_TensorHandle t = make();
  CHECK(strcmp(OH_AI_TensorGetName(t), "data") == 0);
  OH_AI_TensorSetName(t, "");
  CHECK(strcmp(OH_AI_TensorGetName(t), "") == 0);
  OH_AI_TensorSetName(t, "a name");
  OH_AI_TensorSetName(t, NULL);
  CHECK(strcmp(OH_AI_TensorGetName(t), "a name") == 0);
  for (int type = 0; type < 50; type++) {
    OH_AI_TensorSetDataType(t, (OH_AI_DataType)type);
    CHECK((int)OH_AI_TensorGetDataType(t) == type);
  }
  OH_AI_TensorSetDataType(t, OH_AI_DataTypeInvalid);
  CHECK(OH_AI_TensorGetDataType(t) == OH_AI_DataTypeInvalid);
  CHECK(OH_AI_TensorGetDataSize(t) == 0);
  OH_AI_TensorSetDataType(t, (OH_AI_DataType)FLOAT32);
  for (int format = 0; format < 18; format++) {
    OH_AI_TensorSetFormat(t, (OH_AI_Format)format);
    CHECK((int)OH_AI_TensorGetFormat(t) == format);
  }
  OH_AI_TensorDestroy(&t);
}

static void shapes(void) {
  OH_AI_TensorHandle t = make();
  size_t rank = 0;
  const int64_t *dims = OH_AI_TensorGetShape(t, &rank);
  CHECK(rank == 4 && dims != NULL && memcmp(dims, image, sizeof image) == 0);
  CHECK(OH_AI_TensorGetShape(t, NULL) == NULL);
  const int64_t three[3] = {1, 32, 5};
  OH_AI_TensorSetShape(t, three, 3);
  dims = OH_AI_TensorGetShape(t, &rank);
  CHECK(rank == 3 && dims != NULL && memcmp(dims, three, sizeof three) == 0);
  CHECK(OH_AI_TensorGetElementNum(t) == 160);
  OH_AI_TensorSetShape(t, NULL, 2);
  OH_AI_TensorGetShape(t, &rank);
  CHECK(rank == 3);
  const int64_t eight[8] = {1, 1, 1, 1, 1, 1, 1, 2};
  OH_AI_TensorSetShape(t, eight, 8);
  OH_AI_TensorGetShape(t, &rank);
  CHECK(rank == 8 && OH_AI_TensorGetElementNum(t) == 2);
  OH_AI_TensorSetShape(t, image, 33);
  OH_AI_TensorGetShape(t, &rank);
  CHECK(rank == 0);
  OH_AI_TensorSetShape(t, image, 0);
  CHECK(OH_AI_TensorGetElementNum(t) == 1 && OH_AI_TensorGetDataSize(t) == 4);
  const int64_t zero[3] = {INT64_MAX, INT64_MAX, 0};
  OH_AI_TensorSetShape(t, zero, 3);
  CHECK(OH_AI_TensorGetElementNum(t) == 0 && OH_AI_TensorGetDataSize(t) == 0);
  const int64_t negative[2] = {INT64_MIN, 4};
  OH_AI_TensorSetShape(t, negative, 2);
  CHECK(OH_AI_TensorGetElementNum(t) == 0 && OH_AI_TensorGetDataSize(t) == 0);
  OH_AI_TensorDestroy(&t);
}

static void padded_channels(void) {
  OH_AI_TensorHandle t = make();
  OH_AI_TensorSetFormat(t, OH_AI_FORMAT_NHWC4);
  CHECK(OH_AI_TensorGetElementNum(t) == 6912);
  CHECK(OH_AI_TensorGetDataSize(t) == 48 * 48 * 4 * 4);
  const int64_t nchw[4] = {1, 3, 48, 48};
  OH_AI_TensorSetShape(t, nchw, 4);
  OH_AI_TensorSetFormat(t, OH_AI_FORMAT_NC4HW4);
  CHECK(OH_AI_TensorGetElementNum(t) == 4 * 48 * 48);
  CHECK(OH_AI_TensorGetDataSize(t) == 4 * 48 * 48 * 4);
  const int64_t huge[4] = {1, INT64_MAX, 1, 1};
  OH_AI_TensorSetShape(t, huge, 4);
  CHECK(OH_AI_TensorGetElementNum(t) == INT64_MAX);
  OH_AI_TensorDestroy(&t);
}

static void storage(void) {
  float values[6] = {1, 2, 3, 4, 5, 6};
  const int64_t shape[2] = {2, 3};
  OH_AI_TensorHandle t = OH_AI_TensorCreate("t", (OH_AI_DataType)FLOAT32, shape, 2, values, sizeof values);
  CHECK(OH_AI_TensorGetData(t) == values && OH_AI_TensorGetMutableData(t) == values);
  OH_AI_TensorSetData(t, NULL);
  CHECK(OH_AI_TensorGetData(t) == NULL);
  float *own = (float *)OH_AI_TensorGetMutableData(t);
  CHECK(own != NULL && own != values && OH_AI_TensorGetData(t) == own && OH_AI_TensorGetMutableData(t) == own);
  for (int i = 0; own != NULL && i < 6; i++) own[i] = (float)i;
  OH_AI_TensorSetDataType(t, OH_AI_DATATYPE_NUMBERTYPE_FLOAT64);
  OH_AI_TensorSetDataType(t, (OH_AI_DataType)FLOAT32);
  CHECK(OH_AI_TensorGetData(t) == own);
  /* A larger shape must not leave a smaller buffer behind it. */
  const int64_t larger[2] = {200, 300};
  OH_AI_TensorSetShape(t, larger, 2);
  float *grown = (float *)OH_AI_TensorGetMutableData(t);
  CHECK(grown != NULL && grown[5] == 5.0f);
  if (grown != NULL) grown[59999] = 1;
  OH_AI_TensorSetData(t, values);
  OH_AI_TensorSetData(t, values);
  CHECK(OH_AI_TensorGetData(t) == values);
  OH_AI_TensorDestroy(&t);

  t = make();
  float *heap = (float *)malloc(27648);
  CHECK_STATUS(OH_AI_TensorSetUserData(t, heap, 0), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_TensorSetUserData(t, NULL, 0), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_TensorSetUserData(t, heap, 27647), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK(OH_AI_TensorGetData(t) == NULL);
  CHECK_STATUS(OH_AI_TensorSetUserData(t, heap, 27648), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_TensorSetUserData(t, heap, 27648), OH_AI_STATUS_SUCCESS);
  CHECK(OH_AI_TensorGetData(t) == heap);
  free(heap);
  OH_AI_TensorDestroy(&t);
}

static void clones(void) {
  float values[6] = {1, 2, 3, 4, 5, 6};
  const int64_t shape[2] = {2, 3};
  OH_AI_TensorHandle t = OH_AI_TensorCreate("data", (OH_AI_DataType)FLOAT32, shape, 2, values, sizeof values);
  OH_AI_TensorSetFormat(t, OH_AI_FORMAT_NC);
  OH_AI_TensorHandle copy = OH_AI_TensorClone(t);
  OH_AI_TensorHandle second = OH_AI_TensorClone(t);
  CHECK(copy != NULL && second != NULL && copy != second && copy != t);
  CHECK(strcmp(OH_AI_TensorGetName(copy), "data_duplicate") == 0);
  CHECK(strcmp(OH_AI_TensorGetName(second), "data_duplicate") == 0);
  OH_AI_TensorDestroy(&t);
  size_t rank = 0;
  const int64_t *dims = OH_AI_TensorGetShape(copy, &rank);
  CHECK(rank == 2 && dims != NULL && dims[0] == 2 && dims[1] == 3);
  CHECK(OH_AI_TensorGetFormat(copy) == OH_AI_FORMAT_NC);
  const float *data = (const float *)OH_AI_TensorGetData(copy);
  CHECK(data != NULL && data != values && memcmp(data, values, sizeof values) == 0);
  OH_AI_TensorDestroy(&copy);
  OH_AI_TensorDestroy(&second);
  t = make();
  CHECK(OH_AI_TensorClone(t) == NULL);
  OH_AI_TensorDestroy(&t);
}

static void allocators(void) {
  OH_AI_TensorHandle t = make();
  char local = 0;
  CHECK_STATUS(OH_AI_TensorSetAllocator(t, NULL), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_TensorSetAllocator(t, &local), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_TensorSetAllocator(t, t), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK(OH_AI_TensorGetAllocator(t) == NULL);
  CHECK_STATUS(OH_AI_TensorSetAllocator(t, NULL), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_TensorSetAllocator(t, NULL), OH_AI_STATUS_LITE_NULLPTR);
  OH_AI_TensorDestroy(&t);
}

int main(void) {
  /* First: no allocator has been asked for yet. */
  allocators();
  creation();
  refusals();
  null_tensor();
  description();
  shapes();
  padded_channels();
  storage();
  clones();
  return check_result();
}
