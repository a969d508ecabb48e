/* Pictures: what the files of the addon's image functions share. libmslite_image.so is opened when a picture first needs it. */
#ifndef MSLITE_NODE_IMAGE_H
#define MSLITE_NODE_IMAGE_H

#include "addon.h"
#include "mslite/image.h"

/* --- image_library.c ----------------------------------------------------------------------------------------------------------- */

#define IMAGE_FUNCTIONS(F) \
  F(GetLastError) F(Free) F(Decode) F(Read) F(WritePNG) F(EncodePNG) F(Convert) F(Resize) F(Crop) F(Pad) F(Rotate90) F(Letterbox) F(Normalize) \
  F(WarpAffine) F(WarpPerspective) F(Rotate) F(PerspectiveMatrix) F(SuppressBoxes) F(DrawLine) F(DrawBox) F(DrawMask) F(DrawText)

/* The library's functions, by their names without MSLite_Image. */
typedef struct ImageLibrary {
#define MEMBER(name) __typeof__(&MSLite_Image##name) name;
  IMAGE_FUNCTIONS(MEMBER)
#undef MEMBER
} ImageLibrary;

/* NULL with the error thrown. */
const ImageLibrary *image_library(napi_env env);

/* --- picture.c ----------------------------------------------------------------------------------------------------------------- */

/* A picture of JavaScript. Reading an object's properties may run JavaScript, which may take memory away, so `image.data` is NULL until all
 * arguments have been read and bind_pictures() is called. */
typedef struct Picture {
  const char *name; /* for errors */
  napi_value object, data;
  MSLite_Image image;
} Picture;

/* Reads a picture's properties; false with the error thrown. */
bool get_picture(napi_env env, napi_value value, const char *name, Picture *picture);
/* A new picture of zeros; false with the error thrown. */
bool make_picture(napi_env env, int64_t width, int64_t height, MSLite_PixelFormat format, MSLite_PixelType type, Picture *picture);
/* Where a result goes: the picture in `options.out`, which must have that size, format and type, or a new one. */
bool get_destination(napi_env env, napi_value options, int64_t width, int64_t height, MSLite_PixelFormat format, MSLite_PixelType type,
                     Picture *picture);
/* Finds the memory of one or two pictures (`other` may be NULL), which must hold what they say and not overlap; false with the error thrown. */
bool bind_pictures(napi_env env, Picture *picture, Picture *other);
/* A picture that the library has decoded, which gives up its memory; NULL with the error thrown. */
napi_value wrap_picture(napi_env env, const ImageLibrary *library, MSLite_Image *image);
int channels_of(MSLite_PixelFormat format);

/* One of the names; `otherwise` when the value is absent. */
bool get_format(napi_env env, napi_value value, const char *what, MSLite_PixelFormat otherwise, MSLite_PixelFormat *format);
bool get_choice(napi_env env, napi_value value, const char *what, const char *const *names, int count, int otherwise, int *choice);
/* `count` numbers from an array or a typed array; false with the error thrown. */
bool get_doubles(napi_env env, napi_value value, const char *what, size_t count, double *numbers);
/* A number for each channel: one for all, or an array. `given` is NULL when the value is absent. */
bool get_color(napi_env env, napi_value value, const char *what, MSLite_PixelFormat format, float numbers[4], const float **given);
/* A number that int32_t holds; false with the error thrown. */
bool get_int32(napi_env env, napi_value value, const char *what, int32_t *number);

/* --- image.c ------------------------------------------------------------------------------------------------------------------- */

bool define_image_functions(napi_env env, napi_value exports);

#endif
