/* Values of JavaScript: reading arguments, making results and errors. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "addon.h"

napi_value make_error(napi_env env, uint32_t code, const char *text) {
  napi_value error = NULL, message = make_string(env, text);
  if (message == NULL || napi_create_error(env, NULL, message, &error) != napi_ok) return NULL;
  return set_property(env, error, "code", make_number(env, code)) ? error : NULL;
}

napi_value throw_error(napi_env env, uint32_t code, const char *text) {
  napi_value error = make_error(env, code, text);
  if (error != NULL) napi_throw(env, error);
  return NULL;
}

napi_value throw_type_error(napi_env env, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  napi_value error = NULL, message = make_string(env, text);
  if (message != NULL && napi_create_type_error(env, NULL, message, &error) == napi_ok &&
      set_property(env, error, "code", make_number(env, WRONG_ARGUMENT)))
    napi_throw(env, error);
  return NULL;
}

napi_value throw_status(napi_env env, OH_AI_Status status) { return throw_error(env, (uint32_t)status, MSLite_GetLastError()); }

bool node_failed(napi_env env) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) {
    const napi_extended_error_info *info = NULL;
    napi_get_last_error_info(env, &info);
    napi_throw_error(env, NULL, info != NULL && info->error_message != NULL ? info->error_message : "Node-API has failed");
  }
  return false;
}

bool is_type(napi_env env, napi_value value, napi_valuetype type) {
  napi_valuetype actual;
  return value != NULL && napi_typeof(env, value, &actual) == napi_ok && actual == type;
}

bool is_absent(napi_env env, napi_value value) {
  return value == NULL || is_type(env, value, napi_undefined) || is_type(env, value, napi_null);
}

char *get_string(napi_env env, napi_value value, const char *what) {
  size_t size = 0;
  if (!is_type(env, value, napi_string)) {
    throw_type_error(env, "%s is not a string", what);
    return NULL;
  }
  if (!NODE(napi_get_value_string_utf8(env, value, NULL, 0, &size))) return NULL;
  char *text = malloc(size + 1);
  if (text == NULL) {
    throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
    return NULL;
  }
  if (!NODE(napi_get_value_string_utf8(env, value, text, size + 1, &size))) {
    free(text);
    return NULL;
  }
  if (strlen(text) != size) {
    free(text);
    throw_type_error(env, "%s contains a NUL", what);
    return NULL;
  }
  return text;
}

void free_strings(char **list, size_t count) {
  for (size_t i = 0; list != NULL && i < count; i++) free(list[i]);
  free(list);
}

bool get_strings(napi_env env, napi_value value, const char *what, char ***list, size_t *count) {
  bool array = false;
  uint32_t length = 0;
  *list = NULL;
  *count = 0;
  if (napi_is_array(env, value, &array) != napi_ok || !array) {
    throw_type_error(env, "%s is not an array of strings", what);
    return false;
  }
  if (!NODE(napi_get_array_length(env, value, &length))) return false;
  char **texts = calloc((size_t)length + 1, sizeof *texts);
  if (texts == NULL) {
    throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
    return false;
  }
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    if (!NODE(napi_get_element(env, value, i, &element)) || (texts[i] = get_string(env, element, what)) == NULL) {
      free_strings(texts, i);
      return false;
    }
  }
  *list = texts;
  *count = length;
  return true;
}

bool get_number(napi_env env, napi_value value, const char *what, double *number) {
  if (is_type(env, value, napi_number)) return NODE(napi_get_value_double(env, value, number));
  throw_type_error(env, "%s is not a number", what);
  return false;
}

bool get_whole(napi_env env, napi_value value, const char *what, int64_t low, int64_t high, int64_t *number) {
  bool exact = true;
  if (is_type(env, value, napi_bigint)) {
    if (!NODE(napi_get_value_bigint_int64(env, value, number, &exact))) return false;
  } else {
    double real = 0;
    if (!get_number(env, value, what, &real)) return false;
    exact = real == floor(real) && fabs(real) <= 9007199254740992.0;
    *number = exact ? (int64_t)real : 0;
  }
  if (exact && *number >= low && *number <= high) return true;
  throw_type_error(env, "%s is not a whole number from %lld to %lld", what, (long long)low, (long long)high);
  return false;
}

bool get_boolean(napi_env env, napi_value value, const char *what, bool *boolean) {
  if (is_type(env, value, napi_boolean)) return NODE(napi_get_value_bool(env, value, boolean));
  throw_type_error(env, "%s is not a boolean", what);
  return false;
}

bool get_bytes(napi_env env, napi_value value, const char *what, void **bytes, size_t *size) {
  static const size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8}; /* by napi_typedarray_type */
  bool yes = false;
  size_t offset;
  napi_value buffer;
  if (napi_is_arraybuffer(env, value, &yes) == napi_ok && yes) return NODE(napi_get_arraybuffer_info(env, value, bytes, size));
  if (napi_is_typedarray(env, value, &yes) == napi_ok && yes) {
    napi_typedarray_type type;
    size_t length;
    if (!NODE(napi_get_typedarray_info(env, value, &type, &length, bytes, &buffer, &offset))) return false;
    if ((size_t)type >= sizeof sizes / sizeof *sizes) {
      throw_type_error(env, "%s is an array of an unknown type", what);
      return false;
    }
    *size = length * sizes[type];
    return true;
  }
  if (napi_is_dataview(env, value, &yes) == napi_ok && yes) return NODE(napi_get_dataview_info(env, value, size, bytes, &buffer, &offset));
  throw_type_error(env, "%s is neither an ArrayBuffer nor a view of one", what);
  return false;
}

napi_value get_property(napi_env env, napi_value object, const char *name) {
  napi_value value = NULL;
  if (is_absent(env, object)) napi_get_undefined(env, &value);
  else if (!NODE(napi_get_named_property(env, object, name, &value))) return NULL;
  return value;
}

napi_value make_string(napi_env env, const char *text) {
  napi_value value = NULL;
  return NODE(napi_create_string_utf8(env, text == NULL ? "" : text, NAPI_AUTO_LENGTH, &value)) ? value : NULL;
}

napi_value make_number(napi_env env, double number) {
  napi_value value = NULL;
  return NODE(napi_create_double(env, number, &value)) ? value : NULL;
}

napi_value make_boolean(napi_env env, bool boolean) {
  napi_value value = NULL;
  return NODE(napi_get_boolean(env, boolean, &value)) ? value : NULL;
}

bool set_property(napi_env env, napi_value object, const char *name, napi_value value) {
  return value != NULL && NODE(napi_set_named_property(env, object, name, value));
}

bool set_function(napi_env env, napi_value object, const char *name, napi_callback function) {
  napi_value value = NULL;
  return NODE(napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value)) && set_property(env, object, name, value);
}
