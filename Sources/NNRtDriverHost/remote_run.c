#include "remote_model.h"

#include <sys/mman.h>

static size_t rounded(size_t size) { return (size + 63) & ~(size_t)63; }

/* Room for `size` bytes of tensors that lie in ordinary memory. */
static OH_NN_ReturnCode reserve_staging(NNRt_PreparedModel *model, size_t size) {
  if (size == 0 || (model->staging != NULL && model->staging->size >= size)) return OH_NN_SUCCESS;
  if (model->staging != NULL) {
    munmap(model->staging_bytes, model->staging->size);
    free_buffer(model->staging, model->process);
    model->staging = NULL;
  }
  Buffer *buffer = make_buffer(size);
  char *bytes = buffer != NULL ? wire_map(buffer->descriptor, size) : NULL;
  if (bytes == NULL) {
    if (buffer != NULL) free_buffer(buffer, NULL);
    return no_memory();
  }
  model->staging = buffer;
  model->staging_bytes = bytes;
  return OH_NN_SUCCESS;
}

/* Writes a tensor into the mailbox. `staged` is where it lies in the staging buffer if it does. */
static OH_NN_ReturnCode post(NNRt_PreparedModel *model, WireTensor *slot, const NNRt_IOTensor *t, size_t *staged) {
  Buffer *buffer = buffer_of(t);
  memset(slot, 0, sizeof *slot);
  slot->offset = t->offset;
  if (buffer == NULL) {
    buffer = model->staging;
    slot->offset = *staged;
    *staged += rounded(t->byteSize);
  }
  const OH_NN_ReturnCode code = attach(model, buffer);
  if (code != OH_NN_SUCCESS) return code;
  slot->buffer = buffer->number;
  slot->size = t->byteSize;
  slot->data_type = (uint32_t)t->dataType;
  slot->format = (uint32_t)t->format;
  slot->dimension_count = t->dimensionCount;
  memcpy(slot->dimensions, t->dimensions, sizeof slot->dimensions);
  strncpy(slot->name, t->name, sizeof slot->name - 1);
  return OH_NN_SUCCESS;
}

/* Waits for the answer to the request that is in the mailbox. */
static bool await_answer(NNRt_PreparedModel *model) {
  WireMailbox *box = model->mailbox;
  const uint32_t wanted = wire_load(&box->requested);
  const uint64_t end = wire_nanoseconds() + (uint64_t)host_timeout() * 1000000u;
  /* In slices, because a process that dies wakes nobody. */
  const uint64_t slice = 20000000;
  for (;;) {
    const uint32_t answered = wire_load(&box->answered);
    if (answered == wanted) return true;
    if (host_is_lost(model->process)) return false;
    const uint64_t now = wire_nanoseconds();
    if (now >= end) {
      host_kill(model->process);
      return false;
    }
    wire_wait(&box->answered, answered, &box->client_sleeps, WIRE_CLIENT_SPIN, end - now < slice ? end - now : slice);
  }
}

static OH_NN_ReturnCode run_locked(
  NNRt_PreparedModel *model, const NNRt_IOTensor *inputs, uint32_t input_count, NNRt_IOTensor *outputs, uint32_t output_count) {
  WireMailbox *box = model->mailbox;
  size_t needed = 0;
  for (uint32_t i = 0; i < input_count; i++) needed += buffer_of(&inputs[i]) == NULL ? rounded(inputs[i].byteSize) : 0;
  for (uint32_t i = 0; i < output_count; i++) needed += buffer_of(&outputs[i]) == NULL ? rounded(outputs[i].byteSize) : 0;
  OH_NN_ReturnCode code = reserve_staging(model, needed);
  size_t staged = 0;
  for (uint32_t i = 0; code == OH_NN_SUCCESS && i < input_count; i++) {
    const size_t at = staged;
    code = post(model, &box->tensors[i], &inputs[i], &staged);
    if (staged > at) memcpy(model->staging_bytes + at, inputs[i].data, inputs[i].byteSize);
  }
  size_t first_output = staged;
  for (uint32_t i = 0; code == OH_NN_SUCCESS && i < output_count; i++)
    code = post(model, &box->tensors[input_count + i], &outputs[i], &staged);
  if (code != OH_NN_SUCCESS) return code;
  box->input_count = input_count;
  box->output_count = output_count;
  ring(model, true);
  if (!await_answer(model)) return lost(model->host);
  const uint32_t status = *(volatile uint32_t *)&box->status;
  if (status != OH_NN_SUCCESS && status != OH_NN_MEMORY_ERROR) {
    char text[WIRE_TEXT];
    memcpy(text, box->text, sizeof text);
    text[sizeof text - 1] = 0;
    return refused(status, text);
  }
  /* Copies, which the host cannot change while they are looked at. */
  struct {
    uint32_t rank;
    int32_t dims[NNRT_MAX_DIMENSIONS];
  } shapes[WIRE_TENSORS];
  for (uint32_t i = 0; i < output_count; i++) {
    memcpy(&shapes[i].rank, (const void *)&box->tensors[input_count + i].dimension_count, sizeof shapes[i].rank);
    memcpy(shapes[i].dims, box->tensors[input_count + i].dimensions, sizeof shapes[i].dims);
    __asm__ volatile("" ::: "memory");
    if (shapes[i].rank > NNRT_MAX_DIMENSIONS) return nonsense(model);
    for (uint32_t k = 0; k < shapes[i].rank; k++) if (shapes[i].dims[k] < 0) return nonsense(model);
  }
  for (uint32_t i = 0; i < output_count; i++) {
    outputs[i].dimensionCount = shapes[i].rank;
    memcpy(outputs[i].dimensions, shapes[i].dims, sizeof shapes[i].dims);
    if (buffer_of(&outputs[i]) != NULL) continue;
    if (status == OH_NN_SUCCESS) memcpy(outputs[i].data, model->staging_bytes + first_output, outputs[i].byteSize);
    first_output += rounded(outputs[i].byteSize);
  }
  return status == OH_NN_SUCCESS ? OH_NN_SUCCESS : fail(OH_NN_MEMORY_ERROR, "an output has too little room");
}

OH_NN_ReturnCode run(
  NNRt_PreparedModel *model, const NNRt_IOTensor *inputs, uint32_t input_count, NNRt_IOTensor *outputs, uint32_t output_count) {
  if (input_count > WIRE_TENSORS || output_count > WIRE_TENSORS)
    return fail(OH_NN_INVALID_PARAMETER, "%u inputs and %u outputs; %d are the limit", input_count, output_count, WIRE_TENSORS);
  if (host_is_lost(model->process)) return lost(model->host);
  pthread_mutex_lock(&model->lock);
  const OH_NN_ReturnCode code = run_locked(model, inputs, input_count, outputs, output_count);
  pthread_mutex_unlock(&model->lock);
  return code;
}
