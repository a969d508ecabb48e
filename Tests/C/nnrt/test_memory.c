/* Memory that an executor shares with the device, as before API 11. */
#include "common.h"

static const OH_NN_Tensor tensor = {OH_NN_FLOAT32, 4, square, NULL, OH_NN_TENSOR};

static void allocation(OH_NNExecutor *executor) {
  CHECK(OH_NNExecutor_AllocateInputMemory(NULL, 0, 16) == NULL);
  CHECK(OH_NNExecutor_AllocateInputMemory(executor, 2, 16) == NULL);
  CHECK(OH_NNExecutor_AllocateInputMemory(executor, 0, 0) == NULL);
  CHECK(OH_NNExecutor_AllocateInputMemory(executor, 0, (1u << 30) + 1) == NULL);
  CHECK(OH_NNExecutor_AllocateInputMemory(executor, 0, SIZE_MAX) == NULL);
  CHECK(OH_NNExecutor_AllocateOutputMemory(NULL, 0, 16) == NULL);
  CHECK(OH_NNExecutor_AllocateOutputMemory(executor, 1, 16) == NULL);
  CHECK(OH_NNExecutor_AllocateOutputMemory(executor, 0, 0) == NULL);
  CHECK(OH_NNExecutor_AllocateOutputMemory(executor, 0, (1u << 30) + 1) == NULL);
  OH_NN_Memory *large = OH_NNExecutor_AllocateInputMemory(executor, 0, 1u << 30);
  CHECK(large != NULL && large->length == 1u << 30);
  OH_NNExecutor_DestroyInputMemory(executor, 0, &large);
  CHECK(large == NULL);
  /* Several for one input; each is freed by what it was made for, and by nothing else. */
  OH_NN_Memory *a = OH_NNExecutor_AllocateInputMemory(executor, 0, 16), *b = OH_NNExecutor_AllocateInputMemory(executor, 0, 100);
  CHECK(a != NULL && b != NULL && a != b && a->data != b->data && a->length == 16 && b->length == 100);
  memset(b->data, 1, 100);
  OH_NN_Memory *copy = a, *none = NULL;
  OH_NNExecutor_DestroyInputMemory(NULL, 0, &a);
  OH_NNExecutor_DestroyInputMemory(executor, 1, &a);
  OH_NNExecutor_DestroyInputMemory(executor, 7, &a);
  OH_NNExecutor_DestroyOutputMemory(executor, 0, &a);
  OH_NNExecutor_DestroyInputMemory(executor, 0, NULL);
  OH_NNExecutor_DestroyInputMemory(executor, 0, &none);
  OH_NNExecutor *other = executor_of(add_model(), 0);
  OH_NNExecutor_DestroyInputMemory(other, 0, &a);
  OH_NNExecutor_Destroy(&other);
  CHECK(a == copy);
  memset(a->data, 1, 16);
  OH_NNExecutor_DestroyInputMemory(executor, 0, &a);
  CHECK(a == NULL);
  OH_NNExecutor_DestroyInputMemory(executor, 0, &copy); /* again */
  INVALID(OH_NNExecutor_SetInputWithMemory(executor, 0, &tensor, copy));
  /* b goes with the executor. */
}

static void binding(OH_NNExecutor *executor) {
  OH_NN_Memory *in[2], *out = OH_NNExecutor_AllocateOutputMemory(executor, 0, 16);
  const float x[4] = {0, 1, 2, 3};
  for (uint32_t i = 0; i < 2; i++) {
    in[i] = OH_NNExecutor_AllocateInputMemory(executor, i, 16);
    memcpy(in[i]->data, x, sizeof x);
  }
  OH_NN_Memory *small = OH_NNExecutor_AllocateInputMemory(executor, 0, 15), foreign = {in[0]->data, 16};
  const OH_NN_Tensor wrong = {OH_NN_INT32, 4, square, NULL, OH_NN_TENSOR};
  INVALID(OH_NNExecutor_SetInputWithMemory(NULL, 0, &tensor, in[0]));
  INVALID(OH_NNExecutor_SetInputWithMemory(executor, 2, &tensor, in[0]));
  INVALID(OH_NNExecutor_SetInputWithMemory(executor, 0, NULL, in[0]));
  INVALID(OH_NNExecutor_SetInputWithMemory(executor, 0, &wrong, in[0]));
  INVALID(OH_NNExecutor_SetInputWithMemory(executor, 0, &tensor, NULL));
  INVALID(OH_NNExecutor_SetInputWithMemory(executor, 0, &tensor, small));
  INVALID(OH_NNExecutor_SetInputWithMemory(executor, 0, &tensor, &foreign));
  INVALID(OH_NNExecutor_SetOutputWithMemory(NULL, 0, out));
  INVALID(OH_NNExecutor_SetOutputWithMemory(executor, 1, out));
  INVALID(OH_NNExecutor_SetOutputWithMemory(executor, 0, NULL));
  INVALID(OH_NNExecutor_SetOutputWithMemory(executor, 0, small));
  INVALID(OH_NNExecutor_SetOutputWithMemory(executor, 0, &foreign));
  OK(OH_NNExecutor_SetInputWithMemory(executor, 0, &tensor, in[0]));
  OK(OH_NNExecutor_SetInputWithMemory(executor, 1, &tensor, in[1]));
  OK(OH_NNExecutor_SetOutputWithMemory(executor, 0, out));
  OK(OH_NNExecutor_Run(executor));
  float *y = out->data;
  CHECK(y[0] == 0 && y[1] == 2 && y[2] == 4 && y[3] == 6);
  /* No copies: what is written now is what the next run reads. */
  ((float *)in[1]->data)[0] = 9;
  OK(OH_NNExecutor_Run(executor));
  CHECK(y[0] == 9);
  /* Memory and a buffer together. */
  OK(OH_NNExecutor_SetInput(executor, 1, &tensor, x, sizeof x));
  OK(OH_NNExecutor_Run(executor));
  CHECK(y[0] == 0);
  float z[4] = {0};
  OK(OH_NNExecutor_SetOutput(executor, 0, z, sizeof z));
  OK(OH_NNExecutor_Run(executor));
  CHECK(z[3] == 6);
  /* Bound memory that is destroyed stays for the runs that need it. */
  OK(OH_NNExecutor_SetInputWithMemory(executor, 1, &tensor, in[1]));
  OK(OH_NNExecutor_SetOutputWithMemory(executor, 0, out));
  OH_NNExecutor_DestroyInputMemory(executor, 0, &in[0]);
  OH_NNExecutor_DestroyInputMemory(executor, 1, &in[1]);
  CHECK(in[0] == NULL && in[1] == NULL);
  OK(OH_NNExecutor_Run(executor));
  CHECK(y[0] == 9 && y[3] == 6);
  OH_NNExecutor_DestroyOutputMemory(executor, 0, &out);
  CHECK(out == NULL);
  OK(OH_NNExecutor_Run(executor));
}

int main(void) {
  no_faults();
  OH_NNExecutor *executor = executor_of(add_model(), 0);
  allocation(executor);
  binding(executor);
  OH_NNExecutor_Destroy(&executor);
  const nnrt_test_controls_t *seen = controls();
  CHECK(seen->buffers == seen->freed && seen->prepared == seen->released);
  return check_result();
}
