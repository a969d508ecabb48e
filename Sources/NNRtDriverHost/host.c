/* nnrt_driver_host LIBRARY: loads a driver and serves it to the process that has started this one. See wire.h. */
#include "codec.h"
#include "served_model.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const NNRt_Driver *driver;
static uint32_t device_count;
/* Why there is no driver. */
static char load_error[WIRE_TEXT];

/* Whoever asked for models finds out from the process's end that they are lost. */
static void device_died(void *context, uint32_t device) {
  (void)context;
  (void)device;
  _exit(3);
}

static void load(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    snprintf(load_error, sizeof load_error, "%s", dlerror());
    return;
  }
  const NNRt_Driver *(*entry)(uint32_t);
  *(void **)&entry = dlsym(library, "NNRt_DriverEntry");
  const NNRt_Driver *table = entry != NULL ? entry(NNRT_DRIVER_ABI_VERSION) : NULL;
  const size_t known = table != NULL && table->size < sizeof *table ? table->size : sizeof *table;
  if (table == NULL || table->abiVersion != NNRT_DRIVER_ABI_VERSION) {
    snprintf(load_error, sizeof load_error, "%s is no driver of version %u", path, NNRT_DRIVER_ABI_VERSION);
    return;
  }
  /* Functions that the driver does not know of are not there. */
  static NNRt_Driver copy;
  memcpy(&copy, table, known);
  if (copy.getDeviceCount == NULL || copy.getDeviceInfo == NULL || copy.getSupportedOperations == NULL || copy.prepareModel == NULL ||
      copy.run == NULL || copy.releaseModel == NULL) {
    snprintf(load_error, sizeof load_error, "%s lacks a function that is not optional", path);
    return;
  }
  driver = &copy;
  if (driver->setDeathCallback != NULL) driver->setDeathCallback(device_died, NULL);
  device_count = driver->getDeviceCount();
  if (device_count > WIRE_DEVICES) device_count = WIRE_DEVICES;
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

/* New memory with `size` bytes of an answer; its descriptor, or -1. */
static int bytes_memory(WireMessage *message, const void *bytes, size_t size) {
  const int descriptor = size > 0 ? wire_memory(size) : -1;
  void *memory = descriptor >= 0 ? wire_map(descriptor, size) : NULL;
  if (memory == NULL) {
    if (descriptor >= 0) close(descriptor);
    if (size > 0) message->status = OH_NN_MEMORY_ERROR;
    return -1;
  }
  memcpy(memory, bytes, size);
  munmap(memory, size);
  message->size = size;
  return descriptor;
}

static int hello(const WireMessage *request, WireMessage *message) {
  if (request->count != WIRE_VERSION) {
    message->status = OH_NN_FAILED;
    snprintf(message->text, sizeof message->text, "the host is of version %d, the client of version %u", WIRE_VERSION, request->count);
    return -1;
  }
  if (driver == NULL) {
    message->status = OH_NN_UNAVAILABLE_DEVICE;
    memcpy(message->text, load_error, sizeof message->text);
    return -1;
  }
  static NNRt_DeviceInfo infos[WIRE_DEVICES];
  for (uint32_t i = 0; i < device_count; i++) {
    memset(&infos[i], 0, sizeof infos[i]);
    set_failure(message, driver, driver->getDeviceInfo(i, &infos[i]));
    if (message->status != OH_NN_SUCCESS) return -1;
  }
  message->count = device_count;
  message->object = (driver->cancel != NULL ? HAS_CANCEL : 0) |
                    (driver->exportCache != NULL && driver->releaseCache != NULL && driver->prepareModelFromCache != NULL ? HAS_CACHE : 0);
  return bytes_memory(message, infos, device_count * sizeof *infos);
}

static int find_supported(const WireMessage *request, WireMessage *message, Reader *r) {
  const NNRt_Model *model = read_model(r);
  bool *list = model != NULL ? calloc(model->nodeCount + 1, sizeof *list) : NULL;
  int memory = -1;
  if (list == NULL) {
    message->status = OH_NN_INVALID_PARAMETER;
  } else {
    set_failure(message, driver, driver->getSupportedOperations(request->device, model, list));
    if (message->status == OH_NN_SUCCESS) memory = bytes_memory(message, list, model->nodeCount);
  }
  free(list);
  return memory;
}

static void prepare(const WireMessage *request, WireMessage *message, Reader *r, int *descriptors) {
  NNRt_PreparedModel *prepared = NULL;
  OH_NN_ReturnCode code = OH_NN_INVALID_PARAMETER;
  const NNRt_Config *config = read_config(r);
  WireMailbox *mailbox = descriptors[2] >= 0 ? wire_map(descriptors[2], sizeof *mailbox) : NULL;
  if (config == NULL || mailbox == NULL || descriptors[1] < 0) {
    message->status = (uint32_t)code;
  } else {
    uint32_t count = 0;
    const NNRt_Model *model = request->kind == WIRE_PREPARE ? read_model(r) : NULL;
    const NNRt_Blob *blobs = request->kind == WIRE_PREPARE ? NULL : read_blobs(r, &count);
    if (model != NULL)
      code = driver->prepareModel(request->device, model, config, &prepared);
    else if (blobs != NULL && request->kind == WIRE_PREPARE_CACHE)
      code = driver->prepareModelFromCache == NULL ? OH_NN_UNSUPPORTED
                                                   : driver->prepareModelFromCache(request->device, blobs, count, config, &prepared);
    else if (blobs != NULL)
      code = driver->prepareOfflineModel == NULL ? OH_NN_UNSUPPORTED
                                                 : driver->prepareOfflineModel(request->device, blobs, count, config, &prepared);
    if (code == OH_NN_SUCCESS && prepared == NULL) code = OH_NN_FAILED;
    set_failure(message, driver, code);
  }
  if (prepared != NULL) {
    const int error = serve_model(driver, prepared, request->object, descriptors[1], mailbox);
    if (error == 0) {
      descriptors[1] = -1;
      return;
    }
    driver->releaseModel(prepared);
    message->status = OH_NN_MEMORY_ERROR;
    snprintf(message->text, sizeof message->text, "no thread for a model: %s", strerror(error));
  }
  if (mailbox != NULL) munmap(mailbox, sizeof *mailbox);
}

static void handle(const WireMessage *request, int *descriptors) {
  WireMessage message = {0};
  int memory = -1;
  if (request->kind == WIRE_CANCEL || request->kind == WIRE_DETACH) {
    if (request->kind == WIRE_CANCEL) cancel_model(request->object);
    else detach_buffer(request->object);
    return;
  }
  struct stat s;
  void *bytes = NULL;
  if (request->size > 0 && descriptors[0] >= 0 && fstat(descriptors[0], &s) == 0 && (uint64_t)s.st_size >= request->size) {
    bytes = mmap(NULL, (size_t)request->size, PROT_READ, MAP_PRIVATE, descriptors[0], 0);
    if (bytes == MAP_FAILED) bytes = NULL;
  }
  Reader r = {bytes, bytes != NULL ? (size_t)request->size : 0, 0, bytes == NULL, NULL};
  if (request->kind == WIRE_HELLO) memory = hello(request, &message);
  else if (driver == NULL || request->device >= device_count) message.status = OH_NN_INVALID_PARAMETER;
  else if (request->kind == WIRE_SUPPORTED) memory = find_supported(request, &message, &r);
  else if (request->kind >= WIRE_PREPARE && request->kind <= WIRE_PREPARE_OFFLINE) prepare(request, &message, &r, descriptors);
  else message.status = OH_NN_INVALID_PARAMETER;
  reader_end(&r);
  if (bytes != NULL) munmap(bytes, (size_t)request->size);
  answer(WIRE_CONTROL, request, &message, memory);
}

/* Requests come from a thread of their own, so that the end of the client is seen whatever a driver does. */
static void *serve(void *argument) {
  (void)argument;
  WireMessage request;
  int descriptors[WIRE_DESCRIPTORS];
  for (;;) {
    if (wire_receive(WIRE_CONTROL, &request, descriptors, -1) != 0) _exit(0);
    handle(&request, descriptors);
    for (int i = 0; i < WIRE_DESCRIPTORS; i++) if (descriptors[i] >= 0) close(descriptors[i]);
  }
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: %s LIBRARY (started by libnnrt_driver_host.so)\n", arguments[0]);
    return 2;
  }
  /* What the app had open is none of a driver's business. */
#ifdef SYS_close_range
  const bool is_done = syscall(SYS_close_range, WIRE_CONTROL + 1, ~0u, 0) == 0;
#else
  const bool is_done = false;
#endif
  if (!is_done)
    for (int i = WIRE_CONTROL + 1; i < 1024; i++) close(i);
  /* A driver that hosts others must not host itself. */
  unsetenv("MSLITE_NNRT_HOSTED");
  const pid_t client = getppid();
  load(arguments[1]);
  pthread_t thread;
  if (pthread_create(&thread, NULL, serve, NULL) != 0) return 1;
  for (;;) {
    struct pollfd entry = {WIRE_CONTROL, 0, 0};
    if (poll(&entry, 1, 5000) > 0 && (entry.revents & (POLLHUP | POLLERR | POLLNVAL))) _exit(0);
    /* A process that the client has forked may keep the socket open. */
    if (getppid() != client) _exit(0);
  }
}
