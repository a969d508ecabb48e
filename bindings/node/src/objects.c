/* Objects of JavaScript around native ones. */
#include "addon.h"

Addon *get_addon(napi_env env) {
  void *addon = NULL;
  return NODE(napi_get_instance_data(env, &addon)) ? addon : NULL;
}

napi_value make_object(napi_env env, Addon *addon, napi_ref constructor, void *native) {
  napi_value function = NULL, object = NULL;
  if (!NODE(napi_get_reference_value(env, constructor, &function))) return NULL;
  addon->wrapped = native;
  const bool ok = NODE(napi_new_instance(env, function, 0, NULL, &object));
  addon->wrapped = NULL;
  return ok ? object : NULL;
}

static void finalize(napi_env env, void *native, void *hint) {
  const NativeClass *class = hint;
  class->release(env, native);
}

/* The constructor of every class: wraps what make_object() was given. */
static napi_value construct(napi_env env, napi_callback_info info) {
  Addon *addon = get_addon(env);
  napi_value object = NULL;
  void *data = NULL;
  if (addon == NULL || !NODE(napi_get_cb_info(env, info, NULL, NULL, &object, &data))) return NULL;
  const NativeClass *class = data;
  void *native = addon->wrapped;
  addon->wrapped = NULL;
  if (native == NULL) return throw_type_error(env, "objects of this class come from mindSporeLite's functions");
  napi_ref reference = NULL;
  if (!NODE(napi_type_tag_object(env, object, &class->tag)) || !NODE(napi_wrap(env, object, native, finalize, data, &reference))) return NULL;
  class->retain(env, native, reference);
  return object;
}

bool define_class(napi_env env, const NativeClass *class, const napi_property_descriptor *properties, size_t count, napi_ref *constructor) {
  napi_value function = NULL;
  return NODE(napi_define_class(env, class->name, NAPI_AUTO_LENGTH, construct, (void *)class, count, properties, &function)) &&
         NODE(napi_create_reference(env, function, 1, constructor));
}

void *unwrap_object(napi_env env, napi_value value, const NativeClass *class, const char *otherwise) {
  bool tagged = false;
  void *native = NULL;
  if (is_type(env, value, napi_object) && napi_check_object_type_tag(env, value, &class->tag, &tagged) == napi_ok && tagged &&
      napi_unwrap(env, value, &native) == napi_ok)
    return native;
  return throw_type_error(env, "%s", otherwise);
}
