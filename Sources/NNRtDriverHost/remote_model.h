/* A compiled model of a host, as the client has it. */
#ifndef MSLITE_NNRT_HOST_REMOTE_MODEL_H
#define MSLITE_NNRT_HOST_REMOTE_MODEL_H

#include "buffers.h"
#include "codec.h"

struct NNRt_PreparedModel {
  Host *host;
  HostProcess *process;
  /* Its number in the process. */
  uint64_t number;
  int socket;
  WireMailbox *mailbox;
  /* Tensors that lie in ordinary memory pass through here. */
  Buffer *staging;
  char *staging_bytes;
  /* What describe_model has given. */
  NNRt_TensorInfo *infos;
  char *info_names;
  pthread_mutex_t lock;
};

/* --- the driver's functions ------------------------------------------------------------------------------------------ */

void release_model(NNRt_PreparedModel *model);
OH_NN_ReturnCode describe_model(
  NNRt_PreparedModel *model, const NNRt_TensorInfo **inputs, uint32_t *input_count, const NNRt_TensorInfo **outputs,
  uint32_t *output_count);
OH_NN_ReturnCode export_cache(NNRt_PreparedModel *model, const NNRt_Blob **blobs, uint32_t *count);
void release_cache(NNRt_PreparedModel *model, const NNRt_Blob *blobs, uint32_t count);
OH_NN_ReturnCode get_input_dimension_range(
  NNRt_PreparedModel *model, uint32_t input, uint32_t dimension_count, uint32_t *minimum, uint32_t *maximum);
OH_NN_ReturnCode reconfigure(NNRt_PreparedModel *model, const NNRt_Config *config);
OH_NN_ReturnCode run(
  NNRt_PreparedModel *model, const NNRt_IOTensor *inputs, uint32_t input_count, NNRt_IOTensor *outputs, uint32_t output_count);
void cancel(NNRt_PreparedModel *model);

/* --- what they share ------------------------------------------------------------------------------------------------- */

/* Tells the host that there is something for it: a run in the mailbox, or a message on the socket. */
void ring(NNRt_PreparedModel *model, bool is_run);

/* A call that is not a run; see host_call. */
OH_NN_ReturnCode call_model(
  NNRt_PreparedModel *model, WireMessage *request, const int *descriptors, int count, WireMessage *answer, int *memory);

/* Makes sure that the host has a buffer. */
OH_NN_ReturnCode attach(NNRt_PreparedModel *model, Buffer *buffer);

/* The host has answered something that is no answer. */
OH_NN_ReturnCode nonsense(NNRt_PreparedModel *model);

/* Memory with what `write` writes, and its size; its descriptor, or -1. */
typedef void (*WriteContent)(Writer *w, const void *content);
int content_memory(WriteContent write, const void *content, uint64_t *size);

#endif
