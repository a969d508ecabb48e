/* The functions of `image`: each reads its arguments, finds the pictures' memory and calls the library, on JavaScript's thread. */
#include <stdlib.h>
#include <string.h>
#include "image.h"

static const char *const interpolations[] = {"nearest", "bilinear", "bicubic", "area"};
static const char *const borders[] = {"constant", "replicate", "reflect", "reflect_101"};
static const char *const layouts[] = {"hwc", "chw"};
enum { BILINEAR = MSLITE_INTERPOLATION_BILINEAR };

#define MAX_ARGUMENTS 8
/* The library, and a function's arguments: undefined for those not given. */
#define BEGIN                                                          \
  napi_value arguments[MAX_ARGUMENTS] = {NULL};                        \
  size_t count = MAX_ARGUMENTS;                                        \
  const ImageLibrary *library = image_library(env);                    \
  if (library == NULL || !NODE(napi_get_cb_info(env, info, &count, arguments, NULL, NULL))) return NULL

/* A result, or the error that the library has given. */
static napi_value end(napi_env env, const ImageLibrary *library, OH_AI_Status status, napi_value result) {
  return status == OH_AI_STATUS_SUCCESS ? result : throw_error(env, (uint32_t)status, library->GetLastError());
}

/* Pictures to read and to write, of the same format and type; the latter `width` x `height`. */
static bool get_pair(napi_env env, napi_value value, napi_value options, int64_t width, int64_t height, Picture *source, Picture *result) {
  return get_picture(env, value, "the picture", source) &&
         get_destination(env, options, width == 0 ? source->image.width : width, height == 0 ? source->image.height : height, source->image.format,
                         source->image.type, result);
}

/* A picture's side. */
static bool get_side(napi_env env, napi_value value, const char *what, int64_t *side) {
  return get_whole(env, value, what, 1, MSLITE_IMAGE_MAX_SIDE, side);
}

/* --- files ----------------------------------------------------------------------------------------------------------------------- */

/* read(path, format?) */
static napi_value read(napi_env env, napi_callback_info info) {
  BEGIN;
  MSLite_PixelFormat format;
  MSLite_Image image;
  if (!get_format(env, arguments[1], "the format", MSLITE_PIXEL_RGB, &format)) return NULL;
  char *path = get_string(env, arguments[0], "the path");
  if (path == NULL) return NULL;
  const OH_AI_Status status = library->Read(path, format, &image);
  free(path);
  return status == OH_AI_STATUS_SUCCESS ? wrap_picture(env, library, &image) : end(env, library, status, NULL);
}

/* decode(bytes, format?) */
static napi_value decode(napi_env env, napi_callback_info info) {
  BEGIN;
  MSLite_PixelFormat format;
  MSLite_Image image;
  void *bytes = NULL;
  size_t size = 0;
  if (!get_format(env, arguments[1], "the format", MSLITE_PIXEL_RGB, &format) || !get_bytes(env, arguments[0], "the file", &bytes, &size))
    return NULL;
  const OH_AI_Status status = library->Decode(size == 0 ? "" : bytes, size, format, &image);
  return status == OH_AI_STATUS_SUCCESS ? wrap_picture(env, library, &image) : end(env, library, status, NULL);
}

/* writePng(picture, path) */
static napi_value write_png(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture picture;
  char *path = NULL;
  if (!get_picture(env, arguments[0], "the picture", &picture) || (path = get_string(env, arguments[1], "the path")) == NULL) return NULL;
  napi_value result = bind_pictures(env, &picture, NULL) ? end(env, library, library->WritePNG(&picture.image, path), NULL) : NULL;
  free(path);
  return result;
}

/* encodePng(picture): a Buffer. */
static napi_value encode_png(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture picture;
  void *bytes = NULL, *copy = NULL;
  size_t size = 0;
  napi_value buffer = NULL;
  if (!get_picture(env, arguments[0], "the picture", &picture) || !bind_pictures(env, &picture, NULL)) return NULL;
  const OH_AI_Status status = library->EncodePNG(&picture.image, &bytes, &size);
  if (status != OH_AI_STATUS_SUCCESS) return end(env, library, status, NULL);
  if (!NODE(napi_create_buffer_copy(env, size, bytes, &copy, &buffer))) buffer = NULL;
  free(bytes);
  return buffer;
}

/* --- colours and geometry -------------------------------------------------------------------------------------------------------- */

/* convert(picture, format, {out}?) */
static napi_value convert(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture source, result;
  MSLite_PixelFormat format;
  if (is_absent(env, arguments[1])) return throw_type_error(env, "there is no format to convert to");
  if (!get_format(env, arguments[1], "the format", MSLITE_PIXEL_RGB, &format) || !get_picture(env, arguments[0], "the picture", &source) ||
      !get_destination(env, arguments[2], source.image.width, source.image.height, format, MSLITE_PIXEL_U8, &result) ||
      !bind_pictures(env, &source, &result))
    return NULL;
  return end(env, library, library->Convert(&source.image, &result.image), result.object);
}

/* resize(picture, width, height, {interpolation, out}?) */
static napi_value resize(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture source, result;
  int64_t width, height;
  int interpolation;
  napi_value how = get_property(env, arguments[3], "interpolation");
  if (how == NULL || !get_choice(env, how, "interpolation", interpolations, 4, BILINEAR, &interpolation) ||
      !get_side(env, arguments[1], "the width", &width) || !get_side(env, arguments[2], "the height", &height) ||
      !get_pair(env, arguments[0], arguments[3], width, height, &source, &result) || !bind_pictures(env, &source, &result))
    return NULL;
  return end(env, library, library->Resize(&source.image, &result.image, (MSLite_Interpolation)interpolation), result.object);
}

/* crop(picture, x, y, width, height, {out}?) */
static napi_value crop(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture source, result;
  int64_t width, height;
  int32_t x, y;
  if (!get_int32(env, arguments[1], "x", &x) || !get_int32(env, arguments[2], "y", &y) || !get_side(env, arguments[3], "the width", &width) ||
      !get_side(env, arguments[4], "the height", &height) || !get_pair(env, arguments[0], arguments[5], width, height, &source, &result) ||
      !bind_pictures(env, &source, &result))
    return NULL;
  return end(env, library, library->Crop(&source.image, x, y, &result.image), result.object);
}

/* {border, value} of options. */
static bool get_border(napi_env env, napi_value options, MSLite_PixelFormat format, int *border, float color[4], const float **value) {
  napi_value how = get_property(env, options, "border"), what = how == NULL ? NULL : get_property(env, options, "value");
  return what != NULL && get_choice(env, how, "border", borders, 4, MSLITE_BORDER_CONSTANT, border) &&
         get_color(env, what, "value", format, color, value);
}

/* pad(picture, left, top, right, bottom, {border, value, out}?) */
static napi_value pad(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture source, result;
  int32_t sides[4];
  int border;
  float color[4];
  const float *value;
  if (!get_picture(env, arguments[0], "the picture", &source)) return NULL;
  for (int i = 0; i < 4; i++)
    if (!get_int32(env, arguments[1 + i], "a side", &sides[i])) return NULL;
  if (!get_border(env, arguments[5], source.image.format, &border, color, &value) ||
      !get_destination(env, arguments[5], (int64_t)source.image.width + sides[0] + sides[2], (int64_t)source.image.height + sides[1] + sides[3],
                       source.image.format, source.image.type, &result) ||
      !bind_pictures(env, &source, &result))
    return NULL;
  return end(env, library, library->Pad(&source.image, sides[0], sides[1], (MSLite_Border)border, value, &result.image), result.object);
}

/* rotate90(picture, quarterTurns, {out}?) */
static napi_value rotate90(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture source, result;
  int32_t turns;
  if (!get_int32(env, arguments[1], "quarterTurns", &turns) || !get_picture(env, arguments[0], "the picture", &source)) return NULL;
  const bool swap = turns % 2 != 0;
  if (!get_destination(env, arguments[2], swap ? source.image.height : source.image.width, swap ? source.image.width : source.image.height,
                       source.image.format, source.image.type, &result) ||
      !bind_pictures(env, &source, &result))
    return NULL;
  return end(env, library, library->Rotate90(&source.image, turns, &result.image), result.object);
}

/* letterbox(picture, width, height, {value, out}?) */
static napi_value letterbox(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture source, result;
  int64_t width, height;
  float color[4];
  const float *value;
  MSLite_Letterbox place;
  napi_value object = NULL, fill = get_property(env, arguments[3], "value");
  if (fill == NULL || !get_side(env, arguments[1], "the width", &width) || !get_side(env, arguments[2], "the height", &height) ||
      !get_pair(env, arguments[0], arguments[3], width, height, &source, &result) ||
      !get_color(env, fill, "value", source.image.format, color, &value) || !bind_pictures(env, &source, &result))
    return NULL;
  const OH_AI_Status status = library->Letterbox(&source.image, value, &result.image, &place);
  if (status != OH_AI_STATUS_SUCCESS) return end(env, library, status, NULL);
  return NODE(napi_create_object(env, &object)) && set_property(env, object, "picture", result.object) &&
             set_property(env, object, "scale", make_number(env, (double)place.scale)) &&
             set_property(env, object, "left", make_number(env, place.left)) && set_property(env, object, "top", make_number(env, place.top)) &&
             set_property(env, object, "width", make_number(env, place.width)) && set_property(env, object, "height", make_number(env, place.height))
           ? object
           : NULL;
}

/* What the warps have in common. */
typedef struct WarpArguments {
  Picture source, result;
  int interpolation, border;
  float color[4];
  const float *value;
} WarpArguments;

/* width, height: 0 for the picture's. */
static bool get_warp(napi_env env, napi_value picture, napi_value options, int64_t width, int64_t height, WarpArguments *warp) {
  napi_value how = get_property(env, options, "interpolation");
  return how != NULL && get_choice(env, how, "interpolation", interpolations, 4, BILINEAR, &warp->interpolation) &&
         get_pair(env, picture, options, width, height, &warp->source, &warp->result) &&
         get_border(env, options, warp->source.image.format, &warp->border, warp->color, &warp->value) &&
         bind_pictures(env, &warp->source, &warp->result);
}

/* rotate(picture, degrees, {width, height, interpolation, border, value, out}?) */
static napi_value rotate(napi_env env, napi_callback_info info) {
  BEGIN;
  WarpArguments warp;
  double degrees;
  int64_t width = 0, height = 0;
  napi_value wide = get_property(env, arguments[2], "width"), high = wide == NULL ? NULL : get_property(env, arguments[2], "height");
  if (high == NULL || !get_number(env, arguments[1], "the angle", &degrees) || (!is_absent(env, wide) && !get_side(env, wide, "the width", &width)) ||
      (!is_absent(env, high) && !get_side(env, high, "the height", &height)) || !get_warp(env, arguments[0], arguments[2], width, height, &warp))
    return NULL;
  const OH_AI_Status status = library->Rotate(&warp.source.image, degrees, (MSLite_Interpolation)warp.interpolation, (MSLite_Border)warp.border,
                                              warp.value, &warp.result.image);
  return end(env, library, status, warp.result.object);
}

/* (picture, matrix, width, height, {interpolation, border, value, out}?) */
static napi_value warp_by(napi_env env, napi_callback_info info, size_t numbers) {
  BEGIN;
  WarpArguments warp;
  double matrix[9];
  int64_t width, height;
  if (!get_doubles(env, arguments[1], "the matrix", numbers, matrix) || !get_side(env, arguments[2], "the width", &width) ||
      !get_side(env, arguments[3], "the height", &height) || !get_warp(env, arguments[0], arguments[4], width, height, &warp))
    return NULL;
  const OH_AI_Status status =
    (numbers == 6 ? library->WarpAffine : library->WarpPerspective)(&warp.source.image, matrix, (MSLite_Interpolation)warp.interpolation,
                                                                    (MSLite_Border)warp.border, warp.value, &warp.result.image);
  return end(env, library, status, warp.result.object);
}
static napi_value warp_affine(napi_env env, napi_callback_info info) { return warp_by(env, info, 6); }
static napi_value warp_perspective(napi_env env, napi_callback_info info) { return warp_by(env, info, 9); }

/* perspectiveMatrix(source, destination): 8 numbers each. */
static napi_value perspective_matrix(napi_env env, napi_callback_info info) {
  BEGIN;
  double source[8], destination[8], matrix[9];
  napi_value list = NULL;
  if (!get_doubles(env, arguments[0], "source", 8, source) || !get_doubles(env, arguments[1], "destination", 8, destination)) return NULL;
  const OH_AI_Status status = library->PerspectiveMatrix(source, destination, matrix);
  if (status != OH_AI_STATUS_SUCCESS) return end(env, library, status, NULL);
  if (!NODE(napi_create_array_with_length(env, 9, &list))) return NULL;
  for (uint32_t i = 0; i < 9; i++) {
    napi_value number = make_number(env, matrix[i]);
    if (number == NULL || !NODE(napi_set_element(env, list, i, number))) return NULL;
  }
  return list;
}

/* --- before and after a model ---------------------------------------------------------------------------------------------------- */

/* The elements of a typed array; false with the error thrown. Valid until JavaScript runs. */
static bool get_elements(napi_env env, napi_value value, napi_typedarray_type type, const char *what, const char *kind, void **elements, size_t *count) {
  bool is_array = false;
  napi_typedarray_type actual;
  if (napi_is_typedarray(env, value, &is_array) == napi_ok && is_array) {
    if (!NODE(napi_get_typedarray_info(env, value, &actual, count, elements, NULL, NULL))) return false;
    if (actual == type) return true;
  }
  throw_type_error(env, "%s is no %s", what, kind);
  return false;
}

static napi_value make_elements(napi_env env, napi_typedarray_type type, size_t count, void **elements) {
  napi_value buffer = NULL, array = NULL;
  return NODE(napi_create_arraybuffer(env, count * 4, elements, &buffer)) && NODE(napi_create_typedarray(env, type, count, buffer, 0, &array)) ? array
                                                                                                                                               : NULL;
}

/* normalize(picture, {scale, mean, deviation, layout, order, out}?): a Float32Array, or the MSTensor that `out` is. */
static napi_value normalize(napi_env env, napi_callback_info info) {
  BEGIN;
  static const char *const names[] = {"scale", "mean", "deviation", "layout", "order", "out"};
  napi_value options[6], array;
  Picture picture;
  MSLite_PixelFormat order;
  int layout;
  double scale = 1;
  float means[4], deviations[4];
  const float *mean, *deviation;
  void *tensor = NULL;
  size_t size = 0;
  for (int i = 0; i < 6; i++)
    if ((options[i] = get_property(env, arguments[1], names[i])) == NULL) return NULL;
  if (!get_picture(env, arguments[0], "the picture", &picture) || (!is_absent(env, options[0]) && !get_number(env, options[0], "scale", &scale)) ||
      !get_format(env, options[4], "order", picture.image.format, &order) || !get_color(env, options[1], "mean", order, means, &mean) ||
      !get_color(env, options[2], "deviation", order, deviations, &deviation) ||
      !get_choice(env, options[3], "layout", layouts, 2, MSLITE_LAYOUT_HWC, &layout))
    return NULL;
  const size_t wanted = (size_t)picture.image.width * (size_t)picture.image.height * (size_t)channels_of(order);
  bool is_array = false;
  if (is_absent(env, array = options[5])) {
    if ((array = make_elements(env, napi_float32_array, size = wanted, &tensor)) == NULL) return NULL;
  } else if (napi_is_typedarray(env, array, &is_array) == napi_ok && is_array) {
    if (!get_elements(env, array, napi_float32_array, "out", "Float32Array", &tensor, &size)) return NULL;
  } else if (!get_tensor_floats(env, array, "out is neither a Float32Array nor an MSTensor", &tensor, &size)) {
    return NULL;
  }
  if (size != wanted) return throw_type_error(env, "out has %zu elements; the picture has %zu", size, wanted);
  if (!bind_pictures(env, &picture, NULL)) return NULL;
  const OH_AI_Status status =
    library->Normalize(&picture.image, order, (MSLite_TensorLayout)layout, (float)scale, mean, deviation, tensor);
  return end(env, library, status, array);
}

/* suppressBoxes(boxes, scores, {classes, scoreThreshold, iouThreshold, capacity}?): an Int32Array. */
static napi_value suppress_boxes(napi_env env, napi_callback_info info) {
  BEGIN;
  static const char *const names[] = {"classes", "scoreThreshold", "iouThreshold", "capacity"};
  napi_value options[4];
  void *boxes = NULL, *scores = NULL, *classes = NULL;
  size_t numbers = 0, scored = 0, classified = 0, kept_count = 0;
  double score = 0, overlap = 0.5;
  int64_t capacity = -1;
  for (int i = 0; i < 4; i++)
    if ((options[i] = get_property(env, arguments[2], names[i])) == NULL) return NULL;
  if ((!is_absent(env, options[1]) && !get_number(env, options[1], names[1], &score)) ||
      (!is_absent(env, options[2]) && !get_number(env, options[2], names[2], &overlap)) ||
      (!is_absent(env, options[3]) && !get_whole(env, options[3], names[3], 0, INT32_MAX, &capacity)) ||
      !get_elements(env, arguments[0], napi_float32_array, "boxes", "Float32Array", &boxes, &numbers) ||
      !get_elements(env, arguments[1], napi_float32_array, "scores", "Float32Array", &scores, &scored) ||
      (!is_absent(env, options[0]) && !get_elements(env, options[0], napi_int32_array, names[0], "Int32Array", &classes, &classified)))
    return NULL;
  if (numbers != 4 * scored || (!is_absent(env, options[0]) && classified != scored))
    return throw_type_error(env, "there are %zu numbers of boxes for %zu scores; four each, and a class each, are expected", numbers, scored);
  const size_t most = capacity < 0 || (size_t)capacity > scored ? scored : (size_t)capacity;
  int32_t *kept = malloc((most + 1) * sizeof *kept);
  if (kept == NULL) return throw_error(env, (uint32_t)OH_AI_STATUS_LITE_MEMORY_FAILED, "out of memory");
  /* Empty arrays have no address, which the library would refuse. */
  float none = 0;
  const OH_AI_Status status = library->SuppressBoxes(scored == 0 ? &none : boxes, scored == 0 ? &none : scores, scored == 0 ? NULL : classes, scored,
                                                     (float)score, (float)overlap, most, kept, &kept_count);
  void *elements = NULL;
  napi_value result = status == OH_AI_STATUS_SUCCESS ? make_elements(env, napi_int32_array, kept_count, &elements) : NULL;
  if (result != NULL && kept_count > 0) memcpy(elements, kept, kept_count * sizeof *kept);
  free(kept);
  return end(env, library, status, result);
}

/* --- drawing --------------------------------------------------------------------------------------------------------------------- */

/* (picture, four numbers, color, thickness = 1), for lines and boxes. */
static napi_value draw(napi_env env, napi_callback_info info, bool box) {
  BEGIN;
  Picture picture;
  int32_t places[4], thickness = 1;
  float numbers[4];
  const float *color;
  if (!get_picture(env, arguments[0], "the picture", &picture)) return NULL;
  for (int i = 0; i < 4; i++)
    if (!get_int32(env, arguments[1 + i], "a place or size", &places[i])) return NULL;
  if (!get_color(env, arguments[5], "the color", picture.image.format, numbers, &color) ||
      (!is_absent(env, arguments[6]) && !get_int32(env, arguments[6], "the thickness", &thickness)) || !bind_pictures(env, &picture, NULL))
    return NULL;
  return end(env, library, (box ? library->DrawBox : library->DrawLine)(&picture.image, places[0], places[1], places[2], places[3], thickness, color),
             NULL);
}
static napi_value draw_line(napi_env env, napi_callback_info info) { return draw(env, info, false); }
static napi_value draw_box(napi_env env, napi_callback_info info) { return draw(env, info, true); }

/* drawMask(picture, mask, color, opacity = 1) */
static napi_value draw_mask(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture picture, mask;
  double opacity = 1;
  float numbers[4];
  const float *color;
  if (!get_picture(env, arguments[0], "the picture", &picture) || !get_picture(env, arguments[1], "the mask", &mask) ||
      !get_color(env, arguments[2], "the color", picture.image.format, numbers, &color) ||
      (!is_absent(env, arguments[3]) && !get_number(env, arguments[3], "the opacity", &opacity)) || !bind_pictures(env, &picture, &mask))
    return NULL;
  return end(env, library, library->DrawMask(&picture.image, &mask.image, color, (float)opacity), NULL);
}

/* drawText(picture, x, y, text, color, scale = 1) */
static napi_value draw_text(napi_env env, napi_callback_info info) {
  BEGIN;
  Picture picture;
  int32_t x, y, scale = 1;
  float numbers[4];
  const float *color;
  if (!get_picture(env, arguments[0], "the picture", &picture) || !get_int32(env, arguments[1], "x", &x) ||
      !get_int32(env, arguments[2], "y", &y) || !get_color(env, arguments[4], "the color", picture.image.format, numbers, &color) ||
      (!is_absent(env, arguments[5]) && !get_int32(env, arguments[5], "the scale", &scale)))
    return NULL;
  char *text = get_string(env, arguments[3], "the text");
  if (text == NULL) return NULL;
  napi_value result =
    bind_pictures(env, &picture, NULL) ? end(env, library, library->DrawText(&picture.image, x, y, text, scale, color), NULL) : NULL;
  free(text);
  return result;
}

bool define_image_functions(napi_env env, napi_value exports) {
  static const struct {
    const char *name;
    napi_callback function;
  } all[] = {
    {"read", read}, {"decode", decode}, {"writePng", write_png}, {"encodePng", encode_png}, {"convert", convert}, {"resize", resize},
    {"crop", crop}, {"pad", pad}, {"rotate90", rotate90}, {"rotate", rotate}, {"letterbox", letterbox}, {"warpAffine", warp_affine},
    {"warpPerspective", warp_perspective}, {"perspectiveMatrix", perspective_matrix}, {"normalize", normalize},
    {"suppressBoxes", suppress_boxes}, {"drawLine", draw_line}, {"drawBox", draw_box}, {"drawMask", draw_mask}, {"drawText", draw_text},
  };
  napi_value image = NULL;
  if (!NODE(napi_create_object(env, &image)) || !set_property(env, image, "FONT_WIDTH", make_number(env, MSLITE_FONT_WIDTH)) ||
      !set_property(env, image, "FONT_HEIGHT", make_number(env, MSLITE_FONT_HEIGHT)))
    return false;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (!set_function(env, image, all[i].name, all[i].function)) return false;
  return set_property(env, exports, "image", image);
}
