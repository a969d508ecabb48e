/* Objects of JavaScript around native ones. */
#include "addon.h"

Addon *get_addon(napi_env env) {
  void *addon = NULL;
  return NODE(napi_get_instance_data(env, &addon)) ? addon : NULL;
}

napi_value make_object(napi_env env, Addon *addon, napi_ref class, void *native) {
  napi_value constructor = NULL, object = NULL;
  if (!NODE(napi_get_reference_value(env, class, &constructor))) return NULL;
  addon->wrapped = native;
  const bool ok = NODE(napi_new_instance(env, constructor, 0, NULL, &object));
  addon->wrapped = NULL;
  return ok ? object : NULL;
}

void *wrap_object(napi_env env, napi_callback_info info, const napi_type_tag *tag, napi_finalize finalize, napi_value *object) {
  Addon *addon = get_addon(env);
  if (addon == NULL || !NODE(napi_get_cb_info(env, info, NULL, NULL, object, NULL))) return NULL;
  void *native = addon->wrapped;
  addon->wrapped = NULL;
  if (native == NULL) return throw_type_error(env, "objects of this class come from mindSporeLite's functions");
  return NODE(napi_type_tag_object(env, *object, tag)) && NODE(napi_wrap(env, *object, native, finalize, NULL, NULL)) ? native : NULL;
}

void *unwrap_object(napi_env env, napi_value value, const napi_type_tag *tag, const char *otherwise) {
  bool tagged = false;
  void *native = NULL;
  if (is_type(env, value, napi_object) && napi_check_object_type_tag(env, value, tag, &tagged) == napi_ok && tagged &&
      napi_unwrap(env, value, &native) == napi_ok)
    return native;
  return throw_type_error(env, "%s", otherwise);
}
