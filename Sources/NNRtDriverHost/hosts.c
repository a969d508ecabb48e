#include "hosts.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

static Host *hosts;
static uint32_t host_count;
static char *host_program;

static NNRt_DeviceDied death_callback;
static void *death_context;

/* --- errors ---------------------------------------------------------------------------------------------------------- */

static __thread char error_text[512];

OH_NN_ReturnCode fail(OH_NN_ReturnCode code, const char *format, ...) {
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  vsnprintf(error_text, sizeof error_text, format, arguments);
  __builtin_va_end(arguments);
  return code;
}

const char *last_error(void) { return error_text; }

OH_NN_ReturnCode lost(const Host *host) {
  return fail(OH_NN_UNAVAILABLE_DEVICE, "the process of %s has died or did not answer in time", host->library);
}

OH_NN_ReturnCode refused(uint32_t status, const char *text) {
  return fail(status > OH_NN_SUCCESS && status <= OH_NN_UNAVAILABLE_DEVICE ? (OH_NN_ReturnCode)status : OH_NN_FAILED, "%s", text);
}

OH_NN_ReturnCode no_memory(void) { return fail(OH_NN_MEMORY_ERROR, "no memory for a message: %s", strerror(errno)); }

/* --- hosts ----------------------------------------------------------------------------------------------------------- */

static void host_died(void *context) {
  Host *host = context;
  if (death_callback == NULL) return;
  for (uint32_t i = 0; i < host->device_count; i++) death_callback(death_context, host->first_device + i);
}

static bool is_text(const char *text, size_t size) { return text[0] != 0 && memchr(text, 0, size) != NULL; }

/* Makes true or false of whatever byte is there. */
static void settle(bool *flag) {
  uint8_t byte;
  memcpy(&byte, flag, sizeof byte);
  *flag = byte != 0;
}

static bool is_device(NNRt_DeviceInfo *info) {
  settle(&info->float16);
  settle(&info->performanceMode);
  settle(&info->priority);
  settle(&info->dynamicInput);
  settle(&info->modelCache);
  settle(&info->concurrentRuns);
  return is_text(info->name, sizeof info->name) && is_text(info->vendor, sizeof info->vendor) &&
         (uint32_t)info->type <= OH_NN_ACCELERATOR && (uint32_t)info->status <= NNRT_DEVICE_UNKNOWN;
}

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
  for (uint32_t i = 0; ok && i < answer.count; i++) ok = is_device(&list[i]);
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

HostProcess *running(Host *host) {
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

uint32_t get_device_count(void) {
  pthread_once(&found, find_hosts);
  return host_count == 0 ? 0 : hosts[host_count - 1].first_device + hosts[host_count - 1].device_count;
}

Host *host_of(uint32_t device, uint32_t *inner) {
  pthread_once(&found, find_hosts);
  for (uint32_t i = 0; i < host_count; i++) {
    if (device < hosts[i].first_device || device - hosts[i].first_device >= hosts[i].device_count) continue;
    *inner = device - hosts[i].first_device;
    return &hosts[i];
  }
  fail(OH_NN_INVALID_PARAMETER, "there is no device %u", device);
  return NULL;
}

OH_NN_ReturnCode get_device_info(uint32_t device, NNRt_DeviceInfo *info) {
  uint32_t inner;
  const Host *host = host_of(device, &inner);
  if (host == NULL) return OH_NN_INVALID_PARAMETER;
  *info = host->devices[inner];
  info->concurrentRuns = false; /* a model has one mailbox */
  info->modelCache = info->modelCache && (host->functions & HAS_CACHE);
  memset(info->reserved, 0, sizeof info->reserved);
  return OH_NN_SUCCESS;
}

void set_death_callback(NNRt_DeviceDied callback, void *context) {
  death_context = context;
  death_callback = callback;
}

HostProcess *current_process(Host *host) {
  pthread_mutex_lock(&host->lock);
  HostProcess *process = host->process;
  if (process != NULL) host_retain(process);
  pthread_mutex_unlock(&host->lock);
  return process;
}
