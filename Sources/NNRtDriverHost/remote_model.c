#include "remote_model.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void ring(NNRt_PreparedModel *model, bool is_run) {
  model->mailbox->is_run = is_run;
  wire_signal(&model->mailbox->requested, wire_load(&model->mailbox->requested) + 1, &model->mailbox->host_sleeps);
}

OH_NN_ReturnCode call_model(
  NNRt_PreparedModel *model, WireMessage *request, const int *descriptors, int count, WireMessage *answer, int *memory) {
  if (host_is_lost(model->process)) return lost(model->host);
  ring(model, false);
  if (!host_call(model->process, model->socket, request, descriptors, count, answer, memory)) return lost(model->host);
  if (answer->status == OH_NN_SUCCESS) return OH_NN_SUCCESS;
  if (*memory >= 0) close(*memory);
  return refused(answer->status, answer->text);
}

OH_NN_ReturnCode attach(NNRt_PreparedModel *model, Buffer *buffer) {
  if (buffer->known_to == model->process->generation) return OH_NN_SUCCESS;
  WireMessage request = {.kind = WIRE_ATTACH, .object = buffer->number, .size = buffer->size}, answer;
  int memory;
  const OH_NN_ReturnCode code = call_model(model, &request, &buffer->descriptor, 1, &answer, &memory);
  if (code != OH_NN_SUCCESS) return code;
  if (memory >= 0) close(memory);
  buffer->known_to = model->process->generation;
  return OH_NN_SUCCESS;
}

void release_model(NNRt_PreparedModel *model) {
  if (!host_is_lost(model->process)) {
    const WireMessage message = {.kind = WIRE_RELEASE};
    if (wire_send(model->socket, &message, NULL, 0, host_timeout()) == 0) ring(model, false);
    else host_kill(model->process);
  }
  if (model->staging != NULL) {
    munmap(model->staging_bytes, model->staging->size);
    free_buffer(model->staging, model->process);
  }
  munmap(model->mailbox, sizeof *model->mailbox);
  close(model->socket);
  free(model->infos);
  free(model->info_names);
  pthread_mutex_destroy(&model->lock);
  host_release(model->process);
  free(model);
}

int content_memory(WriteContent write, const void *content, uint64_t *size) {
  Writer w = {NULL, 0};
  write(&w, content);
  *size = w.used;
  const int descriptor = wire_memory(w.used);
  if (descriptor < 0) return -1;
  w.base = wire_map(descriptor, w.used);
  if (w.base == NULL) {
    close(descriptor);
    return -1;
  }
  w.used = 0;
  write(&w, content);
  munmap(w.base, (size_t)*size);
  return descriptor;
}

OH_NN_ReturnCode nonsense(NNRt_PreparedModel *model) {
  host_kill(model->process);
  return lost(model->host);
}

static bool is_info(const NNRt_TensorInfo *info) {
  bool ok = info->dimensionCount <= NNRT_MAX_DIMENSIONS && (uint32_t)info->dataType <= OH_NN_FLOAT64 &&
            (uint32_t)info->format <= OH_NN_FORMAT_ND;
  for (uint32_t i = 0; ok && i < info->dimensionCount; i++) ok = info->dimensions[i] == -1 || info->dimensions[i] > 0;
  return ok;
}

OH_NN_ReturnCode describe_model(
  NNRt_PreparedModel *model, const NNRt_TensorInfo **inputs, uint32_t *input_count, const NNRt_TensorInfo **outputs,
  uint32_t *output_count) {
  WireMessage request = {.kind = WIRE_DESCRIBE}, answer;
  int memory;
  pthread_mutex_lock(&model->lock);
  OH_NN_ReturnCode code = call_model(model, &request, NULL, 0, &answer, &memory);
  if (code == OH_NN_SUCCESS) {
    /* For each tensor its description and its name. */
    void *bytes = host_read(memory, answer.size);
    Reader r = {bytes, bytes != NULL ? (size_t)answer.size : 0, 0, bytes == NULL, NULL};
    const uint32_t count = answer.count, ins = (uint32_t)answer.object;
    bool ok = ins <= count && count <= 2 * WIRE_TENSORS;
    NNRt_TensorInfo *infos = ok ? calloc(count > 0 ? count : 1, sizeof *infos) : NULL;
    char *names = infos != NULL ? calloc(count > 0 ? count : 1, 64) : NULL;
    ok = names != NULL;
    for (uint32_t i = 0; ok && i < count; i++) {
      size_t size, length;
      const void *info = read_bytes(&r, &size);
      const char *name = read_bytes(&r, &length);
      ok = !r.failed && size == sizeof *infos && length > 0;
      if (!ok) break;
      memcpy(&infos[i], info, size);
      memcpy(names + 64 * i, name, length < 63 ? length : 63);
      infos[i].name = names + 64 * i;
      ok = is_info(&infos[i]);
    }
    free(bytes);
    if (ok) {
      free(model->infos);
      free(model->info_names);
      model->infos = infos;
      model->info_names = names;
      *inputs = infos;
      *input_count = ins;
      *outputs = infos + ins;
      *output_count = count - ins;
    } else {
      free(infos);
      free(names);
      code = nonsense(model);
    }
  }
  pthread_mutex_unlock(&model->lock);
  return code;
}

void release_cache(NNRt_PreparedModel *model, const NNRt_Blob *blobs, uint32_t count) {
  (void)model;
  (void)count;
  /* The parts lie in one piece, which the entry before the first leads to. */
  NNRt_Blob *list = (NNRt_Blob *)blobs - 1;
  free((void *)list->data);
  free(list);
}

OH_NN_ReturnCode export_cache(NNRt_PreparedModel *model, const NNRt_Blob **blobs, uint32_t *count) {
  WireMessage request = {.kind = WIRE_EXPORT}, answer;
  int memory;
  pthread_mutex_lock(&model->lock);
  OH_NN_ReturnCode code = call_model(model, &request, NULL, 0, &answer, &memory);
  if (code == OH_NN_SUCCESS) {
    void *bytes = host_read(memory, answer.size);
    Reader r = {bytes, bytes != NULL ? (size_t)answer.size : 0, 0, bytes == NULL, NULL};
    uint32_t number = 0;
    const NNRt_Blob *list = read_blobs(&r, &number);
    NNRt_Blob *copy = list != NULL && number > 0 ? calloc(number + 1, sizeof *copy) : NULL;
    if (copy != NULL) {
      copy[0].data = bytes;
      memcpy(copy + 1, list, number * sizeof *copy);
      *blobs = copy + 1;
      *count = number;
    } else {
      free(bytes);
      code = nonsense(model);
    }
    reader_end(&r);
  }
  pthread_mutex_unlock(&model->lock);
  return code;
}

OH_NN_ReturnCode get_input_dimension_range(
  NNRt_PreparedModel *model, uint32_t input, uint32_t dimension_count, uint32_t *minimum, uint32_t *maximum) {
  WireMessage request = {.kind = WIRE_RANGE, .count = dimension_count, .object = input}, answer;
  int memory;
  pthread_mutex_lock(&model->lock);
  OH_NN_ReturnCode code = call_model(model, &request, NULL, 0, &answer, &memory);
  if (code == OH_NN_SUCCESS) {
    const uint64_t size = 2 * (uint64_t)dimension_count * sizeof *minimum;
    uint32_t *list = answer.size >= size ? host_read(memory, answer.size) : NULL;
    if (list != NULL) {
      memcpy(minimum, list, (size_t)size / 2);
      memcpy(maximum, list + dimension_count, (size_t)size / 2);
      free(list);
    } else {
      if (memory >= 0 && answer.size < size) close(memory);
      code = nonsense(model);
    }
  }
  pthread_mutex_unlock(&model->lock);
  return code;
}

static void write_only_config(Writer *w, const void *content) { write_config(w, content); }

OH_NN_ReturnCode reconfigure(NNRt_PreparedModel *model, const NNRt_Config *config) {
  WireMessage request = {.kind = WIRE_RECONFIGURE}, answer;
  int memory = -1;
  const int content = content_memory(write_only_config, config, &request.size);
  if (content < 0) return no_memory();
  pthread_mutex_lock(&model->lock);
  const OH_NN_ReturnCode code = call_model(model, &request, &content, 1, &answer, &memory);
  pthread_mutex_unlock(&model->lock);
  if (code == OH_NN_SUCCESS && memory >= 0) close(memory);
  close(content);
  return code;
}

void cancel(NNRt_PreparedModel *model) {
  const WireMessage message = {.kind = WIRE_CANCEL, .object = model->number};
  if (!host_is_lost(model->process) && (model->host->functions & HAS_CANCEL)) wire_send(model->process->control, &message, NULL, 0, 0);
}
