#include "codec.h"

#include <stdlib.h>

/* Everything begins at a multiple of this, so that constants have the alignment that vectors like. */
enum { ALIGNMENT = 64 };

static size_t aligned(size_t size) { return (size + 7) & ~(size_t)7; }

/* --- writing --------------------------------------------------------------------------------------------------------- */

static void put(Writer *w, const void *bytes, size_t size) {
  if (w->base != NULL && size > 0) memcpy(w->base + w->used, bytes, size);
  w->used += aligned(size);
}

void write_number(Writer *w, uint64_t value) { put(w, &value, sizeof value); }

void write_bytes(Writer *w, const void *bytes, size_t size) {
  write_number(w, size);
  if (size >= ALIGNMENT) w->used = (w->used + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  put(w, bytes, size);
}

static void write_text(Writer *w, const char *text) { write_bytes(w, text, strlen(text) + 1); }

void write_config(Writer *w, const NNRt_Config *config) {
  write_number(w, config->float16);
  write_number(w, (uint64_t)config->performanceMode);
  write_number(w, (uint64_t)config->priority);
  write_number(w, config->extensionCount);
  for (uint32_t i = 0; i < config->extensionCount; i++) {
    write_text(w, config->extensions[i].name);
    write_bytes(w, config->extensions[i].value, config->extensions[i].size);
  }
}

static void write_tensor(Writer *w, const NNRt_ModelTensor *t) {
  write_text(w, t->name);
  write_number(w, (uint64_t)t->dataType);
  write_number(w, (uint64_t)t->format);
  write_bytes(w, t->dimensions, t->dimensionCount * sizeof *t->dimensions);
  write_number(w, t->data != NULL);
  write_bytes(w, t->data, t->data != NULL ? t->dataSize : 0);
  write_bytes(w, t->quantParams, t->quantParamCount * sizeof *t->quantParams);
}

static size_t value_size(OH_NN_DataType type) {
  switch (type) {
    case OH_NN_BOOL:
    case OH_NN_INT8: return 1;
    case OH_NN_INT32:
    case OH_NN_FLOAT32: return 4;
    case OH_NN_INT64: return 8;
    default: return 0;
  }
}

static void write_node(Writer *w, const NNRt_Node *n) {
  write_text(w, n->name);
  write_number(w, (uint64_t)n->operation);
  write_number(w, n->quantised);
  write_bytes(w, n->inputs, n->inputCount * sizeof *n->inputs);
  write_bytes(w, n->outputs, n->outputCount * sizeof *n->outputs);
  write_number(w, n->attributeCount);
  for (uint32_t i = 0; i < n->attributeCount; i++) {
    const NNRt_Attribute *a = &n->attributes[i];
    write_number(w, (uint64_t)a->type);
    write_number(w, (uint64_t)a->dataType);
    write_number(w, a->given);
    write_bytes(w, a->data, a->count * value_size(a->dataType));
  }
}

void write_model(Writer *w, const NNRt_Model *model) {
  write_text(w, model->name);
  write_number(w, model->tensorCount);
  for (uint32_t i = 0; i < model->tensorCount; i++) write_tensor(w, &model->tensors[i]);
  write_number(w, model->nodeCount);
  for (uint32_t i = 0; i < model->nodeCount; i++) write_node(w, &model->nodes[i]);
  write_bytes(w, model->inputs, model->inputCount * sizeof *model->inputs);
  write_bytes(w, model->outputs, model->outputCount * sizeof *model->outputs);
}

void write_blobs(Writer *w, const NNRt_Blob *blobs, uint32_t count) {
  write_number(w, count);
  for (uint32_t i = 0; i < count; i++) write_bytes(w, blobs[i].data, blobs[i].size);
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static const void *get(Reader *r, size_t size) {
  if (r->failed || r->used > r->size || size > r->size - r->used) {
    r->failed = true;
    return NULL;
  }
  const void *at = r->base + r->used;
  r->used += aligned(size);
  return at;
}

uint64_t read_number(Reader *r) {
  uint64_t value = 0;
  const void *at = get(r, sizeof value);
  if (at != NULL) memcpy(&value, at, sizeof value);
  return value;
}

const void *read_bytes(Reader *r, size_t *size) {
  const uint64_t count = read_number(r);
  *size = 0;
  if (r->failed || count > r->size) {
    r->failed = true;
    return NULL;
  }
  if (count >= ALIGNMENT) r->used = (r->used + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  const void *at = get(r, (size_t)count);
  if (at != NULL) *size = (size_t)count;
  return at;
}

/* Memory of `count` elements that lives as long as the reader. The count is one of things that follow, 8 bytes each at least. */
static void *allocate(Reader *r, uint64_t count, size_t size) {
  if (r->failed || count > r->size / 8) {
    r->failed = true;
    return NULL;
  }
  void **block = calloc(1, ALIGNMENT + (size_t)count * size);
  if (block == NULL) {
    r->failed = true;
    return NULL;
  }
  *block = r->owned;
  r->owned = block;
  return (char *)block + ALIGNMENT;
}

void reader_end(Reader *r) {
  while (r->owned != NULL) {
    void *next = *(void **)r->owned;
    free(r->owned);
    r->owned = next;
  }
}

static const char *read_text(Reader *r) {
  size_t size;
  const char *text = read_bytes(r, &size);
  if (text == NULL || size == 0 || text[size - 1] != 0) {
    r->failed = true;
    return "";
  }
  return text;
}

/* A list of elements of `size` bytes. */
static const void *read_list(Reader *r, size_t size, uint32_t *count) {
  size_t bytes;
  const void *at = read_bytes(r, &bytes);
  if (bytes % size != 0 || bytes / size > UINT32_MAX) r->failed = true;
  *count = r->failed ? 0 : (uint32_t)(bytes / size);
  return at;
}

const NNRt_Config *read_config(Reader *r) {
  NNRt_Config *config = allocate(r, 1, sizeof *config);
  if (config == NULL) return NULL;
  config->float16 = read_number(r) != 0;
  config->performanceMode = (OH_NN_PerformanceMode)read_number(r);
  config->priority = (OH_NN_Priority)read_number(r);
  const uint64_t count = read_number(r);
  NNRt_Extension *list = allocate(r, count, sizeof *list);
  for (uint64_t i = 0; i < count && !r->failed; i++) {
    list[i].name = read_text(r);
    list[i].value = read_bytes(r, &list[i].size);
  }
  config->extensions = list;
  config->extensionCount = (uint32_t)count;
  return r->failed ? NULL : config;
}

static void read_tensor(Reader *r, NNRt_ModelTensor *t) {
  t->name = read_text(r);
  t->dataType = (OH_NN_DataType)read_number(r);
  t->format = (OH_NN_Format)read_number(r);
  t->dimensions = read_list(r, sizeof *t->dimensions, &t->dimensionCount);
  const bool is_constant = read_number(r) != 0;
  t->data = read_bytes(r, &t->dataSize);
  if (!is_constant) t->data = NULL;
  t->quantParams = read_list(r, sizeof *t->quantParams, &t->quantParamCount);
  if (t->dimensionCount > NNRT_MAX_DIMENSIONS) r->failed = true;
}

static void read_node(Reader *r, NNRt_Node *n) {
  n->name = read_text(r);
  n->operation = (OH_NN_OperationType)read_number(r);
  n->quantised = read_number(r) != 0;
  n->inputs = read_list(r, sizeof *n->inputs, &n->inputCount);
  n->outputs = read_list(r, sizeof *n->outputs, &n->outputCount);
  const uint64_t count = read_number(r);
  NNRt_Attribute *list = allocate(r, count, sizeof *list);
  for (uint64_t i = 0; i < count && !r->failed; i++) {
    list[i].type = (OH_NN_TensorType)read_number(r);
    list[i].dataType = (OH_NN_DataType)read_number(r);
    list[i].given = read_number(r) != 0;
    const size_t size = value_size(list[i].dataType);
    if (size == 0) r->failed = true;
    else list[i].data = read_list(r, size, &list[i].count);
  }
  n->attributes = list;
  n->attributeCount = (uint32_t)count;
}

/* Every index is below `limit`. */
static bool are_below(const uint32_t *list, uint32_t count, uint32_t limit) {
  for (uint32_t i = 0; i < count; i++) if (list[i] >= limit) return false;
  return true;
}

const NNRt_Model *read_model(Reader *r) {
  NNRt_Model *model = allocate(r, 1, sizeof *model);
  if (model == NULL) return NULL;
  model->name = read_text(r);
  const uint64_t tensor_count = read_number(r);
  NNRt_ModelTensor *tensors = allocate(r, tensor_count, sizeof *tensors);
  for (uint64_t i = 0; i < tensor_count && !r->failed; i++) read_tensor(r, &tensors[i]);
  const uint64_t node_count = read_number(r);
  NNRt_Node *nodes = allocate(r, node_count, sizeof *nodes);
  for (uint64_t i = 0; i < node_count && !r->failed; i++) read_node(r, &nodes[i]);
  model->tensors = tensors;
  model->tensorCount = (uint32_t)tensor_count;
  model->nodes = nodes;
  model->nodeCount = (uint32_t)node_count;
  model->inputs = read_list(r, sizeof *model->inputs, &model->inputCount);
  model->outputs = read_list(r, sizeof *model->outputs, &model->outputCount);
  if (r->failed) return NULL;
  bool valid = are_below(model->inputs, model->inputCount, model->tensorCount) &&
               are_below(model->outputs, model->outputCount, model->tensorCount);
  for (uint64_t i = 0; i < node_count; i++) {
    valid &= are_below(nodes[i].inputs, nodes[i].inputCount, model->tensorCount) &&
             are_below(nodes[i].outputs, nodes[i].outputCount, model->tensorCount);
  }
  r->failed = !valid;
  return valid ? model : NULL;
}

const NNRt_Blob *read_blobs(Reader *r, uint32_t *count) {
  const uint64_t number = read_number(r);
  *count = 0;
  if (number > WIRE_BLOBS) r->failed = true;
  NNRt_Blob *list = allocate(r, number, sizeof *list);
  for (uint64_t i = 0; i < number && !r->failed; i++) list[i].data = read_bytes(r, &list[i].size);
  if (r->failed) return NULL;
  *count = (uint32_t)number;
  return list;
}
