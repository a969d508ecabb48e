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
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "mindspore/model.h"
#include "mslite/extensions.h"
#include "read_file.h"

enum { MAX_TENSORS = 16, MAX_DIMS = 8, MAX_THREAD_COUNTS = 4, RUNS = 3 };

typedef struct {
  char *name, *file, *type;
  size_t rank;
  int64_t dims[MAX_DIMS];
  bool transpose;      /* inputs: the file is NCHW, the model wants NHWC */
  double tolerance;    /* outputs: relative to the largest golden magnitude */
  double scale, zero;  /* recorded integers that stand for real numbers: scale * (value - zero); scale 0: they do not */
  double steps;        /* outputs: the tolerance in multiples of scale, instead of `tolerance` */
} TensorSpec;

typedef struct {
  char *name, *model;
  TensorSpec in[MAX_TENSORS], out[MAX_TENSORS];
  size_t in_count, out_count;
  bool refused;
  uint8_t key[32]; /* of an encrypted model */
  size_t key_size;
} Case;

/* The case being run; failures are told with its name. */
static const char *current;
static char folder[4096];
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

static bool fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("FAIL %s: ", current);
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
  return false;
}

/* --- files ---------------------------------------------------------------------------------------------------------- */

static void path_of(char path[8192], const char *file) {
  snprintf(path, 8192, "%s%s", file[0] == '/' ? "" : folder, file);
}

static void *read_in_folder(const char *file, size_t *size) {
  char path[8192];
  path_of(path, file);
  return read_file(path, size);
}

static size_t element_size(const char *type) {
  if (strncmp(type, "float32", 7) == 0 || strcmp(type, "int32") == 0) return 4;
  if (strcmp(type, "int64") == 0) return 8;
  return 1;
}

static double element(const char *type, const void *bytes, size_t i) {
  if (strncmp(type, "float32", 7) == 0) return (double)((const float *)bytes)[i];
  if (strcmp(type, "int32") == 0) return ((const int32_t *)bytes)[i];
  if (strcmp(type, "int64") == 0) return (double)((const int64_t *)bytes)[i];
  if (strcmp(type, "int8") == 0) return ((const int8_t *)bytes)[i];
  return ((const uint8_t *)bytes)[i]; /* uint8, bool */
}

static size_t element_count(const TensorSpec *t) {
  size_t n = 1;
  for (size_t i = 0; i < t->rank; i++) n *= (size_t)t->dims[i];
  return n;
}

/* The recorded values, NHWC where asked for; NULL with the failure told. */
static double *read_values(const TensorSpec *t) {
  size_t size = 0, n = element_count(t);
  char *bytes = read_in_folder(t->file, &size);
  if (bytes == NULL) {
    fail("cannot read %s", t->file);
    return NULL;
  }
  size_t skip = 0;
  if (strstr(t->type, "+header") != NULL && size >= 4) skip = 4 + 4 * (size_t) * (const uint32_t *)(const void *)bytes;
  double *values = malloc(n * sizeof *values + 1);
  if (values == NULL || size != skip + n * element_size(t->type)) {
    fail("%s has %zu bytes, the manifest says %zu elements of %s", t->file, size, n, t->type);
    free(values);
    free(bytes);
    return NULL;
  }
  for (size_t i = 0; i < n; i++) {
    size_t from = i;
    if (t->transpose) {
      size_t channels = (size_t)t->dims[1], area = (size_t)(t->dims[2] * t->dims[3]);
      size_t image = i / (channels * area), pixel = i / channels % area, channel = i % channels;
      from = (image * channels + channel) * area + pixel;
    }
    values[i] = element(t->type, bytes + skip, from);
    if (t->scale > 0) values[i] = t->scale * (values[i] - t->zero);
  }
  free(bytes);
  return values;
}

/* --- the manifest --------------------------------------------------------------------------------------------------- */

/* Cuts the next field off *text at `separator`; NULL at the end. */
static char *next_field(char **text, char separator) {
  char *start = *text;
  if (start == NULL || *start == '\0') return NULL;
  char *end = strchr(start, separator);
  *text = end == NULL ? NULL : end + 1;
  if (end != NULL) *end = '\0';
  return start;
}

/* NAME|FILE|TYPE[*SCALE@ZERO]|SHAPE[|nchw or TOLERANCE or STEPSsteps] */
static bool parse_tensor(char *text, TensorSpec *t) {
  memset(t, 0, sizeof *t);
  t->name = next_field(&text, '|');
  t->file = next_field(&text, '|');
  t->type = next_field(&text, '|');
  char *shape = next_field(&text, '|');
  if (shape == NULL) return false;
  char *quantised = strchr(t->type, '*');
  if (quantised != NULL) {
    *quantised = '\0';
    t->scale = strtod(quantised + 1, &quantised);
    if (*quantised == '@') t->zero = atof(quantised + 1);
  }
  if (strcmp(shape, "scalar") != 0)
    for (char *dim; t->rank < MAX_DIMS && (dim = next_field(&shape, 'x')) != NULL;) t->dims[t->rank++] = atoll(dim);
  char *last = next_field(&text, '|');
  if (last != NULL && strcmp(last, "nchw") == 0) t->transpose = true;
  else if (last != NULL && strstr(last, "steps") != NULL) t->steps = atof(last);
  else if (last != NULL) t->tolerance = atof(last);
  return true;
}

/* Hexadecimal digits. */
static bool parse_key(const char *text, Case *c) {
  for (unsigned byte; c->key_size < sizeof c->key && sscanf(text, "%2x", &byte) == 1; text += 2) c->key[c->key_size++] = (uint8_t)byte;
  return *text == '\0';
}

static bool parse_case(char *line, Case *c) {
  memset(c, 0, sizeof *c);
  for (char *field; (field = next_field(&line, ' ')) != NULL;) {
    bool ok = true;
    if (strncmp(field, "case=", 5) == 0) c->name = field + 5;
    else if (strncmp(field, "model=", 6) == 0) c->model = field + 6;
    else if (strncmp(field, "in=", 3) == 0 && c->in_count < MAX_TENSORS) ok = parse_tensor(field + 3, &c->in[c->in_count++]);
    else if (strncmp(field, "out=", 4) == 0 && c->out_count < MAX_TENSORS) ok = parse_tensor(field + 4, &c->out[c->out_count++]);
    else if (strcmp(field, "refused") == 0) c->refused = true;
    else if (strncmp(field, "key=", 4) == 0) ok = parse_key(field + 4, c);
    else ok = false;
    if (!ok) return false;
  }
  return c->name != NULL && c->model != NULL;
}

/* --- tensors -------------------------------------------------------------------------------------------------------- */

/* The tensor of that name; models made by other converters may have other names, so else the one at that position. */
static OH_AI_TensorHandle find_tensor(OH_AI_TensorHandleArray tensors, const char *name, size_t position) {
  for (size_t i = 0; i < tensors.handle_num; i++)
    if (strcmp(OH_AI_TensorGetName(tensors.handle_list[i]), name) == 0) return tensors.handle_list[i];
  return position < tensors.handle_num ? tensors.handle_list[position] : NULL;
}

static void shape_wanted(const TensorSpec *t, OH_AI_ShapeInfo *shape) {
  static const size_t nhwc[4] = {0, 2, 3, 1};
  memset(shape, 0, sizeof *shape);
  shape->shape_num = t->rank;
  for (size_t i = 0; i < t->rank; i++) shape->shape[i] = t->dims[t->transpose ? nhwc[i] : i];
}

static bool has_shape(OH_AI_TensorHandle tensor, const OH_AI_ShapeInfo *wanted) {
  size_t rank = 0;
  const int64_t *dims = OH_AI_TensorGetShape(tensor, &rank);
  return rank == wanted->shape_num && (rank == 0 || memcmp(dims, wanted->shape, rank * sizeof *dims) == 0);
}

static const char *type_name(OH_AI_DataType type) {
  switch (type) {
    case OH_AI_DATATYPE_NUMBERTYPE_FLOAT32: return "float32";
    case OH_AI_DATATYPE_NUMBERTYPE_INT32: return "int32";
    case OH_AI_DATATYPE_NUMBERTYPE_INT64: return "int64";
    case OH_AI_DATATYPE_NUMBERTYPE_INT8: return "int8";
    case OH_AI_DATATYPE_NUMBERTYPE_UINT8: return "uint8";
    case OH_AI_DATATYPE_NUMBERTYPE_BOOL: return "bool";
    default: return NULL;
  }
}

/* Converters narrow 64-bit integers, so the recorded type and the tensor's may differ. */
static bool fill(OH_AI_TensorHandle tensor, const TensorSpec *t, const double *values) {
  size_t n = element_count(t);
  const char *type = type_name(OH_AI_TensorGetDataType(tensor));
  if (type == NULL || OH_AI_TensorGetDataSize(tensor) != n * element_size(type))
    return fail("input %s: type %d, %zu bytes for %zu elements", t->name, (int)OH_AI_TensorGetDataType(tensor),
                OH_AI_TensorGetDataSize(tensor), n);
  void *data = OH_AI_TensorGetMutableData(tensor);
  if (data == NULL) return fail("input %s has no memory", t->name);
  for (size_t i = 0; i < n; i++) {
    if (strcmp(type, "float32") == 0) ((float *)data)[i] = (float)values[i];
    else if (strcmp(type, "int32") == 0) ((int32_t *)data)[i] = (int32_t)values[i];
    else if (strcmp(type, "int64") == 0) ((int64_t *)data)[i] = (int64_t)values[i];
    else ((uint8_t *)data)[i] = (uint8_t)(int)values[i];
  }
  return true;
}

/* Sets *error to the largest difference relative to the golden peak. */
static bool compare(OH_AI_TensorHandle tensor, const TensorSpec *t, double *error) {
  const char *type = type_name(OH_AI_TensorGetDataType(tensor));
  const void *data = OH_AI_TensorGetData(tensor);
  size_t n = element_count(t);
  if (type == NULL || data == NULL) return fail("output %s has no data", t->name);
  if ((size_t)OH_AI_TensorGetElementNum(tensor) != n)
    return fail("output %s has %lld elements, golden %zu", t->name, (long long)OH_AI_TensorGetElementNum(tensor), n);
  /* Dimensions of one are the converter's business (a TFLite scalar comes out as [1]); the others must agree. */
  size_t rank = 0, golden_dim = 0;
  const int64_t *dims = OH_AI_TensorGetShape(tensor, &rank);
  for (size_t i = 0; i < rank; i++) {
    if (dims[i] == 1) continue;
    while (golden_dim < t->rank && t->dims[golden_dim] == 1) golden_dim++;
    if (golden_dim == t->rank || t->dims[golden_dim++] != dims[i]) return fail("output %s has another shape", t->name);
  }
  double *golden = read_values(t), peak = 0, worst = 0;
  if (golden == NULL) return false;
  size_t where = 0;
  for (size_t i = 0; i < n; i++)
    if (isfinite(golden[i])) peak = fmax(peak, fabs(golden[i]));
  for (size_t i = 0; i < n; i++) {
    double value = element(type, data, i), difference = fabs(value - golden[i]);
    if (value == golden[i] || (isnan(value) && isnan(golden[i]))) continue;
    if (!(difference <= worst)) worst = isnan(difference) ? INFINITY : difference, where = i;
  }
  /* float16 resolves nothing below 6e-8: outputs that are smaller throughout are judged as if they reached 1e-3. */
  if (half_tolerance > 0 && peak < 1e-3) peak = 1e-3;
  double tolerance = t->steps > 0 && peak > 0 ? t->steps * t->scale / peak * (1 + 1e-6) : t->tolerance;
  bool is_float = strncmp(t->type, "float32", 7) == 0;
  if (is_float && tolerance < half_tolerance) tolerance = half_tolerance;
  double relative = worst / (peak > 0 ? peak : 1), at = element(type, data, where), expected = golden[where];
  size_t top = 0, golden_top = 0;
  for (size_t i = 0; i < n; i++) {
    if (element(type, data, i) > element(type, data, top)) top = i;
    if (golden[i] > golden[golden_top]) golden_top = i;
  }
  bool wants_top = t->scale > 0 || (is_float && half_tolerance > 0);
  bool same_top = n == 0 || !wants_top || golden[top] >= golden[golden_top] - tolerance * peak;
  free(golden);
  if (relative > *error) *error = relative;
  if (!same_top) return fail("output %s has its largest value at %zu, golden at %zu", t->name, top, golden_top);
  if (relative > tolerance)
    return fail("output %s[%zu] is %.9g, golden %.9g: off by %.3g of the peak %.9g, allowed %.3g", t->name, where, at, expected,
                relative, peak, tolerance);
  return true;
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
    if (data == NULL) return fail("output %zu has no data", i);
    if (kept[i].bytes == NULL) {
      kept[i].size = size;
      kept[i].bytes = malloc(size + 1);
      if (kept[i].bytes == NULL) return fail("out of memory");
      memcpy(kept[i].bytes, data, size);
    } else if (kept[i].size != size || memcmp(kept[i].bytes, data, size) != 0) {
      return fail("output %zu differs between runs (thread count %d, run %d)", i, threads, run);
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
  path_of(path, c->model);
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
    return fail("%zu inputs, the manifest has %zu", inputs.handle_num, c->in_count);
  OH_AI_ShapeInfo shapes[MAX_TENSORS];
  bool resize = false;
  for (size_t i = 0; i < c->in_count; i++) {
    OH_AI_TensorHandle tensor = find_tensor(inputs, c->in[i].name, i);
    for (size_t k = 0; k < inputs.handle_num; k++)
      if (inputs.handle_list[k] == tensor) {
        shape_wanted(&c->in[i], &shapes[k]);
        resize = resize || !has_shape(tensor, &shapes[k]);
      }
  }
  if (resize) {
    OH_AI_Status status = OH_AI_ModelResize(model, inputs, shapes, inputs.handle_num);
    if (status != OH_AI_STATUS_SUCCESS) return fail("resize: status %08x, %s", (unsigned)status, MSLite_GetLastError());
    inputs = OH_AI_ModelGetInputs(model);
  }
  for (size_t i = 0; i < c->in_count; i++) {
    double *values = read_values(&c->in[i]);
    bool ok = values != NULL && fill(find_tensor(inputs, c->in[i].name, i), &c->in[i], values);
    free(values);
    if (!ok) return false;
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
    if (status != OH_AI_STATUS_SUCCESS) return fail("predict: status %08x, %s", (unsigned)status, MSLite_GetLastError());
    if (!same_bits(outputs, kept, threads, run)) return false;
  }
  for (size_t i = 0; i < c->out_count; i++) {
    OH_AI_TensorHandle tensor = find_tensor(outputs, c->out[i].name, i);
    if (tensor == NULL) return fail("no output %s", c->out[i].name);
    if (!compare(tensor, &c->out[i], error)) return false;
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
    if (status == OH_AI_STATUS_SUCCESS) ok = fail("was built, and should have been refused");
  } else if (status != OH_AI_STATUS_SUCCESS) {
    ok = fail("build: status %08x, %s", (unsigned)status, MSLite_GetLastError());
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
  current = c->name;
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

static bool small_enough(const Case *c, long limit) {
  char path[8192];
  struct stat file;
  path_of(path, c->model);
  return limit == 0 || stat(path, &file) != 0 || file.st_size <= limit * 1024;
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
      for (char *n; thread_count_count < MAX_THREAD_COUNTS && (n = next_field(&list, ',')) != NULL;)
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
  for (; argument < argc; argument++) {
    char *manifest = argv[argument], *slash = strrchr(manifest, '/');
    size_t size = 0;
    folder[0] = '\0';
    char *text = read_in_folder(manifest, &size);
    if (text == NULL) {
      fprintf(stderr, "golden: cannot read %s\n", manifest);
      return 2;
    }
    text[size] = '\0';
    if (slash != NULL) snprintf(folder, sizeof folder, "%.*s/", (int)(slash - manifest), manifest);
    char *rest = text;
    for (char *line; (line = next_field(&rest, '\n')) != NULL;) {
      Case c;
      if (line[0] == '#') continue;
      if (!parse_case(line, &c)) {
        fprintf(stderr, "golden: %s: cannot read the line of %s\n", manifest, c.name != NULL ? c.name : "?");
        return 2;
      }
      if (strstr(c.name, filter) == NULL || !small_enough(&c, limit)) continue;
      if (run_case(&c)) passed++;
      else failed++;
    }
    free(text);
  }
  if (device_name != NULL)
    printf("%ld parts of models ran on the device and %ld nodes on the CPU; %ld models have nothing that the device takes\n",
           device_parts, cpu_nodes, untouched);
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
