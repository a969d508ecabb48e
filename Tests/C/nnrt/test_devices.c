/* Finding drivers and devices; drivers that are broken in one way or another. */
#include "common.h"
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void discovery(void) {
  const size_t *ids = NULL;
  uint32_t count = 9;
  OK(OH_NNDevice_GetAllDevicesID(&ids, &count));
  CHECK(count == 4 && ids != NULL);
  const size_t *again = NULL;
  OK(OH_NNDevice_GetAllDevicesID(&again, &count));
  CHECK(again == ids);
  const char *names[] = {"Device-CPU_TestVendor_v2_0", "Bare_TestVendor_v2_1", "NPU_test_TestVendor_v2_0", "HIAI_F_test_TestVendor_v2_0"};
  const OH_NN_DeviceType types[] = {OH_NN_CPU, OH_NN_OTHERS, OH_NN_ACCELERATOR, OH_NN_ACCELERATOR};
  for (uint32_t i = 0; i < count && i < 4; i++) {
    const char *name = NULL;
    OH_NN_DeviceType type = OH_NN_GPU;
    CHECK(ids[i] != 0);
    OK(OH_NNDevice_GetName(ids[i], &name));
    CHECK(name != NULL && strcmp(name, names[i]) == 0);
    OK(OH_NNDevice_GetType(ids[i], &type));
    CHECK(type == types[i]);
    for (uint32_t k = 0; k < i; k++) CHECK(ids[k] != ids[i]);
  }
  /* 0 stands for the first one. */
  const char *name = NULL;
  OH_NN_DeviceType type = OH_NN_GPU;
  OK(OH_NNDevice_GetName(0, &name));
  CHECK(strcmp(name, names[0]) == 0);
  OK(OH_NNDevice_GetType(0, &type));
  CHECK(type == OH_NN_CPU);
}

static void misuse(void) {
  const size_t *ids = NULL;
  uint32_t count = 0;
  INVALID(OH_NNDevice_GetAllDevicesID(NULL, &count));
  INVALID(OH_NNDevice_GetAllDevicesID(&ids, NULL));
  OK(OH_NNDevice_GetAllDevicesID(&ids, &count));
  INVALID(OH_NNDevice_GetAllDevicesID(&ids, &count));
  const char *name = NULL;
  OH_NN_DeviceType type = OH_NN_GPU;
  INVALID(OH_NNDevice_GetName(ids[0], NULL));
  CHECK_STATUS(OH_NNDevice_GetName(123456, &name), OH_NN_FAILED);
  CHECK(name == NULL);
  name = "something";
  INVALID(OH_NNDevice_GetName(ids[0], &name));
  INVALID(OH_NNDevice_GetType(ids[0], NULL));
  INVALID(OH_NNDevice_GetType(123456, &type));
  CHECK(type == OH_NN_GPU);
}

/* How many devices a new process finds with these variables; -1 if it does not end well. */
static int devices_with(const char *program, const char *drivers, const char *test) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (drivers != NULL) setenv("MSLITE_NNRT_DRIVERS", drivers, 1);
    if (drivers == NULL) unsetenv("MSLITE_NNRT_DRIVERS");
    setenv("MSLITE_NNRT_TEST", test, 1);
    setenv("MSLITE_LOG", "off", 1);
    execl(program, program, "--count", (char *)NULL);
    _exit(99);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

static void make_file(const char *path, const char *text) {
  FILE *f = fopen(path, "wb");
  CHECK(f != NULL);
  if (f == NULL) return;
  fputs(text, f);
  fclose(f);
}

static void broken_drivers(const char *program) {
  const char *driver = getenv("MSLITE_NNRT_DRIVERS");
  char own[PATH_MAX], folder[] = "/tmp/nnrt_devices_XXXXXX", link[PATH_MAX], text[PATH_MAX], both[3 * PATH_MAX];
  CHECK(realpath(driver, own) != NULL);
  CHECK(devices_with(program, own, "") == 4);
  CHECK(devices_with(program, own, "names=A+B+NPU_x+HIAI_Fy") == 4);
  const char *faults[] = {"version", "short", "null", "unknown_word"};
  for (size_t i = 0; i < COUNT_OF(faults); i++) CHECK(devices_with(program, own, faults[i]) == 0);
  /* Devices that say what is not so: without a name; able to cache, without the functions. */
  CHECK(devices_with(program, own, "nameless") == 3);
  CHECK(devices_with(program, own, "old_cache") == 1);
  CHECK(devices_with(program, "", "") == 0);
  CHECK(devices_with(program, "/nothing/here.so", "") == 0);
  CHECK(devices_with(program, program, "") == 0);

  CHECK(mkdtemp(folder) != NULL);
  snprintf(link, sizeof link, "%s/b_driver.so", folder);
  snprintf(text, sizeof text, "%s/a_text.so", folder);
  CHECK(devices_with(program, folder, "") == 0);
  CHECK(symlink(own, link) == 0);
  make_file(text, "this is no library");
  CHECK(devices_with(program, folder, "") == 4);
  /* The same driver twice, with files that are none between. */
  snprintf(both, sizeof both, "::/nothing:%s:%s:%s:", folder, text, own);
  CHECK(devices_with(program, both, "") == 4);
  /* Other names in the folder do not count. */
  snprintf(both, sizeof both, "%s/b_driver.so.1", folder);
  CHECK(rename(link, both) == 0);
  CHECK(devices_with(program, folder, "") == 0);
  CHECK(unlink(both) == 0 && unlink(text) == 0 && rmdir(folder) == 0);
}

/* The default folder is next to the library, under whatever name it was loaded. */
static void default_folder(const char *program) {
  void *address = NULL;
  *(OH_NN_ReturnCode (**)(size_t, OH_NN_DeviceType *)) & address = OH_NNDevice_GetType;
  Dl_info info;
  char path[PATH_MAX], folder[PATH_MAX + 16], file[PATH_MAX + 32], own[PATH_MAX];
  CHECK(dladdr(address, &info) != 0 && realpath(info.dli_fname, path) != NULL);
  CHECK(realpath(getenv("MSLITE_NNRT_DRIVERS"), own) != NULL);
  *strrchr(path, '/') = 0;
  snprintf(folder, sizeof folder, "%s/nnrt_drivers", path);
  snprintf(file, sizeof file, "%s/zz_test.so", folder);
  const int before = devices_with(program, NULL, "");
  const int is_new = mkdir(folder, 0777) == 0;
  CHECK(symlink(own, file) == 0);
  CHECK(before >= 0 && devices_with(program, NULL, "") == before + 4);
  CHECK(unlink(file) == 0);
  if (is_new) CHECK(rmdir(folder) == 0);
}

/* Every function is found through either library, and is the same. */
static void both_libraries(void) {
  void *core = dlopen("libneural_network_core.so", RTLD_NOW | RTLD_GLOBAL);
  void *runtime = dlopen("libneural_network_runtime.so", RTLD_NOW | RTLD_GLOBAL);
  CHECK(core != NULL && runtime != NULL);
  const char *names[] = {"OH_NNModel_Construct", "OH_NNDevice_GetAllDevicesID", "OH_NNExecutor_RunSync", "OH_NNQuantParam_Create"};
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    void *function = dlsym(core, names[i]);
    CHECK(function != NULL && function == dlsym(runtime, names[i]) && function == dlsym(RTLD_DEFAULT, names[i]));
  }
  CHECK(dlclose(core) == 0 && dlclose(runtime) == 0);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--count") == 0) {
    const size_t *ids = NULL;
    uint32_t count = 0;
    if (OH_NNDevice_GetAllDevicesID(&ids, &count) != OH_NN_SUCCESS || (count == 0) != (ids == NULL)) return 98;
    /* Without devices a device is not found, and that is all. */
    const char *name = NULL;
    if (count == 0 && OH_NNDevice_GetName(0, &name) != OH_NN_FAILED) return 97;
    return (int)count;
  }
  no_faults();
  discovery();
  misuse();
  if (getenv("TEST_WITHOUT_EXEC") == NULL) {
    broken_drivers(argv[0]);
    default_folder(argv[0]);
  }
  both_libraries();
  return check_result();
}
