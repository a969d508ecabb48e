/* Pictures for tests. */
#ifndef MSLITE_TESTS_PICTURES_H
#define MSLITE_TESTS_PICTURES_H

#include <stdlib.h>
#include <string.h>
#include "mslite/image.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const MSLite_PixelFormat format_of[] = {MSLITE_PIXEL_GRAY, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_RGB, MSLITE_PIXEL_RGBA};

static int channels_of(MSLite_PixelFormat format) {
  return format == MSLITE_PIXEL_RGBA ? 4 : format == MSLITE_PIXEL_RGB || format == MSLITE_PIXEL_BGR ? 3 : 1;
}

/* Memory of exactly the picture's size, `gap` bytes between rows, filled with a formula. */
static MSLite_Image make_picture(int width, int height, MSLite_PixelFormat format, MSLite_PixelType type, size_t gap) {
  MSLite_Image image;
  const int planes = format == MSLITE_PIXEL_NV12 || format == MSLITE_PIXEL_NV21;
  const size_t rows = planes ? (size_t)height / 2 * 3 : (size_t)height, elements = (size_t)width * channels_of(format);
  const size_t element = type == MSLITE_PIXEL_F32 ? 4 : 1;
  image.stride = elements * element + gap;
  image.width = width;
  image.height = height;
  image.format = format;
  image.type = type;
  image.data = malloc(image.stride * (rows - 1) + elements * element);
  for (size_t y = 0; y < rows; y++) {
    unsigned char *row = (unsigned char *)image.data + y * image.stride;
    for (size_t x = 0; x < elements; x++) {
      const long long i = (long long)(y * elements + x);
      const unsigned char value = (unsigned char)(i * i * 31 + i * 17 + (i >> 3) * 7);
      if (type == MSLITE_PIXEL_F32) {
        ((float *)(void *)row)[x] = (float)value;
      } else {
        row[x] = value;
      }
    }
    if (y + 1 < rows) memset(row + elements * element, 0xA5, gap);
  }
  return image;
}

#endif
