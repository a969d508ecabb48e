/* Writing of PNG files with libpng. */
#ifndef MSLITE_PICTURES_PNG_H
#define MSLITE_PICTURES_PNG_H

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpng's macros for formats are too involved for Swift. */
enum { ms_png_gray = PNG_FORMAT_GRAY, ms_png_rgb = PNG_FORMAT_RGB, ms_png_bgr = PNG_FORMAT_BGR, ms_png_rgba = PNG_FORMAT_RGBA };

/* An 8-bit picture of `height` rows; `format` is one of those above. */
static inline png_image ms_png(unsigned width, unsigned height, unsigned format) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = format;
  return image;
}

/* Writes a picture. Returns 1, or 0 with the reason in `error`. */
static inline int ms_picture_write_png(const char *path, const void *data, int stride, unsigned width, unsigned height, unsigned format,
                                       char error[256]) {
  png_image image = ms_png(width, height, format);
  if (png_image_write_to_file(&image, path, 0, data, stride, NULL)) return 1;
  snprintf(error, 256, "%s", image.message);
  return 0;
}

/* The same into memory, which is for free(). Returns NULL with the reason in `error`, or with "" where there is no memory. */
static inline void *ms_picture_encode_png(const void *data, int stride, unsigned width, unsigned height, unsigned format, size_t *size,
                                          char error[256]) {
  png_image image = ms_png(width, height, format);
  png_alloc_size_t written = PNG_IMAGE_PNG_SIZE_MAX(image);
  void *bytes = malloc(written);
  error[0] = 0;
  if (bytes == NULL) return NULL;
  if (!png_image_write_to_memory(&image, bytes, &written, 0, data, stride, NULL)) {
    snprintf(error, 256, "%s", image.message);
    free(bytes);
    return NULL;
  }
  *size = written;
  void *fitting = realloc(bytes, written);
  return fitting == NULL ? bytes : fitting;
}

#endif
