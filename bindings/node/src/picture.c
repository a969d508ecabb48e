/* Pictures of JavaScript, {data, width, height, format, stride?}, and other arguments of the image functions. */
#include <stdlib.h>
#include <string.h>
#include "image.h"

static const char *const formats[] = {"gray", "rgb", "bgr", "rgba", "nv12", "nv21"};

int channels_of(MSLite_PixelFormat format) {
  switch (format) {
    case MSLITE_PIXEL_RGB:
    case MSLITE_PIXEL_BGR: return 3;
    case MSLITE_PIXEL_RGBA: return 4;
    default: return 1;
  }
}

static bool is_two_planes(MSLite_PixelFormat format) { return format == MSLITE_PIXEL_NV12 || format == MSLITE_PIXEL_NV21; }

static size_t row_bytes(const MSLite_Image *image) {
  return (size_t)image->width * (size_t)channels_of(image->format) * (image->type == MSLITE_PIXEL_F32 ? 4 : 1);
}

/* Rows in memory. */
static size_t rows_of(const MSLite_Image *image) { return (size_t)image->height + (is_two_planes(image->format) ? (size_t)image->height / 2 : 0); }

/* --- reading and making ---------------------------------------------------------------------------------------------------------- */

/* Bytes or floats, by the type of a typed array. */
static bool get_pixel_type(napi_env env, napi_value data, const char *name, MSLite_PixelType *pixel) {
  bool is_array = false;
  napi_typedarray_type type;
  if (napi_is_typedarray(env, data, &is_array) == napi_ok && is_array) {
    if (!NODE(napi_get_typedarray_info(env, data, &type, NULL, NULL, NULL, NULL))) return false;
    *pixel = type == napi_float32_array ? MSLITE_PIXEL_F32 : MSLITE_PIXEL_U8;
    if (type == napi_float32_array || type == napi_uint8_array || type == napi_uint8_clamped_array) return true;
  }
  throw_type_error(env, "the data of %s are neither a Uint8Array nor a Float32Array", name);
  return false;
}

bool get_picture(napi_env env, napi_value value, const char *name, Picture *picture) {
  int64_t width = 0, height = 0, stride = 0;
  napi_value wide, high, format, step;
  *picture = (Picture){.name = name, .object = value};
  if (!is_type(env, value, napi_object)) {
    throw_type_error(env, "%s is no picture: an object with data, width, height and format", name);
    return false;
  }
  if ((wide = get_property(env, value, "width")) == NULL || (high = get_property(env, value, "height")) == NULL ||
      (format = get_property(env, value, "format")) == NULL || (step = get_property(env, value, "stride")) == NULL ||
      (picture->data = get_property(env, value, "data")) == NULL || !get_pixel_type(env, picture->data, name, &picture->image.type) ||
      !get_whole(env, wide, "a picture's width", 1, MSLITE_IMAGE_MAX_SIDE, &width) ||
      !get_whole(env, high, "a picture's height", 1, MSLITE_IMAGE_MAX_SIDE, &height))
    return false;
  if (is_absent(env, format)) {
    throw_type_error(env, "%s has no format", name);
    return false;
  }
  if (!get_format(env, format, "a picture's format", MSLITE_PIXEL_RGB, &picture->image.format)) return false;
  picture->image.width = (int32_t)width;
  picture->image.height = (int32_t)height;
  picture->image.stride = row_bytes(&picture->image);
  if (is_absent(env, step)) return true;
  if (!get_whole(env, step, "a picture's stride", (int64_t)picture->image.stride, INT32_MAX, &stride)) return false;
  picture->image.stride = (size_t)stride;
  return true;
}

/* An object for a picture whose data are there. */
static napi_value make_object_of(napi_env env, const MSLite_Image *image, napi_value data) {
  napi_value object = NULL;
  return NODE(napi_create_object(env, &object)) && set_property(env, object, "data", data) &&
             set_property(env, object, "width", make_number(env, image->width)) && set_property(env, object, "height", make_number(env, image->height)) &&
             set_property(env, object, "format", make_string(env, formats[image->format]))
           ? object
           : NULL;
}

bool make_picture(napi_env env, int64_t width, int64_t height, MSLite_PixelFormat format, MSLite_PixelType type, Picture *picture) {
  napi_value buffer = NULL;
  void *bytes = NULL;
  if (width < 1 || width > MSLITE_IMAGE_MAX_SIDE || height < 1 || height > MSLITE_IMAGE_MAX_SIDE || width * height > 1 << 28) {
    throw_type_error(env, "the result would be %lld x %lld pixels; expected sides of 1 to %d and at most 2^28 pixels", (long long)width,
                     (long long)height, MSLITE_IMAGE_MAX_SIDE);
    return false;
  }
  *picture = (Picture){.name = "the result", .image = {NULL, 0, (int32_t)width, (int32_t)height, format, type}};
  picture->image.stride = row_bytes(&picture->image);
  const size_t size = rows_of(&picture->image) * picture->image.stride;
  return NODE(napi_create_arraybuffer(env, size, &bytes, &buffer)) &&
         NODE(napi_create_typedarray(env, type == MSLITE_PIXEL_F32 ? napi_float32_array : napi_uint8_array,
                                     type == MSLITE_PIXEL_F32 ? size / 4 : size, buffer, 0, &picture->data)) &&
         (picture->object = make_object_of(env, &picture->image, picture->data)) != NULL;
}

bool get_destination(napi_env env, napi_value options, int64_t width, int64_t height, MSLite_PixelFormat format, MSLite_PixelType type,
                     Picture *picture) {
  napi_value out = get_property(env, options, "out");
  if (out == NULL) return false;
  if (is_absent(env, out)) return make_picture(env, width, height, format, type, picture);
  if (!get_picture(env, out, "out", picture)) return false;
  const MSLite_Image *image = &picture->image;
  if (image->width == width && image->height == height && image->format == format && image->type == type) return true;
  throw_type_error(env, "out is %d x %d pixels of %s, %s; expected %lld x %lld of %s, %s", image->width, image->height, formats[image->format],
                   image->type == MSLITE_PIXEL_F32 ? "floats" : "bytes", (long long)width, (long long)height, formats[format],
                   type == MSLITE_PIXEL_F32 ? "floats" : "bytes");
  return false;
}

/* How many bytes a picture reaches over. */
static size_t extent(const MSLite_Image *image) { return (rows_of(image) - 1) * image->stride + row_bytes(image); }

static bool bind(napi_env env, Picture *picture) {
  size_t size = 0;
  if (!get_bytes(env, picture->data, picture->name, &picture->image.data, &size)) return false;
  if (size >= extent(&picture->image)) return true;
  throw_type_error(env, "the data of %s have %zu bytes; %d x %d pixels of %s have %zu", picture->name, size, picture->image.width,
                   picture->image.height, formats[picture->image.format], extent(&picture->image));
  return false;
}

bool bind_pictures(napi_env env, Picture *picture, Picture *other) {
  if (!bind(env, picture) || (other != NULL && !bind(env, other))) return false;
  if (other == NULL) return true;
  const uintptr_t first = (uintptr_t)picture->image.data, second = (uintptr_t)other->image.data;
  if (first + extent(&picture->image) <= second || second + extent(&other->image) <= first) return true;
  throw_type_error(env, "%s and %s share memory", picture->name, other->name);
  return false;
}

/* Memory of a decoded picture, for when JavaScript has forgotten it. */
typedef struct Decoded {
  const ImageLibrary *library;
  MSLite_Image image;
} Decoded;

static void release(napi_env env, void *data, void *hint) {
  Decoded *decoded = hint;
  (void)env, (void)data;
  decoded->library->Free(&decoded->image);
  free(decoded);
}

napi_value wrap_picture(napi_env env, const ImageLibrary *library, MSLite_Image *image) {
  napi_value buffer = NULL, data = NULL;
  const size_t size = rows_of(image) * image->stride;
  Decoded *decoded = malloc(sizeof *decoded);
  if (decoded != NULL) *decoded = (Decoded){library, *image};
  if (decoded == NULL || !NODE(napi_create_external_arraybuffer(env, image->data, size, release, decoded, &buffer))) {
    library->Free(image);
    free(decoded);
    return decoded == NULL ? throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory") : NULL;
  }
  return NODE(napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &data)) ? make_object_of(env, image, data) : NULL;
}

/* --- other arguments ------------------------------------------------------------------------------------------------------------- */

bool get_choice(napi_env env, napi_value value, const char *what, const char *const *names, int count, int otherwise, int *choice) {
  char all[128] = "";
  *choice = otherwise;
  if (is_absent(env, value)) return true;
  char *name = get_string(env, value, what);
  if (name == NULL) return false;
  for (*choice = 0; *choice < count && strcmp(name, names[*choice]) != 0; ++*choice) {
    strncat(all, *choice == 0 ? "" : ", ", sizeof all - strlen(all) - 1);
    strncat(all, names[*choice], sizeof all - strlen(all) - 1);
  }
  const bool found = *choice < count;
  if (!found) throw_type_error(env, "%s is \"%s\"; expected one of %s", what, name, all);
  free(name);
  return found;
}

bool get_format(napi_env env, napi_value value, const char *what, MSLite_PixelFormat otherwise, MSLite_PixelFormat *format) {
  int choice = 0;
  if (!get_choice(env, value, what, formats, sizeof formats / sizeof *formats, otherwise, &choice)) return false;
  *format = (MSLite_PixelFormat)choice;
  return true;
}

bool get_doubles(napi_env env, napi_value value, const char *what, size_t count, double *numbers) {
  napi_value length = NULL;
  double size = -1;
  if (is_type(env, value, napi_object) &&
      ((length = get_property(env, value, "length")) == NULL || (is_type(env, length, napi_number) && !get_number(env, length, what, &size))))
    return false;
  if (size != (double)count) {
    throw_type_error(env, "%s is not an array of %zu numbers", what, count);
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    napi_value element;
    if (!NODE(napi_get_element(env, value, (uint32_t)i, &element)) || !get_number(env, element, what, &numbers[i])) return false;
  }
  return true;
}

bool get_color(napi_env env, napi_value value, const char *what, MSLite_PixelFormat format, float numbers[4], const float **given) {
  double all[4] = {0};
  const int channels = channels_of(format);
  *given = NULL;
  if (is_absent(env, value)) return true;
  if (is_type(env, value, napi_number)) {
    if (!get_number(env, value, what, &all[0])) return false;
    all[1] = all[2] = all[3] = all[0];
  } else if (!get_doubles(env, value, what, (size_t)channels, all)) {
    return false;
  }
  for (int i = 0; i < channels; i++) numbers[i] = (float)all[i];
  *given = numbers;
  return true;
}

bool get_int32(napi_env env, napi_value value, const char *what, int32_t *number) {
  int64_t whole = 0;
  if (!get_whole(env, value, what, INT32_MIN, INT32_MAX, &whole)) return false;
  *number = (int32_t)whole;
  return true;
}
