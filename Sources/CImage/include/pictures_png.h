/* Writing of PNG files with libpng. */
#ifndef MSLITE_PICTURES_PNG_H
#define MSLITE_PICTURES_PNG_H

#include <png.h>
#include <stdio.h>
#include <string.h>

/* libpng's macros for formats are too involved for Swift. */
enum { ms_png_gray = PNG_FORMAT_GRAY, ms_png_rgb = PNG_FORMAT_RGB, ms_png_bgr = PNG_FORMAT_BGR, ms_png_rgba = PNG_FORMAT_RGBA };

/* Writes `height` rows of 8-bit pixels; `format` is one of those above. Returns 1, or 0 with the reason in `error`. */
static inline int ms_picture_write_png(const char *path, const void *data, int stride, unsigned width, unsigned height, unsigned format,
                                       char error[256]) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = format;
  if (png_image_write_to_file(&image, path, 0, data, stride, NULL)) return 1;
  snprintf(error, 256, "%s", image.message);
  return 0;
}

#endif
