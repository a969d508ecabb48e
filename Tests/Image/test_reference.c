/* libmslite_image.so: turns, half sizes, bicubic resizing and warps of pictures of many widths, so that vectors and what is left of them
   both have work, beside plain loops in double precision. Pictures' memory ends where they do. */
#include <math.h>
#include <stdlib.h>
#include "check.h"
#include "mslite/image.h"
#include "pictures.h"

static const int channel_counts[] = {1, 3, 4};

static double at(const MSLite_Image *image, int x, int y, int c) {
  const unsigned char *row = (const unsigned char *)image->data + (size_t)y * image->stride;
  const int place = x * channels_of(image->format) + c;
  return image->type == MSLITE_PIXEL_F32 ? ((const float *)(const void *)row)[place] : row[place];
}

static double as_pixel(const MSLite_Image *image, double value) {
  return image->type == MSLITE_PIXEL_F32 ? value : fmin(fmax(value, 0), 255);
}

/* What a pixel of `to` should be. */
typedef double (*Expected)(const MSLite_Image *from, const MSLite_Image *to, int x, int y, int c, const void *rule);

static double worst(const MSLite_Image *from, const MSLite_Image *to, Expected expected, const void *rule) {
  double worst = 0;
  for (int y = 0; y < to->height; y++) {
    for (int x = 0; x < to->width; x++) {
      for (int c = 0; c < channels_of(to->format); c++) {
        const double difference = fabs(at(to, x, y, c) - as_pixel(to, expected(from, to, x, y, c, rule)));
        if (!(difference <= worst)) worst = difference;
      }
    }
  }
  return worst;
}

static double turned(const MSLite_Image *from, const MSLite_Image *to, int x, int y, int c, const void *rule) {
  (void)to;
  switch (*(const int *)rule) {
    case 1: return at(from, y, from->height - 1 - x, c);
    case 2: return at(from, from->width - 1 - x, from->height - 1 - y, c);
    default: return at(from, from->width - 1 - y, x, c);
  }
}

static void test_turns(void) {
  static const int sizes[][2] = {{1, 1}, {2, 9}, {9, 2}, {5, 64}, {37, 29}, {66, 71}, {130, 17}, {16, 32}};
  for (size_t s = 0; s < COUNT(sizes); s++) {
    for (int k = 0; k < 3; k++) {
      for (int type = 0; type < 2; type++) {
        for (int turns = 1; turns <= 3; turns++) {
          const int width = sizes[s][0], height = sizes[s][1];
          const MSLite_PixelFormat format = format_of[channel_counts[k]];
          MSLite_Image from = make_picture(width, height, format, (MSLite_PixelType)type, 4);
          MSLite_Image to = make_picture(turns == 2 ? width : height, turns == 2 ? height : width, format, (MSLite_PixelType)type, 0);
          CHECK_STATUS(MSLite_ImageRotate90(&from, turns, &to), OH_AI_STATUS_SUCCESS);
          CHECK(worst(&from, &to, turned, &turns) == 0);
          free(from.data);
          free(to.data);
        }
      }
    }
  }
}

static double halved(const MSLite_Image *from, const MSLite_Image *to, int x, int y, int c, const void *rule) {
  (void)rule;
  const double sum = at(from, 2 * x, 2 * y, c) + at(from, 2 * x + 1, 2 * y, c) + at(from, 2 * x, 2 * y + 1, c) + at(from, 2 * x + 1, 2 * y + 1, c);
  return to->type == MSLITE_PIXEL_F32 ? sum / 4 : floor((sum + 2) / 4);
}

static int clamped(int place, int size) { return place < 0 ? 0 : place < size ? place : size - 1; }

static double cubic_weight(double distance) {
  const double d = fabs(distance), a = -0.75;
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static double bicubic(const MSLite_Image *from, const MSLite_Image *to, int x, int y, int c, const void *rule) {
  (void)rule;
  const double fx = (x + 0.5) * from->width / to->width - 0.5, fy = (y + 0.5) * from->height / to->height - 0.5;
  const int ix = (int)floor(fx), iy = (int)floor(fy);
  double sum = 0;
  for (int j = -1; j <= 2; j++) {
    for (int i = -1; i <= 2; i++) {
      sum += cubic_weight(fx - (ix + i)) * cubic_weight(fy - (iy + j)) *
             at(from, clamped(ix + i, from->width), clamped(iy + j, from->height), c);
    }
  }
  return sum;
}

static double bilinear(const MSLite_Image *from, const MSLite_Image *to, int x, int y, int c, const void *rule) {
  (void)rule;
  const double fx = (x + 0.5) * from->width / to->width - 0.5, fy = (y + 0.5) * from->height / to->height - 0.5;
  const int ix = (int)floor(fx), iy = (int)floor(fy), x0 = clamped(ix, from->width), x1 = clamped(ix + 1, from->width);
  const int y0 = clamped(iy, from->height), y1 = clamped(iy + 1, from->height);
  return (1 - (fy - iy)) * ((1 - (fx - ix)) * at(from, x0, y0, c) + (fx - ix) * at(from, x1, y0, c)) +
         (fy - iy) * ((1 - (fx - ix)) * at(from, x0, y1, c) + (fx - ix) * at(from, x1, y1, c));
}

static void test_resizes(void) {
  static const int sizes[][4] = {{61, 43, 100, 70}, {61, 43, 30, 21}, {24, 9, 25, 50}, {3, 3, 40, 5}, {90, 40, 17, 39}, {1, 7, 20, 9}};
  for (int k = 0; k < 3; k++) {
    for (int type = 0; type < 2; type++) {
      const MSLite_PixelFormat format = format_of[channel_counts[k]];
      for (size_t s = 0; s < COUNT(sizes); s++) {
        MSLite_Image from = make_picture(sizes[s][0], sizes[s][1], format, (MSLite_PixelType)type, 4);
        MSLite_Image to = make_picture(sizes[s][2], sizes[s][3], format, (MSLite_PixelType)type, 0);
        CHECK_STATUS(MSLite_ImageResize(&from, &to, MSLITE_INTERPOLATION_BICUBIC), OH_AI_STATUS_SUCCESS);
        CHECK(worst(&from, &to, bicubic, NULL) <= (type == 0 ? 1 : 0.01));
        CHECK_STATUS(MSLite_ImageResize(&from, &to, MSLITE_INTERPOLATION_BILINEAR), OH_AI_STATUS_SUCCESS);
        CHECK(worst(&from, &to, bilinear, NULL) <= (type == 0 ? 1 : 0.01));
        free(from.data);
        free(to.data);
      }
      for (int width = 1; width <= 40; width += 3) {
        MSLite_Image from = make_picture(2 * width, 6, format, (MSLite_PixelType)type, 4);
        MSLite_Image to = make_picture(width, 3, format, (MSLite_PixelType)type, 0);
        CHECK_STATUS(MSLite_ImageResize(&from, &to, MSLITE_INTERPOLATION_AREA), OH_AI_STATUS_SUCCESS);
        CHECK(worst(&from, &to, halved, NULL) == 0);
        free(from.data);
        free(to.data);
      }
    }
  }
}

typedef struct Warp {
  double inverse[9];
  MSLite_Border border;
  const float *value;
} Warp;

/* A tap of the source, or the constant around it. */
static double tap(const MSLite_Image *from, const Warp *warp, int x, int y, int c) {
  const int sizes[] = {from->width, from->height};
  int places[] = {x, y};
  for (int d = 0; d < 2; d++) {
    const int size = sizes[d], skip = warp->border == MSLITE_BORDER_REFLECT_101;
    if (places[d] >= 0 && places[d] < size) continue;
    if (warp->border == MSLITE_BORDER_CONSTANT) return warp->value[c];
    if (warp->border == MSLITE_BORDER_REPLICATE) places[d] = clamped(places[d], size);
    while (places[d] < 0 || places[d] >= size) places[d] = places[d] < 0 ? -places[d] - 1 + skip : 2 * size - 1 - skip - places[d];
  }
  return at(from, places[0], places[1], c);
}

static double warped(const MSLite_Image *from, const MSLite_Image *to, int x, int y, int c, const void *rule) {
  (void)to;
  const Warp *warp = (const Warp *)rule;
  const double *m = warp->inverse, w = m[6] * x + m[7] * y + m[8];
  const double fx = (m[0] * x + m[1] * y + m[2]) / w, fy = (m[3] * x + m[4] * y + m[5]) / w;
  const int ix = (int)floor(fx), iy = (int)floor(fy);
  return (1 - (fy - iy)) * ((1 - (fx - ix)) * tap(from, warp, ix, iy, c) + (fx - ix) * tap(from, warp, ix + 1, iy, c)) +
         (fy - iy) * ((1 - (fx - ix)) * tap(from, warp, ix, iy + 1, c) + (fx - ix) * tap(from, warp, ix + 1, iy + 1, c));
}

static void invert(const double m[9], double out[9]) {
  for (int i = 0; i < 9; i++) {
    const int r = i % 3, c = i / 3, r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
    out[i] = m[3 * r1 + c1] * m[3 * r2 + c2] - m[3 * r1 + c2] * m[3 * r2 + c1];
  }
  const double determinant = m[0] * out[0] + m[1] * out[3] + m[2] * out[6];
  for (int i = 0; i < 9; i++) out[i] /= determinant;
}

static void test_warps(void) {
  static const double matrices[][9] = {
      {0.8, -0.6, 22.25, 0.5, 0.9, -11.5, 0, 0, 1}, {1.9, 0.1, -30, -0.2, 2.1, -20.25, 0, 0, 1}, {1, 0, 0, 0, 1, 0, 0, 0, 1},
      {0.8, -0.3, 12.25, 0.4, 0.9, -11.5, 0.002, -0.001, 1}};
  static const float value[] = {200, 20, 3, 99};
  for (size_t i = 0; i < COUNT(matrices); i++) {
    for (int border = MSLITE_BORDER_CONSTANT; border <= MSLITE_BORDER_REFLECT_101; border++) {
      for (int k = 0; k < 3; k++) {
        for (int type = 0; type < 2; type++) {
          const MSLite_PixelFormat format = format_of[channel_counts[k]];
          MSLite_Image from = make_picture(90, 71, format, (MSLite_PixelType)type, 4);
          MSLite_Image to = make_picture(99, 75, format, (MSLite_PixelType)type, 0);
          Warp warp = {{0}, (MSLite_Border)border, value};
          invert(matrices[i], warp.inverse);
          CHECK_STATUS(MSLite_ImageWarpPerspective(&from, matrices[i], MSLITE_INTERPOLATION_BILINEAR, warp.border, value, &to), OH_AI_STATUS_SUCCESS);
          CHECK(worst(&from, &to, warped, &warp) <= (type == 0 ? 1 : 0.1));
          if (matrices[i][6] == 0) {
            CHECK_STATUS(MSLite_ImageWarpAffine(&from, matrices[i], MSLITE_INTERPOLATION_BILINEAR, warp.border, value, &to), OH_AI_STATUS_SUCCESS);
            CHECK(worst(&from, &to, warped, &warp) <= (type == 0 ? 1 : 0.1));
          }
          free(from.data);
          free(to.data);
        }
      }
    }
  }
}

int main(void) {
  test_turns();
  test_resizes();
  test_warps();
  return check_result();
}
