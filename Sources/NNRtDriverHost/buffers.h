/* Memory that the client shares with hosts. */
#ifndef MSLITE_NNRT_HOST_BUFFERS_H
#define MSLITE_NNRT_HOST_BUFFERS_H

#include "hosts.h"

/* Memory that hosts can map. A host that has it knows it by its number. */
typedef struct Buffer {
  int descriptor;
  size_t size;
  uint64_t number;
  /* The generation of the process that has it; 0: none. */
  uint64_t known_to;
  struct Buffer *next;
} Buffer;

OH_NN_ReturnCode allocate_buffer(uint32_t device, size_t size, NNRt_Buffer *buffer);
void release_buffer(uint32_t device, NNRt_Buffer *buffer);

/* The buffer of a tensor, if it lies in one; NULL: in memory that the host cannot have. */
Buffer *buffer_of(const NNRt_IOTensor *t);

/* A buffer that the runtime does not know of. NULL with errno set on failure. */
Buffer *make_buffer(size_t size);
/* Tells a process that has it; `process` may be NULL. */
void free_buffer(Buffer *buffer, HostProcess *process);

#endif
