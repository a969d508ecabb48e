/* Another driver (the library that NNRT_WRAPPED names), with less: refuses operations and fails as the environment says at each call.
 *
 *   NNRT_REFUSE_SEED, NNRT_REFUSE_PERCENT   every operation is refused with that probability, by its place and the seed
 *   NNRT_GOOD_RUNS                          all runs fail after so many
 *   NNRT_SLOW_RUNS                          runs take so many milliseconds more */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "mslite/nnrt_driver.h"

static NNRt_Driver driver;
static const NNRt_Driver *wrapped;
static int runs;

static int setting(const char *name, int standard) {
  const char *text = getenv(name);
  return text == NULL ? standard : atoi(text);
}

/* splitmix64 */
static uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static OH_NN_ReturnCode supported(uint32_t device, const NNRt_Model *model, bool *answers) {
  static int last_seed;
  static uint32_t largest;
  const OH_NN_ReturnCode code = wrapped->getSupportedOperations(device, model, answers);
  const int seed = setting("NNRT_REFUSE_SEED", 0);
  const unsigned percent = (unsigned)setting("NNRT_REFUSE_PERCENT", 30);
  if (seed != last_seed) largest = 0;
  last_seed = seed;
  /* What is asked about again when it is compiled is a part of what was asked about before, and was accepted. */
  if (seed == 0 || code != OH_NN_SUCCESS || model->nodeCount < largest) return code;
  largest = model->nodeCount;
  for (uint32_t i = 0; i < model->nodeCount; i++)
    if (mixed((uint64_t)seed << 32 ^ i) % 100 < percent) answers[i] = false;
  return code;
}

static OH_NN_ReturnCode run(NNRt_PreparedModel *prepared, const NNRt_IOTensor *inputs, uint32_t input_count, NNRt_IOTensor *outputs,
                            uint32_t output_count) {
  const int slow = setting("NNRT_SLOW_RUNS", 0), good = setting("NNRT_GOOD_RUNS", -1);
  const int number = __atomic_fetch_add(&runs, 1, __ATOMIC_SEQ_CST);
  const struct timespec t = {slow / 1000, slow % 1000 * 1000000L};
  if (slow > 0) nanosleep(&t, NULL);
  if (good >= 0 && number >= good) return OH_NN_UNAVAILABLE_DEVICE;
  return wrapped->run(prepared, inputs, input_count, outputs, output_count);
}

const NNRt_Driver *NNRt_DriverEntry(uint32_t version) {
  const char *path = getenv("NNRT_WRAPPED");
  void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const NNRt_Driver *(*entry)(uint32_t) = NULL;
  if (library != NULL) *(void **)&entry = dlsym(library, "NNRt_DriverEntry");
  wrapped = entry == NULL ? NULL : entry(version);
  if (wrapped == NULL) {
    fprintf(stderr, "driver_wrapped: %s\n", path == NULL ? "NNRT_WRAPPED is not set" : dlerror());
    return NULL;
  }
  driver = *wrapped;
  driver.getSupportedOperations = supported;
  driver.run = run;
  return &driver;
}
