/* Opens libmslite_image.so, which lies beside the addon. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include "image.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ImageLibrary functions;
static bool is_open;

/* Looks a function up; false when the library has none of that name. */
static bool look_up(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);
  memcpy(function, &address, sizeof address);
  return address != NULL;
}

static bool open_library(void) {
  void *library = dlopen("libmslite_image.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return false;
#define LOOK_UP(name) &&look_up(library, "MSLite_Image" #name, &functions.name)
  if (true IMAGE_FUNCTIONS(LOOK_UP)) return true;
#undef LOOK_UP
  dlclose(library);
  return false;
}

const ImageLibrary *image_library(napi_env env) {
  char text[512] = "the pictures' functions need libmslite_image.so.1, which cannot be loaded: ";
  /* Workers may be first at the same time. */
  pthread_mutex_lock(&lock);
  if (!is_open && !(is_open = open_library())) {
    const char *reason = dlerror();
    strncat(text, reason == NULL ? "it is another version" : reason, sizeof text - strlen(text) - 1);
  }
  const bool ok = is_open;
  pthread_mutex_unlock(&lock);
  if (ok) return &functions;
  throw_error(env, (uint32_t)OH_AI_STATUS_LITE_NOT_SUPPORT, text);
  return NULL;
}
