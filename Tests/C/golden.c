/* Runs models through the C interface and compares what they give with recorded outputs.
 *
 *   golden [-v] [-t THREADS,...] [-f TEXT] [-m KIB] [-i ISA] [-h TOLERANCE] [-d DEVICE] [-p PARTITIONS] MANIFEST...
 *
 * Tests/Models/make_manifest.py describes the manifest; its files are relative to it. Every case is built once per number of
 * threads and run three times; the outputs must agree with the golden ones, and be the same bits in every run and for every
 * number of threads. -f takes the cases whose name contains TEXT, -m those whose model file has at most that many KiB; -i makes sure that the
 * library uses the instruction set of that name (it is chosen by the environment variable MSLITE_ISA); -v prints a line per case with the largest error relative to
 * the golden peak and the time of the last run. -h asks for half precision (EnableFP16): floats may then differ from the golden ones
 * by TOLERANCE of the peak where the case allows less, and the largest of an output must be the golden one within that. -d puts the NNRt
 * device whose name contains DEVICE before the CPU; -p runs every case as many times more with one thread, with NNRT_REFUSE_SEED set to 1,
 * 2, ..., upon which a driver refuses some of the operations (nnrt_client/driver_wrapped.c). Ends with "N passed, N failed". */
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "mindspore/model.h"
#include "mslite/extensions.h"
#include "golden_cases.h"

enum { MAX_THREAD_COUNTS = 4, RUNS = 3 };

static int thread_counts[MAX_THREAD_COUNTS] = {1, 2};
static size_t thread_count_count = 2;
static bool verbose;
/* 0: float32; else what half precision may differ by. */
static double half_tolerance;
/* Of the NNRt device, or NULL; and how many times operations are refused at random. */
static const char *device_name;
static int partition_count;
/* Parts that the device has run, and nodes that the CPU has, over all models; and models without any part. */
static long device_parts, cpu_nodes, untouched;

/* --- tensors -------------------------------------------------------------------------------------------------------- */

/* The tensor of that name; models made by other converters may have other names, so else the one at that position. */
static OH_AI_TensorHandle find_tensor(OH_AI_TensorHandleArray tensors, const char *name, size_t position) {
  for (size_t i = 0; i < tensors.handle_num; i++)
    if (strcmp(OH_AI_TensorGetName(tensors.handle_list[i]), name) == 0) return tensors.handle_list[i];
  return position < tensors.handle_num ? tensors.handle_list[position] : NULL;
}

static bool has_shape(OH_AI_TensorHandle tensor, const OH_AI_ShapeInfo *wanted) {
  size_t rank = 0;
  const int64_t *dims = OH_AI_TensorGetShape(tensor, &rank);
  return rank == wanted->shape_num && (rank == 0 || memcmp(dims, wanted->shape, rank * sizeof *dims) == 0);
}

/* --- running -------------------------------------------------------------------------------------------------------- */

typedef struct {
  void *bytes;
  size_t size;
} Copy;

/* Keeps the outputs of the first run of a case; later ones must be the same bits. */
static bool same_bits(OH_AI_TensorHandleArray outputs, Copy kept[MAX_TENSORS], int threads, int run) {
  for (size_t i = 0; i < outputs.handle_num && i < MAX_TENSORS; i++) {
    size_t size = OH_AI_TensorGetDataSize(outputs.handle_list[i]);
    const void *data = OH_AI_TensorGetData(outputs.handle_list[i]);
    if (data == NULL) return golden_fail("output %zu has no data", i);
    if (kept[i].bytes == NULL) {
      kept[i].size = size;
      kept[i].bytes = malloc(size + 1);
      if (kept[i].bytes == NULL) return golden_fail("out of memory");
      memcpy(kept[i].bytes, data, size);
    } else if (kept[i].size != size || memcmp(kept[i].bytes, data, size) != 0) {
      return golden_fail("output %zu differs between runs (thread count %d, run %d)", i, threads, run);
    }
  }
  return true;
}

static OH_AI_DeviceInfoHandle find_device(void) {
  size_t count = 0;
  NNRTDeviceDesc *list = OH_AI_GetAllNNRTDeviceDescs(&count);
  OH_AI_DeviceInfoHandle device = NULL;
  for (size_t i = 0; i < count && device == NULL; i++) {
    const char *name = OH_AI_GetNameFromNNRTDeviceDesc(OH_AI_GetElementOfNNRTDeviceDescs(list, i));
    if (strstr(name, device_name) != NULL) device = OH_AI_CreateNNRTDeviceInfoByName(name);
  }
  OH_AI_DestroyAllNNRTDeviceDescs(&list);
  return device;
}

/* How many parts of the model the device runs; the rest is added to cpu_nodes. */
static long count_parts(OH_AI_ModelHandle model) {
  size_t count = 0;
  long parts = 0;
  if (MSLite_ModelGetProfile(model, NULL, &count) != OH_AI_STATUS_SUCCESS || count == 0) return 0;
  MSLite_NodeProfile *entries = calloc(count, sizeof *entries);
  if (entries == NULL || MSLite_ModelGetProfile(model, entries, &count) != OH_AI_STATUS_SUCCESS) count = 0;
  for (size_t i = 0; i < count; i++)
    if (strcmp(entries[i].type, "NNRt") == 0) parts++;
    else cpu_nodes++;
  free(entries);
  device_parts += parts;
  return parts;
}

static OH_AI_ModelHandle build(const Case *c, int threads, OH_AI_Status *status) {
  char path[8192];
  golden_path(path, c->model);
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, threads);
  if (device_name != NULL) OH_AI_ContextAddDeviceInfo(context, find_device());
  OH_AI_DeviceInfoHandle cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  OH_AI_DeviceInfoSetEnableFP16(cpu, half_tolerance > 0);
  OH_AI_ContextAddDeviceInfo(context, cpu);
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  if (c->key_size > 0) (void)MSLite_ModelSetDecryptionKey(model, c->key, c->key_size, "AES-GCM");
  *status = OH_AI_ModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, context);
  OH_AI_ContextDestroy(&context);
  return model;
}

static bool set_inputs(OH_AI_ModelHandle model, const Case *c) {
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model);
  if (c->in_count == 0) { /* A case without data only has to run. */
    for (size_t i = 0; i < inputs.handle_num; i++)
      memset(OH_AI_TensorGetMutableData(inputs.handle_list[i]), 0, OH_AI_TensorGetDataSize(inputs.handle_list[i]));
    return true;
  }
  if (inputs.handle_num != c->in_count || inputs.handle_num > MAX_TENSORS)
    return golden_fail("%zu inputs, the manifest has %zu", inputs.handle_num, c->in_count);
  OH_AI_ShapeInfo shapes[MAX_TENSORS];
  bool resize = false;
  for (size_t i = 0; i < c->in_count; i++) {
    OH_AI_TensorHandle tensor = find_tensor(inputs, c->in[i].name, i);
    for (size_t k = 0; k < inputs.handle_num; k++)
      if (inputs.handle_list[k] == tensor) {
        golden_shape(&c->in[i], &shapes[k]);
        resize = resize || !has_shape(tensor, &shapes[k]);
      }
  }
  if (resize) {
    OH_AI_Status status = OH_AI_ModelResize(model, inputs, shapes, inputs.handle_num);
    if (status != OH_AI_STATUS_SUCCESS) return golden_fail("resize: status %08x, %s", (unsigned)status, MSLite_GetLastError());
    inputs = OH_AI_ModelGetInputs(model);
  }
  for (size_t i = 0; i < c->in_count; i++) {
    OH_AI_TensorHandle tensor = find_tensor(inputs, c->in[i].name, i);
    if (!golden_fill(&c->in[i], OH_AI_TensorGetDataType(tensor), OH_AI_TensorGetMutableData(tensor), OH_AI_TensorGetDataSize(tensor)))
      return false;
  }
  return true;
}

static double milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static bool goes_on(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs, const OH_AI_CallBackParam node) {
  (void)inputs, (void)outputs, (void)node;
  return true;
}

/* The last run is watched: operators that otherwise run together, band by band, then run one after the other. */
static bool run_model(OH_AI_ModelHandle model, const Case *c, int threads, Copy kept[MAX_TENSORS], double *error, double *time) {
  if (!set_inputs(model, c)) return false;
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
  for (int run = 1; run <= RUNS; run++) {
    bool watched = run == RUNS;
    double start = milliseconds();
    OH_AI_Status status = OH_AI_ModelPredict(model, inputs, &outputs, NULL, watched ? goes_on : NULL);
    if (!watched) *time = milliseconds() - start;
    if (status != OH_AI_STATUS_SUCCESS) return golden_fail("predict: status %08x, %s", (unsigned)status, MSLite_GetLastError());
    if (!same_bits(outputs, kept, threads, run)) return false;
  }
  for (size_t i = 0; i < c->out_count; i++) {
    OH_AI_TensorHandle tensor = find_tensor(outputs, c->out[i].name, i);
    if (tensor == NULL) return golden_fail("no output %s", c->out[i].name);
    size_t rank = 0;
    const int64_t *dims = OH_AI_TensorGetShape(tensor, &rank);
    /* The runtime has no field for the way in which a file wants products rounded. */
    TensorSpec wanted = c->out[i];
    if (device_name != NULL && wanted.steps > 0) wanted.steps += 2;
    if (!golden_compare(&wanted, OH_AI_TensorGetDataType(tensor), dims, rank, OH_AI_TensorGetData(tensor), half_tolerance, error))
      return false;
  }
  return true;
}

/* The machine has no libcrypto (TEST_WITHOUT_LIBCRYPTO is set): encrypted models cannot be built. */
static bool without_libcrypto;

static bool run_once(const Case *c, int threads, Copy kept[MAX_TENSORS], double *error, double *time, long *parts) {
  bool ok = true;
  OH_AI_Status status;
  OH_AI_ModelHandle model = build(c, threads, &status);
  if (c->refused || (c->key_size > 0 && without_libcrypto)) {
    if (status == OH_AI_STATUS_SUCCESS) ok = golden_fail("was built, and should have been refused");
  } else if (status != OH_AI_STATUS_SUCCESS) {
    ok = golden_fail("build: status %08x, %s", (unsigned)status, MSLite_GetLastError());
  } else {
    ok = run_model(model, c, threads, kept, error, time);
    if (ok && device_name != NULL) *parts += count_parts(model);
  }
  OH_AI_ModelDestroy(&model);
  return ok;
}

static bool run_case(const Case *c) {
  Copy kept[MAX_TENSORS] = {{NULL, 0}};
  bool ok = true;
  double error = 0, time = 0;
  long parts = 0;
  for (size_t i = 0; ok && i < thread_count_count; i++) ok = run_once(c, thread_counts[i], kept, &error, &time, &parts);
  for (int seed = 1; ok && seed <= partition_count; seed++) {
    /* Another cut adds up in another order. */
    for (size_t i = 0; i < MAX_TENSORS; i++) {
      free(kept[i].bytes);
      kept[i].bytes = NULL;
    }
    char text[16];
    snprintf(text, sizeof text, "%d", seed);
    setenv("NNRT_REFUSE_SEED", text, 1);
    ok = run_once(c, thread_counts[0], kept, &error, &time, &parts);
    if (!ok) printf("FAIL %s: with operations refused by the seed %d\n", c->name, seed);
    unsetenv("NNRT_REFUSE_SEED");
  }
  if (device_name != NULL && parts == 0 && !c->refused) untouched++;
  for (size_t i = 0; i < MAX_TENSORS; i++) free(kept[i].bytes);
  if (verbose) printf("%-50s %-4s %9.2e %9.3f ms\n", c->name, ok ? "ok" : "FAIL", error, time);
  return ok;
}

static int usage(void) {
  fprintf(stderr, "usage: golden [-v] [-t THREADS,...] [-f TEXT] [-m KIB] [-i ISA] [-h TOLERANCE] [-d DEVICE] [-p PARTITIONS] MANIFEST...\n");
  return 2;
}

int main(int argc, char **argv) {
  const char *filter = "", *isa = "";
  long limit = 0;
  int argument = 1, passed = 0, failed = 0;
  without_libcrypto = getenv("TEST_WITHOUT_LIBCRYPTO") != NULL;
  for (; argument < argc && argv[argument][0] == '-'; argument++) {
    if (strcmp(argv[argument], "-v") == 0) {
      verbose = true;
    } else if (strcmp(argv[argument], "-f") == 0 && argument + 1 < argc) {
      filter = argv[++argument];
    } else if (strcmp(argv[argument], "-i") == 0 && argument + 1 < argc) {
      isa = argv[++argument];
    } else if (strcmp(argv[argument], "-h") == 0 && argument + 1 < argc) {
      half_tolerance = atof(argv[++argument]);
    } else if (strcmp(argv[argument], "-d") == 0 && argument + 1 < argc) {
      device_name = argv[++argument];
    } else if (strcmp(argv[argument], "-p") == 0 && argument + 1 < argc) {
      partition_count = atoi(argv[++argument]);
    } else if (strcmp(argv[argument], "-m") == 0 && argument + 1 < argc) {
      limit = atol(argv[++argument]);
    } else if (strcmp(argv[argument], "-t") == 0 && argument + 1 < argc) {
      char *list = argv[++argument];
      thread_count_count = 0;
      for (char *n = strtok(list, ","); n != NULL && thread_count_count < MAX_THREAD_COUNTS; n = strtok(NULL, ","))
        thread_counts[thread_count_count++] = atoi(n);
    } else {
      return usage();
    }
  }
  if (argument == argc) return usage();
  if (device_name != NULL) {
    OH_AI_DeviceInfoHandle device = find_device();
    if (device == NULL) {
      fprintf(stderr, "golden: no NNRt device is called %s\n", device_name);
      return 2;
    }
    OH_AI_DeviceInfoDestroy(&device);
  }
  if (strstr(MSLite_GetVersion(), isa) == NULL) {
    fprintf(stderr, "golden: asked for %s, the library is %s\n", isa, MSLite_GetVersion());
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (; argument < argc; argument++)
    if (!golden_each(argv[argument], filter, limit, run_case, &passed, &failed)) return 2;
  if (device_name != NULL)
    printf("%ld parts of models ran on the device and %ld nodes on the CPU; %ld models have nothing that the device takes\n",
           device_parts, cpu_nodes, untouched);
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
