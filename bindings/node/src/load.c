/* Building models off the JavaScript thread: from a file, from memory, from a file descriptor; for inference and for training. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "addon.h"

typedef struct LoadJob {
  Job job;
  NativeModel *model;
  OH_AI_ContextHandle context;
  OH_AI_TrainCfgHandle train_cfg; /* NULL for inference */
  char *path;                     /* or */
  void *bytes;                    /* with size, or */
  size_t size;
  int fd;
} LoadJob;

static void discard(Job *job) {
  LoadJob *load = (LoadJob *)job;
  if (load->model != NULL) release_model(load->model);
  OH_AI_ContextDestroy(&load->context);
  OH_AI_TrainCfgDestroy(&load->train_cfg);
  free(load->path);
  free(load->bytes);
}

/* Reads a whole file, from its start; the descriptor's position stays. */
static bool read_descriptor(LoadJob *load) {
  struct stat file;
  char text[256];
  size_t got = 0;
  bool ok = fstat(load->fd, &file) == 0;
  if (ok && (load->bytes = malloc((size_t)file.st_size + 1)) == NULL) ok = false;
  while (ok && got < (size_t)file.st_size) {
    const ssize_t n = pread(load->fd, (char *)load->bytes + got, (size_t)file.st_size - got, (off_t)got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) ok = false;
    else got += (size_t)n;
  }
  load->size = got;
  if (ok) return true;
  snprintf(text, sizeof text, "the file descriptor %d cannot be read: %s", load->fd, errno == 0 ? "it has become shorter" : strerror(errno));
  load->job.status = OH_AI_STATUS_LITE_ERROR;
  load->job.text = strdup(text);
  return false;
}

static void run(Job *job) {
  LoadJob *load = (LoadJob *)job;
  OH_AI_ModelHandle model = load->model->handle;
  OH_AI_Status status;
  errno = 0;
  if (load->path == NULL && load->bytes == NULL && !read_descriptor(load)) return;
  struct stat file;
  if (load->path != NULL && stat(load->path, &file) == 0) load->size = (size_t)file.st_size;
  load->model->size = load->size;
  if (load->train_cfg == NULL) {
    status = load->path != NULL ? OH_AI_ModelBuildFromFile(model, load->path, OH_AI_MODELTYPE_MINDIR, load->context)
                                : OH_AI_ModelBuild(model, load->bytes, load->size, OH_AI_MODELTYPE_MINDIR, load->context);
  } else {
    status = load->path != NULL
               ? OH_AI_TrainModelBuildFromFile(model, load->path, OH_AI_MODELTYPE_MINDIR, load->context, load->train_cfg)
               : OH_AI_TrainModelBuild(model, load->bytes, load->size, OH_AI_MODELTYPE_MINDIR, load->context, load->train_cfg);
    /* A training model starts in train mode here. One without training stays what it is. */
    OH_AI_TensorHandleArray weights = {0, NULL};
    if (status == OH_AI_STATUS_SUCCESS) weights = OH_AI_ModelGetWeights(model);
    if (weights.handle_num > 0) status = OH_AI_ModelSetTrainMode(model, true);
    for (size_t i = 0; i < weights.handle_num; i++) OH_AI_TensorDestroy(&weights.handle_list[i]);
    free(weights.handle_list);
  }
  if (status != OH_AI_STATUS_SUCCESS) job_failed(job, status);
}

static napi_value finish(napi_env env, Job *job) { return wrap_model(env, ((LoadJob *)job)->model); }

/* The first argument: reads where the model is. */
typedef bool (*Source)(napi_env env, napi_value value, LoadJob *load);

static bool from_file(napi_env env, napi_value value, LoadJob *load) { return (load->path = get_string(env, value, "the model's path")) != NULL; }

static bool from_buffer(napi_env env, napi_value value, LoadJob *load) {
  void *bytes = NULL;
  if (!get_bytes(env, value, "the model", &bytes, &load->size)) return false;
  load->bytes = malloc(load->size + 1);
  if (load->bytes != NULL && load->size > 0) memcpy(load->bytes, bytes, load->size);
  if (load->bytes == NULL) throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
  return load->bytes != NULL;
}

static bool from_fd(napi_env env, napi_value value, LoadJob *load) {
  int64_t fd = 0;
  if (!get_whole(env, value, "the file descriptor", 0, INT32_MAX, &fd)) return false;
  load->fd = (int)fd;
  return true;
}

static napi_value start(napi_env env, napi_value model, napi_value train_cfg, bool train, napi_value context, napi_value callback,
                        Source source) {
  LoadJob *load = calloc(1, sizeof *load);
  if (load == NULL || (load->model = new_model()) == NULL) {
    free(load);
    return throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
  }
  load->job.run = run;
  load->job.finish = finish;
  load->job.discard = discard;
  if (!source(env, model, load) || (load->context = make_context(env, context)) == NULL ||
      !set_key(env, context, load->model->handle) ||
      (train && (load->train_cfg = make_train_cfg(env, train_cfg)) == NULL)) {
    discard(&load->job);
    free(load);
    return NULL;
  }
  return start_job(env, &load->job, callback);
}

/* (model, callback), (model, context, callback), (model, context?) */
static napi_value load_inference(napi_env env, napi_callback_info info, Source source) {
  napi_value arguments[3] = {NULL, NULL, NULL};
  size_t count = 3;
  if (!NODE(napi_get_cb_info(env, info, &count, arguments, NULL, NULL))) return NULL;
  if (is_type(env, arguments[1], napi_function)) return start(env, arguments[0], NULL, false, NULL, arguments[1], source);
  if (!is_absent(env, arguments[2]) && !is_type(env, arguments[2], napi_function)) return throw_type_error(env, "the callback is not a function");
  return start(env, arguments[0], NULL, false, arguments[1], arguments[2], source);
}

/* (model, trainCfg?, context?) */
static napi_value load_training(napi_env env, napi_callback_info info, Source source) {
  napi_value arguments[3] = {NULL, NULL, NULL};
  size_t count = 3;
  if (!NODE(napi_get_cb_info(env, info, &count, arguments, NULL, NULL))) return NULL;
  return start(env, arguments[0], arguments[1], true, arguments[2], NULL, source);
}

static napi_value load_file(napi_env env, napi_callback_info info) { return load_inference(env, info, from_file); }
static napi_value load_buffer(napi_env env, napi_callback_info info) { return load_inference(env, info, from_buffer); }
static napi_value load_fd(napi_env env, napi_callback_info info) { return load_inference(env, info, from_fd); }
static napi_value load_train_file(napi_env env, napi_callback_info info) { return load_training(env, info, from_file); }
static napi_value load_train_buffer(napi_env env, napi_callback_info info) { return load_training(env, info, from_buffer); }
static napi_value load_train_fd(napi_env env, napi_callback_info info) { return load_training(env, info, from_fd); }

bool define_load_functions(napi_env env, napi_value exports) {
  return set_function(env, exports, "loadModelFromFile", load_file) && set_function(env, exports, "loadModelFromBuffer", load_buffer) &&
         set_function(env, exports, "loadModelFromFd", load_fd) && set_function(env, exports, "loadTrainModelFromFile", load_train_file) &&
         set_function(env, exports, "loadTrainModelFromBuffer", load_train_buffer) &&
         set_function(env, exports, "loadTrainModelFromFd", load_train_fd);
}
