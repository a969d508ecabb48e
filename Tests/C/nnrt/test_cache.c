/* Compiled models in files: versions, devices, other models, damage, and several processes that write at once. */
#include "common.h"
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/nnrt_cache_XXXXXX";
static char file[64];

static OH_NN_ReturnCode build(const OH_NNModel *model, size_t id, const char *where, uint32_t version, OH_NNCompilation **result) {
  OH_NNCompilation *c = model != NULL ? OH_NNCompilation_Construct(model) : OH_NNCompilation_ConstructForCache();
  OK(OH_NNCompilation_SetDevice(c, id));
  OK(OH_NNCompilation_SetCache(c, where, version));
  const OH_NN_ReturnCode code = OH_NNCompilation_Build(c);
  if (result != NULL && code == OH_NN_SUCCESS) *result = c;
  else OH_NNCompilation_Destroy(&c);
  return code;
}

/* Builds, and says whether the model came from the cache (1) or was compiled (0); -1 for an error. */
static int from_cache(const OH_NNModel *model, size_t id, uint32_t version) {
  const int restored = controls()->restored, prepared = controls()->prepared;
  OH_NNCompilation *c = NULL;
  if (build(model, id, folder, version, &c) != OH_NN_SUCCESS) return -1;
  OH_NNExecutor *executor = OH_NNExecutor_Construct(c);
  CHECK(adds(executor));
  OH_NNExecutor_Destroy(&executor);
  OH_NNCompilation_Destroy(&c);
  CHECK(controls()->restored - restored + controls()->prepared - prepared == 1);
  return controls()->restored - restored;
}

static int files(void) {
  int count = 0;
  DIR *d = opendir(folder);
  for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) count += e->d_name[0] != '.';
  closedir(d);
  return count;
}

static unsigned char *read_all(size_t *size) {
  FILE *f = fopen(file, "rb");
  CHECK(f != NULL);
  fseek(f, 0, SEEK_END);
  *size = (size_t)ftell(f);
  rewind(f);
  unsigned char *bytes = malloc(*size);
  CHECK(fread(bytes, 1, *size, f) == *size);
  fclose(f);
  return bytes;
}

static void write_all(const unsigned char *bytes, size_t size) {
  FILE *f = fopen(file, "wb");
  CHECK(f != NULL && fwrite(bytes, 1, size, f) == size);
  fclose(f);
}

static void versions(OH_NNModel *model) {
  CHECK(from_cache(model, 0, 5) == 0);
  CHECK(files() == 1);
  CHECK(from_cache(model, 0, 5) == 1);
  CHECK(from_cache(NULL, 0, 5) == 1);
  CHECK(from_cache(model, 0, 6) == 0); /* newer: replaced */
  CHECK(from_cache(model, 0, 6) == 1);
  FORBIDDEN(build(model, 0, folder, 5, NULL)); /* older */
  FORBIDDEN(build(NULL, 0, folder, 5, NULL));
  CHECK_STATUS(build(NULL, 0, folder, 7, NULL), OH_NN_INVALID_FILE); /* nothing to replace it with */
  CHECK(from_cache(model, 0, 6) == 1);
  INVALID(build(model, 0, folder, UINT32_MAX, NULL));
  CHECK(from_cache(model, 0, UINT32_MAX - 1) == 0);
  CHECK(unlink(file) == 0);
  CHECK_STATUS(build(NULL, 0, folder, 5, NULL), OH_NN_INVALID_FILE);
  CHECK(from_cache(model, 0, 0) == 0);
  CHECK(from_cache(model, 0, 0) == 1);
}

static void places(OH_NNModel *model) {
  INVALID(build(model, 0, "/nothing/here", 1, NULL));
  INVALID(build(model, 0, "", 1, NULL));
  INVALID(build(model, 0, file, 1, NULL)); /* a file */
  FORBIDDEN(build(model, device("Bare"), folder, 1, NULL));
  FORBIDDEN(build(model, device("Bare"), "/nothing/here", 1, NULL));
  /* A folder in which nothing can be made (root may write anywhere, but not here). */
  CHECK_STATUS(build(model, 0, "/proc/self", 1, NULL), OH_NN_SAVE_CACHE_EXCEPTION);
  /* Names: part of the file's, and never a path. */
  OH_NNCompilation *c = OH_NNCompilation_Construct(model);
  OK(OH_NNCompilation_SetCache(c, folder, 1));
  OK(OH_NNCompilation_AddExtensionConfig(c, "ModelName", "net_", 5));
  OK(OH_NNCompilation_Build(c));
  OH_NNCompilation_Destroy(&c);
  char path[96];
  snprintf(path, sizeof path, "%s/net_cache_info.nncache", folder);
  CHECK(unlink(path) == 0);
  c = OH_NNCompilation_Construct(model);
  OK(OH_NNCompilation_SetCache(c, folder, 1));
  OK(OH_NNCompilation_AddExtensionConfig(c, "ModelName", "../x", 4));
  INVALID(OH_NNCompilation_Build(c));
  OH_NNCompilation_Destroy(&c);
}

/* Another device, another model, half precision: compiled anew. A driver that does not take it back, too. */
static void others(OH_NNModel *model) {
  CHECK(unlink(file) == 0);
  CHECK(from_cache(model, 0, 1) == 0);
  CHECK(from_cache(model, device("NPU_"), 1) == 0);
  CHECK(from_cache(model, device("NPU_"), 1) == 1);
  CHECK(from_cache(model, 0, 1) == 0);
  OH_NNModel *other = OH_NNModel_Construct();
  for (int i = 0; i < 3; i++) OK(add_tensor(other, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  const float ones[4] = {1, 1, 1, 1};
  OK(add_tensor(other, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(OH_NNModel_SetTensorData(other, 3, ones, 16));
  OK(OH_NNModel_AddOperation(other, OH_NN_OPS_ADD, NOTHING, LIST(0, 1), LIST(2)));
  OK(OH_NNModel_SpecifyInputsAndOutputs(other, LIST(0, 1), LIST(2)));
  OK(OH_NNModel_Finish(other));
  CHECK(from_cache(other, 0, 1) == 0);
  CHECK(from_cache(other, 0, 1) == 1);
  CHECK(from_cache(model, 0, 1) == 0);
  OH_NNModel_Destroy(&other);
  OH_NNCompilation *c = OH_NNCompilation_Construct(model);
  OK(OH_NNCompilation_SetCache(c, folder, 1));
  OK(OH_NNCompilation_EnableFloat16(c, true));
  const int prepared = controls()->prepared;
  OK(OH_NNCompilation_Build(c));
  CHECK(controls()->prepared == prepared + 1);
  OH_NNCompilation_Destroy(&c);
  CHECK(from_cache(model, 0, 1) == 0);
  controls()->fail_restore = OH_NN_FAILED;
  CHECK(from_cache(model, 0, 1) == 0);
  CHECK_STATUS(build(NULL, 0, folder, 1, NULL), OH_NN_FAILED);
  controls()->fail_restore = 0;
  CHECK(from_cache(model, 0, 1) == 1);
  /* A driver that cannot export: the build fails, and there is no new file. */
  CHECK(unlink(file) == 0);
  controls()->fail_export = OH_NN_FAILED;
  CHECK_STATUS(build(model, 0, folder, 1, NULL), OH_NN_FAILED);
  CHECK(files() == 0);
  no_faults();
  CHECK(from_cache(model, 0, 1) == 0);
}

static void damage(OH_NNModel *model) {
  size_t size = 0;
  unsigned char *bytes = read_all(&size), *spoilt = malloc(size + 1);
  srand(1);
  int restored = 0;
  for (int round = 0; round < 400; round++) {
    memcpy(spoilt, bytes, size);
    size_t length = size;
    if (round % 2 == 0) length = (size_t)rand() % size;
    else spoilt[(size_t)rand() % size] ^= (unsigned char)(1 << (rand() % 8));
    if (round == 1) length = size + 1;
    write_all(spoilt, length);
    if (round % 3 == 0) {
      const OH_NN_ReturnCode code = build(NULL, 0, folder, 1, NULL);
      CHECK(code == OH_NN_INVALID_FILE || code == OH_NN_SUCCESS);
      restored += code == OH_NN_SUCCESS;
      continue;
    }
    /* Whatever was there, the model is right, and the file is good again. */
    const int way = from_cache(model, 0, 1);
    CHECK(way >= 0);
    restored += way == 1;
    CHECK(from_cache(model, 0, 1) == 1);
  }
  /* Only what is between the parts may change unnoticed: less than 64 bytes in two places. */
  CHECK(restored < 40);
  /* A folder instead of the file. */
  CHECK(unlink(file) == 0 && mkdir(file, 0777) == 0);
  CHECK_STATUS(build(model, 0, folder, 1, NULL), OH_NN_SAVE_CACHE_EXCEPTION);
  CHECK_STATUS(build(NULL, 0, folder, 1, NULL), OH_NN_INVALID_FILE);
  CHECK(rmdir(file) == 0 && files() == 0);
  CHECK(from_cache(model, 0, 1) == 0);
  free(spoilt);
  free(bytes);
}

/* Processes that write models of two versions, in turn, while others read; every file that is there is a whole one. */
static void processes(OH_NNModel *model, int rounds) {
  fflush(stdout);
  pid_t children[4];
  for (int i = 0; i < 4; i++) {
    children[i] = fork();
    if (children[i] != 0) continue;
    int bad = 0;
    for (int round = 0; round < rounds; round++) {
      if (i == 0 && round % 4 == 0) unlink(file);
      OH_NNCompilation *c = NULL;
      if (build(model, i == 1 ? device("NPU_") : 0, folder, 1, &c) != OH_NN_SUCCESS) {
        bad++;
        continue;
      }
      OH_NNExecutor *executor = OH_NNExecutor_Construct(c);
      bad += !adds(executor);
      OH_NNExecutor_Destroy(&executor);
      OH_NNCompilation_Destroy(&c);
    }
    _exit(bad > 0);
  }
  for (int i = 0; i < 4; i++) {
    int status = -1;
    CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0);
  }
  /* No file of a writer is left over. */
  CHECK(files() <= 1);
}

int main(void) {
  no_faults();
  CHECK(mkdtemp(folder) != NULL);
  snprintf(file, sizeof file, "%s/cache_info.nncache", folder);
  OH_NNModel *model = add_model();
  versions(model);
  places(model);
  others(model);
  damage(model);
  processes(model, 100);
  OH_NNModel_Destroy(&model);
  CHECK(controls()->exports == controls()->returned);
  unlink(file);
  CHECK(rmdir(folder) == 0);
  return check_result();
}
