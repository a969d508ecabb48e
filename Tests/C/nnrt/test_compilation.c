/* Compiling: settings, devices, vendors' models, models as bytes. */
#include "common.h"
#include <unistd.h>

static void construction(void) {
  OH_NNModel *model = add_model();
  CHECK(OH_NNCompilation_Construct(NULL) == NULL);
  CHECK(OH_NNCompilation_Construct(NO_HANDLE) == NULL);
  CHECK(OH_NNCompilation_ConstructWithOfflineModelFile(NULL) == NULL);
  CHECK(OH_NNCompilation_ConstructWithOfflineModelBuffer(NULL, 10) == NULL);
  CHECK(OH_NNCompilation_ConstructWithOfflineModelBuffer("x", 0) == NULL);
  OH_NNCompilation *compilation = OH_NNCompilation_Construct(model);
  CHECK(compilation != NULL);
  CHECK(OH_NNExecutor_Construct(compilation) == NULL);
  CHECK(OH_NNExecutor_Construct(NULL) == NULL);
  OH_NNCompilation_Destroy(NULL);
  OH_NNCompilation_Destroy(&compilation);
  CHECK(compilation == NULL);
  OH_NNCompilation_Destroy(&compilation);
  /* A model that is not finished is noticed by the build. */
  OH_NNModel *unfinished = unfinished_add();
  compilation = OH_NNCompilation_Construct(unfinished);
  CHECK(compilation != NULL);
  INVALID(OH_NNCompilation_Build(compilation));
  /* It can be finished, and the model can go once it is built. */
  OK(OH_NNModel_Finish(unfinished));
  OK(OH_NNCompilation_Build(compilation));
  OH_NNModel_Destroy(&unfinished);
  OH_NNExecutor *executor = OH_NNExecutor_Construct(compilation);
  CHECK(executor != NULL && adds(executor));
  INVALID(OH_NNCompilation_Build(compilation));
  OH_NNExecutor_Destroy(&executor);
  OH_NNCompilation_Destroy(&compilation);
  OH_NNModel_Destroy(&model);
}

static void misuse(void) {
  OH_NNModel *model = add_model();
  OH_NNCompilation *compilation = OH_NNCompilation_Construct(model);
  INVALID(OH_NNCompilation_SetDevice(NULL, 0));
  INVALID(OH_NNCompilation_SetCache(NULL, "/tmp", 1));
  INVALID(OH_NNCompilation_SetCache(compilation, NULL, 1));
  INVALID(OH_NNCompilation_SetPerformanceMode(NULL, OH_NN_PERFORMANCE_LOW));
  INVALID(OH_NNCompilation_SetPriority(NULL, OH_NN_PRIORITY_LOW));
  INVALID(OH_NNCompilation_EnableFloat16(NULL, true));
  INVALID(OH_NNCompilation_Build(NULL));
  INVALID(OH_NNCompilation_AddExtensionConfig(NULL, "a", "b", 1));
  INVALID(OH_NNCompilation_AddExtensionConfig(compilation, NULL, "b", 1));
  INVALID(OH_NNCompilation_AddExtensionConfig(compilation, "", "b", 1));
  INVALID(OH_NNCompilation_AddExtensionConfig(compilation, "a", NULL, 1));
  INVALID(OH_NNCompilation_AddExtensionConfig(compilation, "a", "b", 0));
  size_t size = 0;
  char room[16];
  INVALID(OH_NNCompilation_ExportCacheToBuffer(NULL, room, 16, &size));
  INVALID(OH_NNCompilation_ExportCacheToBuffer(compilation, NULL, 16, &size));
  INVALID(OH_NNCompilation_ExportCacheToBuffer(compilation, room, 0, &size));
  INVALID(OH_NNCompilation_ExportCacheToBuffer(compilation, room, 16, NULL));
  INVALID(OH_NNCompilation_ExportCacheToBuffer(compilation, room, 16, &size)); /* not built */
  INVALID(OH_NNCompilation_ImportCacheFromBuffer(NULL, room, 16));
  INVALID(OH_NNCompilation_ImportCacheFromBuffer(compilation, NULL, 16));
  INVALID(OH_NNCompilation_ImportCacheFromBuffer(compilation, room, 0));
  OH_NNCompilation *copy = compilation;
  OH_NNCompilation_Destroy(&compilation);
  INVALID(OH_NNCompilation_Build(copy));
  OH_NNCompilation_Destroy(&copy);
  CHECK(copy == NULL);
  OH_NNModel_Destroy(&model);
}

/* Each setting and what the build says, on a device that can everything and one that cannot. */
static void settings(void) {
  OH_NNModel *model = add_model();
  const size_t full = device("Device-CPU"), bare = device("Bare");
  for (int mode = -1; mode <= 5; mode++) {
    for (int is_bare = 0; is_bare < 2; is_bare++) {
      OH_NNCompilation *c = OH_NNCompilation_Construct(model);
      OK(OH_NNCompilation_SetDevice(c, is_bare ? bare : full));
      OK(OH_NNCompilation_SetPerformanceMode(c, (OH_NN_PerformanceMode)mode));
      const int expected = mode < 0 || mode > 4 ? OH_NN_INVALID_PARAMETER
                           : is_bare && mode > 0 ? OH_NN_OPERATION_FORBIDDEN
                                                 : OH_NN_SUCCESS;
      CHECK_STATUS(OH_NNCompilation_Build(c), expected);
      if (expected == OH_NN_SUCCESS) CHECK(controls()->last_mode == mode);
      OH_NNCompilation_Destroy(&c);
      c = OH_NNCompilation_Construct(model);
      OK(OH_NNCompilation_SetDevice(c, is_bare ? bare : full));
      OK(OH_NNCompilation_SetPriority(c, (OH_NN_Priority)mode));
      CHECK_STATUS(OH_NNCompilation_Build(c), mode == 4 ? OH_NN_INVALID_PARAMETER : expected);
      if (expected == OH_NN_SUCCESS && mode != 4) CHECK(controls()->last_priority == mode);
      OH_NNCompilation_Destroy(&c);
    }
  }
  for (int on = 0; on < 2; on++) {
    for (int is_bare = 0; is_bare < 2; is_bare++) {
      OH_NNCompilation *c = OH_NNCompilation_Construct(model);
      OK(OH_NNCompilation_SetDevice(c, is_bare ? bare : full));
      OK(OH_NNCompilation_EnableFloat16(c, on));
      CHECK_STATUS(OH_NNCompilation_Build(c), is_bare && on ? OH_NN_OPERATION_FORBIDDEN : OH_NN_SUCCESS);
      if (!is_bare) CHECK(controls()->last_float16 == on);
      OH_NNCompilation_Destroy(&c);
    }
  }
  /* A refused setting can be corrected. After the build settings are checked at once and handed on. */
  OH_NNCompilation *c = OH_NNCompilation_Construct(model);
  OK(OH_NNCompilation_SetDevice(c, full));
  OK(OH_NNCompilation_SetPriority(c, (OH_NN_Priority)9));
  INVALID(OH_NNCompilation_Build(c));
  OK(OH_NNCompilation_SetPriority(c, OH_NN_PRIORITY_LOW));
  OK(OH_NNCompilation_Build(c));
  const int before = controls()->reconfigured;
  OK(OH_NNCompilation_SetPriority(c, OH_NN_PRIORITY_HIGH));
  CHECK(controls()->reconfigured == before + 1 && controls()->last_priority == OH_NN_PRIORITY_HIGH);
  INVALID(OH_NNCompilation_SetPriority(c, (OH_NN_Priority)9));
  INVALID(OH_NNCompilation_SetPerformanceMode(c, (OH_NN_PerformanceMode)9));
  OK(OH_NNCompilation_SetPerformanceMode(c, OH_NN_PERFORMANCE_EXTREME));
  CHECK(controls()->last_mode == OH_NN_PERFORMANCE_EXTREME && controls()->last_priority == OH_NN_PRIORITY_HIGH);
  OH_NNCompilation_Destroy(&c);
  c = compiled(model, bare);
  FORBIDDEN(OH_NNCompilation_SetPriority(c, OH_NN_PRIORITY_HIGH));
  FORBIDDEN(OH_NNCompilation_SetPerformanceMode(c, OH_NN_PERFORMANCE_HIGH));
  FORBIDDEN(OH_NNCompilation_EnableFloat16(c, true));
  OK(OH_NNCompilation_SetPriority(c, OH_NN_PRIORITY_NONE));
  OH_NNCompilation_Destroy(&c);
  /* Extensions: the same name is one of them. The model's name is one. */
  c = OH_NNCompilation_Construct(model);
  OK(OH_NNCompilation_AddExtensionConfig(c, "one", "x", 1));
  OK(OH_NNCompilation_AddExtensionConfig(c, "one", "y", 1));
  OK(OH_NNCompilation_AddExtensionConfig(c, "ModelName", "net", 4));
  OK(OH_NNCompilation_Build(c));
  CHECK(controls()->last_extensions == 2 && strcmp(controls()->last_name, "net") == 0);
  OH_NNCompilation_Destroy(&c);
  OH_NNModel_Destroy(&model);
}

static void failing_devices(void) {
  OH_NNModel *model = add_model();
  OH_NNCompilation *c = OH_NNCompilation_Construct(model);
  OK(OH_NNCompilation_SetDevice(c, 123456));
  CHECK_STATUS(OH_NNCompilation_Build(c), OH_NN_FAILED);
  OK(OH_NNCompilation_SetDevice(c, 0));
  controls()->refuse[OH_NN_OPS_ADD] = 1;
  CHECK_STATUS(OH_NNCompilation_Build(c), OH_NN_FAILED);
  no_faults();
  controls()->fail_query = OH_NN_TIMEOUT;
  CHECK_STATUS(OH_NNCompilation_Build(c), OH_NN_UNAVAILABLE_DEVICE);
  no_faults();
  controls()->fail_prepare = OH_NN_MEMORY_ERROR;
  CHECK_STATUS(OH_NNCompilation_Build(c), OH_NN_FAILED);
  CHECK(OH_NNExecutor_Construct(c) == NULL);
  no_faults();
  /* After all that it can still be built. */
  OK(OH_NNCompilation_Build(c));
  OH_NNCompilation_Destroy(&c);
  CHECK(controls()->prepared == 1 && controls()->released == 1);
  OH_NNModel_Destroy(&model);
  /* Inputs of unknown shape. */
  model = pool_model();
  c = OH_NNCompilation_Construct(model);
  OK(OH_NNCompilation_SetDevice(c, device("Bare")));
  FORBIDDEN(OH_NNCompilation_Build(c));
  OH_NNCompilation_Destroy(&c);
  c = compiled(model, device("Device-CPU"));
  OH_NNCompilation_Destroy(&c);
  OH_NNModel_Destroy(&model);
}

/* Models that no device could run: an input that nothing gives, an output that two give, a circle. */
static void impossible_models(void) {
  for (int kind = 0; kind < 4; kind++) {
    OH_NNModel *model = OH_NNModel_Construct();
    for (int i = 0; i < 6; i++) OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
    OK(OH_NNModel_AddOperation(model, OH_NN_OPS_RELU, NOTHING, LIST(0), LIST(1)));
    if (kind == 0) OK(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, NOTHING, LIST(1, 4), LIST(2)));
    if (kind == 1) OK(OH_NNModel_AddOperation(model, OH_NN_OPS_RELU6, NOTHING, LIST(0), LIST(1)));
    if (kind == 2) {
      OK(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, NOTHING, LIST(1, 3), LIST(2)));
      OK(OH_NNModel_AddOperation(model, OH_NN_OPS_RELU, NOTHING, LIST(2), LIST(3)));
    }
    OK(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0), kind == 3 ? LIST(5) : LIST(1)));
    OK(OH_NNModel_Finish(model));
    OH_NNCompilation *c = OH_NNCompilation_Construct(model);
    CHECK_STATUS(OH_NNCompilation_Build(c), OH_NN_FAILED);
    OH_NNCompilation_Destroy(&c);
    OH_NNModel_Destroy(&model);
  }
}

/* A vendor's model: "NNRTTEST" and how many numbers it doubles. */
static void offline_models(void) {
  unsigned char bytes[12] = {'N', 'N', 'R', 'T', 'T', 'E', 'S', 'T', 3, 0, 0, 0};
  char path[] = "/tmp/nnrt_offline_XXXXXX";
  const int file = mkstemp(path);
  CHECK(file >= 0 && write(file, bytes, 12) == 12 && close(file) == 0);
  for (int kind = 0; kind < 2; kind++) {
    OH_NNCompilation *c = kind == 0 ? OH_NNCompilation_ConstructWithOfflineModelFile(path)
                                    : OH_NNCompilation_ConstructWithOfflineModelBuffer(bytes, 12);
    CHECK(c != NULL);
    OK(OH_NNCompilation_SetDevice(c, device("HIAI_F")));
    OK(OH_NNCompilation_Build(c));
    OH_NNExecutor *executor = OH_NNExecutor_Construct(c);
    size_t inputs = 0, outputs = 0;
    OK(OH_NNExecutor_GetInputCount(executor, &inputs));
    OK(OH_NNExecutor_GetOutputCount(executor, &outputs));
    CHECK(inputs == 1 && outputs == 1);
    const int32_t three[1] = {3};
    const OH_NN_Tensor tensor = {OH_NN_FLOAT32, 1, three, NULL, OH_NN_TENSOR};
    const float x[3] = {1, 2, 3};
    float y[3] = {0};
    OK(OH_NNExecutor_SetInput(executor, 0, &tensor, x, sizeof x));
    OK(OH_NNExecutor_SetOutput(executor, 0, y, sizeof y));
    OK(OH_NNExecutor_Run(executor));
    CHECK(y[0] == 2 && y[1] == 4 && y[2] == 6);
    OH_NNExecutor_Destroy(&executor);
    OH_NNCompilation_Destroy(&c);
  }
  /* What is no such model, a device that takes none, files that cannot be read. */
  OH_NNCompilation *c = OH_NNCompilation_ConstructWithOfflineModelBuffer("NNRTTES?....", 12);
  OK(OH_NNCompilation_SetDevice(c, device("HIAI_F")));
  CHECK_STATUS(OH_NNCompilation_Build(c), OH_NN_FAILED);
  OH_NNCompilation_Destroy(&c);
  c = OH_NNCompilation_ConstructWithOfflineModelBuffer(bytes, 12);
  CHECK_STATUS(OH_NNCompilation_Build(c), OH_NN_FAILED);
  OH_NNCompilation_Destroy(&c);
  const char *paths[] = {"/nothing/here", "/tmp", "/dev/zero", ""};
  for (size_t i = 0; i < COUNT_OF(paths); i++) {
    c = OH_NNCompilation_ConstructWithOfflineModelFile(paths[i]);
    OK(OH_NNCompilation_SetDevice(c, device("HIAI_F")));
    CHECK_STATUS(OH_NNCompilation_Build(c), OH_NN_INVALID_FILE);
    OH_NNCompilation_Destroy(&c);
  }
  CHECK(unlink(path) == 0);
}

static void models_as_bytes(void) {
  OH_NNModel *model = add_model();
  OH_NNCompilation *c = compiled(model, 0);
  size_t size = 0, used = 0;
  char small[8];
  INVALID(OH_NNCompilation_ExportCacheToBuffer(c, small, sizeof small, &size));
  CHECK(size > sizeof small);
  /* One byte more than there is room for stays as it was. */
  unsigned char *bytes = malloc(size + 1);
  bytes[size] = 77;
  INVALID(OH_NNCompilation_ExportCacheToBuffer(c, bytes, size - 1, &used));
  CHECK(used == size);
  OK(OH_NNCompilation_ExportCacheToBuffer(c, bytes, size, &used));
  CHECK(used == size && bytes[size] == 77);
  OH_NNCompilation_Destroy(&c);

  const int before = controls()->restored;
  OH_NNCompilation *imported = OH_NNCompilation_ConstructForCache();
  OK(OH_NNCompilation_ImportCacheFromBuffer(imported, bytes, size));
  OK(OH_NNCompilation_Build(imported));
  CHECK(controls()->restored == before + 1);
  OH_NNExecutor *executor = OH_NNExecutor_Construct(imported);
  CHECK(adds(executor));
  OH_NNExecutor_Destroy(&executor);
  OH_NNCompilation_Destroy(&imported);

  /* Nothing at all; two models; another device; a device that cannot. */
  c = OH_NNCompilation_ConstructForCache();
  INVALID(OH_NNCompilation_Build(c));
  OH_NNCompilation_Destroy(&c);
  c = OH_NNCompilation_Construct(model);
  OK(OH_NNCompilation_ImportCacheFromBuffer(c, bytes, size));
  INVALID(OH_NNCompilation_Build(c));
  OH_NNCompilation_Destroy(&c);
  c = OH_NNCompilation_ConstructForCache();
  OK(OH_NNCompilation_ImportCacheFromBuffer(c, bytes, size));
  OK(OH_NNCompilation_SetDevice(c, device("NPU_")));
  CHECK_STATUS(OH_NNCompilation_Build(c), OH_NN_INVALID_FILE);
  OH_NNCompilation_Destroy(&c);
  c = compiled(model, device("Bare"));
  CHECK_STATUS(OH_NNCompilation_ExportCacheToBuffer(c, bytes, size, &used), OH_NN_UNSUPPORTED);
  OH_NNCompilation_Destroy(&c);
  c = compiled(model, 0);
  controls()->fail_export = OH_NN_FAILED;
  CHECK_STATUS(OH_NNCompilation_ExportCacheToBuffer(c, bytes, size, &used), OH_NN_FAILED);
  no_faults();
  OH_NNCompilation_Destroy(&c);

  /* Every bit turned, every length cut: never a model. */
  for (size_t i = 0; i < size; i++) {
    bytes[i] ^= (unsigned char)(1 << (i % 8));
    c = OH_NNCompilation_ConstructForCache();
    OK(OH_NNCompilation_ImportCacheFromBuffer(c, bytes, size));
    const OH_NN_ReturnCode code = OH_NNCompilation_Build(c);
    OH_NNCompilation_Destroy(&c);
    bytes[i] ^= (unsigned char)(1 << (i % 8));
    /* What is between the parts is not part of it. */
    if (code == OH_NN_SUCCESS) CHECK(bytes[i] == 0);
    else CHECK_STATUS(code, OH_NN_INVALID_FILE);
    c = OH_NNCompilation_ConstructForCache();
    if (i > 0) OK(OH_NNCompilation_ImportCacheFromBuffer(c, bytes, i));
    CHECK_STATUS(OH_NNCompilation_Build(c), i == 0 ? OH_NN_INVALID_PARAMETER : OH_NN_INVALID_FILE);
    OH_NNCompilation_Destroy(&c);
  }
  free(bytes);
  OH_NNModel_Destroy(&model);
}

int main(void) {
  no_faults();
  construction();
  misuse();
  settings();
  no_faults();
  failing_devices();
  impossible_models();
  offline_models();
  models_as_bytes();
  return check_result();
}
