/* Models and settings as bytes. */
#ifndef MSLITE_NNRT_HOST_CODEC_H
#define MSLITE_NNRT_HOST_CODEC_H

#include "wire.h"

/* Writes into memory, or with `base` NULL counts what that would take. */
typedef struct {
  uint8_t *base;
  size_t used;
} Writer;

void write_bytes(Writer *w, const void *bytes, size_t size);
void write_number(Writer *w, uint64_t value);
void write_config(Writer *w, const NNRt_Config *config);
void write_model(Writer *w, const NNRt_Model *model);
void write_blobs(Writer *w, const NNRt_Blob *blobs, uint32_t count);

/* Reads what is in memory; `failed` when it is not what was asked for. What it gives points into the memory, or belongs to the reader. */
typedef struct {
  const uint8_t *base;
  size_t size, used;
  bool failed;
  void *owned;
} Reader;

const void *read_bytes(Reader *r, size_t *size);
uint64_t read_number(Reader *r);
const NNRt_Config *read_config(Reader *r);
const NNRt_Model *read_model(Reader *r);
/* At most WIRE_BLOBS. */
const NNRt_Blob *read_blobs(Reader *r, uint32_t *count);
/* Frees what belongs to the reader. */
void reader_end(Reader *r);

#endif
