/* Tensors: descriptions with memory. */
#include "common.h"
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int memory_file(size_t size) {
  const int fd = (int)syscall(SYS_memfd_create, "test", 0u);
  CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
  return fd;
}

static NN_TensorDesc *description(OH_NN_DataType type, const int32_t *dims, size_t rank) {
  NN_TensorDesc *desc = OH_NNTensorDesc_Create();
  OK(OH_NNTensorDesc_SetDataType(desc, type));
  if (rank > 0) OK(OH_NNTensorDesc_SetShape(desc, dims, rank));
  return desc;
}

static void creation(size_t id) {
  NN_TensorDesc *desc = description(OH_NN_FLOAT32, square, 4);
  OK(OH_NNTensorDesc_SetName(desc, "x"));
  NN_Tensor *tensor = OH_NNTensor_Create(id, desc);
  CHECK(tensor != NULL);
  int fd = -1;
  size_t size = 0, offset = 9;
  OK(OH_NNTensor_GetFd(tensor, &fd));
  OK(OH_NNTensor_GetSize(tensor, &size));
  OK(OH_NNTensor_GetOffset(tensor, &offset));
  CHECK(fd >= 0 && size == 16 && offset == 0);
  float *data = OH_NNTensor_GetDataBuffer(tensor);
  CHECK(data != NULL);
  for (int i = 0; i < 4; i++) data[i] = (float)i;
  /* The descriptor is that of the memory. */
  const float *other = mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);
  CHECK(other != MAP_FAILED && other[3] == 3);
  munmap((void *)(uintptr_t)other, 16);
  /* The description is a copy, and the tensor's. */
  NN_TensorDesc *own = OH_NNTensor_GetTensorDesc(tensor);
  CHECK(own != NULL && own != desc);
  OK(OH_NNTensorDesc_SetShape(desc, square, 2));
  const char *name = NULL;
  size_t bytes = 0;
  OK(OH_NNTensorDesc_GetName(own, &name));
  OK(OH_NNTensorDesc_GetByteSize(own, &bytes));
  CHECK(strcmp(name, "x") == 0 && bytes == 16);
  NN_TensorDesc *copy = own;
  INVALID(OH_NNTensorDesc_Destroy(&copy));
  CHECK(copy == own && OH_NNTensor_GetTensorDesc(tensor) == own);
  OK(OH_NNTensorDesc_Destroy(&desc));
  OK(OH_NNTensor_Destroy(&tensor));
  CHECK(tensor == NULL);
  INVALID(OH_NNTensorDesc_GetByteSize(own, &bytes)); /* gone with the tensor */

  desc = description(OH_NN_FLOAT32, square, 4);
  CHECK(OH_NNTensor_CreateWithSize(id, desc, 15) == NULL);
  CHECK(OH_NNTensor_CreateWithSize(id, desc, 0) == NULL);
  tensor = OH_NNTensor_CreateWithSize(id, desc, 100);
  OK(OH_NNTensor_GetSize(tensor, &size));
  CHECK(size == 100);
  OK(OH_NNTensor_Destroy(&tensor));
  OK(OH_NNTensorDesc_Destroy(&desc));
  /* A size that is not known. */
  const int32_t open[2] = {-1, 4};
  desc = description(OH_NN_FLOAT32, open, 2);
  CHECK(OH_NNTensor_Create(id, desc) == NULL);
  tensor = OH_NNTensor_CreateWithSize(id, desc, 64);
  CHECK(tensor != NULL);
  OK(OH_NNTensor_Destroy(&tensor));
  OK(OH_NNTensorDesc_Destroy(&desc));
  /* A scalar. */
  desc = description(OH_NN_INT64, NULL, 0);
  tensor = OH_NNTensor_Create(id, desc);
  OK(OH_NNTensor_GetSize(tensor, &size));
  CHECK(size == 8);
  OK(OH_NNTensor_Destroy(&tensor));
  OK(OH_NNTensorDesc_Destroy(&desc));
  /* Up to 1 GiB, which is not touched. */
  const int32_t most[2] = {1 << 15, 1 << 15}, more[2] = {1 << 15, (1 << 15) + 1};
  desc = description(OH_NN_INT8, most, 2);
  tensor = OH_NNTensor_Create(id, desc);
  CHECK(tensor != NULL);
  OK(OH_NNTensor_Destroy(&tensor));
  CHECK(OH_NNTensor_CreateWithSize(id, desc, (1u << 30) + 1) == NULL);
  CHECK(OH_NNTensor_CreateWithSize(id, desc, SIZE_MAX) == NULL);
  OK(OH_NNTensorDesc_SetShape(desc, more, 2));
  CHECK(OH_NNTensor_Create(id, desc) == NULL);
  OK(OH_NNTensorDesc_Destroy(&desc));
}

static void descriptors(size_t id) {
  NN_TensorDesc *desc = description(OH_NN_FLOAT32, square, 4);
  const int fd = memory_file(10000);
  /* An offset that is no multiple of a page. */
  NN_Tensor *tensor = OH_NNTensor_CreateWithFd(id, desc, fd, 9000, 4100);
  CHECK(tensor != NULL);
  int got = -1;
  size_t size = 0, offset = 0;
  OK(OH_NNTensor_GetFd(tensor, &got));
  OK(OH_NNTensor_GetSize(tensor, &size));
  OK(OH_NNTensor_GetOffset(tensor, &offset));
  CHECK(got == fd && size == 9000 && offset == 4100);
  float *data = OH_NNTensor_GetDataBuffer(tensor);
  data[0] = 42;
  float value = 0;
  CHECK(pread(fd, &value, 4, 4100) == 4 && value == 42);
  OK(OH_NNTensor_Destroy(&tensor));
  CHECK(pread(fd, &value, 4, 4100) == 4 && value == 42); /* still open, still there */
  CHECK(OH_NNTensor_CreateWithFd(id, desc, -1, 100, 0) == NULL);
  CHECK(OH_NNTensor_CreateWithFd(id, desc, 9999, 100, 0) == NULL);
  CHECK(OH_NNTensor_CreateWithFd(id, desc, fd, 0, 0) == NULL);
  CHECK(OH_NNTensor_CreateWithFd(id, desc, fd, 100, 100) == NULL);
  CHECK(OH_NNTensor_CreateWithFd(id, desc, fd, 100, 104) == NULL);
  CHECK(OH_NNTensor_CreateWithFd(id, desc, fd, 100, SIZE_MAX) == NULL);
  CHECK(OH_NNTensor_CreateWithFd(id, desc, fd, 100, 88) == NULL);
  CHECK(OH_NNTensor_CreateWithFd(id, desc, fd, 100, 2) == NULL);    /* within a float */
  CHECK(OH_NNTensor_CreateWithFd(id, desc, fd, 10001, 0) == NULL);  /* behind the file's end */
  CHECK(OH_NNTensor_CreateWithFd(id, desc, fd, SIZE_MAX, 0) == NULL);
  CHECK(OH_NNTensor_CreateWithFd(123456, desc, fd, 100, 0) == NULL);
  CHECK(OH_NNTensor_CreateWithFd(id, NULL, fd, 100, 0) == NULL);
  int ends[2];
  CHECK(pipe(ends) == 0);
  CHECK(OH_NNTensor_CreateWithFd(id, desc, ends[0], 100, 0) == NULL); /* cannot be mapped */
  close(ends[0]);
  close(ends[1]);
  close(fd);
  OK(OH_NNTensorDesc_Destroy(&desc));
}

static void misuse(size_t id) {
  NN_TensorDesc *desc = description(OH_NN_FLOAT32, square, 4), *typeless = OH_NNTensorDesc_Create();
  int fd;
  size_t size;
  NN_Tensor *none = NULL;
  OK(OH_NNTensorDesc_SetShape(typeless, square, 4));
  CHECK(OH_NNTensor_Create(123456, desc) == NULL);
  CHECK(OH_NNTensor_Create(id, NULL) == NULL);
  CHECK(OH_NNTensor_Create(id, typeless) == NULL);
  CHECK(OH_NNTensor_CreateWithSize(123456, desc, 16) == NULL);
  CHECK(OH_NNTensor_CreateWithSize(id, NULL, 16) == NULL);
  INVALID(OH_NNTensor_Destroy(NULL));
  INVALID(OH_NNTensor_Destroy(&none));
  CHECK(OH_NNTensor_GetTensorDesc(NULL) == NULL);
  CHECK(OH_NNTensor_GetDataBuffer(NULL) == NULL);
  INVALID(OH_NNTensor_GetFd(NULL, &fd));
  INVALID(OH_NNTensor_GetSize(NULL, &size));
  INVALID(OH_NNTensor_GetOffset(NULL, &size));
  NN_Tensor *tensor = OH_NNTensor_Create(id, desc), *copy = tensor;
  INVALID(OH_NNTensor_GetFd(tensor, NULL));
  INVALID(OH_NNTensor_GetSize(tensor, NULL));
  INVALID(OH_NNTensor_GetOffset(tensor, NULL));
  INVALID(OH_NNTensor_GetSize((NN_Tensor *)desc, &size));
  OK(OH_NNTensor_Destroy(&tensor));
  CHECK(OH_NNTensor_GetDataBuffer(copy) == NULL);
  INVALID(OH_NNTensor_Destroy(&copy));
  CHECK(copy == NULL);
  OK(OH_NNTensorDesc_Destroy(&desc));
  OK(OH_NNTensorDesc_Destroy(&typeless));
}

/* With memory of the driver, where the environment says "buffers". */
static void driver_memory(size_t id) {
  const nnrt_test_controls_t *seen = controls();
  CHECK(seen->buffers > 0 && seen->buffers == seen->freed);
  NN_TensorDesc *desc = description(OH_NN_FLOAT32, square, 4);
  controls()->fail_buffer = OH_NN_MEMORY_ERROR;
  CHECK(OH_NNTensor_Create(id, desc) == NULL);
  no_faults();
  OK(OH_NNTensorDesc_Destroy(&desc));
}

int main(void) {
  no_faults();
  const size_t id = device("Device-CPU");
  creation(id);
  descriptors(id);
  misuse(id);
  const char *words = getenv("MSLITE_NNRT_TEST");
  if (words != NULL && strcmp(words, "buffers") == 0) driver_memory(id);
  return check_result();
}
