/* A driver for tests: computes a few operators on float32 itself, and misbehaves when it is told to (driver_test.h). Its devices:
 *
 *   Device-CPU   CPU, can everything
 *   Bare         other, can nothing that is optional
 *   NPU_test     accelerator, can everything; one run at a time
 *   HIAI_F_test  accelerator, takes offline models: "NNRTTEST" and a 32-bit n, a model that doubles n numbers
 *   one that is offline, and one more of the first one's name: neither is to be shown */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "driver_test.h"
#include "mslite/nnrt_driver.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define COUNT(field) __atomic_fetch_add(&controls.field, 1, __ATOMIC_SEQ_CST)
#define KEEP(field, value) __atomic_store_n(&controls.field, value, __ATOMIC_SEQ_CST)
#define READ(field) __atomic_load_n(&controls.field, __ATOMIC_SEQ_CST)

static nnrt_test_controls_t controls;
static pthread_mutex_t name_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *names[] = {"Device-CPU", "Bare", "NPU_test", "HIAI_F_test", "Gone", NULL};
static char name_memory[256];
static NNRt_DeviceDied died;
static void *died_context;

EXPORT nnrt_test_controls_t *nnrt_test_controls(void) { return &controls; }
EXPORT void nnrt_test_die(uint32_t device) {
  if (died != NULL) died(died_context, device);
}

static __thread const char *reason = "";
static OH_NN_ReturnCode fail(OH_NN_ReturnCode code, const char *text) {
  reason = text;
  return code;
}
static const char *last_error(void) { return reason; }

static void sleep_milliseconds(int count) {
  const struct timespec t = {count / 1000, (long)(count % 1000) * 1000000};
  nanosleep(&t, NULL);
}

/* --- models as bytes --------------------------------------------------------------------------------------------------- */

/* A model is copied into one block of words of 8 bytes, which is what the cache exports, too. */
enum { MAX_TENSORS = 256, MAX_NODES = 256, MAX_LIST = 210 };
#define MAGIC 0x54534554544e524eull

typedef struct {
  uint64_t *words;
  size_t count, capacity;
} writer_t;

static void put(writer_t *w, uint64_t word) {
  if (w->count == w->capacity) {
    w->capacity = w->capacity == 0 ? 256 : w->capacity * 2;
    w->words = realloc(w->words, w->capacity * 8);
    if (w->words == NULL) abort();
  }
  w->words[w->count++] = word;
}

static void put_bytes(writer_t *w, const void *bytes, size_t size) {
  put(w, size);
  for (size_t i = 0; i < size; i += 8) {
    uint64_t word = 0;
    memcpy(&word, (const char *)bytes + i, size - i < 8 ? size - i : 8);
    put(w, word);
  }
}

static void put_list(writer_t *w, const uint32_t *list, uint32_t count) {
  put(w, count);
  for (uint32_t i = 0; i < count; i++) put(w, list[i]);
}

static void put_model(writer_t *w, const NNRt_Model *m) {
  put(w, MAGIC);
  put(w, m->tensorCount);
  for (uint32_t i = 0; i < m->tensorCount; i++) {
    const NNRt_ModelTensor *t = &m->tensors[i];
    put(w, t->dataType);
    put(w, t->dimensionCount);
    for (uint32_t k = 0; k < t->dimensionCount; k++) put(w, (uint64_t)(int64_t)t->dimensions[k]);
    put_bytes(w, t->data, t->data != NULL ? t->dataSize : 0);
  }
  put(w, m->nodeCount);
  for (uint32_t i = 0; i < m->nodeCount; i++) {
    const NNRt_Node *n = &m->nodes[i];
    put(w, n->operation);
    put(w, n->attributeCount);
    for (uint32_t k = 0; k < n->attributeCount; k++) {
      static const size_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};
      put(w, n->attributes[k].type);
      put_bytes(w, n->attributes[k].data, n->attributes[k].count * sizes[n->attributes[k].dataType]);
    }
    put_list(w, n->inputs, n->inputCount);
    put_list(w, n->outputs, n->outputCount);
  }
  put_list(w, m->inputs, m->inputCount);
  put_list(w, m->outputs, m->outputCount);
}

typedef struct {
  uint32_t type;
  int rank;
  int32_t dims[NNRT_MAX_DIMENSIONS];
  const void *data; /* of a constant */
  size_t size;
} tensor_t;

typedef struct {
  uint32_t type;
  const void *data;
  size_t size;
} attribute_t;

typedef struct {
  uint32_t operation;
  uint32_t attribute_count, input_count, output_count;
  attribute_t attributes[16];
  uint32_t inputs[MAX_LIST], outputs[MAX_LIST];
} node_t;

struct NNRt_PreparedModel {
  uint32_t device;
  writer_t bytes;
  uint32_t tensor_count, node_count, input_count, output_count;
  tensor_t tensors[MAX_TENSORS];
  node_t nodes[MAX_NODES];
  uint32_t inputs[MAX_LIST], outputs[MAX_LIST];
  NNRt_TensorInfo *input_infos, *output_infos;
  NNRt_Blob blobs[2];
  int running, begun, cancelled; /* runs on their way; runs that have begun, ever; and of these the first so many are cancelled */
};

typedef struct {
  const uint64_t *words;
  size_t count, next;
  int broken;
} reader_t;

static uint64_t get(reader_t *r) {
  if (r->next >= r->count) {
    r->broken = 1;
    return 0;
  }
  return r->words[r->next++];
}

static const void *get_bytes(reader_t *r, size_t *size) {
  const uint64_t bytes = get(r);
  const size_t words = (size_t)(bytes / 8 + (bytes % 8 != 0));
  if (words > r->count - r->next) {
    r->broken = 1;
    *size = 0;
    return NULL;
  }
  const void *start = bytes == 0 ? NULL : r->words + r->next;
  r->next += words;
  *size = (size_t)bytes;
  return start;
}

static uint32_t get_count(reader_t *r, uint32_t limit) {
  const uint64_t count = get(r);
  if (count > limit) {
    r->broken = 1;
    return 0;
  }
  return (uint32_t)count;
}

static void get_list(reader_t *r, uint32_t *list, uint32_t *count, uint32_t tensors) {
  *count = get_count(r, MAX_LIST);
  for (uint32_t i = 0; i < *count; i++) {
    list[i] = (uint32_t)get(r);
    if (list[i] >= tensors) r->broken = 1;
  }
}

/* Takes the words apart; 0 if they are not a model. */
static int get_model(NNRt_PreparedModel *p) {
  reader_t reader = {p->bytes.words, p->bytes.count, 0, 0}, *r = &reader;
  if (get(r) != MAGIC) return 0;
  p->tensor_count = get_count(r, MAX_TENSORS);
  for (uint32_t i = 0; i < p->tensor_count; i++) {
    tensor_t *t = &p->tensors[i];
    t->type = (uint32_t)get(r);
    t->rank = (int)get_count(r, NNRT_MAX_DIMENSIONS);
    for (int k = 0; k < t->rank; k++) t->dims[k] = (int32_t)(int64_t)get(r);
    t->data = get_bytes(r, &t->size);
  }
  p->node_count = get_count(r, MAX_NODES);
  for (uint32_t i = 0; i < p->node_count; i++) {
    node_t *n = &p->nodes[i];
    n->operation = (uint32_t)get(r);
    n->attribute_count = get_count(r, 16);
    for (uint32_t k = 0; k < n->attribute_count; k++) {
      n->attributes[k].type = (uint32_t)get(r);
      n->attributes[k].data = get_bytes(r, &n->attributes[k].size);
    }
    get_list(r, n->inputs, &n->input_count, p->tensor_count);
    get_list(r, n->outputs, &n->output_count, p->tensor_count);
  }
  get_list(r, p->inputs, &p->input_count, p->tensor_count);
  get_list(r, p->outputs, &p->output_count, p->tensor_count);
  return !r->broken && r->next == r->count;
}

/* --- computing --------------------------------------------------------------------------------------------------------- */

/* A tensor of a run. */
typedef struct {
  int rank;
  int32_t dims[NNRT_MAX_DIMENSIONS];
  void *data;
  int is_owned;
} value_t;

static size_t elements(const value_t *v) {
  size_t n = 1;
  for (int i = 0; i < v->rank; i++) n *= (size_t)v->dims[i];
  return n;
}

static void *make(value_t *v, int rank, const int32_t *dims, size_t element) {
  v->rank = rank;
  if (rank > 0) memcpy(v->dims, dims, sizeof(int32_t) * (size_t)rank);
  v->is_owned = 1;
  v->data = calloc(elements(v) + 1, element);
  if (v->data == NULL) abort();
  return v->data;
}

static const void *attribute(const node_t *n, uint32_t type) {
  for (uint32_t i = 0; i < n->attribute_count; i++)
    if (n->attributes[i].type == type) return n->attributes[i].data;
  return NULL;
}

static float activate(float x, const void *activation) {
  const int8_t kind = activation != NULL ? *(const int8_t *)activation : 0;
  if (kind != 0 && x < 0) return 0;
  return kind == 2 && x > 6 ? 6 : x;
}

static int is_binary(uint32_t op) { return op == OH_NN_OPS_ADD || op == OH_NN_OPS_SUB || op == OH_NN_OPS_MUL; }

/* Equal shapes, or a second operand that is repeated. */
static void binary(const node_t *n, const value_t *a, const value_t *b, value_t *y) {
  float *out = make(y, a->rank, a->dims, 4);
  const size_t count = elements(a), period = elements(b);
  const uint32_t type = n->operation == OH_NN_OPS_ADD   ? OH_NN_ADD_ACTIVATIONTYPE
                        : n->operation == OH_NN_OPS_SUB ? OH_NN_SUB_ACTIVATIONTYPE
                                                        : OH_NN_MUL_ACTIVATION_TYPE;
  const float *p = a->data, *q = b->data;
  for (size_t i = 0; i < count; i++) {
    const float u = p[i], v = q[i % period];
    const float x = n->operation == OH_NN_OPS_ADD ? u + v : n->operation == OH_NN_OPS_SUB ? u - v : u * v;
    out[i] = activate(x, attribute(n, type));
  }
}

static void unary(const node_t *n, const value_t *a, value_t *y) {
  float *out = make(y, a->rank, a->dims, 4);
  const float *p = a->data;
  for (size_t i = 0; i < elements(a); i++) {
    const float x = p[i];
    switch (n->operation) {
      case OH_NN_OPS_RELU: out[i] = x > 0 ? x : 0; break;
      case OH_NN_OPS_RELU6: out[i] = x < 0 ? 0 : x > 6 ? 6 : x; break;
      case OH_NN_OPS_SIGMOID: out[i] = 1 / (1 + expf(-x)); break;
      default: out[i] = tanhf(x); break;
    }
  }
}

static int pool(const node_t *n, const value_t *a, value_t *y) {
  const int is_mean = n->operation == OH_NN_OPS_AVG_POOL;
  const int64_t *kernel = attribute(n, is_mean ? OH_NN_AVG_POOL_KERNEL_SIZE : OH_NN_MAX_POOL_KERNEL_SIZE);
  const int64_t *stride = attribute(n, is_mean ? OH_NN_AVG_POOL_STRIDE : OH_NN_MAX_POOL_STRIDE);
  const int8_t *mode = attribute(n, is_mean ? OH_NN_AVG_POOL_PAD_MODE : OH_NN_MAX_POOL_PAD_MODE);
  const int64_t *pads = attribute(n, is_mean ? OH_NN_AVG_POOL_PAD : OH_NN_MAX_POOL_PAD);
  if (a->rank != 4 || kernel == NULL || stride == NULL) return 0;
  int64_t before[2] = {0, 0}, out[2];
  for (int d = 0; d < 2; d++) {
    const int64_t size = a->dims[1 + d];
    if (mode != NULL && *mode == 0) {
      out[d] = (size + stride[d] - 1) / stride[d];
      const int64_t padding = (out[d] - 1) * stride[d] + kernel[d] - size;
      before[d] = padding > 0 ? padding / 2 : 0;
    } else {
      before[d] = mode == NULL && pads != NULL ? pads[2 * d] : 0;
      const int64_t after = mode == NULL && pads != NULL ? pads[2 * d + 1] : 0;
      out[d] = (size + before[d] + after - kernel[d]) / stride[d] + 1;
    }
    if (out[d] < 1) return 0;
  }
  const int32_t dims[4] = {a->dims[0], (int32_t)out[0], (int32_t)out[1], a->dims[3]};
  float *to = make(y, 4, dims, 4);
  const float *from = a->data;
  for (int32_t b = 0; b < dims[0]; b++)
    for (int64_t i = 0; i < out[0]; i++)
      for (int64_t j = 0; j < out[1]; j++)
        for (int32_t c = 0; c < dims[3]; c++) {
          float sum = 0, most = -INFINITY;
          int count = 0;
          for (int64_t u = 0; u < kernel[0]; u++)
            for (int64_t v = 0; v < kernel[1]; v++) {
              const int64_t row = i * stride[0] + u - before[0], column = j * stride[1] + v - before[1];
              if (row < 0 || row >= a->dims[1] || column < 0 || column >= a->dims[2]) continue;
              const float x = from[((b * a->dims[1] + row) * a->dims[2] + column) * dims[3] + c];
              sum += x;
              most = x > most ? x : most;
              count++;
            }
          const float x = is_mean ? (count > 0 ? sum / (float)count : 0) : most;
          to[((b * out[0] + i) * out[1] + j) * dims[3] + c] =
              activate(x, attribute(n, is_mean ? OH_NN_AVG_POOL_ACTIVATION_TYPE : OH_NN_MAX_POOL_ACTIVATION_TYPE));
        }
  return 1;
}

/* Along the last dimension. */
static int top_k(const value_t *a, const value_t *k, uint32_t k_type, value_t *values, value_t *indices) {
  const int64_t wanted = k_type == OH_NN_INT32 ? *(int32_t *)k->data : k_type == OH_NN_INT64 ? *(int64_t *)k->data : *(int8_t *)k->data;
  if (a->rank < 1 || wanted < 1 || wanted > a->dims[a->rank - 1]) return 0;
  const int32_t size = a->dims[a->rank - 1];
  int32_t dims[NNRT_MAX_DIMENSIONS];
  memcpy(dims, a->dims, sizeof dims);
  dims[a->rank - 1] = (int32_t)wanted;
  float *best = make(values, a->rank, dims, 4);
  int32_t *where = make(indices, a->rank, dims, 4);
  char *taken = malloc((size_t)size);
  if (taken == NULL) abort();
  for (size_t row = 0; row < elements(a) / (size_t)size; row++) {
    const float *x = (const float *)a->data + row * (size_t)size;
    memset(taken, 0, (size_t)size);
    for (int64_t i = 0; i < wanted; i++) {
      int32_t most = -1;
      for (int32_t m = 0; m < size; m++)
        if (!taken[m] && (most < 0 || x[m] > x[most])) most = m;
      taken[most] = 1;
      best[row * (size_t)wanted + (size_t)i] = x[most];
      where[row * (size_t)wanted + (size_t)i] = most;
    }
  }
  free(taken);
  return 1;
}

static int can_compute(uint32_t op) {
  return is_binary(op) || op == OH_NN_OPS_RELU || op == OH_NN_OPS_RELU6 || op == OH_NN_OPS_SIGMOID || op == OH_NN_OPS_TANH ||
         op == OH_NN_OPS_AVG_POOL || op == OH_NN_OPS_MAX_POOL || op == OH_NN_OPS_TOP_K || op == OH_NN_OPS_RESHAPE;
}

static size_t element_size(uint32_t type) {
  static const size_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};
  return type < 13 ? sizes[type] : 0;
}

/* 0 if the node's values do not fit it. */
static int compute(const NNRt_PreparedModel *p, const node_t *n, value_t *values) {
  value_t *x = &values[n->inputs[0]], *y = &values[n->outputs[0]];
  for (uint32_t i = 0; i < n->input_count; i++)
    if (values[n->inputs[i]].data == NULL) return 0;
  if (is_binary(n->operation)) return binary(n, x, &values[n->inputs[1]], y), 1;
  switch (n->operation) {
    case OH_NN_OPS_RELU:
    case OH_NN_OPS_RELU6:
    case OH_NN_OPS_SIGMOID:
    case OH_NN_OPS_TANH: return unary(n, x, y), 1;
    case OH_NN_OPS_AVG_POOL:
    case OH_NN_OPS_MAX_POOL: return pool(n, x, y);
    case OH_NN_OPS_TOP_K:
      return top_k(x, &values[n->inputs[1]], p->tensors[n->inputs[1]].type, y, &values[n->outputs[1]]);
    case OH_NN_OPS_RESHAPE: {
      const tensor_t *declared = &p->tensors[n->outputs[0]];
      make(y, declared->rank, declared->dims, 4);
      if (elements(y) != elements(x)) return 0;
      memcpy(y->data, x->data, elements(x) * element_size(p->tensors[n->inputs[0]].type));
      return 1;
    }
    default:
      for (uint32_t i = 0; i < n->output_count; i++) {
        const tensor_t *declared = &p->tensors[n->outputs[i]];
        value_t *v = &values[n->outputs[i]];
        int32_t dims[NNRT_MAX_DIMENSIONS];
        for (int k = 0; k < declared->rank; k++) dims[k] = declared->dims[k] > 0 ? declared->dims[k] : 1;
        make(v, declared->rank, dims, element_size(declared->type));
      }
      return 1;
  }
}

/* --- the interface ----------------------------------------------------------------------------------------------------- */

static uint32_t device_count(void) { return 6; }

static OH_NN_ReturnCode device_info(uint32_t device, NNRt_DeviceInfo *info) {
  const char *name = device < 5 ? names[device] : names[0];
  const int is_full = device != 1;
  snprintf(info->name, sizeof info->name, "%s", name);
  snprintf(info->vendor, sizeof info->vendor, "TestVendor");
  info->type = device == 0 || device > 4 ? OH_NN_CPU : device == 1 ? OH_NN_OTHERS : OH_NN_ACCELERATOR;
  info->status = device == 4 ? NNRT_DEVICE_OFFLINE : device == 2 ? NNRT_DEVICE_BUSY : NNRT_DEVICE_AVAILABLE;
  info->versionMajor = 2;
  info->versionMinor = device == 1 ? 1 : 0;
  info->float16 = info->performanceMode = info->priority = info->dynamicInput = info->modelCache = is_full;
  info->concurrentRuns = device == 0;
  return OH_NN_SUCCESS;
}

static OH_NN_ReturnCode supported_operations(uint32_t device, const NNRt_Model *model, bool *supported) {
  (void)device;
  COUNT(queries);
  if (READ(fail_query) != 0) return fail((OH_NN_ReturnCode)READ(fail_query), "told to fail");
  uint64_t random = READ(seed) * 0x9e3779b97f4a7c15ull + 1;
  for (uint32_t i = 0; i < model->nodeCount; i++) {
    const uint32_t op = model->nodes[i].operation;
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    const int is_unlucky = READ(seed) != 0 && (random >> 33) % 100 < READ(percent);
    supported[i] = (READ(accept_all) || can_compute(op)) && !READ(refuse[op]) && !is_unlucky;
  }
  return OH_NN_SUCCESS;
}

static void release(NNRt_PreparedModel *p) {
  free(p->bytes.words);
  free(p->input_infos);
  free(p->output_infos);
  free(p);
}

static NNRt_TensorInfo *describe(const NNRt_PreparedModel *p, const uint32_t *list, uint32_t count, const char *name) {
  NNRt_TensorInfo *infos = calloc(count, sizeof *infos);
  if (infos == NULL) abort();
  for (uint32_t i = 0; i < count; i++) {
    const tensor_t *t = &p->tensors[list[i]];
    infos[i].name = name;
    infos[i].dataType = (OH_NN_DataType)t->type;
    infos[i].format = OH_NN_FORMAT_ND;
    infos[i].dimensionCount = (uint32_t)t->rank;
    memcpy(infos[i].dimensions, t->dims, sizeof t->dims);
  }
  return infos;
}

static OH_NN_ReturnCode begin_preparing(const NNRt_Config *config) {
  KEEP(last_mode, (int)config->performanceMode);
  KEEP(last_priority, (int)config->priority);
  KEEP(last_float16, config->float16);
  KEEP(last_extensions, (int)config->extensionCount);
  if (READ(slow_prepare) > 0) sleep_milliseconds(READ(slow_prepare));
  if (READ(crash) == 2) abort();
  if (READ(fail_prepare) != 0) return fail((OH_NN_ReturnCode)READ(fail_prepare), "told to fail");
  return OH_NN_SUCCESS;
}

/* Takes the words of `bytes` over. */
static OH_NN_ReturnCode finish_preparing(uint32_t device, writer_t bytes, NNRt_PreparedModel **prepared) {
  NNRt_PreparedModel *p = calloc(1, sizeof *p);
  if (p == NULL) abort();
  p->device = device;
  p->bytes = bytes;
  if (!get_model(p)) {
    release(p);
    return fail(OH_NN_INVALID_FILE, "the words are no model");
  }
  p->input_infos = describe(p, p->inputs, p->input_count, "in");
  p->output_infos = describe(p, p->outputs, p->output_count, "out");
  *prepared = p;
  return OH_NN_SUCCESS;
}

static OH_NN_ReturnCode prepare(uint32_t device, const NNRt_Model *model, const NNRt_Config *config, NNRt_PreparedModel **prepared) {
  const OH_NN_ReturnCode code = begin_preparing(config);
  if (code != OH_NN_SUCCESS) return code;
  pthread_mutex_lock(&name_lock);
  snprintf(controls.last_name, sizeof controls.last_name, "%s", model->name);
  pthread_mutex_unlock(&name_lock);
  if (model->tensorCount > MAX_TENSORS || model->nodeCount > MAX_NODES) return fail(OH_NN_MEMORY_ERROR, "the model is too large");
  writer_t bytes = {NULL, 0, 0};
  put_model(&bytes, model);
  COUNT(prepared);
  return finish_preparing(device, bytes, prepared);
}

static OH_NN_ReturnCode restore(uint32_t device, const NNRt_Blob *blobs, uint32_t count, const NNRt_Config *config,
                                NNRt_PreparedModel **prepared) {
  const OH_NN_ReturnCode code = begin_preparing(config);
  if (code != OH_NN_SUCCESS) return code;
  if (READ(fail_restore) != 0) return fail((OH_NN_ReturnCode)READ(fail_restore), "told to fail");
  if (count != 2 || blobs[1].size != 5 || memcmp(blobs[1].data, "test", 5) != 0) return fail(OH_NN_INVALID_FILE, "wrong blobs");
  writer_t bytes = {NULL, 0, 0};
  for (size_t i = 0; i + 8 <= blobs[0].size; i += 8) {
    uint64_t word;
    memcpy(&word, (const char *)blobs[0].data + i, 8);
    put(&bytes, word);
  }
  COUNT(restored);
  return finish_preparing(device, bytes, prepared);
}

static OH_NN_ReturnCode prepare_offline(uint32_t device, const NNRt_Blob *blobs, uint32_t count, const NNRt_Config *config,
                                        NNRt_PreparedModel **prepared) {
  const OH_NN_ReturnCode code = begin_preparing(config);
  if (code != OH_NN_SUCCESS) return code;
  if (device != 3) return fail(OH_NN_UNSUPPORTED, "only HIAI_F_test takes offline models");
  uint32_t n;
  if (count != 1 || blobs[0].size != 12 || memcmp(blobs[0].data, "NNRTTEST", 8) != 0)
    return fail(OH_NN_INVALID_FILE, "not an offline model");
  memcpy(&n, (const char *)blobs[0].data + 8, 4);
  const int32_t dims[1] = {(int32_t)n};
  const uint32_t in[2] = {0, 0}, out[1] = {1};
  const NNRt_ModelTensor tensors[2] = {
      {"in", OH_NN_FLOAT32, OH_NN_FORMAT_ND, 1, dims, NULL, 0, NULL, 0},
      {"out", OH_NN_FLOAT32, OH_NN_FORMAT_ND, 1, dims, NULL, 0, NULL, 0},
  };
  const NNRt_Node node = {"double", OH_NN_OPS_ADD, NULL, 0, in, 2, out, 1, false};
  const NNRt_Model model = {"", tensors, 2, &node, 1, in, 1, out, 1};
  writer_t bytes = {NULL, 0, 0};
  put_model(&bytes, &model);
  COUNT(prepared);
  return finish_preparing(device, bytes, prepared);
}

static OH_NN_ReturnCode describe_model(NNRt_PreparedModel *p, const NNRt_TensorInfo **inputs, uint32_t *input_count,
                                       const NNRt_TensorInfo **outputs, uint32_t *output_count) {
  *inputs = p->input_infos;
  *input_count = p->input_count;
  *outputs = p->output_infos;
  *output_count = p->output_count;
  return OH_NN_SUCCESS;
}

static OH_NN_ReturnCode export_cache(NNRt_PreparedModel *p, const NNRt_Blob **blobs, uint32_t *count) {
  if (READ(fail_export) != 0) return fail((OH_NN_ReturnCode)READ(fail_export), "told to fail");
  COUNT(exports);
  p->blobs[0].data = p->bytes.words;
  p->blobs[0].size = p->bytes.count * 8;
  p->blobs[1].data = "test";
  p->blobs[1].size = 5;
  *blobs = p->blobs;
  *count = 2;
  return OH_NN_SUCCESS;
}

static void release_cache(NNRt_PreparedModel *p, const NNRt_Blob *blobs, uint32_t count) {
  if (blobs != p->blobs || count != 2) abort();
  COUNT(returned);
}

static OH_NN_ReturnCode dimension_range(NNRt_PreparedModel *p, uint32_t input, uint32_t rank, uint32_t *minimum, uint32_t *maximum) {
  const tensor_t *t = &p->tensors[p->inputs[input]];
  if ((int)rank != t->rank) abort();
  for (uint32_t i = 0; i < rank; i++) {
    minimum[i] = t->dims[i] > 0 ? (uint32_t)t->dims[i] : 1;
    maximum[i] = t->dims[i] > 0 ? (uint32_t)t->dims[i] : READ(largest) != 0 ? READ(largest) : 64;
  }
  return OH_NN_SUCCESS;
}

/* Falsifies what a run has found out. */
static void spoil(NNRt_IOTensor *t, int garbage) {
  switch (garbage) {
    case GARBAGE_RANK: t->dimensionCount++; break;
    case GARBAGE_NEGATIVE: t->dimensions[0] = -7; break;
    case GARBAGE_SIZE: t->dimensions[0]++; break;
    case GARBAGE_HUGE:
      for (uint32_t i = 0; i < t->dimensionCount; i++) t->dimensions[i] = INT32_MAX;
      break;
    case GARBAGE_ROOM: t->dimensions[1] = 1000000; break;
    default: break;
  }
}

static OH_NN_ReturnCode run_nodes(NNRt_PreparedModel *p, const NNRt_IOTensor *inputs, NNRt_IOTensor *outputs, value_t *values) {
  for (uint32_t i = 0; i < p->tensor_count; i++) {
    if (p->tensors[i].data == NULL) continue;
    values[i].rank = p->tensors[i].rank;
    memcpy(values[i].dims, p->tensors[i].dims, sizeof values[i].dims);
    values[i].data = (void *)(uintptr_t)p->tensors[i].data;
  }
  for (uint32_t i = 0; i < p->input_count; i++) {
    value_t *v = &values[p->inputs[i]];
    v->rank = (int)inputs[i].dimensionCount;
    memcpy(v->dims, inputs[i].dimensions, sizeof v->dims);
    v->data = inputs[i].data;
    if (inputs[i].byteSize != elements(v) * element_size(inputs[i].dataType)) return fail(OH_NN_INVALID_PARAMETER, "wrong byteSize");
  }
  /* Nodes may come in any order. */
  char done[MAX_NODES] = {0};
  for (uint32_t left = p->node_count, before = left + 1; left > 0 && left < before;) {
    before = left;
    for (uint32_t i = 0; i < p->node_count; i++) {
      const node_t *n = &p->nodes[i];
      int is_ready = !done[i];
      for (uint32_t k = 0; k < n->input_count; k++) is_ready = is_ready && values[n->inputs[k]].data != NULL;
      if (!is_ready) continue;
      if (!compute(p, n, values)) return fail(OH_NN_INVALID_PARAMETER, "a node's inputs do not fit it");
      done[i] = 1;
      left--;
    }
  }
  OH_NN_ReturnCode code = OH_NN_SUCCESS;
  for (uint32_t i = 0; i < p->output_count; i++) {
    const value_t *v = &values[p->outputs[i]];
    outputs[i].dimensionCount = (uint32_t)v->rank;
    memcpy(outputs[i].dimensions, v->dims, sizeof v->dims);
    if (elements(v) * element_size(outputs[i].dataType) > outputs[i].byteSize) code = OH_NN_MEMORY_ERROR;
  }
  if (code != OH_NN_SUCCESS) return fail(code, "too little room");
  for (uint32_t i = 0; i < p->output_count; i++) {
    const value_t *v = &values[p->outputs[i]];
    memcpy(outputs[i].data, v->data, elements(v) * element_size(outputs[i].dataType));
    spoil(&outputs[i], READ(garbage));
  }
  return READ(garbage) == GARBAGE_CODE ? fail(OH_NN_MEMORY_ERROR, "told to lie") : OH_NN_SUCCESS;
}

static OH_NN_ReturnCode run(NNRt_PreparedModel *p, const NNRt_IOTensor *inputs, uint32_t input_count, NNRt_IOTensor *outputs,
                            uint32_t output_count) {
  if (input_count != p->input_count || output_count != p->output_count) abort();
  if (READ(crash) == 1) abort();
  const int before = __atomic_fetch_add(&p->running, 1, __ATOMIC_SEQ_CST);
  if (before > 0) COUNT(overlaps);
  const int own = __atomic_fetch_add(&p->begun, 1, __ATOMIC_SEQ_CST);
  const int number = COUNT(runs);
  if (READ(slow_run) > 0) sleep_milliseconds(READ(slow_run));
  while (READ(hang) == 2 || (READ(hang) == 1 && own >= __atomic_load_n(&p->cancelled, __ATOMIC_SEQ_CST))) sleep_milliseconds(5);
  OH_NN_ReturnCode code;
  if (own < __atomic_load_n(&p->cancelled, __ATOMIC_SEQ_CST)) {
    code = fail(OH_NN_TIMEOUT, "cancelled");
  } else if (READ(fail_run) != 0 && number >= READ(good_runs)) {
    code = fail((OH_NN_ReturnCode)READ(fail_run), "told to fail");
  } else {
    value_t *values = calloc(p->tensor_count + 1, sizeof *values);
    if (values == NULL) abort();
    code = run_nodes(p, inputs, outputs, values);
    for (uint32_t i = 0; i < p->tensor_count; i++)
      if (values[i].is_owned) free(values[i].data);
    free(values);
  }
  __atomic_fetch_sub(&p->running, 1, __ATOMIC_SEQ_CST);
  return code;
}

static void cancel(NNRt_PreparedModel *p) {
  COUNT(cancels);
  __atomic_store_n(&p->cancelled, __atomic_load_n(&p->begun, __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
}

static OH_NN_ReturnCode reconfigure(NNRt_PreparedModel *p, const NNRt_Config *config) {
  (void)p;
  COUNT(reconfigured);
  KEEP(last_mode, (int)config->performanceMode);
  KEEP(last_priority, (int)config->priority);
  return OH_NN_SUCCESS;
}

static void release_model(NNRt_PreparedModel *p) {
  COUNT(released);
  release(p);
}

static OH_NN_ReturnCode allocate_buffer(uint32_t device, size_t size, NNRt_Buffer *buffer) {
  (void)device;
  if (READ(fail_buffer) != 0) return fail((OH_NN_ReturnCode)READ(fail_buffer), "told to fail");
  buffer->fd = (int)syscall(SYS_memfd_create, "test", 0u);
  buffer->size = (size + 4095) / 4096 * 4096;
  if (buffer->fd < 0 || ftruncate(buffer->fd, (off_t)buffer->size) != 0) return fail(OH_NN_MEMORY_ERROR, "no memory");
  COUNT(buffers);
  return OH_NN_SUCCESS;
}

static void release_buffer(uint32_t device, NNRt_Buffer *buffer) {
  (void)device;
  close(buffer->fd);
  COUNT(freed);
}

static void set_death_callback(NNRt_DeviceDied callback, void *context) {
  died = callback;
  died_context = context;
}

static NNRt_Driver table = {
    .abiVersion = NNRT_DRIVER_ABI_VERSION,
    .size = sizeof(NNRt_Driver),
    .getDeviceCount = device_count,
    .getDeviceInfo = device_info,
    .lastError = last_error,
    .getSupportedOperations = supported_operations,
    .prepareModel = prepare,
    .prepareModelFromCache = restore,
    .prepareOfflineModel = prepare_offline,
    .describeModel = describe_model,
    .exportCache = export_cache,
    .releaseCache = release_cache,
    .getInputDimensionRange = dimension_range,
    .run = run,
    .cancel = cancel,
    .reconfigure = reconfigure,
    .releaseModel = release_model,
    .setDeathCallback = set_death_callback,
};

/* --- settings from outside --------------------------------------------------------------------------------------------- */

static int *number(const char *word, size_t length) {
  const struct {
    const char *word;
    int *place;
  } list[] = {
      {"all", &controls.accept_all},         {"fail_query", &controls.fail_query}, {"fail_prepare", &controls.fail_prepare},
      {"fail_restore", &controls.fail_restore}, {"fail_export", &controls.fail_export}, {"fail_run", &controls.fail_run},
      {"fail_buffer", &controls.fail_buffer}, {"good_runs", &controls.good_runs},   {"slow_prepare", &controls.slow_prepare},
      {"slow_run", &controls.slow_run},       {"hang", &controls.hang},             {"crash", &controls.crash},
      {"garbage", &controls.garbage},         {"seed", (int *)&controls.seed},      {"percent", (int *)&controls.percent},
  };
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    if (strlen(list[i].word) == length && strncmp(list[i].word, word, length) == 0) return list[i].place;
  return NULL;
}

static void set_names(const char *text, size_t length) {
  snprintf(name_memory, sizeof name_memory, "%.*s", (int)length, text);
  size_t count = 0;
  for (char *rest = NULL, *name = strtok_r(name_memory, "+", &rest); name != NULL && count < 4; name = strtok_r(NULL, "+", &rest))
    names[count++] = name;
}

static const NNRt_Driver *configure(const char *text) {
  while (*text != 0) {
    const size_t length = strcspn(text, ","), key = strcspn(text, "=,");
    const int value = key < length ? atoi(text + key + 1) : 1;
    if (strncmp(text, "refuse=", 7) == 0 && value >= 0 && value < 128) {
      controls.refuse[value] = 1;
    } else if (strncmp(text, "names=", 6) == 0) {
      set_names(text + 6, length - 6);
    } else if (strncmp(text, "buffers", length) == 0 && length == 7) {
      table.allocateBuffer = allocate_buffer;
      table.releaseBuffer = release_buffer;
    } else if (strncmp(text, "no_ranges", length) == 0 && length == 9) {
      table.getInputDimensionRange = NULL;
    } else if (strncmp(text, "version", length) == 0 && length == 7) {
      table.abiVersion = 99;
    } else if (strncmp(text, "short", length) == 0 && length == 5) {
      table.size = 64;
    } else if (strncmp(text, "old_cache", length) == 0 && length == 9) {
      table.exportCache = NULL;
    } else if (strncmp(text, "nameless", length) == 0 && length == 8) {
      names[0] = "";
    } else if (strncmp(text, "null", length) == 0 && length == 4) {
      return NULL;
    } else if (number(text, key) != NULL) {
      *number(text, key) = value;
    } else {
      fprintf(stderr, "driver_test: MSLITE_NNRT_TEST has an unknown word: %.*s\n", (int)length, text);
      return NULL;
    }
    text += length + (text[length] == ',');
  }
  return &table;
}

EXPORT const NNRt_Driver *NNRt_DriverEntry(uint32_t version) {
  if (version != NNRT_DRIVER_ABI_VERSION) return NULL;
  const char *text = getenv("MSLITE_NNRT_TEST");
  return configure(text != NULL ? text : "");
}
