/* The Node.js addon: what its files share. Everything but the `run` functions of jobs happens on the thread of the JavaScript that loaded
 * the addon, so counts need no locks; while a job uses a model, `busy` keeps JavaScript away from it. */
#ifndef MSLITE_NODE_ADDON_H
#define MSLITE_NODE_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mindspore/model.h"
#include "mslite/extensions.h"

/* The code of OpenHarmony's errors for a wrong argument. */
enum { WRONG_ARGUMENT = 401 };

/* --- objects.c ----------------------------------------------------------------------------------------------------------------- */

/* The classes of an environment; every worker has an addon of its own. */
typedef struct Addon {
  napi_ref model_class, tensor_class;
  void *wrapped; /* what the constructor that is being called wraps; NULL when JavaScript calls it */
} Addon;

/* A class whose objects wrap something native. */
typedef struct NativeClass {
  const char *name;
  napi_type_tag tag;
  /* An object has been made; the reference to it is weak, and is for release() to delete. */
  void (*retain)(napi_env env, void *native, napi_ref object);
  void (*release)(napi_env env, void *native); /* it has been collected */
} NativeClass;

/* Defines a class with a reference to its constructor. */
bool define_class(napi_env env, const NativeClass *class, const napi_property_descriptor *properties, size_t count, napi_ref *constructor);
/* Makes an object of a class around `native`. */
napi_value make_object(napi_env env, Addon *addon, napi_ref constructor, void *native);
/* The addon of an environment; NULL with the error thrown. */
Addon *get_addon(napi_env env);
/* What an object of a class wraps; NULL with a TypeError of this text thrown for all others. */
void *unwrap_object(napi_env env, napi_value value, const NativeClass *class, const char *otherwise);

/* --- values.c ------------------------------------------------------------------------------------------------------------------ */

/* An Error with `code` and a text. */
napi_value make_error(napi_env env, uint32_t code, const char *text);
/* Throw; give NULL, for `return`. */
napi_value throw_error(napi_env env, uint32_t code, const char *text);
napi_value throw_type_error(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Throws what this thread's last call into the library has failed with. */
napi_value throw_status(napi_env env, OH_AI_Status status);
/* For calls of Node-API that fail only when memory or the environment is gone: throws when nothing was thrown; false. */
bool node_failed(napi_env env);
#define NODE(call) ((call) == napi_ok || node_failed(env))

bool is_type(napi_env env, napi_value value, napi_valuetype type);
/* Absent: undefined or null. */
bool is_absent(napi_env env, napi_value value);
/* A copy of a string without a NUL in it, for free(); NULL with the error thrown. */
char *get_string(napi_env env, napi_value value, const char *what);
/* A list of such strings; false with the error thrown. */
bool get_strings(napi_env env, napi_value value, const char *what, char ***list, size_t *count);
void free_strings(char **list, size_t count);
/* A whole number from `low` to `high`, also as BigInt; false with the error thrown. */
bool get_whole(napi_env env, napi_value value, const char *what, int64_t low, int64_t high, int64_t *number);
bool get_number(napi_env env, napi_value value, const char *what, double *number);
bool get_boolean(napi_env env, napi_value value, const char *what, bool *boolean);
/* The bytes of an ArrayBuffer, a typed array, a DataView or a Buffer, valid until JavaScript runs; false with the error thrown. */
bool get_bytes(napi_env env, napi_value value, const char *what, void **bytes, size_t *size);
/* A property; undefined for an absent object. */
napi_value get_property(napi_env env, napi_value object, const char *name);
napi_value make_string(napi_env env, const char *text);
napi_value make_number(napi_env env, double number);
napi_value make_boolean(napi_env env, bool boolean);
/* Defines `name` on an object. */
bool set_property(napi_env env, napi_value object, const char *name, napi_value value);
bool set_function(napi_env env, napi_value object, const char *name, napi_callback function);

/* --- job.c --------------------------------------------------------------------------------------------------------------------- */

/* Work off the JavaScript thread. `run` is called there, and sets status and text when it fails; `finish` makes the result, on the
 * JavaScript thread, and `discard` releases what the job holds in any case. */
typedef struct Job {
  void (*run)(struct Job *job);
  napi_value (*finish)(napi_env env, struct Job *job);
  void (*discard)(struct Job *job);
  OH_AI_Status status;
  char *text;
  napi_async_work work;
  napi_deferred deferred;
  napi_ref callback;
} Job;

/* Starts a job, whose memory comes from malloc() and is freed at its end. Gives a promise, or undefined when there is a callback: it is
 * called with the result, or with undefined and the error. */
napi_value start_job(napi_env env, Job *job, napi_value callback);
/* In `run`: the job has failed with this thread's last error. */
void job_failed(Job *job, OH_AI_Status status);

/* --- context.c ----------------------------------------------------------------------------------------------------------------- */

/* A context for a Context object; the default one when it is absent. NULL with the error thrown. */
OH_AI_ContextHandle make_context(napi_env env, napi_value object);
/* Gives a model the key in a Context object, where there is one; false with the error thrown. */
bool set_key(napi_env env, napi_value object, OH_AI_ModelHandle model);
/* Train settings for a TrainCfg object. NULL with the error thrown. */
OH_AI_TrainCfgHandle make_train_cfg(napi_env env, napi_value object);
napi_value nnrt_devices(napi_env env, napi_callback_info info);

/* --- model.c ------------------------------------------------------------------------------------------------------------------- */

/* A model, kept as long as an object of JavaScript or a job uses it. */
typedef struct NativeModel {
  size_t references;
  size_t busy;              /* jobs that use it */
  OH_AI_ModelHandle handle; /* NULL once closed */
  size_t size;              /* bytes of its file: what the garbage collector is told */
  napi_ref object;          /* its Model; weak */
  struct NativeTensor **outputs; /* those of the last run whose objects may be alive; NULL where there are none */
  size_t output_count;
} NativeModel;

/* One reference, for the caller. NULL without memory. */
NativeModel *new_model(void);
void retain_model(NativeModel *model);
void release_model(NativeModel *model);
/* Whether a model may be used now; false with the error thrown. */
bool model_ready(napi_env env, const NativeModel *model);
bool define_model_class(napi_env env, Addon *addon);
/* A Model of JavaScript. */
napi_value wrap_model(napi_env env, NativeModel *model);

/* --- tensor.c ------------------------------------------------------------------------------------------------------------------ */

typedef enum TensorKind {
  INPUT_TENSOR,
  OUTPUT_TENSOR, /* a run may change its shape */
  WEIGHT_TENSOR, /* its handle is the object's own */
} TensorKind;

typedef struct NativeTensor {
  size_t references;
  NativeModel *model;
  OH_AI_TensorHandle handle;
  TensorKind kind;
  napi_ref object; /* its MSTensor; weak */
} NativeTensor;

void retain_tensor(NativeTensor *tensor);
void release_tensor(NativeTensor *tensor);
bool define_tensor_class(napi_env env, Addon *addon);
/* MSTensors for a list of handles. */
napi_value wrap_tensors(napi_env env, NativeModel *model, OH_AI_TensorHandleArray list, TensorKind kind);
/* MSTensors for the outputs of a run. Objects that JavaScript still has are given again: making one takes longer than all else that is done
 * when a run ends. */
napi_value wrap_outputs(napi_env env, NativeModel *model, OH_AI_TensorHandleArray list);
/* A list of MSTensors whose models may be used, each with a reference for the caller; false with the error thrown. */
bool get_tensors(napi_env env, napi_value value, const char *what, NativeTensor ***list, size_t *count);
void release_tensors(NativeTensor **list, size_t count);
/* The memory of an MSTensor of float32, to be written, and how many numbers it holds; false with the error thrown. */
bool get_tensor_floats(napi_env env, napi_value value, const char *otherwise, void **floats, size_t *count);
/* Their handles, for free(); NULL without memory or tensors. */
OH_AI_TensorHandle *handles_of(NativeTensor **list, size_t count);

/* --- load.c -------------------------------------------------------------------------------------------------------------------- */

bool define_load_functions(napi_env env, napi_value exports);

#endif
