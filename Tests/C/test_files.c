/* Model files that need more than their bytes: a key, or weights in a file beside them. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check.h"
#include "read_file.h"
#include "mindspore/model.h"
#include "mslite/extensions.h"

#define MINDIR OH_AI_MODELTYPE_MINDIR

enum { SUM_COUNT = 77, MODEL_REBUILD = -12 };

static char models[4096];

static OH_AI_ContextHandle cpu_context(void) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, 1);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  return context;
}

static char *path_of(const char *file) {
  static char path[8192];
  snprintf(path, sizeof path, "%s/%s", models, file);
  return path;
}

static int says(const char *part) { return strstr(MSLite_GetLastError(), part) != NULL; }

static const char *encrypted = "ms_variants/lenet28__encrypted.ms";
static const uint8_t key[16] = "0123467899ABCDEF";

static void key_arguments(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  CHECK_STATUS(MSLite_ModelSetDecryptionKey(NULL, key, 16, NULL), OH_AI_STATUS_LITE_NULLPTR);
  const size_t lengths[] = {0, 1, 15, 17, 31, 33, 64, SIZE_MAX};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
    CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, key, lengths[i], NULL), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK(says("expected 16, 24 or 32"));
  const char *modes[] = {"", "SM4-CBC", "aes-gcm", "AES-GCM "};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
    CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, key, 16, modes[i]), OH_AI_STATUS_LITE_NOT_SUPPORT);
  CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, key, 16, "AES-CBC"), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, key, 16, "AES-GCM"), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, NULL, 0, NULL), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelDestroy(&model);
}

/* One model handle through every mistake to the build that works. Where the machine has no libcrypto (the environment variable
 * TEST_WITHOUT_LIBCRYPTO says so), to the error that says it is missing. */
static void decryption(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_ContextHandle context = cpu_context();
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path_of(encrypted), MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK(says("is encrypted (AES-GCM)") && says("MSLite_ModelSetDecryptionKey"));
  if (getenv("TEST_WITHOUT_LIBCRYPTO") != NULL) {
    CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, key, 16, NULL), OH_AI_STATUS_SUCCESS);
    CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path_of(encrypted), MINDIR, context), OH_AI_STATUS_LITE_ERROR);
    CHECK(says("needs OpenSSL's libcrypto.so.3"));
    OH_AI_ModelDestroy(&model);
    OH_AI_ContextDestroy(&context);
    return;
  }
  uint8_t wrong[16];
  memcpy(wrong, key, sizeof wrong);
  wrong[15] ^= 1;
  CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, wrong, 16, NULL), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path_of(encrypted), MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK(says("authentication failed"));
  CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, key, 16, "AES-CBC"), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path_of(encrypted), MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, key, 16, NULL), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path_of("packed/int8.ms"), MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK(says("not encrypted"));

  size_t size = 0;
  uint8_t *bytes = read_file(path_of(encrypted), &size);
  CHECK(bytes != NULL && size > 100000);
  if (bytes != NULL && size > 100000) {
    CHECK_STATUS(OH_AI_ModelBuild(model, bytes, size - 1, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
    CHECK_STATUS(OH_AI_ModelBuild(model, bytes, 47, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
    bytes[100000] ^= 1;
    CHECK_STATUS(OH_AI_ModelBuild(model, bytes, size, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
    CHECK(says("authentication failed"));
    bytes[100000] ^= 1;
    CHECK_STATUS(OH_AI_ModelBuild(model, bytes, size, MINDIR, context), OH_AI_STATUS_SUCCESS);
  }
  free(bytes);
  CHECK_STATUS(MSLite_ModelSetDecryptionKey(model, key, 16, NULL), MODEL_REBUILD);
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
  for (size_t i = 0; i < inputs.handle_num; i++)
    memset(OH_AI_TensorGetMutableData(inputs.handle_list[i]), 0, OH_AI_TensorGetDataSize(inputs.handle_list[i]));
  CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);
}

/* With zeros for an input, the output is the weights. */
static void check_sum(OH_AI_ModelHandle model) {
  size_t size = 0;
  float *expected = read_file(path_of("packed/external.out_0.bin"), &size);
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
  CHECK(expected != NULL && size == SUM_COUNT * sizeof *expected && inputs.handle_num == 1);
  if (expected != NULL && size == SUM_COUNT * sizeof *expected && inputs.handle_num == 1) {
    memset(OH_AI_TensorGetMutableData(inputs.handle_list[0]), 0, OH_AI_TensorGetDataSize(inputs.handle_list[0]));
    CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), OH_AI_STATUS_SUCCESS);
    CHECK(outputs.handle_num == 1 && memcmp(OH_AI_TensorGetData(outputs.handle_list[0]), expected, size) == 0);
  }
  free(expected);
}

static void weights_beside_the_model(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_ContextHandle context = cpu_context();
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path_of("packed/external.ms"), MINDIR, context), OH_AI_STATUS_SUCCESS);
  check_sum(model);
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);

  size_t size = 0;
  void *bytes = read_file(path_of("packed/external.ms"), &size);
  model = OH_AI_ModelCreate();
  context = cpu_context();
  CHECK_STATUS(OH_AI_ModelBuild(model, bytes, size, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK(says("mindir_path"));
  char config[] = "/tmp/mslite_config_XXXXXX";
  const int descriptor = mkstemp(config);
  FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
  CHECK(file != NULL);
  if (file != NULL) {
    fprintf(file, "[model_file]\nmindir_path = \"%s\"\n", path_of("packed"));
    fclose(file);
    CHECK_STATUS(OH_AI_ModelLoadConfig(model, config), OH_AI_STATUS_SUCCESS);
    remove(config);
    CHECK_STATUS(OH_AI_ModelBuild(model, bytes, size, MINDIR, context), OH_AI_STATUS_SUCCESS);
    free(bytes);
    bytes = NULL;
    check_sum(model);
  }
  free(bytes);
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);
}

int main(int argc, char **argv) {
  snprintf(models, sizeof models, "%s", argc > 1 ? argv[1] : "Tests/Models");
  key_arguments();
  decryption();
  weights_beside_the_model();
  return check_result();
}
