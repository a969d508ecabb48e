/* The engine as a client of the Neural Network Runtime, with the driver that misbehaves when it is told to (nnrt/driver_test.c).
 *
 *   test_client MODELS
 *
 * Wants in the environment: MSLITE_NNRT_PATH and MSLITE_NNRT_DRIVERS, MSLITE_NNRT_TIMEOUT=300, MSLITE_NNRT_MINIMUM_WORK=0. */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "../nnrt/driver_test.h"
#include "check.h"
#include "mindspore/model.h"
#include "mslite/extensions.h"

#define NNRT_ONLY true
enum { MAX_VALUES = 1 << 18 };

static const char *models;
static nnrt_test_controls_t *controls;
static OH_AI_ContextHandle context;

/* The driver's threads may still be at what nobody waits for: what they are told, and tell, is atomic. */
#define TELL(field, value) __atomic_store_n(&controls->field, value, __ATOMIC_SEQ_CST)
#define SEEN(field) __atomic_load_n(&controls->field, __ATOMIC_SEQ_CST)

static void reset(void) {
  unsigned char *bytes = (unsigned char *)controls;
  for (size_t i = 0; i < sizeof *controls; i++) {
    /* The name is text that the driver writes whole. */
    const size_t name = offsetof(nnrt_test_controls_t, last_name);
    if (i < name || i >= name + sizeof controls->last_name) __atomic_store_n(bytes + i, 0, __ATOMIC_SEQ_CST);
  }
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool says(const char *text) {
  const bool found = strstr(MSLite_GetLastError(), text) != NULL;
  if (!found) fprintf(stderr, "last error: %s\n", MSLite_GetLastError());
  return found;
}

/* A device info that the next build takes; NULL: the CPU alone. */
static OH_AI_DeviceInfoHandle device(const char *name) {
  char full[128];
  snprintf(full, sizeof full, "%s_TestVendor_v2_1", name);
  OH_AI_DeviceInfoHandle info = OH_AI_CreateNNRTDeviceInfoByName(full);
  if (info == NULL) {
    snprintf(full, sizeof full, "%s_TestVendor_v2_0", name);
    info = OH_AI_CreateNNRTDeviceInfoByName(full);
  }
  return info;
}

static OH_AI_Status build(OH_AI_ModelHandle *model, const char *file, OH_AI_DeviceInfoHandle info, bool nnrt_only) {
  char path[4096];
  snprintf(path, sizeof path, "%s%s%s", file[0] == '/' ? "" : models, file[0] == '/' ? "" : "/", file);
  context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, 1);
  OH_AI_ContextAddDeviceInfo(context, info);
  if (!nnrt_only) OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  *model = OH_AI_ModelCreate();
  const OH_AI_Status status = OH_AI_ModelBuildFromFile(*model, path, OH_AI_MODELTYPE_MINDIR, context);
  OH_AI_ContextDestroy(&context);
  return status;
}

typedef struct {
  float values[MAX_VALUES];
  size_t count;
} result_t;

static void fill_inputs(OH_AI_ModelHandle model) {
  const OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model);
  for (size_t i = 0; i < inputs.handle_num; i++) {
    float *data = OH_AI_TensorGetMutableData(inputs.handle_list[i]);
    const int64_t count = OH_AI_TensorGetElementNum(inputs.handle_list[i]);
    for (int64_t k = 0; data != NULL && k < count; k++) data[k] = (float)((k * 37 + 11) % 101) / 50 - 1;
  }
}

static OH_AI_Status predict(OH_AI_ModelHandle model, result_t *result) {
  OH_AI_TensorHandleArray outputs = {0, NULL};
  fill_inputs(model);
  const OH_AI_Status status = OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), &outputs, NULL, NULL);
  result->count = 0;
  for (size_t i = 0; status == OH_AI_STATUS_SUCCESS && i < outputs.handle_num; i++) {
    const size_t count = (size_t)OH_AI_TensorGetElementNum(outputs.handle_list[i]);
    const float *data = OH_AI_TensorGetData(outputs.handle_list[i]);
    if (data == NULL || result->count + count > MAX_VALUES) return OH_AI_STATUS_LITE_ERROR;
    memcpy(result->values + result->count, data, count * sizeof *data);
    result->count += count;
  }
  return status;
}

static bool same(const result_t *a, const result_t *b) {
  float peak = 0;
  if (a->count != b->count || a->count == 0) return false;
  for (size_t i = 0; i < a->count; i++) peak = fmaxf(peak, fabsf(a->values[i]));
  for (size_t i = 0; i < a->count; i++)
    if (!(fabsf(a->values[i] - b->values[i]) <= 1e-5f * peak)) return false;
  return true;
}

static result_t expected, got;

/* What the CPU alone makes of a model. */
static void expect(const char *file) {
  OH_AI_ModelHandle model;
  CHECK_STATUS(build(&model, file, NULL, false), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(predict(model, &expected), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelDestroy(&model);
}

static MSLite_NodeProfile entries[600];

/* Parts that a device runs. */
static int parts(OH_AI_ModelHandle model, size_t *nodes) {
  size_t count = 600;
  int found = 0;
  if (MSLite_ModelGetProfile(model, entries, &count) != OH_AI_STATUS_SUCCESS) return -1;
  for (size_t i = 0; i < count && i < 600; i++)
    if (strcmp(entries[i].type, "NNRt") == 0) found++;
  *nodes = count;
  return found;
}

/* --- devices ----------------------------------------------------------------------------------------------------------- */

static void discovery(void) {
  size_t count = 0;
  NNRTDeviceDesc *list = OH_AI_GetAllNNRTDeviceDescs(&count);
  CHECK(list != NULL && count == 4);
  if (list == NULL || count != 4) return;
  const char *order[] = {"NPU_test", "Device-CPU", "Bare", "HIAI_F_test"};
  const OH_AI_NNRTDeviceType types[] = {OH_AI_NNRTDEVICE_ACCELERATOR, OH_AI_NNRTDEVICE_CPU, OH_AI_NNRTDEVICE_OTHERS,
                                        OH_AI_NNRTDEVICE_ACCELERATOR};
  for (size_t i = 0; i < 4; i++) {
    NNRTDeviceDesc *desc = OH_AI_GetElementOfNNRTDeviceDescs(list, i);
    const char *name = OH_AI_GetNameFromNNRTDeviceDesc(desc);
    const size_t id = OH_AI_GetDeviceIdFromNNRTDeviceDesc(desc);
    CHECK(name != NULL && strncmp(name, order[i], strlen(order[i])) == 0);
    CHECK(id != 0);
    CHECK(OH_AI_GetTypeFromNNRTDeviceDesc(desc) == types[i]);
    OH_AI_DeviceInfoHandle info = OH_AI_CreateNNRTDeviceInfoByName(name), again = OH_AI_CreateNNRTDeviceInfoByName(name);
    CHECK(info != NULL && again != NULL && info != again);
    CHECK(OH_AI_DeviceInfoGetDeviceId(info) == id);
    CHECK(OH_AI_DeviceInfoGetDeviceType(info) == OH_AI_DEVICETYPE_NNRT);
    OH_AI_DeviceInfoDestroy(&info);
    OH_AI_DeviceInfoDestroy(&again);
  }
  CHECK(OH_AI_GetElementOfNNRTDeviceDescs(list, 0) == list);
  for (int type = 0; type < 4; type++) {
    OH_AI_DeviceInfoHandle info = OH_AI_CreateNNRTDeviceInfoByType((OH_AI_NNRTDeviceType)type);
    CHECK((info == NULL) == (type == OH_AI_NNRTDEVICE_GPU));
    if (type == OH_AI_NNRTDEVICE_ACCELERATOR)
      CHECK(OH_AI_DeviceInfoGetDeviceId(info) == OH_AI_GetDeviceIdFromNNRTDeviceDesc(list));
    OH_AI_DeviceInfoDestroy(&info);
  }
  CHECK(OH_AI_CreateNNRTDeviceInfoByName("NPU") == NULL && says("NPU_test"));
  CHECK(OH_AI_CreateNNRTDeviceInfoByType((OH_AI_NNRTDeviceType)77) == NULL);
  OH_AI_DestroyAllNNRTDeviceDescs(&list);
  CHECK(list == NULL);
  OH_AI_DestroyAllNNRTDeviceDescs(&list);
}

static void ids(void) {
  OH_AI_ModelHandle model;
  OH_AI_DeviceInfoHandle info = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_NNRT);
  CHECK_STATUS(build(&model, "single_op_tflite/relu6.ms", info, NNRT_ONLY), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelDestroy(&model);
  for (int only = 0; only < 2; only++) {
    info = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_NNRT);
    OH_AI_DeviceInfoSetDeviceId(info, 12345);
    CHECK_STATUS(build(&model, "single_op_tflite/relu6.ms", info, only), OH_AI_STATUS_LITE_ERROR);
    CHECK(says("12345"));
    OH_AI_ModelDestroy(&model);
  }
}

/* --- models ------------------------------------------------------------------------------------------------------------ */

static char seen[4096];

static bool note_node(const OH_AI_TensorHandleArray in, const OH_AI_TensorHandleArray out, const OH_AI_CallBackParam node) {
  (void)in, (void)out;
  const size_t used = strlen(seen);
  snprintf(seen + used, sizeof seen - used, "%s=%.60s;", node.node_type, node.node_name);
  return true;
}

static void whole(void) {
  const char *files[] = {"relu.ms", "relu6.ms", "logistic.ms", "tanh.ms", "max_pooling.ms", "mean_pooling.ms"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    char file[200];
    OH_AI_ModelHandle model;
    size_t nodes = 0;
    snprintf(file, sizeof file, "single_op_tflite/%s", files[i]);
    expect(file);
    reset();
    CHECK_STATUS(build(&model, file, device("Device-CPU"), NNRT_ONLY), OH_AI_STATUS_SUCCESS);
    CHECK(SEEN(prepared) == 1);
    for (int k = 1; k <= 3; k++) {
      CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
      CHECK(same(&expected, &got) && SEEN(runs) == k);
    }
    CHECK(parts(model, &nodes) == 1 && nodes == 1 && strncmp(entries[0].name, "Device-CPU_TestVendor", 21) == 0);
    OH_AI_TensorHandleArray outputs = {0, NULL};
    seen[0] = '\0';
    CHECK_STATUS(OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), &outputs, note_node, NULL), OH_AI_STATUS_SUCCESS);
    CHECK(strncmp(seen, "NNRt=Device-CPU_TestVendor", 26) == 0);
    /* Memory of the caller's for the result. */
    float *memory = calloc(got.count, sizeof *memory);
    OH_AI_TensorHandle output = OH_AI_ModelGetOutputs(model).handle_list[0];
    CHECK_STATUS(OH_AI_TensorSetUserData(output, memory, got.count * sizeof *memory), OH_AI_STATUS_SUCCESS);
    CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
    CHECK(same(&expected, &got) && memcmp(memory, got.values, got.count * sizeof *memory) == 0);
    OH_AI_ModelDestroy(&model);
    free(memory);
    CHECK(SEEN(released) == SEEN(prepared));
  }
}

static const char *mixed = "face_detect_short/model.ms";

static void parted(void) {
  OH_AI_ModelHandle model;
  size_t nodes = 0;
  expect(mixed);
  reset();
  CHECK_STATUS(build(&model, mixed, device("Device-CPU"), false), OH_AI_STATUS_SUCCESS);
  const int made = SEEN(prepared);
  CHECK(made > 1 && parts(model, &nodes) == made && nodes > (size_t)made);
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
  CHECK(same(&expected, &got) && SEEN(runs) == made);
  OH_AI_ModelDestroy(&model);
  /* Nobody else may run what the device does not. */
  CHECK_STATUS(build(&model, mixed, device("Device-CPU"), NNRT_ONLY), OH_AI_STATUS_LITE_ERROR);
  CHECK(says("lists no CPU") && says("Conv2DFusion"));
  OH_AI_ModelDestroy(&model);
}

/* --- settings ---------------------------------------------------------------------------------------------------------- */

static void settings(void) {
  OH_AI_ModelHandle model;
  const char *file = "single_op_tflite/relu6.ms";
  expect(file);
  reset();
  OH_AI_DeviceInfoHandle info = device("Device-CPU");
  OH_AI_DeviceInfoSetPerformanceMode(info, OH_AI_PERFORMANCE_HIGH);
  OH_AI_DeviceInfoSetPriority(info, OH_AI_PRIORITY_MEDIUM);
  OH_AI_DeviceInfoSetEnableFP16(info, true);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(info, "ModelName", "relu!", 4), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(info, "BandMode", "HIAI_BANDMODE_LOW", 17), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(build(&model, file, info, NNRT_ONLY), OH_AI_STATUS_SUCCESS);
  CHECK(SEEN(last_mode) == 3 && SEEN(last_priority) == 2 && SEEN(last_float16) == 1);
  CHECK(strcmp(controls->last_name, "relu") == 0 && SEEN(last_extensions) >= 1);
  OH_AI_ModelDestroy(&model);
  /* A device that has none of that compiles without, and the error text says so. */
  info = device("Bare");
  OH_AI_DeviceInfoSetPerformanceMode(info, OH_AI_PERFORMANCE_HIGH);
  OH_AI_DeviceInfoSetEnableFP16(info, true);
  CHECK_STATUS(build(&model, file, info, NNRT_ONLY), OH_AI_STATUS_SUCCESS);
  CHECK(says("without the half precision"));
  CHECK(SEEN(last_mode) == 0 && SEEN(last_float16) == 0);
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
  CHECK(same(&expected, &got));
  OH_AI_ModelDestroy(&model);
  /* Behind the CPU a device has nothing to do. */
  reset();
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", models, file);
  OH_AI_ContextHandle other = OH_AI_ContextCreate();
  OH_AI_ContextAddDeviceInfo(other, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  OH_AI_ContextAddDeviceInfo(other, device("Device-CPU"));
  model = OH_AI_ModelCreate();
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, other), OH_AI_STATUS_SUCCESS);
  CHECK(SEEN(queries) == 0);
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&other);
}

static OH_AI_DeviceInfoHandle cached(const char *folder, const char *version, const char *name) {
  OH_AI_DeviceInfoHandle info = device("Device-CPU");
  OH_AI_DeviceInfoAddExtension(info, "CachePath", folder, strlen(folder));
  OH_AI_DeviceInfoAddExtension(info, "CacheVersion", version, strlen(version));
  OH_AI_DeviceInfoAddExtension(info, "ModelName", name, strlen(name));
  return info;
}

/* Calls `change` for every file of a folder. */
static void each_file(const char *folder, void (*change)(const char *path)) {
  DIR *list = opendir(folder);
  for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (entry->d_name[0] != '.') change(path);
  }
  if (list != NULL) closedir(list);
}

static void cut(const char *path) {
  struct stat info;
  if (stat(path, &info) == 0) CHECK(truncate(path, info.st_size / 2) == 0);
}
static void flip(const char *path) {
  FILE *f = fopen(path, "r+b");
  if (f == NULL) return;
  fseek(f, 0, SEEK_END);
  const long middle = ftell(f) / 2;
  fseek(f, middle, SEEK_SET);
  const int byte = fgetc(f);
  fseek(f, middle, SEEK_SET);
  fputc(byte ^ 0x55, f);
  fclose(f);
}
static void drop(const char *path) { CHECK(unlink(path) == 0); }

static void cache(void) {
  char folder[] = "/tmp/nnrt_client_XXXXXX";
  OH_AI_ModelHandle model;
  CHECK(mkdtemp(folder) != NULL);
  expect(mixed);
  void (*changes[])(const char *) = {NULL, NULL, cut, flip};
  int made = 0;
  for (int i = 0; i < 4; i++) {
    if (changes[i] != NULL) each_file(folder, changes[i]);
    reset();
    CHECK_STATUS(build(&model, mixed, cached(folder, "3", "face"), false), OH_AI_STATUS_SUCCESS);
    if (i == 0) made = SEEN(prepared);
    CHECK(i == 1 ? SEEN(restored) == made && SEEN(prepared) == 0 : SEEN(prepared) == made);
    CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
    CHECK(same(&expected, &got) && SEEN(runs) == made);
    OH_AI_ModelDestroy(&model);
  }
  /* An older version than the one that is there: compiled without a cache. */
  reset();
  CHECK_STATUS(build(&model, mixed, cached(folder, "2", "face"), false), OH_AI_STATUS_SUCCESS);
  CHECK(SEEN(prepared) == made && says("cache"));
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
  CHECK(same(&expected, &got));
  OH_AI_ModelDestroy(&model);
  const char *versions[] = {"-1", "", "4294967296", "1x"};
  for (size_t i = 0; i < 4; i++) {
    CHECK_STATUS(build(&model, mixed, cached(folder, versions[i], "face"), false), OH_AI_STATUS_LITE_ERROR);
    CHECK(says("CacheVersion"));
    OH_AI_ModelDestroy(&model);
  }
  CHECK_STATUS(build(&model, mixed, cached("/no/such/folder", "3", "face"), false), OH_AI_STATUS_LITE_ERROR);
  CHECK(says("/no/such/folder"));
  OH_AI_ModelDestroy(&model);
  each_file(folder, drop);
  CHECK(rmdir(folder) == 0);
}

/* --- failures ---------------------------------------------------------------------------------------------------------- */

static void build_failures(void) {
  OH_AI_ModelHandle model;
  size_t nodes = 0;
  expect(mixed);
  for (int i = 0; i < 3; i++) {
    for (int only = 0; only < 2; only++) {
      reset();
      if (i == 0) TELL(fail_query, 1);
      if (i == 1) TELL(fail_prepare, 1);
      if (i == 2) TELL(slow_prepare, 4000); /* more than ten times what a run may take */
      const char *file = only ? "single_op_tflite/relu6.ms" : mixed;
      CHECK_STATUS(build(&model, file, device("Device-CPU"), only), only ? OH_AI_STATUS_LITE_ERROR : OH_AI_STATUS_SUCCESS);
      CHECK(says("Device-CPU_TestVendor"));
      if (!only) {
        CHECK(says("CPU") && parts(model, &nodes) == 0);
        CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
        CHECK(same(&expected, &got) && SEEN(runs) == 0);
      }
      OH_AI_ModelDestroy(&model);
      /* The device is still at it; what it answers no one waits for. */
      if (i == 2) nanosleep(&(struct timespec){2, 0}, NULL);
    }
  }
}

/* A run goes wrong in one way or another: the CPU does it, and all that follow. */
static void failing_run(void (*fails)(void), const char *text) {
  OH_AI_ModelHandle model;
  size_t nodes = 0;
  reset();
  CHECK_STATUS(build(&model, mixed, device("Device-CPU"), false), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
  CHECK(same(&expected, &got) && SEEN(runs) > 0);
  fails();
  const double start = seconds();
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
  CHECK(seconds() - start < 5);
  CHECK(same(&expected, &got));
  CHECK(says(text) && says("the CPU has run the model instead"));
  const int runs = SEEN(runs);
  for (int k = 0; k < 2; k++) {
    CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
    CHECK(same(&expected, &got) && SEEN(runs) == runs);
  }
  CHECK(parts(model, &nodes) == 0);
  OH_AI_ModelDestroy(&model);
}

static int garbage;
static void return_code(void) { TELL(fail_run, 14); }
static void return_nonsense(void) { TELL(garbage, garbage); }
static void hang(void) { TELL(hang, 1); }
static void be_slow(void) { TELL(slow_run, 700); }

static void run_failures(void) {
  expect(mixed);
  failing_run(return_code, "OH_NNExecutor_RunSync returned 14");
  for (garbage = GARBAGE_RANK; garbage <= GARBAGE_CODE; garbage++) failing_run(return_nonsense, "Device-CPU_TestVendor");
  failing_run(hang, "has not ended a run within 300 ms");
  TELL(hang, 0);
  failing_run(be_slow, "has not ended a run within 300 ms");
  /* Later calls get through again. */
  nanosleep(&(struct timespec){1, 0}, NULL);
  /* Nobody may stand in. */
  OH_AI_ModelHandle model;
  const char *file = "single_op_tflite/relu6.ms";
  expect(file);
  reset();
  CHECK_STATUS(build(&model, file, device("Device-CPU"), NNRT_ONLY), OH_AI_STATUS_SUCCESS);
  TELL(fail_run, 14);
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_LITE_OP_EXECUTE_FAILURE);
  TELL(fail_run, 2);
  CHECK(predict(model, &got) != OH_AI_STATUS_SUCCESS);
  TELL(fail_run, 0);
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
  CHECK(same(&expected, &got));
  TELL(slow_run, 700);
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_LITE_OP_EXECUTE_FAILURE);
  TELL(slow_run, 0);
  nanosleep(&(struct timespec){1, 0}, NULL);
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
  CHECK(same(&expected, &got));
  OH_AI_ModelDestroy(&model);
}

/* Another size: compiled again, also after a failure. */
static void resizes(void) {
  OH_AI_ModelHandle model, plain;
  const char *file = "mtcnn_pnet/model.ms";
  size_t nodes = 0, rank = 0;
  reset();
  CHECK_STATUS(build(&plain, file, NULL, false), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(build(&model, file, device("Device-CPU"), false), OH_AI_STATUS_SUCCESS);
  for (int i = 0; i < 3; i++) {
    OH_AI_ShapeInfo shape;
    const int64_t *dims = OH_AI_TensorGetShape(OH_AI_ModelGetInputs(model).handle_list[0], &rank);
    shape.shape_num = rank;
    for (size_t k = 0; k < rank; k++) shape.shape[k] = k == 0 || k == rank - 1 ? (dims[k] > 0 ? dims[k] : 1) : 48 + 16 * i;
    CHECK_STATUS(OH_AI_ModelResize(plain, OH_AI_ModelGetInputs(plain), &shape, 1), OH_AI_STATUS_SUCCESS);
    CHECK_STATUS(OH_AI_ModelResize(model, OH_AI_ModelGetInputs(model), &shape, 1), OH_AI_STATUS_SUCCESS);
    CHECK(parts(model, &nodes) > 0);
    CHECK_STATUS(predict(plain, &expected), OH_AI_STATUS_SUCCESS);
    CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
    CHECK(same(&expected, &got) && SEEN(runs) > 0);
    TELL(fail_run, 14);
    CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
    CHECK(same(&expected, &got) && parts(model, &nodes) == 0);
    TELL(fail_run, 0);
    /* A size that the model cannot have changes nothing. */
    shape.shape[1] = 1;
    CHECK(OH_AI_ModelResize(model, OH_AI_ModelGetInputs(model), &shape, 1) != OH_AI_STATUS_SUCCESS);
    CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
    CHECK(same(&expected, &got));
  }
  OH_AI_ModelDestroy(&model);
  OH_AI_ModelDestroy(&plain);
}

/* A model that only the device understands. */
static void offline(const char *file) {
  OH_AI_ModelHandle model;
  reset();
  CHECK_STATUS(build(&model, file, device("HIAI_F_test"), NNRT_ONLY), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(predict(model, &got), OH_AI_STATUS_SUCCESS);
  CHECK(got.count == 4 && SEEN(runs) == 1);
  const float *x = OH_AI_TensorGetData(OH_AI_ModelGetInputs(model).handle_list[0]);
  for (int i = 0; x != NULL && i < 4; i++) CHECK(got.values[i] == 2 * x[i]);
  OH_AI_ModelDestroy(&model);
  CHECK_STATUS(build(&model, file, device("Bare"), NNRT_ONLY), OH_AI_STATUS_LITE_ERROR);
  CHECK(says("Bare_TestVendor"));
  OH_AI_ModelDestroy(&model);
  CHECK_STATUS(build(&model, file, NULL, false), OH_AI_STATUS_LITE_ERROR);
  OH_AI_ModelDestroy(&model);
}

int main(int argc, char **argv) {
  models = argc > 1 ? argv[1] : "Tests/Models";
  void *driver = dlopen(getenv("MSLITE_NNRT_DRIVERS"), RTLD_NOW | RTLD_LOCAL);
  nnrt_test_controls_t *(*find)(void) = NULL;
  if (driver != NULL) *(void **)&find = dlsym(driver, "nnrt_test_controls");
  if (find == NULL) return fprintf(stderr, "test_client: MSLITE_NNRT_DRIVERS is not the test driver\n"), 2;
  controls = find();
  char file[4096];
  if (realpath("Tests/C/nnrt_client/doubles.ms", file) == NULL) return fprintf(stderr, "test_client: run it from the project's folder\n"), 2;
  discovery();
  ids();
  whole();
  parted();
  settings();
  cache();
  build_failures();
  resizes();
  offline(file);
  run_failures();
  return check_result();
}
