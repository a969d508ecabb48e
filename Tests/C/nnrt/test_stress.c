/* The same again and again, from one thread and from several: nothing is left over, and nothing gets mixed up. ROUNDS in the
 * environment is how often (2000). */
#include "common.h"
#include <dirent.h>
#include <pthread.h>

static int rounds = 2000;

static int open_files(void) {
  int count = 0;
  DIR *d = opendir("/proc/self/fd");
  while (readdir(d) != NULL) count++;
  closedir(d);
  return count;
}

static void build_and_compile(void) {
  for (int i = 0; i < rounds; i++) {
    OH_NNModel *model = add_model();
    const bool *supported = NULL;
    uint32_t count = 0;
    OK(OH_NNModel_GetAvailableOperations(model, 0, &supported, &count));
    OH_NNCompilation *compilation = compiled(model, 0);
    OH_NNModel_Destroy(&model);
    OH_NNCompilation_Destroy(&compilation);
  }
}

static void execute(void) {
  OH_NNModel *model = add_model();
  OH_NNCompilation *compilation = compiled(model, 0);
  for (int i = 0; i < rounds; i++) {
    OH_NNExecutor *executor = OH_NNExecutor_Construct(compilation);
    CHECK(adds(executor));
    OH_NN_Memory *memory = OH_NNExecutor_AllocateInputMemory(executor, 0, 16);
    CHECK(memory != NULL);
    if (i % 2 == 0) OH_NNExecutor_DestroyInputMemory(executor, 0, &memory);
    OH_NNExecutor_Destroy(&executor);
  }
  OH_NNCompilation_Destroy(&compilation);
  OH_NNModel_Destroy(&model);
}

/* --- threads: CHECK counts for one, so that each counts its own failures ------------------------------------------------- */

typedef struct {
  OH_NNExecutor *executor;
  OH_NNCompilation *compilation;
  int number, bad;
} thread_t;

static int runs_right(OH_NNExecutor *executor, NN_Tensor *in[2], NN_Tensor *out[1], float value) {
  float *a = OH_NNTensor_GetDataBuffer(in[0]), *b = OH_NNTensor_GetDataBuffer(in[1]);
  const float *y = OH_NNTensor_GetDataBuffer(out[0]);
  for (int i = 0; i < 4; i++) {
    a[i] = value + (float)i;
    b[i] = value;
  }
  if (OH_NNExecutor_RunSync(executor, in, 2, out, 1) != OH_NN_SUCCESS) return 0;
  return y[0] == 2 * value && y[3] == 2 * value + 3;
}

/* Each thread with tensors of its own, on one executor or on an own one. */
static void *run_many(void *argument) {
  thread_t *t = argument;
  OH_NNExecutor *executor = t->executor != NULL ? t->executor : OH_NNExecutor_Construct(t->compilation);
  NN_Tensor *in[2], *out[1];
  for (size_t i = 0; i < 3; i++) {
    NN_TensorDesc *desc = i < 2 ? OH_NNExecutor_CreateInputTensorDesc(executor, i) : OH_NNExecutor_CreateOutputTensorDesc(executor, 0);
    *(i < 2 ? &in[i] : &out[0]) = OH_NNTensor_Create(0, desc);
    OH_NNTensorDesc_Destroy(&desc);
  }
  for (int i = 0; i < rounds; i++) t->bad += !runs_right(executor, in, out, (float)(t->number * rounds + i));
  for (size_t i = 0; i < 2; i++) OH_NNTensor_Destroy(&in[i]);
  OH_NNTensor_Destroy(&out[0]);
  if (t->executor == NULL) OH_NNExecutor_Destroy(&executor);
  return NULL;
}

/* Builds a model of its own and compiles and runs it. */
static void *build_many(void *argument) {
  thread_t *t = argument;
  for (int i = 0; i < rounds / 4; i++) {
    OH_NNModel *model = OH_NNModel_Construct();
    for (int k = 0; k < 3; k++) t->bad += add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR) != OH_NN_SUCCESS;
    t->bad += OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, NOTHING, LIST(0, 1), LIST(2)) != OH_NN_SUCCESS;
    t->bad += OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), LIST(2)) != OH_NN_SUCCESS;
    t->bad += OH_NNModel_Finish(model) != OH_NN_SUCCESS;
    OH_NNCompilation *compilation = OH_NNCompilation_Construct(model);
    t->bad += OH_NNCompilation_Build(compilation) != OH_NN_SUCCESS;
    OH_NNExecutor *executor = OH_NNExecutor_Construct(compilation);
    t->bad += !adds(executor);
    OH_NNExecutor_Destroy(&executor);
    OH_NNCompilation_Destroy(&compilation);
    OH_NNModel_Destroy(&model);
  }
  return NULL;
}

static void in_threads(void *(*function)(void *), OH_NNExecutor *executor, OH_NNCompilation *compilation) {
  pthread_t threads[4];
  thread_t arguments[4];
  for (int i = 0; i < 4; i++) {
    arguments[i] = (thread_t){executor, compilation, i, 0};
    CHECK(pthread_create(&threads[i], NULL, function, &arguments[i]) == 0);
  }
  for (int i = 0; i < 4; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(arguments[i].bad == 0);
  }
}

/* What one thread destroys, others are using. */
typedef struct {
  OH_NNExecutor *executor;
  NN_Tensor *in[2], *out[1];
} shared_t;

static void *use(void *argument) {
  shared_t *s = argument;
  NN_Tensor *in[2] = {s->in[0], s->in[1]}, *out[1] = {s->out[0]};
  for (;;) {
    const OH_NN_ReturnCode code = OH_NNExecutor_RunSync(s->executor, in, 2, out, 1);
    if (code == OH_NN_INVALID_PARAMETER) return NULL;
    if (code != OH_NN_SUCCESS) return argument;
  }
}

static void destroyed_in_use(void) {
  for (int round = 0; round < 50; round++) {
    shared_t s;
    s.executor = executor_of(add_model(), 0);
    for (size_t i = 0; i < 3; i++) {
      NN_TensorDesc *desc = i < 2 ? OH_NNExecutor_CreateInputTensorDesc(s.executor, i) : OH_NNExecutor_CreateOutputTensorDesc(s.executor, 0);
      *(i < 2 ? &s.in[i] : &s.out[0]) = OH_NNTensor_Create(0, desc);
      OK(OH_NNTensorDesc_Destroy(&desc));
    }
    shared_t copy = s;
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, use, &copy) == 0);
    nanosleep(&(struct timespec){0, 200000}, NULL);
    if (round % 2 == 0) OH_NNExecutor_Destroy(&s.executor);
    for (int i = 0; i < 2; i++) OK(OH_NNTensor_Destroy(&s.in[i]));
    OK(OH_NNTensor_Destroy(&s.out[0]));
    for (int i = 0; i < 2; i++) {
      void *result = &s;
      CHECK(pthread_join(threads[i], &result) == 0 && result == NULL);
    }
    OH_NNExecutor_Destroy(&s.executor);
  }
}

int main(void) {
  if (getenv("ROUNDS") != NULL) rounds = atoi(getenv("ROUNDS"));
  no_faults();
  const int files = open_files();
  build_and_compile();
  execute();
  OH_NNModel *model = add_model();
  OH_NNCompilation *parallel = compiled(model, device("Device-CPU")), *serial = compiled(model, device("NPU_"));
  OH_NNExecutor *executor = OH_NNExecutor_Construct(parallel);
  in_threads(run_many, executor, NULL);
  CHECK(SEEN(overlaps) == 0); /* one executor's runs wait for each other */
  in_threads(run_many, NULL, serial);
  CHECK(SEEN(overlaps) == 0); /* and so do all of a device that makes one at a time */
  TELL(slow_run, 1);
  const int kept = rounds;
  rounds = 20;
  in_threads(run_many, NULL, parallel);
  CHECK(SEEN(overlaps) > 0); /* others run at the same time */
  rounds = kept;
  TELL(slow_run, 0);
  in_threads(build_many, NULL, NULL);
  destroyed_in_use();
  OH_NNExecutor_Destroy(&executor);
  OH_NNCompilation_Destroy(&parallel);
  OH_NNCompilation_Destroy(&serial);
  OH_NNModel_Destroy(&model);
  CHECK(SEEN(prepared) == SEEN(released));
  CHECK(open_files() == files);
  return check_result();
}
