#include "served_model.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec.h"

typedef struct ServedModel {
  const NNRt_Driver *driver;
  NNRt_PreparedModel *prepared;
  uint64_t number;
  int socket;
  WireMailbox *mailbox;
  struct ServedModel *next;
} ServedModel;

/* --- what threads share ---------------------------------------------------------------------------------------------- */

typedef struct SharedBuffer {
  uint64_t number;
  int descriptor;
  size_t size;
  char *bytes;
  struct SharedBuffer *next;
} SharedBuffer;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ServedModel *models;
static SharedBuffer *buffers;

void cancel_model(uint64_t number) {
  pthread_mutex_lock(&lock);
  for (ServedModel *m = models; m != NULL; m = m->next)
    if (m->number == number && m->driver->cancel != NULL) m->driver->cancel(m->prepared);
  pthread_mutex_unlock(&lock);
}

void detach_buffer(uint64_t number) {
  SharedBuffer *found = NULL;
  pthread_mutex_lock(&lock);
  for (SharedBuffer **at = &buffers; *at != NULL; at = &(*at)->next) {
    if ((*at)->number != number) continue;
    found = *at;
    *at = found->next;
    break;
  }
  pthread_mutex_unlock(&lock);
  if (found == NULL) return;
  munmap(found->bytes, found->size);
  close(found->descriptor);
  free(found);
}

static OH_NN_ReturnCode attach(uint64_t number, int descriptor, uint64_t size) {
  struct stat s;
  if (descriptor < 0 || fstat(descriptor, &s) != 0 || s.st_size < 0 || (uint64_t)s.st_size < size || size == 0)
    return OH_NN_INVALID_PARAMETER;
  SharedBuffer *buffer = calloc(1, sizeof *buffer);
  char *bytes = buffer != NULL ? wire_map(descriptor, (size_t)size) : NULL;
  if (bytes == NULL) {
    free(buffer);
    return OH_NN_MEMORY_ERROR;
  }
  *buffer = (SharedBuffer){number, descriptor, (size_t)size, bytes, NULL};
  pthread_mutex_lock(&lock);
  buffer->next = buffers;
  buffers = buffer;
  pthread_mutex_unlock(&lock);
  return OH_NN_SUCCESS;
}

/* Makes a tensor of what is in the mailbox. */
static bool open_tensor(NNRt_IOTensor *t, WireTensor *slot) {
  bool ok = false;
  pthread_mutex_lock(&lock);
  for (const SharedBuffer *b = buffers; b != NULL && !ok; b = b->next) {
    if (b->number != slot->buffer || slot->offset > b->size || slot->size > b->size - slot->offset) continue;
    t->data = b->bytes + slot->offset;
    t->fd = b->descriptor;
    ok = slot->dimension_count <= NNRT_MAX_DIMENSIONS;
  }
  pthread_mutex_unlock(&lock);
  if (!ok) return false;
  slot->name[sizeof slot->name - 1] = 0;
  t->name = slot->name;
  t->dataType = (OH_NN_DataType)slot->data_type;
  t->format = (OH_NN_Format)slot->format;
  t->dimensionCount = slot->dimension_count;
  memcpy(t->dimensions, slot->dimensions, sizeof t->dimensions);
  t->byteSize = (size_t)slot->size;
  t->offset = (size_t)slot->offset;
  return true;
}

/* --- answers --------------------------------------------------------------------------------------------------------- */

void answer(int socket, const WireMessage *request, WireMessage *message, int memory) {
  message->kind = request->kind;
  message->number = request->number;
  if (wire_send(socket, message, &memory, memory >= 0, 10000) != 0) _exit(1);
  if (memory >= 0) close(memory);
}

void set_failure(WireMessage *message, const NNRt_Driver *driver, OH_NN_ReturnCode code) {
  message->status = (uint32_t)code;
  const char *text = code != OH_NN_SUCCESS && driver->lastError != NULL ? driver->lastError() : NULL;
  if (text != NULL) strncpy(message->text, text, sizeof message->text - 1);
}

/* Memory for an answer; the descriptor, or -1. */
static int write_answer(WireMessage *message, void (*write)(Writer *, const void *), const void *content) {
  Writer w = {NULL, 0};
  write(&w, content);
  const int descriptor = wire_memory(w.used);
  uint8_t *base = descriptor >= 0 ? wire_map(descriptor, w.used) : NULL;
  if (base == NULL) {
    if (descriptor >= 0) close(descriptor);
    message->status = OH_NN_MEMORY_ERROR;
    return -1;
  }
  message->size = w.used;
  w = (Writer){base, 0};
  write(&w, content);
  munmap(base, (size_t)message->size);
  return descriptor;
}

typedef struct {
  const NNRt_Blob *blobs;
  uint32_t count;
} BlobList;

static void write_blob_list(Writer *w, const void *content) {
  const BlobList *list = content;
  write_blobs(w, list->blobs, list->count);
}

static int export_cache(ServedModel *m, WireMessage *message) {
  BlobList list = {NULL, 0};
  if (m->driver->exportCache == NULL || m->driver->releaseCache == NULL) {
    message->status = OH_NN_UNSUPPORTED;
    return -1;
  }
  set_failure(message, m->driver, m->driver->exportCache(m->prepared, &list.blobs, &list.count));
  if (message->status != OH_NN_SUCCESS) return -1;
  const int memory = write_answer(message, write_blob_list, &list);
  m->driver->releaseCache(m->prepared, list.blobs, list.count);
  return memory;
}

typedef struct {
  const NNRt_TensorInfo *inputs, *outputs;
  uint32_t input_count, output_count;
} Description;

static void write_description(Writer *w, const void *content) {
  const Description *d = content;
  for (uint32_t i = 0; i < d->input_count + d->output_count; i++) {
    const NNRt_TensorInfo *info = i < d->input_count ? &d->inputs[i] : &d->outputs[i - d->input_count];
    write_bytes(w, info, sizeof *info);
    write_bytes(w, info->name, strlen(info->name) + 1);
  }
}

static int describe(ServedModel *m, WireMessage *message) {
  Description d = {NULL, NULL, 0, 0};
  if (m->driver->describeModel == NULL) {
    message->status = OH_NN_UNSUPPORTED;
    return -1;
  }
  set_failure(
    message, m->driver, m->driver->describeModel(m->prepared, &d.inputs, &d.input_count, &d.outputs, &d.output_count));
  if (message->status != OH_NN_SUCCESS) return -1;
  message->count = d.input_count + d.output_count;
  message->object = d.input_count;
  return write_answer(message, write_description, &d);
}

typedef struct {
  uint32_t minimum[NNRT_MAX_DIMENSIONS], maximum[NNRT_MAX_DIMENSIONS];
  uint32_t count;
} Range;

static void write_range(Writer *w, const void *content) {
  const Range *range = content;
  uint32_t list[2 * NNRT_MAX_DIMENSIONS];
  memcpy(list, range->minimum, range->count * sizeof *list);
  memcpy(list + range->count, range->maximum, range->count * sizeof *list);
  /* (A writer's numbers are 8 bytes long.) */
  for (uint32_t i = 0; i < range->count; i++) {
    uint64_t pair;
    memcpy(&pair, list + 2 * i, sizeof pair);
    write_number(w, pair);
  }
}

static int find_range(ServedModel *m, const WireMessage *request, WireMessage *message) {
  Range range = {.count = request->count};
  if (m->driver->getInputDimensionRange == NULL || range.count > NNRT_MAX_DIMENSIONS) {
    message->status = OH_NN_OPERATION_FORBIDDEN;
    return -1;
  }
  set_failure(
    message, m->driver,
    m->driver->getInputDimensionRange(m->prepared, (uint32_t)request->object, range.count, range.minimum, range.maximum));
  return message->status == OH_NN_SUCCESS && range.count > 0 ? write_answer(message, write_range, &range) : -1;
}

static void reconfigure(ServedModel *m, const WireMessage *request, WireMessage *message, int memory) {
  /* A driver that cannot goes on as it is. */
  if (m->driver->reconfigure == NULL) return;
  void *bytes = memory >= 0 ? wire_map(memory, (size_t)request->size) : NULL;
  Reader r = {bytes, bytes != NULL ? (size_t)request->size : 0, 0, bytes == NULL, NULL};
  const NNRt_Config *config = read_config(&r);
  if (config == NULL) message->status = OH_NN_INVALID_PARAMETER;
  else set_failure(message, m->driver, m->driver->reconfigure(m->prepared, config));
  reader_end(&r);
  if (bytes != NULL) munmap(bytes, (size_t)request->size);
}

/* --- service --------------------------------------------------------------------------------------------------------- */

static void run(ServedModel *m, NNRt_IOTensor *tensors) {
  WireMailbox *box = m->mailbox;
  const uint32_t ins = box->input_count, outs = box->output_count;
  OH_NN_ReturnCode code = OH_NN_INVALID_PARAMETER;
  bool ok = ins <= WIRE_TENSORS && outs <= WIRE_TENSORS;
  for (uint32_t i = 0; ok && i < ins + outs; i++) ok = open_tensor(&tensors[i], &box->tensors[i]);
  box->text[0] = 0;
  if (ok) {
    code = m->driver->run(m->prepared, tensors, ins, tensors + ins, outs);
    const char *text = code != OH_NN_SUCCESS && m->driver->lastError != NULL ? m->driver->lastError() : NULL;
    if (text != NULL) strncpy(box->text, text, sizeof box->text - 1);
    for (uint32_t i = ins; i < ins + outs; i++) {
      box->tensors[i].dimension_count = tensors[i].dimensionCount;
      memcpy(box->tensors[i].dimensions, tensors[i].dimensions, sizeof tensors[i].dimensions);
    }
  }
  box->status = (uint32_t)code;
}

/* Answers a message; false: the model is not needed any more. */
static bool handle_message(ServedModel *m) {
  WireMessage request, message = {0};
  int received[WIRE_DESCRIPTORS], memory = -1;
  if (wire_receive(m->socket, &request, received, -1) != 0) return false;
  switch (request.kind) {
    case WIRE_ATTACH:
      message.status = (uint32_t)attach(request.object, received[0], request.size);
      if (message.status == OH_NN_SUCCESS) received[0] = -1;
      break;
    case WIRE_DESCRIBE: memory = describe(m, &message); break;
    case WIRE_EXPORT: memory = export_cache(m, &message); break;
    case WIRE_RANGE: memory = find_range(m, &request, &message); break;
    case WIRE_RECONFIGURE: reconfigure(m, &request, &message, received[0]); break;
    case WIRE_RELEASE: return false;
    default: message.status = OH_NN_INVALID_PARAMETER;
  }
  for (int i = 0; i < WIRE_DESCRIPTORS; i++) if (received[i] >= 0) close(received[i]);
  answer(m->socket, &request, &message, memory);
  return true;
}

static void *serve(void *argument) {
  ServedModel *m = argument;
  WireMailbox *box = m->mailbox;
  NNRt_IOTensor *tensors = calloc(2 * WIRE_TENSORS, sizeof *tensors);
  uint32_t seen = 0;
  for (bool is_needed = tensors != NULL; is_needed;) {
    while (wire_load(&box->requested) == seen) wire_wait(&box->requested, seen, &box->host_sleeps, WIRE_HOST_SPIN, 3600000000000u);
    seen = wire_load(&box->requested);
    if (box->is_run) {
      run(m, tensors);
      wire_signal(&box->answered, seen, &box->client_sleeps);
    } else {
      is_needed = handle_message(m);
    }
  }
  pthread_mutex_lock(&lock);
  for (ServedModel **at = &models; *at != NULL; at = &(*at)->next) {
    if (*at != m) continue;
    *at = m->next;
    break;
  }
  pthread_mutex_unlock(&lock);
  m->driver->releaseModel(m->prepared);
  munmap(box, sizeof *box);
  close(m->socket);
  free(tensors);
  free(m);
  return NULL;
}

int serve_model(const NNRt_Driver *driver, NNRt_PreparedModel *prepared, uint64_t number, int socket, WireMailbox *mailbox) {
  ServedModel *m = calloc(1, sizeof *m);
  if (m == NULL) return ENOMEM;
  *m = (ServedModel){driver, prepared, number, socket, mailbox, NULL};
  pthread_mutex_lock(&lock);
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, serve, m);
  if (error == 0) {
    pthread_detach(thread);
    m->next = models;
    models = m;
  } else {
    free(m);
  }
  pthread_mutex_unlock(&lock);
  return error;
}
