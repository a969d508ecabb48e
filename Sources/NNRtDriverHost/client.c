/* libnnrt_driver_host.so: a driver whose devices are those of other drivers, each of which runs in a process of its own.
 *
 * MSLITE_NNRT_HOSTED  the libraries to host, separated by colons; a name without a slash is one in the folder of this library
 * MSLITE_NNRT_HOST    the host program, if it is not nnrt_driver_host in that folder
 * MSLITE_NNRT_HOST_TIMEOUT  milliseconds that a host may take for a call (30000); then it is killed
 *
 * Programs with more rights than their user ignore all of them. */
#include "codec.h"
#include "host_process.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  char *library;
  /* The process that runs now, or NULL. */
  HostProcess *process;
  pthread_mutex_t lock;
  uint32_t device_count;
  uint32_t functions;
  NNRt_DeviceInfo devices[WIRE_DEVICES];
  /* Index of its first device among all. */
  uint32_t first_device;
} Host;

static Host *hosts;
static uint32_t host_count;
static char *host_program;

static NNRt_DeviceDied death_callback;
static void *death_context;

/* --- errors ---------------------------------------------------------------------------------------------------------- */

static __thread char error_text[512];

__attribute__((format(printf, 2, 3))) static OH_NN_ReturnCode fail(OH_NN_ReturnCode code, const char *format, ...) {
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  vsnprintf(error_text, sizeof error_text, format, arguments);
  __builtin_va_end(arguments);
  return code;
}

static const char *last_error(void) { return error_text; }

static OH_NN_ReturnCode lost(const Host *host) {
  return fail(OH_NN_UNAVAILABLE_DEVICE, "the process of %s has died or did not answer in time", host->library);
}

/* A host's own failure, which it has put into words. */
static OH_NN_ReturnCode refused(uint32_t status, const char *text) {
  return fail(status > OH_NN_SUCCESS && status <= OH_NN_UNAVAILABLE_DEVICE ? (OH_NN_ReturnCode)status : OH_NN_FAILED, "%s", text);
}

/* --- hosts ----------------------------------------------------------------------------------------------------------- */

static void host_died(void *context) {
  Host *host = context;
  if (death_callback == NULL) return;
  for (uint32_t i = 0; i < host->device_count; i++) death_callback(death_context, host->first_device + i);
}

static bool is_text(const char *text, size_t size) { return text[0] != 0 && memchr(text, 0, size) != NULL; }

/* Asks a new process for its devices. */
static bool greet(HostProcess *process, NNRt_DeviceInfo *devices, uint32_t *count, uint32_t *functions) {
  WireMessage request = {.kind = WIRE_HELLO, .count = WIRE_VERSION}, answer;
  int memory;
  if (!host_call(process, process->control, &request, NULL, 0, &answer, &memory)) {
    fail(OH_NN_UNAVAILABLE_DEVICE, "the process does not answer");
    return false;
  }
  if (answer.status == OH_NN_SUCCESS && answer.count == 0) {
    if (memory >= 0) close(memory);
    fail(OH_NN_UNAVAILABLE_DEVICE, "the driver has no devices");
    return false;
  }
  const uint64_t size = (uint64_t)answer.count * sizeof *devices;
  NNRt_DeviceInfo *list = answer.size == size ? host_read(memory, answer.size) : NULL;
  bool ok = answer.status == OH_NN_SUCCESS && answer.count <= WIRE_DEVICES && list != NULL;
  if (list == NULL && memory >= 0 && answer.size != size) close(memory);
  for (uint32_t i = 0; ok && i < answer.count; i++)
    ok = is_text(list[i].name, sizeof list[i].name) && is_text(list[i].vendor, sizeof list[i].vendor);
  if (ok) {
    memcpy(devices, list, (size_t)size);
    *count = answer.count;
    *functions = (uint32_t)answer.object;
  } else {
    fail(OH_NN_UNAVAILABLE_DEVICE, "%s", answer.status != OH_NN_SUCCESS ? answer.text : "the process tells nothing that makes sense");
  }
  free(list);
  return ok;
}

/* The process of a host, started again if need be; a reference for the caller. NULL: there is none. */
static HostProcess *running(Host *host) {
  pthread_mutex_lock(&host->lock);
  if (host->process != NULL && host_is_lost(host->process)) {
    host_release(host->process);
    host->process = NULL;
  }
  if (host->process == NULL) {
    HostProcess *process = host_start(host_program, host->library, host_died, host);
    if (process == NULL) {
      fail(OH_NN_UNAVAILABLE_DEVICE, "cannot start %s: %s", host_program, strerror(errno));
    } else {
      static __thread NNRt_DeviceInfo devices[WIRE_DEVICES];
      uint32_t count = 0, functions = 0;
      bool ok = greet(process, devices, &count, &functions);
      const bool is_first = host->devices[0].name[0] == 0;
      if (ok && is_first) {
        memcpy(host->devices, devices, sizeof devices);
        host->device_count = count;
        host->functions = functions;
      } else if (ok && (count != host->device_count || functions != host->functions ||
                        memcmp(host->devices, devices, count * sizeof *devices) != 0)) {
        fail(OH_NN_UNAVAILABLE_DEVICE, "%s has other devices than before", host->library);
        ok = false;
      }
      if (ok) {
        host->process = process;
      } else {
        host_kill(process);
        host_release(process);
      }
    }
  }
  HostProcess *result = host->process;
  if (result != NULL) host_retain(result);
  pthread_mutex_unlock(&host->lock);
  return result;
}

/* The folder of this library with `name` behind it. */
static char *beside(const char *name) {
  Dl_info info;
  const char *path = dladdr((void *)&last_error, &info) != 0 ? info.dli_fname : "";
  const char *slash = strrchr(path, '/');
  const size_t folder = slash != NULL ? (size_t)(slash - path) + 1 : 0;
  char *result = malloc(folder + strlen(name) + 1);
  if (result == NULL) return NULL;
  memcpy(result, path, folder);
  strcpy(result + folder, name);
  return result;
}

static const char *setting(const char *name) {
  const char *value = getauxval(AT_SECURE) ? NULL : getenv(name);
  return value != NULL && value[0] != 0 ? value : NULL;
}

static void find_hosts(void) {
  const char *list = setting("MSLITE_NNRT_HOSTED"), *program = setting("MSLITE_NNRT_HOST");
  if (list == NULL) return;
  host_program = program != NULL ? strdup(program) : beside("nnrt_driver_host");
  uint32_t capacity = 1;
  for (const char *c = list; *c; c++) capacity += *c == ':';
  hosts = calloc(capacity, sizeof *hosts);
  if (hosts == NULL || host_program == NULL) return;
  uint32_t devices = 0;
  for (const char *start = list; *start;) {
    const char *end = strchr(start, ':');
    const size_t length = end != NULL ? (size_t)(end - start) : strlen(start);
    Host *host = &hosts[host_count];
    char *name = strndup(start, length);
    start += length + (end != NULL);
    if (name == NULL || length == 0) {
      free(name);
      continue;
    }
    host->library = strchr(name, '/') != NULL ? strdup(name) : beside(name);
    free(name);
    if (host->library == NULL) continue;
    pthread_mutex_init(&host->lock, NULL);
    HostProcess *process = running(host);
    if (process == NULL) {
      fprintf(stderr, "[nnrt host] %s: %s\n", host->library, error_text);
      free(host->library);
      memset(host, 0, sizeof *host);
      continue;
    }
    host_release(process);
    host->first_device = devices;
    devices += host->device_count;
    host_count++;
  }
}

static pthread_once_t found = PTHREAD_ONCE_INIT;

static uint32_t get_device_count(void) {
  pthread_once(&found, find_hosts);
  return host_count == 0 ? 0 : hosts[host_count - 1].first_device + hosts[host_count - 1].device_count;
}

/* The host of a device, and the device's index there. */
static Host *host_of(uint32_t device, uint32_t *inner) {
  pthread_once(&found, find_hosts);
  for (uint32_t i = 0; i < host_count; i++) {
    if (device < hosts[i].first_device || device - hosts[i].first_device >= hosts[i].device_count) continue;
    *inner = device - hosts[i].first_device;
    return &hosts[i];
  }
  fail(OH_NN_INVALID_PARAMETER, "there is no device %u", device);
  return NULL;
}

static OH_NN_ReturnCode get_device_info(uint32_t device, NNRt_DeviceInfo *info) {
  uint32_t inner;
  const Host *host = host_of(device, &inner);
  if (host == NULL) return OH_NN_INVALID_PARAMETER;
  *info = host->devices[inner];
  info->concurrentRuns = false; /* a model has one mailbox */
  info->modelCache = info->modelCache && (host->functions & HAS_CACHE);
  memset(info->reserved, 0, sizeof info->reserved);
  return OH_NN_SUCCESS;
}

static void set_death_callback(NNRt_DeviceDied callback, void *context) {
  death_context = context;
  death_callback = callback;
}

/* --- buffers --------------------------------------------------------------------------------------------------------- */

/* Memory that hosts can map. A host that has it knows it by its number. */
typedef struct Buffer {
  int descriptor;
  size_t size;
  uint64_t number;
  /* The generation of the process that has it; 0: none. */
  uint64_t known_to;
  struct Buffer *next;
} Buffer;

static Buffer *buffers;
static pthread_mutex_t buffers_lock = PTHREAD_MUTEX_INITIALIZER;

static Buffer *make_buffer(size_t size) {
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

static void free_buffer(Buffer *buffer, HostProcess *process) {
  if (process != NULL && buffer->known_to == process->generation && !host_is_lost(process)) {
    const WireMessage message = {.kind = WIRE_DETACH, .object = buffer->number};
    /* A host that does not listen has more to answer for than a mapping too many. */
    wire_send(process->control, &message, NULL, 0, 100);
  }
  close(buffer->descriptor);
  free(buffer);
}

static OH_NN_ReturnCode allocate_buffer(uint32_t device, size_t size, NNRt_Buffer *buffer) {
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

static void release_buffer(uint32_t device, NNRt_Buffer *buffer) {
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
  pthread_mutex_lock(&host->lock);
  HostProcess *process = host->process;
  if (process != NULL) host_retain(process);
  pthread_mutex_unlock(&host->lock);
  free_buffer(b, process);
  host_release(process);
}

/* The buffer of a tensor, if it lies in one; NULL: in memory that the host cannot have. */
static Buffer *buffer_of(const NNRt_IOTensor *t) {
  Buffer *result = NULL;
  if (t->fd < 0) return NULL;
  pthread_mutex_lock(&buffers_lock);
  for (Buffer *b = buffers; b != NULL && result == NULL; b = b->next)
    if (b->descriptor == t->fd && t->offset <= b->size && t->byteSize <= b->size - t->offset) result = b;
  pthread_mutex_unlock(&buffers_lock);
  return result;
}

/* --- models ---------------------------------------------------------------------------------------------------------- */

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

static void ring(NNRt_PreparedModel *model, bool is_run) {
  model->mailbox->is_run = is_run;
  wire_signal(&model->mailbox->requested, wire_load(&model->mailbox->requested) + 1, &model->mailbox->host_sleeps);
}

/* A call about a model that is not a run. */
static OH_NN_ReturnCode call_model(
  NNRt_PreparedModel *model, WireMessage *request, const int *descriptors, int count, WireMessage *answer, int *memory) {
  if (host_is_lost(model->process)) return lost(model->host);
  ring(model, false);
  if (!host_call(model->process, model->socket, request, descriptors, count, answer, memory)) return lost(model->host);
  if (answer->status == OH_NN_SUCCESS) return OH_NN_SUCCESS;
  if (*memory >= 0) close(*memory);
  return refused(answer->status, answer->text);
}

/* Makes sure that the host has a buffer. */
static OH_NN_ReturnCode attach(NNRt_PreparedModel *model, Buffer *buffer) {
  if (buffer->known_to == model->process->generation) return OH_NN_SUCCESS;
  WireMessage request = {.kind = WIRE_ATTACH, .object = buffer->number, .size = buffer->size}, answer;
  int memory;
  const OH_NN_ReturnCode code = call_model(model, &request, &buffer->descriptor, 1, &answer, &memory);
  if (code != OH_NN_SUCCESS) return code;
  if (memory >= 0) close(memory);
  buffer->known_to = model->process->generation;
  return OH_NN_SUCCESS;
}

static void release_model(NNRt_PreparedModel *model) {
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

/* Memory with what `write` writes; its descriptor, or -1. */
typedef void (*WriteContent)(Writer *w, const void *content);
static int content_memory(WriteContent write, const void *content, uint64_t *size) {
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
static void write_only_config(Writer *w, const void *content) { write_config(w, content); }

static OH_NN_ReturnCode no_memory(void) { return fail(OH_NN_MEMORY_ERROR, "no memory for a message: %s", strerror(errno)); }

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

/* An answer that is no answer. */
static OH_NN_ReturnCode nonsense(NNRt_PreparedModel *model) {
  host_kill(model->process);
  return lost(model->host);
}

static bool is_info(const NNRt_TensorInfo *info) {
  bool ok = info->dimensionCount <= NNRT_MAX_DIMENSIONS && (uint32_t)info->dataType <= OH_NN_FLOAT64 &&
            (uint32_t)info->format <= OH_NN_FORMAT_ND;
  for (uint32_t i = 0; ok && i < info->dimensionCount; i++) ok = info->dimensions[i] == -1 || info->dimensions[i] > 0;
  return ok;
}

static OH_NN_ReturnCode describe_model(
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

static void release_cache(NNRt_PreparedModel *model, const NNRt_Blob *blobs, uint32_t count) {
  (void)model;
  (void)count;
  /* The parts lie in one piece, which the entry before the first leads to. */
  NNRt_Blob *list = (NNRt_Blob *)blobs - 1;
  free((void *)list->data);
  free(list);
}

static OH_NN_ReturnCode export_cache(NNRt_PreparedModel *model, const NNRt_Blob **blobs, uint32_t *count) {
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

static OH_NN_ReturnCode get_input_dimension_range(
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

static OH_NN_ReturnCode reconfigure(NNRt_PreparedModel *model, const NNRt_Config *config) {
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

static void cancel(NNRt_PreparedModel *model) {
  const WireMessage message = {.kind = WIRE_CANCEL, .object = model->number};
  if (!host_is_lost(model->process) && (model->host->functions & HAS_CANCEL)) wire_send(model->process->control, &message, NULL, 0, 0);
}

/* --- runs ------------------------------------------------------------------------------------------------------------ */

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

static OH_NN_ReturnCode run(
  NNRt_PreparedModel *model, const NNRt_IOTensor *inputs, uint32_t input_count, NNRt_IOTensor *outputs, uint32_t output_count) {
  if (input_count > WIRE_TENSORS || output_count > WIRE_TENSORS)
    return fail(OH_NN_INVALID_PARAMETER, "%u inputs and %u outputs; %d are the limit", input_count, output_count, WIRE_TENSORS);
  if (host_is_lost(model->process)) return lost(model->host);
  pthread_mutex_lock(&model->lock);
  const OH_NN_ReturnCode code = run_locked(model, inputs, input_count, outputs, output_count);
  pthread_mutex_unlock(&model->lock);
  return code;
}

/* --- table ----------------------------------------------------------------------------------------------------------- */

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
