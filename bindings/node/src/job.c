/* Work off the JavaScript thread, with a promise or a callback for its result. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include "addon.h"

void job_failed(Job *job, OH_AI_Status status) {
  job->status = status;
  job->text = strdup(MSLite_GetLastError());
}

static void run(napi_env env, void *data) {
  Job *job = data;
  (void)env;
  job->run(job);
}

/* Frees a job that has been discarded. */
static void destroy(napi_env env, Job *job) {
  if (job->work != NULL) napi_delete_async_work(env, job->work);
  if (job->callback != NULL) napi_delete_reference(env, job->callback);
  free(job->text);
  free(job);
}

/* Hands the result, or the error, to whoever waits. */
static void deliver(napi_env env, Job *job, napi_value result, napi_value error) {
  napi_value undefined, callback;
  if (job->callback == NULL) {
    if (result != NULL) napi_resolve_deferred(env, job->deferred, result);
    else napi_reject_deferred(env, job->deferred, error);
    return;
  }
  napi_get_undefined(env, &undefined);
  napi_value arguments[2] = {result == NULL ? undefined : result, error == NULL ? undefined : error};
  /* What the callback throws is the process's uncaught exception. */
  if (napi_get_reference_value(env, job->callback, &callback) == napi_ok) napi_call_function(env, undefined, callback, 2, arguments, NULL);
}

static void complete(napi_env env, napi_status status, void *data) {
  Job *job = data;
  napi_value result = NULL, error = NULL;
  if (status != napi_cancelled) {
    if (job->status == OH_AI_STATUS_SUCCESS) result = job->finish(env, job);
    else error = make_error(env, (uint32_t)job->status, job->text == NULL ? "out of memory" : job->text);
    if (result == NULL && error == NULL) napi_get_and_clear_last_exception(env, &error);
  }
  /* Before JavaScript sees the result: it may use the model again at once. */
  job->discard(job);
  /* Cancelled: the environment ends, nobody waits. */
  if (status != napi_cancelled) deliver(env, job, result, error);
  destroy(env, job);
}

napi_value start_job(napi_env env, Job *job, napi_value callback) {
  napi_value result = NULL, name = make_string(env, "mslite");
  bool ok = name != NULL;
  if (ok && !is_absent(env, callback)) {
    ok = NODE(napi_create_reference(env, callback, 1, &job->callback)) && NODE(napi_get_undefined(env, &result));
  } else if (ok) {
    ok = NODE(napi_create_promise(env, &job->deferred, &result));
  }
  ok = ok && NODE(napi_create_async_work(env, NULL, name, run, complete, job, &job->work)) && NODE(napi_queue_async_work(env, job->work));
  if (ok) return result;
  job->discard(job);
  destroy(env, job);
  return NULL;
}
