/* What `require` gives: the functions, and what needs no object. index.js adds the enumerations. */
#include <stdlib.h>
#include "image.h"

static napi_value get_last_error(napi_env env, napi_callback_info info) {
  (void)info;
  return make_string(env, MSLite_GetLastError());
}

static napi_value get_version(napi_env env, napi_callback_info info) {
  (void)info;
  return make_string(env, MSLite_GetVersion());
}

static void end(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  free(data);
}

/* Called once per environment: every worker has its own. */
NAPI_MODULE_INIT() {
  Addon *addon = calloc(1, sizeof *addon);
  if (addon == NULL) return throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
  if (!NODE(napi_set_instance_data(env, addon, end, NULL))) {
    free(addon);
    return NULL;
  }
  const bool ok = define_model_class(env, addon) && define_tensor_class(env, addon) && define_load_functions(env, exports) &&
                  set_function(env, exports, "nnrtDevices", nnrt_devices) && set_function(env, exports, "getLastError", get_last_error) &&
                  set_function(env, exports, "getVersion", get_version) && define_image_functions(env, exports);
  return ok ? exports : NULL;
}
