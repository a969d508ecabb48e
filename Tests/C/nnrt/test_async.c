/* Asynchronous runs: callbacks, order, time limits, devices that hang or die. */
#include "common.h"
#include <pthread.h>
#include <time.h>

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int done, died;
  OH_NN_ReturnCode codes[64];
  void *outputs[64];
  int numbers[64];
} events_t;

typedef struct {
  events_t *events;
  int number;
} token_t;

static void on_done(void *user_data, OH_NN_ReturnCode code, void *outputs[], int32_t count) {
  const token_t *token = user_data;
  events_t *e = token->events;
  pthread_mutex_lock(&e->lock);
  e->codes[e->done] = code;
  e->outputs[e->done] = count == 1 ? outputs[0] : NULL;
  e->numbers[e->done++] = token->number;
  pthread_cond_broadcast(&e->changed);
  pthread_mutex_unlock(&e->lock);
}

static void on_died(void *user_data) {
  const token_t *token = user_data;
  if (token == NULL) return;
  pthread_mutex_lock(&token->events->lock);
  token->events->died++;
  pthread_mutex_unlock(&token->events->lock);
}

/* Waits until so many runs are done; 0 if that takes 20 s. */
static int wait_for(events_t *e, int count) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 20;
  pthread_mutex_lock(&e->lock);
  int result = 0;
  while (e->done < count && result == 0) result = pthread_cond_timedwait(&e->changed, &e->lock, &end);
  pthread_mutex_unlock(&e->lock);
  return result == 0;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef struct {
  OH_NNExecutor *executor;
  NN_Tensor *in[2], *out[1];
  events_t events;
  token_t tokens[64];
} job_t;

static job_t *job(size_t id) {
  job_t *j = calloc(1, sizeof *j);
  j->executor = executor_of(add_model(), id);
  for (size_t i = 0; i < 3; i++) {
    NN_TensorDesc *desc = i < 2 ? OH_NNExecutor_CreateInputTensorDesc(j->executor, i) : OH_NNExecutor_CreateOutputTensorDesc(j->executor, 0);
    NN_Tensor **place = i < 2 ? &j->in[i] : &j->out[0];
    *place = OH_NNTensor_Create(id, desc);
    OK(OH_NNTensorDesc_Destroy(&desc));
    float *data = OH_NNTensor_GetDataBuffer(*place);
    for (int k = 0; k < 4; k++) data[k] = i < 2 ? (float)k : -1;
  }
  pthread_mutex_init(&j->events.lock, NULL);
  pthread_cond_init(&j->events.changed, NULL);
  for (int i = 0; i < 64; i++) j->tokens[i] = (token_t){&j->events, i};
  return j;
}

static OH_NN_ReturnCode start(job_t *j, int32_t limit, int number) {
  return OH_NNExecutor_RunAsync(j->executor, j->in, 2, j->out, 1, limit, &j->tokens[number]);
}

static void end(job_t *j) {
  for (int i = 0; i < 2; i++) OK(OH_NNTensor_Destroy(&j->in[i]));
  OK(OH_NNTensor_Destroy(&j->out[0]));
  OH_NNExecutor_Destroy(&j->executor);
  free(j);
}

static int is_right(const job_t *j) {
  const float *y = OH_NNTensor_GetDataBuffer(j->out[0]);
  return y[0] == 0 && y[1] == 2 && y[2] == 4 && y[3] == 6;
}

static void misuse(void) {
  job_t *j = job(0);
  INVALID(OH_NNExecutor_SetOnRunDone(NULL, on_done));
  INVALID(OH_NNExecutor_SetOnServiceDied(NULL, on_died));
  FORBIDDEN(start(j, 1000, 0)); /* nobody to tell */
  OK(OH_NNExecutor_SetOnRunDone(j->executor, on_done));
  INVALID(OH_NNExecutor_RunAsync(NULL, j->in, 2, j->out, 1, 0, j));
  INVALID(OH_NNExecutor_RunAsync(j->executor, j->in, 2, j->out, 1, 0, NULL));
  INVALID(OH_NNExecutor_RunAsync(j->executor, NULL, 2, j->out, 1, 0, j));
  INVALID(OH_NNExecutor_RunAsync(j->executor, j->in, 2, NULL, 1, 0, j));
  INVALID(OH_NNExecutor_RunAsync(j->executor, j->in, 1, j->out, 1, 0, j));
  INVALID(OH_NNExecutor_RunAsync(j->executor, j->in, 2, j->out, 2, 0, j));
  INVALID(OH_NNExecutor_RunAsync(j->executor, j->in, 2, j->in, 1, 0, j));
  OK(OH_NNExecutor_SetOnRunDone(j->executor, NULL));
  FORBIDDEN(start(j, 1000, 0));
  CHECK(j->events.done == 0);
  end(j);
}

static void runs(void) {
  job_t *j = job(0);
  OK(OH_NNExecutor_SetOnRunDone(j->executor, on_done));
  for (int limit = -1; limit <= 20000; limit += 10000) {
    j->events.done = 0;
    for (int i = 0; i < 16; i++) OK(start(j, limit, i));
    CHECK(wait_for(&j->events, 16));
    for (int i = 0; i < 16; i++) CHECK(j->events.codes[i] == OH_NN_SUCCESS && j->events.numbers[i] == i && j->events.outputs[i] == j->out[0]);
    CHECK(is_right(j));
  }
  /* Failures are told the same way. */
  j->events.done = 0;
  TELL(fail_run, OH_NN_FAILED);
  OK(start(j, 20000, 0));
  CHECK(wait_for(&j->events, 1) && j->events.codes[0] == OH_NN_UNAVAILABLE_DEVICE);
  no_faults();
  end(j);
}

static void time_limits(void) {
  job_t *j = job(0);
  OK(OH_NNExecutor_SetOnRunDone(j->executor, on_done));
  /* A device that lets itself be cancelled: what waits behind the first one has its time limit, too. */
  TELL(hang, 1);
  double begin = seconds();
  OK(start(j, 100, 0));
  OK(start(j, 200, 1));
  CHECK(wait_for(&j->events, 2));
  CHECK(seconds() - begin >= 0.09 && seconds() - begin < 10);
  CHECK(j->events.codes[0] == OH_NN_TIMEOUT && j->events.codes[1] == OH_NN_TIMEOUT && SEEN(cancels) > 0);
  TELL(hang, 0);
  j->events.done = 0;
  OK(start(j, 20000, 0));
  CHECK(wait_for(&j->events, 1) && j->events.codes[0] == OH_NN_SUCCESS && is_right(j));
  end(j);

  /* One that does not return: everything can be freed, and the run has its memory until it ends. */
  j = job(0);
  OK(OH_NNExecutor_SetOnRunDone(j->executor, on_done));
  TELL(hang, 2);
  OK(start(j, 50, 0));
  CHECK(wait_for(&j->events, 1) && j->events.codes[0] == OH_NN_TIMEOUT);
  OK(start(j, 50, 1));
  CHECK(wait_for(&j->events, 2) && j->events.codes[1] == OH_NN_TIMEOUT);
  const int released = SEEN(released);
  end(j);
  OH_NNExecutor *other = executor_of(add_model(), 0);
  CHECK(SEEN(released) == released);
  TELL(hang, 0);
  begin = seconds();
  while (SEEN(released) == released && seconds() - begin < 20)
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  CHECK(SEEN(released) == released + 1);
  CHECK(adds(other));
  OH_NNExecutor_Destroy(&other);
  no_faults();
}

/* A run that is late takes no other one with it: two executors of one model, of which one does not wait. */
static void late_and_wanted(void) {
  job_t *late = job(0), *wanted = job(0);
  OH_NNExecutor_Destroy(&late->executor);
  OH_NNExecutor_Destroy(&wanted->executor);
  OH_NNModel *model = add_model();
  OH_NNCompilation *compilation = compiled(model, 0);
  late->executor = OH_NNExecutor_Construct(compilation);
  wanted->executor = OH_NNExecutor_Construct(compilation);
  OH_NNCompilation_Destroy(&compilation);
  OH_NNModel_Destroy(&model);
  OK(OH_NNExecutor_SetOnRunDone(late->executor, on_done));
  OK(OH_NNExecutor_SetOnRunDone(wanted->executor, on_done));
  TELL(cancels, 0);
  TELL(slow_run, 300);
  OK(start(late, 50, 0));
  OK(start(wanted, 20000, 0));
  CHECK(wait_for(&late->events, 1) && late->events.codes[0] == OH_NN_TIMEOUT);
  CHECK(SEEN(cancels) == 0);
  CHECK(wait_for(&wanted->events, 1) && wanted->events.codes[0] == OH_NN_SUCCESS && is_right(wanted));
  /* Alone, it is cancelled. */
  wanted->events.done = late->events.done = 0;
  TELL(cancels, 0);
  OK(start(late, 50, 1));
  CHECK(wait_for(&late->events, 1) && late->events.codes[0] == OH_NN_TIMEOUT);
  const double begin = seconds();
  while (SEEN(cancels) == 0 && seconds() - begin < 20) nanosleep(&(struct timespec){0, 1000000}, NULL);
  CHECK(SEEN(cancels) > 0);
  TELL(slow_run, 0);
  OK(start(wanted, 20000, 1));
  CHECK(wait_for(&wanted->events, 1) && wanted->events.codes[0] == OH_NN_SUCCESS);
  end(late);
  end(wanted);
}

/* Nobody hears of a run whose executor is gone. */
static void destroyed(void) {
  job_t *j = job(0);
  events_t *events = &j->events;
  OK(OH_NNExecutor_SetOnRunDone(j->executor, on_done));
  TELL(slow_run, 100);
  OK(start(j, 0, 0));
  OK(start(j, 50, 1));
  OH_NNExecutor_Destroy(&j->executor);
  nanosleep(&(struct timespec){0, 400000000}, NULL);
  CHECK(events->done == 0);
  no_faults();
  end(j);
}

static void death(void) {
  job_t *a = job(0), *b = job(device("NPU_"));
  OK(OH_NNExecutor_SetOnServiceDied(a->executor, on_died));
  OK(OH_NNExecutor_SetOnServiceDied(b->executor, on_died));
  die(0); /* before the first run there is no data to hand out */
  CHECK(a->events.died == 0);
  OK(OH_NNExecutor_SetOnRunDone(a->executor, on_done));
  OK(OH_NNExecutor_SetOnRunDone(b->executor, on_done));
  OK(start(a, 0, 0));
  OK(start(b, 0, 0));
  CHECK(wait_for(&a->events, 1) && wait_for(&b->events, 1));
  die(0);
  CHECK(a->events.died == 1 && b->events.died == 0);
  die(2);
  CHECK(a->events.died == 1 && b->events.died == 1);
  die(77);
  OK(OH_NNExecutor_SetOnServiceDied(a->executor, NULL));
  die(0);
  CHECK(a->events.died == 1);
  OH_NNExecutor_Destroy(&b->executor);
  die(2);
  CHECK(b->events.died == 1);
  end(a);
  end(b);
}

int main(void) {
  no_faults();
  misuse();
  runs();
  time_limits();
  late_and_wanted();
  destroyed();
  death();
  return check_result();
}
