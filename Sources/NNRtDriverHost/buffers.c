#include "buffers.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static Buffer *buffers;
static pthread_mutex_t buffers_lock = PTHREAD_MUTEX_INITIALIZER;

Buffer *make_buffer(size_t size) {
  static uint64_t numbers = 0;
  Buffer *buffer = calloc(1, sizeof *buffer);
  if (buffer == NULL) return NULL;
  buffer->descriptor = wire_memory(size);
  if (buffer->descriptor < 0) {
    free(buffer);
    return NULL;
  }
  buffer->size = size;
  buffer->number = __atomic_add_fetch(&numbers, 1, __ATOMIC_SEQ_CST);
  return buffer;
}

void free_buffer(Buffer *buffer, HostProcess *process) {
  if (process != NULL && buffer->known_to == process->generation && !host_is_lost(process)) {
    const WireMessage message = {.kind = WIRE_DETACH, .object = buffer->number};
    /* A host that does not listen has more to answer for than a mapping too many. */
    wire_send(process->control, &message, NULL, 0, 100);
  }
  close(buffer->descriptor);
  free(buffer);
}

OH_NN_ReturnCode allocate_buffer(uint32_t device, size_t size, NNRt_Buffer *buffer) {
  uint32_t inner;
  if (host_of(device, &inner) == NULL) return OH_NN_INVALID_PARAMETER;
  Buffer *b = make_buffer(size);
  if (b == NULL) return fail(OH_NN_MEMORY_ERROR, "no memory for a buffer of %zu bytes: %s", size, strerror(errno));
  pthread_mutex_lock(&buffers_lock);
  b->next = buffers;
  buffers = b;
  pthread_mutex_unlock(&buffers_lock);
  *buffer = (NNRt_Buffer){b->descriptor, size, b};
  return OH_NN_SUCCESS;
}

void release_buffer(uint32_t device, NNRt_Buffer *buffer) {
  uint32_t inner;
  Host *host = host_of(device, &inner);
  Buffer *b = NULL;
  pthread_mutex_lock(&buffers_lock);
  for (Buffer **at = &buffers; *at != NULL; at = &(*at)->next) {
    if (*at != buffer->handle) continue;
    b = *at;
    *at = b->next;
    break;
  }
  pthread_mutex_unlock(&buffers_lock);
  if (b == NULL || host == NULL) return;
  HostProcess *process = current_process(host);
  free_buffer(b, process);
  host_release(process);
}

Buffer *buffer_of(const NNRt_IOTensor *t) {
  Buffer *result = NULL;
  if (t->fd < 0) return NULL;
  pthread_mutex_lock(&buffers_lock);
  for (Buffer *b = buffers; b != NULL && result == NULL; b = b->next)
    if (b->descriptor == t->fd && t->offset <= b->size && t->byteSize <= b->size - t->offset) result = b;
  pthread_mutex_unlock(&buffers_lock);
  return result;
}
