/* libnnrt_driver_host.so: a driver whose devices are those of other drivers, each of which runs in a process of its own.
 *
 * MSLITE_NNRT_HOSTED  the libraries to host, separated by colons; a name without a slash is one in the folder of this library
 * MSLITE_NNRT_HOST    the host program, if it is not nnrt_driver_host in that folder
 * MSLITE_NNRT_HOST_TIMEOUT  milliseconds that a host may take for a call (30000); then it is killed
 *
 * Programs with more rights than their user ignore all of them. */
#include "remote_model.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  const NNRt_Config *config;
  const NNRt_Model *model;
  const NNRt_Blob *blobs;
  uint32_t blob_count;
} Preparation;

static void write_preparation(Writer *w, const void *content) {
  const Preparation *p = content;
  write_config(w, p->config);
  if (p->model != NULL) write_model(w, p->model);
  else write_blobs(w, p->blobs, p->blob_count);
}

static void write_only_model(Writer *w, const void *content) { write_model(w, content); }

static OH_NN_ReturnCode get_supported_operations(uint32_t device, const NNRt_Model *model, bool *supported) {
  WireMessage request = {.kind = WIRE_SUPPORTED}, answer;
  Host *host = host_of(device, &request.device);
  if (host == NULL) return OH_NN_INVALID_PARAMETER;
  HostProcess *process = running(host);
  if (process == NULL) return OH_NN_UNAVAILABLE_DEVICE;
  const int content = content_memory(write_only_model, model, &request.size);
  int memory = -1;
  OH_NN_ReturnCode code = OH_NN_SUCCESS;
  if (content < 0) {
    code = no_memory();
  } else if (!host_call(process, process->control, &request, &content, 1, &answer, &memory)) {
    code = lost(host);
  } else if (answer.status != OH_NN_SUCCESS) {
    code = refused(answer.status, answer.text);
    if (memory >= 0) close(memory);
  } else {
    uint8_t *list = answer.size == model->nodeCount ? host_read(memory, answer.size) : NULL;
    if (list == NULL && model->nodeCount > 0) {
      if (memory >= 0 && answer.size != model->nodeCount) close(memory);
      host_kill(process);
      code = lost(host);
    } else {
      for (uint32_t i = 0; i < model->nodeCount; i++) supported[i] = list[i] == 1;
    }
    free(list);
  }
  if (content >= 0) close(content);
  host_release(process);
  return code;
}

/* The three ways to compile differ in what is sent. */
static OH_NN_ReturnCode prepare(uint32_t device, WireKind kind, const Preparation *content, NNRt_PreparedModel **prepared) {
  static uint64_t numbers = 0;
  WireMessage request = {.kind = kind}, answer;
  Host *host = host_of(device, &request.device);
  if (host == NULL) return OH_NN_INVALID_PARAMETER;
  HostProcess *process = running(host);
  if (process == NULL) return OH_NN_UNAVAILABLE_DEVICE;
  int sockets[2] = {-1, -1}, descriptors[WIRE_DESCRIPTORS] = {-1, -1, -1}, memory = -1;
  OH_NN_ReturnCode code = OH_NN_SUCCESS;
  NNRt_PreparedModel *model = calloc(1, sizeof *model);
  descriptors[0] = content_memory(write_preparation, content, &request.size);
  descriptors[2] = wire_memory(sizeof(WireMailbox));
  if (descriptors[2] >= 0 && model != NULL) model->mailbox = wire_map(descriptors[2], sizeof(WireMailbox));
  if (descriptors[0] < 0 || model == NULL || model->mailbox == NULL ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    code = no_memory();
  } else {
    descriptors[1] = sockets[1];
    request.object = model->number = __atomic_add_fetch(&numbers, 1, __ATOMIC_SEQ_CST);
    if (!host_call(process, process->control, &request, descriptors, WIRE_DESCRIPTORS, &answer, &memory)) code = lost(host);
    else if (answer.status != OH_NN_SUCCESS) code = refused(answer.status, answer.text);
  }
  if (memory >= 0) close(memory);
  for (int i = 0; i < WIRE_DESCRIPTORS; i++) if (descriptors[i] >= 0) close(descriptors[i]);
  if (code == OH_NN_SUCCESS) {
    model->host = host;
    model->process = process;
    model->socket = sockets[0];
    pthread_mutex_init(&model->lock, NULL);
    *prepared = model;
    return code;
  }
  if (sockets[0] >= 0) close(sockets[0]);
  if (model != NULL && model->mailbox != NULL) munmap(model->mailbox, sizeof *model->mailbox);
  free(model);
  host_release(process);
  return code;
}

static OH_NN_ReturnCode prepare_model(
  uint32_t device, const NNRt_Model *model, const NNRt_Config *config, NNRt_PreparedModel **prepared) {
  const Preparation content = {config, model, NULL, 0};
  return prepare(device, WIRE_PREPARE, &content, prepared);
}

static OH_NN_ReturnCode prepare_blobs(
  uint32_t device, WireKind kind, const NNRt_Blob *blobs, uint32_t count, const NNRt_Config *config, NNRt_PreparedModel **prepared) {
  if (count > WIRE_BLOBS) return fail(OH_NN_INVALID_PARAMETER, "a model of %u parts; %d are the limit", count, WIRE_BLOBS);
  const Preparation content = {config, NULL, blobs, count};
  return prepare(device, kind, &content, prepared);
}

static OH_NN_ReturnCode prepare_model_from_cache(
  uint32_t device, const NNRt_Blob *blobs, uint32_t count, const NNRt_Config *config, NNRt_PreparedModel **prepared) {
  return prepare_blobs(device, WIRE_PREPARE_CACHE, blobs, count, config, prepared);
}

static OH_NN_ReturnCode prepare_offline_model(
  uint32_t device, const NNRt_Blob *blobs, uint32_t count, const NNRt_Config *config, NNRt_PreparedModel **prepared) {
  return prepare_blobs(device, WIRE_PREPARE_OFFLINE, blobs, count, config, prepared);
}

static const NNRt_Driver table = {
  NNRT_DRIVER_ABI_VERSION,
  sizeof(NNRt_Driver),
  get_device_count,
  get_device_info,
  last_error,
  get_supported_operations,
  prepare_model,
  prepare_model_from_cache,
  prepare_offline_model,
  describe_model,
  export_cache,
  release_cache,
  get_input_dimension_range,
  run,
  cancel,
  reconfigure,
  release_model,
  allocate_buffer,
  release_buffer,
  set_death_callback};

const NNRt_Driver *NNRt_DriverEntry(uint32_t version) { return version == NNRT_DRIVER_ABI_VERSION ? &table : NULL; }
