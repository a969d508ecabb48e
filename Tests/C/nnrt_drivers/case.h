/* Small models for a driver of the Neural Network Runtime, written down in a few lines, and what they must give.
 *
 *   begin(OH_NN_OPS_ADD);
 *   input(OH_NN_FLOAT32, D(2), V(1, 2));
 *   input(OH_NN_FLOAT32, D(1), V(10));
 *   output(OH_NN_FLOAT32, D(2), V(11, 12));
 *   finish();
 *
 * `finish` adds the parameters that have a default, asks whether the operation is supported, compiles and runs the model and compares
 * the results: as it is, from its own cache, with all sizes open, in half precision, and in bytes. */
#ifndef MSLITE_TESTS_NNRT_CASE_H
#define MSLITE_TESTS_NNRT_CASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "mslite/nnrt_driver.h"

enum { CASE_TENSORS = 64, CASE_NODES = 24, CASE_ATTRIBUTES = 20, CASE_VALUES = 4096 };

/* Dimensions and values; D0 is a scalar. */
#define D(...) (const int32_t[]){__VA_ARGS__}, (uint32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t))
#define D0 NULL, 0
#define V(...) (const double[]){__VA_ARGS__}, (uint32_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double))

typedef struct {
  OH_NN_DataType type;
  int32_t dims[NNRT_MAX_DIMENSIONS];
  uint32_t rank;
  double values[CASE_VALUES];
  uint32_t count;
  bool is_constant;
  NNRt_QuantParam quant[8];
  uint32_t quant_count;
  char name[24];
} CaseTensor;

typedef struct {
  OH_NN_OperationType operation;
  NNRt_Attribute attributes[CASE_ATTRIBUTES];
  uint64_t storage[CASE_ATTRIBUTES][16];
  uint32_t attribute_count;
  uint32_t inputs[16], outputs[8];
  uint32_t input_count, output_count;
  char name[24];
} CaseNode;

static struct {
  CaseTensor tensors[CASE_TENSORS];
  uint32_t tensor_count;
  CaseNode nodes[CASE_NODES];
  uint32_t node_count;
  uint32_t inputs[16], outputs[8];
  uint32_t input_count, output_count;
  bool is_single;
  double tolerance;
} the_case;

static const NNRt_Driver *the_driver;
static uint32_t the_device;

/* --- data types --------------------------------------------------------------------------------------------------- */

static size_t case_size(OH_NN_DataType type) {
  static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};
  return sizes[type];
}

static uint16_t case_half(double value) {
  const uint16_t sign = signbit(value) ? 0x8000 : 0;
  double a = fabs(value);
  if (isnan(value)) return 0x7e00;
  if (a >= 65520) return sign | 0x7c00;
  int exponent;
  frexp(a, &exponent);
  if (a == 0) return sign;
  if (exponent < -13) exponent = -13;
  const double unit = ldexp(1, exponent - 11);
  const long mantissa = (long)nearbyint(a / unit);
  const int biased = exponent + 14;
  return sign | (uint16_t)(mantissa >= 1024 ? ((biased - 1) << 10) + mantissa : mantissa);
}

static double case_from_half(uint16_t h) {
  const int exponent = (h >> 10) & 31, mantissa = h & 1023;
  const double sign = h & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  return sign * (exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24));
}

static void case_store(OH_NN_DataType type, void *to, size_t i, double v) {
  switch (type) {
    case OH_NN_BOOL: ((uint8_t *)to)[i] = v != 0; break;
    case OH_NN_INT8: ((int8_t *)to)[i] = (int8_t)v; break;
    case OH_NN_UINT8: ((uint8_t *)to)[i] = (uint8_t)v; break;
    case OH_NN_INT16: ((int16_t *)to)[i] = (int16_t)v; break;
    case OH_NN_UINT16: ((uint16_t *)to)[i] = (uint16_t)v; break;
    case OH_NN_INT32: ((int32_t *)to)[i] = (int32_t)v; break;
    case OH_NN_UINT32: ((uint32_t *)to)[i] = (uint32_t)v; break;
    case OH_NN_INT64: ((int64_t *)to)[i] = (int64_t)v; break;
    case OH_NN_UINT64: ((uint64_t *)to)[i] = (uint64_t)v; break;
    case OH_NN_FLOAT16: ((uint16_t *)to)[i] = case_half(v); break;
    case OH_NN_FLOAT32: ((float *)to)[i] = (float)v; break;
    case OH_NN_FLOAT64: ((double *)to)[i] = v; break;
    default: break;
  }
}

static inline double case_load(OH_NN_DataType type, const void *from, size_t i) {
  switch (type) {
    case OH_NN_BOOL:
    case OH_NN_UINT8: return ((const uint8_t *)from)[i];
    case OH_NN_INT8: return ((const int8_t *)from)[i];
    case OH_NN_INT16: return ((const int16_t *)from)[i];
    case OH_NN_UINT16: return ((const uint16_t *)from)[i];
    case OH_NN_INT32: return ((const int32_t *)from)[i];
    case OH_NN_UINT32: return ((const uint32_t *)from)[i];
    case OH_NN_INT64: return (double)((const int64_t *)from)[i];
    case OH_NN_UINT64: return (double)((const uint64_t *)from)[i];
    case OH_NN_FLOAT16: return case_from_half(((const uint16_t *)from)[i]);
    case OH_NN_FLOAT32: return ((const float *)from)[i];
    case OH_NN_FLOAT64: return ((const double *)from)[i];
    default: return NAN;
  }
}

/* --- the model ---------------------------------------------------------------------------------------------------- */

static uint32_t case_tensor(OH_NN_DataType type, const int32_t *dims, uint32_t rank, const double *values, uint32_t count) {
  CaseTensor *t = &the_case.tensors[the_case.tensor_count];
  memset(t, 0, sizeof *t - sizeof t->name);
  t->type = type;
  t->rank = rank;
  if (rank > 0) memcpy(t->dims, dims, rank * sizeof *dims);
  t->count = 1;
  for (uint32_t i = 0; i < rank; i++) t->count *= (uint32_t)dims[i];
  if (t->count > CASE_VALUES || (count != t->count && count > 1)) {
    fprintf(stderr, "case of operation %d: %u values for %u elements\n", the_case.nodes[0].operation, count, t->count);
    exit(2);
  }
  for (uint32_t i = 0; i < t->count && count > 0; i++) t->values[i] = values[count == 1 ? 0 : i];
  snprintf(t->name, sizeof t->name, "Tensor: %u", the_case.tensor_count);
  return the_case.tensor_count++;
}

/* Begins another node; its inputs are added by `input`, `constant` and `use`. */
static inline void node(OH_NN_OperationType operation) {
  CaseNode *n = &the_case.nodes[the_case.node_count];
  memset(n, 0, sizeof *n);
  n->operation = operation;
  snprintf(n->name, sizeof n->name, "node %u", the_case.node_count++);
}

static void begin(OH_NN_OperationType operation) {
  the_case.tensor_count = the_case.node_count = the_case.input_count = the_case.output_count = 0;
  the_case.is_single = false;
  the_case.tolerance = 1e-5;
  node(operation);
}

static CaseNode *case_node(void) { return &the_case.nodes[the_case.node_count - 1]; }

/* A tensor that the node reads. */
static inline void use(uint32_t tensor) { case_node()->inputs[case_node()->input_count++] = tensor; }

static uint32_t input(OH_NN_DataType type, const int32_t *dims, uint32_t rank, const double *values, uint32_t count) {
  const uint32_t t = case_tensor(type, dims, rank, values, count);
  the_case.inputs[the_case.input_count++] = t;
  use(t);
  return t;
}

static inline uint32_t constant(OH_NN_DataType type, const int32_t *dims, uint32_t rank, const double *values, uint32_t count) {
  const uint32_t t = case_tensor(type, dims, rank, values, count);
  the_case.tensors[t].is_constant = true;
  use(t);
  return t;
}

/* A result of the node that others read; it has no value of its own here. */
static inline uint32_t inner(OH_NN_DataType type, const int32_t *dims, uint32_t rank) {
  const uint32_t t = case_tensor(type, dims, rank, NULL, 0);
  case_node()->outputs[case_node()->output_count++] = t;
  return t;
}

static uint32_t output(OH_NN_DataType type, const int32_t *dims, uint32_t rank, const double *values, uint32_t count) {
  const uint32_t t = case_tensor(type, dims, rank, values, count);
  the_case.outputs[the_case.output_count++] = t;
  case_node()->outputs[case_node()->output_count++] = t;
  return t;
}

static inline void quantised(uint32_t tensor, double scale, int32_t zero) {
  CaseTensor *t = &the_case.tensors[tensor];
  t->quant[t->quant_count++] = (NNRt_QuantParam){scale, zero, 8};
}

static void case_attribute(
  OH_NN_TensorType type, OH_NN_DataType data_type, const double *values, uint32_t count, bool given) {
  CaseNode *n = case_node();
  const uint32_t i = n->attribute_count++;
  for (uint32_t k = 0; k < count; k++) case_store(data_type, n->storage[i], k, values[k]);
  n->attributes[i] = (NNRt_Attribute){type, data_type, count, given, n->storage[i]};
}

static inline void given(OH_NN_TensorType type, OH_NN_DataType data_type, const double *values, uint32_t count) {
  case_attribute(type, data_type, values, count, true);
}

/* What the runtime adds: parameters with a default that are not given. */
static inline void case_defaults(void) {
  static const struct {
    OH_NN_OperationType operation;
    OH_NN_TensorType type;
    OH_NN_DataType data_type;
    uint32_t count;
    double value;
  } defaults[] = {
#define DEFAULT(operation, type, data_type, count, value) {OH_NN_OPS_##operation, OH_NN_##type, OH_NN_##data_type, count, value},
#include "defaults.h"
#undef DEFAULT
  };
  const uint32_t count = the_case.node_count;
  for (the_case.node_count = 1; the_case.node_count <= count; the_case.node_count++) {
    CaseNode *n = case_node();
    bool has_pad_mode = false;
    for (uint32_t k = 0; k < n->attribute_count; k++) {
      const OH_NN_TensorType type = n->attributes[k].type;
      if (type == OH_NN_AVG_POOL_PAD_MODE || type == OH_NN_MAX_POOL_PAD_MODE || type == OH_NN_CONV2D_PAD_MODE ||
          type == OH_NN_CONV2D_TRANSPOSE_PAD_MODE || type == OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD_MODE)
        has_pad_mode = true;
      if (type == OH_NN_FULL_CONNECTION_AXIS) case_attribute(OH_NN_FULL_CONNECTION_USE_AXIS, OH_NN_BOOL, V(1), true);
    }
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
      if (defaults[i].operation != n->operation) continue;
      bool known = false;
      for (uint32_t k = 0; k < n->attribute_count; k++) known |= n->attributes[k].type == defaults[i].type;
      const OH_NN_TensorType type = defaults[i].type;
      const bool is_pad = type == OH_NN_AVG_POOL_PAD || type == OH_NN_MAX_POOL_PAD || type == OH_NN_CONV2D_PAD ||
                          type == OH_NN_CONV2D_TRANSPOSE_PAD || type == OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD;
      if (known || (is_pad && has_pad_mode)) continue;
      double values[4];
      for (int k = 0; k < 4; k++) values[k] = defaults[i].value;
      case_attribute(type, defaults[i].data_type, values, defaults[i].count, false);
    }
  }
  the_case.node_count = count;
}

/* --- flat form ---------------------------------------------------------------------------------------------------- */

typedef enum { CASE_PLAIN, CASE_CACHED, CASE_OPEN, CASE_HALF, CASE_BYTES } CaseForm;
static const char *const case_forms[] = {"as it is", "from its cache", "with open sizes", "in half precision", "in bytes"};

typedef struct {
  NNRt_Model model;
  NNRt_ModelTensor tensors[CASE_TENSORS];
  NNRt_Node nodes[CASE_NODES];
  int32_t dims[CASE_TENSORS][NNRT_MAX_DIMENSIONS];
  void *data[CASE_TENSORS];
} FlatCase;

static OH_NN_DataType case_type(const CaseTensor *t, CaseForm form) {
  return form == CASE_HALF && t->type == OH_NN_FLOAT32 ? OH_NN_FLOAT16 : t->type;
}

static void *case_bytes(const CaseTensor *t, CaseForm form) {
  const OH_NN_DataType type = case_type(t, form);
  void *bytes = calloc(t->count, case_size(type));
  for (uint32_t i = 0; i < t->count; i++) case_store(type, bytes, i, t->values[i]);
  return bytes;
}

static inline FlatCase *flatten(CaseForm form) {
  FlatCase *f = calloc(1, sizeof *f);
  for (uint32_t i = 0; i < the_case.tensor_count; i++) {
    const CaseTensor *t = &the_case.tensors[i];
    for (uint32_t k = 0; k < t->rank; k++) f->dims[i][k] = form == CASE_OPEN && !t->is_constant ? -1 : t->dims[k];
    if (t->is_constant) f->data[i] = case_bytes(t, form);
    const OH_NN_DataType type = case_type(t, form);
    f->tensors[i] = (NNRt_ModelTensor){t->name, type, OH_NN_FORMAT_NHWC, t->rank, f->dims[i], f->data[i],
                                       t->is_constant ? t->count * case_size(type) : 0, t->quant, t->quant_count};
  }
  for (uint32_t i = 0; i < the_case.node_count; i++) {
    const CaseNode *n = &the_case.nodes[i];
    f->nodes[i] = (NNRt_Node){n->name, n->operation, n->attributes, n->attribute_count, n->inputs, n->input_count,
                              n->outputs, n->output_count, the_case.tensors[n->outputs[0]].quant_count > 0};
  }
  f->model = (NNRt_Model){"", f->tensors, the_case.tensor_count, f->nodes, the_case.node_count, the_case.inputs,
                          the_case.input_count, the_case.outputs, the_case.output_count};
  return f;
}

static inline void release_flat(FlatCase *f) {
  for (int i = 0; i < CASE_TENSORS; i++) free(f->data[i]);
  free(f);
}

/* --- checks ------------------------------------------------------------------------------------------------------- */

static bool case_fails(const char *what, CaseForm form) {
  check_failed++;
  const char *text = the_driver != NULL && the_driver->lastError != NULL ? the_driver->lastError() : NULL;
  fprintf(stderr, "operation %d, %s: failed: %s (%s)\n", the_case.nodes[0].operation, case_forms[form], what, text ? text : "");
  return false;
}

static inline bool case_compare(const NNRt_IOTensor *actual, const CaseTensor *t, CaseForm form) {
  bool fits = actual->dimensionCount == t->rank;
  for (uint32_t k = 0; fits && k < t->rank; k++) fits = actual->dimensions[k] == t->dims[k];
  if (!fits) {
    fprintf(stderr, "shape:");
    for (uint32_t k = 0; k < actual->dimensionCount; k++) fprintf(stderr, " %d", actual->dimensions[k]);
    fprintf(stderr, "\n");
    return case_fails("another shape", form);
  }
  const OH_NN_DataType type = case_type(t, form);
  const double tolerance = form == CASE_HALF ? fmax(4e-3, the_case.tolerance) : the_case.tolerance;
  for (uint32_t i = 0; i < t->count; i++) {
    const double a = case_load(type, actual->data, i), e = t->values[i];
    const bool isFloat = type >= OH_NN_FLOAT16;
    if (isnan(e) ? !isnan(a) : isFloat ? !(a == e || fabs(a - e) <= tolerance * (1 + fabs(e))) : a != e) {
      fprintf(stderr, "element %u is %g instead of %g\n", i, a, e);
      return case_fails("another value", form);
    }
  }
  return true;
}

static void case_io(NNRt_IOTensor *io, const CaseTensor *t, CaseForm form, void *data) {
  memset(io, 0, sizeof *io);
  io->name = t->name;
  io->dataType = case_type(t, form);
  io->format = OH_NN_FORMAT_NHWC;
  io->dimensionCount = t->rank;
  memcpy(io->dimensions, t->dims, sizeof t->dims);
  io->data = data;
  io->byteSize = t->count * case_size(io->dataType);
  io->fd = -1;
}

static inline bool case_run(NNRt_PreparedModel *prepared, CaseForm form) {
  NNRt_IOTensor in[16], out[8];
  for (uint32_t i = 0; i < the_case.input_count; i++) {
    const CaseTensor *t = &the_case.tensors[the_case.inputs[i]];
    case_io(&in[i], t, form, case_bytes(t, form));
  }
  for (uint32_t i = 0; i < the_case.output_count; i++) {
    const CaseTensor *t = &the_case.tensors[the_case.outputs[i]];
    case_io(&out[i], t, form, NULL);
    out[i].data = malloc(out[i].byteSize);
    memset(out[i].data, 0x5a, out[i].byteSize);
    if (form == CASE_OPEN) for (uint32_t k = 0; k < t->rank; k++) out[i].dimensions[k] = -1;
  }
  bool ok = the_driver->run(prepared, in, the_case.input_count, out, the_case.output_count) == OH_NN_SUCCESS;
  if (!ok) case_fails("run", form);
  for (uint32_t i = 0; ok && i < the_case.output_count; i++)
    ok = case_compare(&out[i], &the_case.tensors[the_case.outputs[i]], form);
  for (uint32_t i = 0; i < the_case.input_count; i++) {
    void *before = case_bytes(&the_case.tensors[the_case.inputs[i]], form);
    if (ok && memcmp(before, in[i].data, in[i].byteSize) != 0) ok = case_fails("an input has changed", form);
    free(before);
    free(in[i].data);
  }
  for (uint32_t i = 0; i < the_case.output_count; i++) free(out[i].data);
  return ok;
}

static inline bool case_form(CaseForm form) {
  FlatCase *f = flatten(form);
  bool supported[CASE_NODES] = {false};
  NNRt_Config config = {false, OH_NN_PERFORMANCE_NONE, OH_NN_PRIORITY_NONE, NULL, 0};
  NNRt_PreparedModel *prepared = NULL;
  bool ok = the_driver->getSupportedOperations(the_device, &f->model, supported) == OH_NN_SUCCESS;
  for (uint32_t i = 0; i < the_case.node_count; i++) ok &= supported[i];
  OH_NN_ReturnCode code = the_driver->prepareModel(the_device, &f->model, &config, &prepared);
  if (code != OH_NN_SUCCESS) {
    release_flat(f);
    return case_fails("preparation", form);
  }
  if (!ok) case_fails("not supported", form);
  if (form == CASE_CACHED) {
    const NNRt_Blob *blobs = NULL;
    uint32_t count = 0;
    NNRt_PreparedModel *again = NULL;
    if (the_driver->exportCache(prepared, &blobs, &count) != OH_NN_SUCCESS) {
      ok = case_fails("cache", form);
    } else {
      if (the_driver->prepareModelFromCache(the_device, blobs, count, &config, &again) != OH_NN_SUCCESS)
        ok = case_fails("preparation from the cache", form);
      the_driver->releaseCache(prepared, blobs, count);
    }
    the_driver->releaseModel(prepared);
    prepared = again;
  }
  release_flat(f);
  if (prepared != NULL) {
    ok = case_run(prepared, form) && case_run(prepared, form) && ok;
    the_driver->releaseModel(prepared);
  }
  return ok;
}

/* Runs the model and writes what it gives into the outputs' values; false if the driver refuses it. */
static inline bool case_results(CaseTensor **outputs) {
  FlatCase *f = flatten(CASE_PLAIN);
  const NNRt_Config config = {false, OH_NN_PERFORMANCE_NONE, OH_NN_PRIORITY_NONE, NULL, 0};
  NNRt_PreparedModel *prepared = NULL;
  bool supported[CASE_NODES] = {false};
  bool ok = the_driver->getSupportedOperations(the_device, &f->model, supported) == OH_NN_SUCCESS && supported[0];
  ok = ok && the_driver->prepareModel(the_device, &f->model, &config, &prepared) == OH_NN_SUCCESS;
  release_flat(f);
  if (!ok) return false;
  NNRt_IOTensor in[16], out[8];
  for (uint32_t i = 0; i < the_case.input_count; i++) {
    const CaseTensor *t = &the_case.tensors[the_case.inputs[i]];
    case_io(&in[i], t, CASE_PLAIN, case_bytes(t, CASE_PLAIN));
  }
  for (uint32_t i = 0; i < the_case.output_count; i++) {
    case_io(&out[i], outputs[i], CASE_PLAIN, NULL);
    out[i].data = calloc(1, out[i].byteSize + 1);
  }
  ok = the_driver->run(prepared, in, the_case.input_count, out, the_case.output_count) == OH_NN_SUCCESS;
  if (!ok) case_fails("run", CASE_BYTES);
  for (uint32_t i = 0; i < the_case.output_count; i++)
    for (uint32_t k = 0; k < outputs[i]->count; k++) outputs[i]->values[k] = case_load(outputs[i]->type, out[i].data, k);
  for (uint32_t i = 0; i < the_case.input_count; i++) free(in[i].data);
  for (uint32_t i = 0; i < the_case.output_count; i++) free(out[i].data);
  the_driver->releaseModel(prepared);
  return ok;
}

#ifdef CASE_THROUGH_RUNTIME
#include "runtime.h"
#else
#include "bytes.h"
#endif

/* The model keeps its float32. */
static inline void only_single(void) { the_case.is_single = true; }

#ifdef CASE_THROUGH_RUNTIME
/* Instead of the driver's table. */
static inline void finish(void) { check_passed += case_through_runtime(CASE_PLAIN) + case_through_runtime(CASE_OPEN); }
#else
static inline void finish(void) {
  case_defaults();
  check_passed += case_form(CASE_PLAIN);
  check_passed += case_form(CASE_CACHED);
  check_passed += case_form(CASE_OPEN);
  bool has_floats = false;
  for (uint32_t i = 0; i < the_case.tensor_count; i++) has_floats |= the_case.tensors[i].type == OH_NN_FLOAT32;
  if (has_floats && !the_case.is_single) check_passed += case_form(CASE_HALF);
  check_passed += case_in_bytes();
}
#endif

/* --- the driver --------------------------------------------------------------------------------------------------- */

static inline const NNRt_Driver *load_driver(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(2);
  }
  const NNRt_Driver *(*entry)(uint32_t);
  *(void **)&entry = dlsym(library, "NNRt_DriverEntry");
  const NNRt_Driver *driver = entry != NULL ? entry(NNRT_DRIVER_ABI_VERSION) : NULL;
  if (driver == NULL || driver->abiVersion != NNRT_DRIVER_ABI_VERSION || driver->size < sizeof *driver) {
    fprintf(stderr, "%s is no driver\n", path);
    exit(2);
  }
  return driver;
}

#endif
