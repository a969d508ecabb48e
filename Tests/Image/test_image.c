/* libmslite_image.so: results against OpenCV's recorded ones (opencv.h), sizes and strides of many kinds in memory that ends where the
   picture does, files, and arguments that must be refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mslite/image.h"
#include "opencv.h"
#include "pictures.h"
#include "read_file.h"

/* Whether every element is within `limit` of the expected dense ones, and the gaps are untouched. */
static int is_near(const MSLite_Image *image, const unsigned char *expected, int limit) {
  const int planes = image->format == MSLITE_PIXEL_NV12 || image->format == MSLITE_PIXEL_NV21;
  const int rows = planes ? image->height / 2 * 3 : image->height, elements = image->width * channels_of(image->format);
  for (int y = 0; y < rows; y++) {
    const unsigned char *row = (const unsigned char *)image->data + (size_t)y * image->stride;
    for (int x = 0; x < elements; x++) {
      const float value = image->type == MSLITE_PIXEL_F32 ? ((const float *)(const void *)row)[x] : row[x];
      const float difference = value - expected[y * elements + x];
      /* Weights of floats sum up to nearly one. */
      const float allowed = (float)limit + (image->type == MSLITE_PIXEL_F32 ? 0.001f : 0);
      if (!(difference <= allowed && difference >= -allowed)) return 0;
    }
    if (y + 1 < rows) {
      for (size_t i = (size_t)elements * (image->type == MSLITE_PIXEL_F32 ? 4 : 1); i < image->stride; i++) {
        if (row[i] != 0xA5) return 0;
      }
    }
  }
  return 1;
}

static void test_resize(void) {
  for (size_t i = 0; i < COUNT(resizes); i++) {
    const MSLite_PixelFormat format = format_of[resizes[i].channels];
    for (size_t gap = 0; gap < 8; gap += 5) {
      MSLite_Image from = make_picture(resizes[i].width, resizes[i].height, format, MSLITE_PIXEL_U8, gap);
      MSLite_Image to = make_picture(resizes[i].to_width, resizes[i].to_height, format, MSLITE_PIXEL_U8, gap);
      CHECK_STATUS(MSLite_ImageResize(&from, &to, (MSLite_Interpolation)resizes[i].interpolation), OH_AI_STATUS_SUCCESS);
      CHECK(is_near(&to, resizes[i].expected, resizes[i].interpolation == 0 ? 0 : 1));
      free(from.data);
      free(to.data);
    }
    /* Floats of the same values: bytes were limited to 0...255, which only the cubic leaves. */
    if (resizes[i].interpolation == MSLITE_INTERPOLATION_BICUBIC) continue;
    MSLite_Image from = make_picture(resizes[i].width, resizes[i].height, format, MSLITE_PIXEL_F32, 0);
    MSLite_Image to = make_picture(resizes[i].to_width, resizes[i].to_height, format, MSLITE_PIXEL_F32, 0);
    CHECK_STATUS(MSLite_ImageResize(&from, &to, (MSLite_Interpolation)resizes[i].interpolation), OH_AI_STATUS_SUCCESS);
    CHECK(is_near(&to, resizes[i].expected, 1));
    free(from.data);
    free(to.data);
  }
}

static void test_convert(void) {
  for (size_t i = 0; i < COUNT(conversions); i++) {
    for (size_t gap = 0; gap < 8; gap += 5) {
      MSLite_Image from =
          make_picture(conversions[i].width, conversions[i].height, (MSLite_PixelFormat)conversions[i].from, MSLITE_PIXEL_U8, gap);
      MSLite_Image to =
          make_picture(conversions[i].width, conversions[i].height, (MSLite_PixelFormat)conversions[i].to, MSLITE_PIXEL_U8, gap);
      CHECK_STATUS(MSLite_ImageConvert(&from, &to), OH_AI_STATUS_SUCCESS);
      CHECK(is_near(&to, conversions[i].expected, 0));
      free(from.data);
      free(to.data);
    }
  }
}

static int pixel(const MSLite_Image *image, int x, int y) { return ((unsigned char *)image->data)[(size_t)y * image->stride + (size_t)x]; }

static void test_geometry(void) {
  MSLite_Image from = make_picture(5, 3, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_U8, 2);
  MSLite_Image crop = make_picture(2, 2, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_U8, 0);
  CHECK_STATUS(MSLite_ImageCrop(&from, 3, 1, &crop), OH_AI_STATUS_SUCCESS);
  CHECK(pixel(&crop, 0, 0) == pixel(&from, 3, 1) && pixel(&crop, 1, 1) == pixel(&from, 4, 2));
  CHECK_STATUS(MSLite_ImageCrop(&from, 4, 1, &crop), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageCrop(&from, -1, 0, &crop), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageCrop(&from, INT32_MAX, INT32_MAX, &crop), OH_AI_STATUS_LITE_PARAM_INVALID);
  free(crop.data);

  MSLite_Image padded = make_picture(20, 9, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_U8, 3);
  static const int x_of[4][4] = {{-1, -1, 4, -1}, {0, 0, 4, 4}, {2, 0, 4, 3}, {3, 1, 4, 2}}; /* from x = -3, -1, 4, 6 */
  const float value = 200.6f;
  for (int border = 0; border < 4; border++) {
    CHECK_STATUS(MSLite_ImagePad(&from, 7, 3, (MSLite_Border)border, &value, &padded), OH_AI_STATUS_SUCCESS);
    static const int x_at[4] = {4, 6, 11, 13};
    for (int k = 0; k < 4; k++) {
      CHECK(pixel(&padded, x_at[k], 4) == (x_of[border][k] < 0 ? 201 : pixel(&from, x_of[border][k], 1)));
    }
    CHECK(pixel(&padded, 8, 0) == (border == 0 ? 201 : pixel(&from, 1, border == 1 ? 0 : border == 2 ? 2 : 1)));
  }
  CHECK_STATUS(MSLite_ImagePad(&from, 16, 3, MSLITE_BORDER_REFLECT, NULL, &padded), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImagePad(&from, 0, 0, (MSLite_Border)9, NULL, &padded), OH_AI_STATUS_LITE_PARAM_INVALID);
  free(padded.data);

  MSLite_Image turned = make_picture(3, 5, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_U8, 0);
  CHECK_STATUS(MSLite_ImageRotate90(&from, 1, &turned), OH_AI_STATUS_SUCCESS);
  CHECK(pixel(&turned, 2, 0) == pixel(&from, 0, 0) && pixel(&turned, 0, 4) == pixel(&from, 4, 2));
  CHECK_STATUS(MSLite_ImageRotate90(&from, -1, &turned), OH_AI_STATUS_SUCCESS);
  CHECK(pixel(&turned, 0, 4) == pixel(&from, 0, 0) && pixel(&turned, 2, 0) == pixel(&from, 4, 2));
  CHECK_STATUS(MSLite_ImageRotate90(&from, 2, &turned), OH_AI_STATUS_LITE_PARAM_INVALID);
  free(turned.data);

  MSLite_Image box = make_picture(10, 10, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_U8, 1);
  MSLite_Letterbox placement;
  CHECK_STATUS(MSLite_ImageLetterbox(&from, &value, &box, &placement), OH_AI_STATUS_SUCCESS);
  CHECK(placement.scale == 2 && placement.left == 0 && placement.top == 2 && placement.width == 10 && placement.height == 6);
  CHECK(pixel(&box, 0, 1) == 201 && pixel(&box, 9, 8) == 201 && pixel(&box, 0, 2) == pixel(&from, 0, 0));
  free(box.data);
  free(from.data);
}

static void test_normalize(void) {
  MSLite_Image from = make_picture(7, 3, MSLITE_PIXEL_BGR, MSLITE_PIXEL_U8, 1);
  const float mean[] = {0.5f, 0.25f, 0.125f}, deviation[] = {0.5f, 2, 4};
  float *tensor = (float *)malloc(7 * 3 * 3 * sizeof(float));
  for (int layout = 0; layout < 2; layout++) {
    for (int order = MSLITE_PIXEL_RGB; order <= MSLITE_PIXEL_BGR; order++) {
      CHECK_STATUS(MSLite_ImageNormalize(&from, (MSLite_PixelFormat)order, (MSLite_TensorLayout)layout, 1.0f / 255, mean, deviation, tensor),
                   OH_AI_STATUS_SUCCESS);
      int good = 1;
      for (int y = 0; y < 3; y++) {
        for (int x = 0; x < 7; x++) {
          for (int c = 0; c < 3; c++) {
            const float in = pixel(&from, x * 3 + (order == MSLITE_PIXEL_BGR ? c : 2 - c), y) / 255.0f;
            const float difference = (in - mean[c]) / deviation[c] - tensor[layout ? (c * 3 + y) * 7 + x : (y * 7 + x) * 3 + c];
            if (!(difference < 1e-5f && difference > -1e-5f)) good = 0;
          }
        }
      }
      CHECK(good);
    }
  }
  const float zero[] = {1, 0, 1};
  CHECK_STATUS(MSLite_ImageNormalize(&from, MSLITE_PIXEL_RGB, MSLITE_LAYOUT_CHW, 1, mean, zero, tensor), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageNormalize(&from, MSLITE_PIXEL_RGBA, MSLITE_LAYOUT_CHW, 1, NULL, NULL, tensor), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageNormalize(&from, MSLITE_PIXEL_RGB, (MSLite_TensorLayout)2, 1, NULL, NULL, tensor), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageNormalize(&from, MSLITE_PIXEL_RGB, MSLITE_LAYOUT_CHW, 1, NULL, NULL, NULL), OH_AI_STATUS_LITE_NULLPTR);
  free(tensor);
  free(from.data);
}

static void test_warp(void) {
  const double matrix[] = {0.8, -0.6, 2.25, 0.5, 0.9, -1.5, 0.02, -0.01, 1}; /* record_opencv.py's */
  const float value[] = {200, 20, 3, 99};
  for (size_t i = 0; i < COUNT(warps); i++) {
    for (int type = 0; type < 2; type++) {
      const MSLite_PixelFormat format = format_of[warps[i].channels];
      MSLite_Image from = make_picture(11, 8, format, (MSLite_PixelType)type, 4), to = make_picture(12, 9, format, (MSLite_PixelType)type, 8);
      CHECK_STATUS((warps[i].is_perspective ? MSLite_ImageWarpPerspective : MSLite_ImageWarpAffine)(
                       &from, matrix, MSLITE_INTERPOLATION_BILINEAR, (MSLite_Border)warps[i].border, value, &to),
                   OH_AI_STATUS_SUCCESS);
      CHECK(is_near(&to, warps[i].expected, 1));
      free(from.data);
      free(to.data);
    }
  }
  /* Moving by whole pixels, and a quarter as an angle. */
  MSLite_Image from = make_picture(9, 9, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, 0), to = make_picture(9, 9, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, 0);
  MSLite_Image turned = make_picture(9, 9, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, 0);
  const double moved[] = {1, 0, 2, 0, 1, -1};
  for (int rule = 0; rule < 2; rule++) {
    CHECK_STATUS(MSLite_ImageWarpAffine(&from, moved, (MSLite_Interpolation)rule, MSLITE_BORDER_CONSTANT, value, &to), OH_AI_STATUS_SUCCESS);
    CHECK(pixel(&to, 3 * 3, 4) == pixel(&from, 3, 5) && pixel(&to, 0, 0) == 200 && pixel(&to, 1, 0) == 20 && pixel(&to, 8 * 3, 8) == 200);
    CHECK_STATUS(MSLite_ImageRotate(&from, 90, (MSLite_Interpolation)rule, MSLITE_BORDER_REPLICATE, NULL, &to), OH_AI_STATUS_SUCCESS);
    CHECK_STATUS(MSLite_ImageRotate90(&from, 1, &turned), OH_AI_STATUS_SUCCESS);
    CHECK(is_near(&to, (unsigned char *)turned.data, 1));
  }
  const double singular[] = {1, 2, 0, 2, 4, 0, 0, 0, 1}, zero[9] = {0}, endless[] = {1, 0, 0, 0, 1, 0, 1e300, 1e300, 1e-300};
  const double odd[] = {1e-200, 0, 0, 0, 1e-200, 0};
  CHECK_STATUS(MSLite_ImageWarpAffine(&from, singular, MSLITE_INTERPOLATION_BILINEAR, MSLITE_BORDER_CONSTANT, value, &to), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageWarpPerspective(&from, zero, MSLITE_INTERPOLATION_BILINEAR, MSLITE_BORDER_CONSTANT, value, &to), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageWarpAffine(&from, odd, MSLITE_INTERPOLATION_BILINEAR, MSLITE_BORDER_CONSTANT, value, &to), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageWarpAffine(&from, moved, MSLITE_INTERPOLATION_BICUBIC, MSLITE_BORDER_CONSTANT, value, &to), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK(strstr(MSLite_ImageGetLastError(), "MSLite_ImageWarpAffine: interpolation 2") != NULL);
  CHECK_STATUS(MSLite_ImageWarpAffine(&from, moved, MSLITE_INTERPOLATION_NEAREST, (MSLite_Border)4, value, &to), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageWarpAffine(&from, NULL, MSLITE_INTERPOLATION_NEAREST, MSLITE_BORDER_CONSTANT, value, &to), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ImageRotate(&from, HUGE_VAL, MSLITE_INTERPOLATION_NEAREST, MSLITE_BORDER_CONSTANT, value, &to), OH_AI_STATUS_LITE_PARAM_INVALID);
  /* Places far away, and such that are no numbers. */
  for (int border = 0; border < 4; border++) {
    for (int rule = 0; rule < 2; rule++) {
      (void)MSLite_ImageWarpPerspective(&from, endless, (MSLite_Interpolation)rule, (MSLite_Border)border, value, &to);
      const double far_away[] = {1, 0, 1e30, 0, 1, -1e30}, tiny[] = {1e-30, 0, 0, 0, 1e-30, 0}, horizon[] = {1, 0, 0, 0, 1, 0, -0.25, 0, 1};
      CHECK_STATUS(MSLite_ImageWarpAffine(&from, far_away, (MSLite_Interpolation)rule, (MSLite_Border)border, value, &to), OH_AI_STATUS_SUCCESS);
      CHECK_STATUS(MSLite_ImageWarpAffine(&from, tiny, (MSLite_Interpolation)rule, (MSLite_Border)border, value, &to), OH_AI_STATUS_SUCCESS);
      CHECK_STATUS(MSLite_ImageWarpPerspective(&from, horizon, (MSLite_Interpolation)rule, (MSLite_Border)border, value, &to), OH_AI_STATUS_SUCCESS);
    }
  }
  free(from.data);
  free(to.data);
  free(turned.data);

  const double square[] = {0, 0, 10, 0, 10, 10, 0, 10}, other[] = {1, 2, 12, 1, 9, 13, -1, 8}, line[] = {0, 0, 1, 1, 2, 2, 5, 0};
  double found[9];
  CHECK_STATUS(MSLite_ImagePerspectiveMatrix(square, other, found), OH_AI_STATUS_SUCCESS);
  for (int i = 0; i < 4; i++) {
    const double x = square[2 * i], y = square[2 * i + 1], w = found[6] * x + found[7] * y + found[8];
    CHECK(fabs((found[0] * x + found[1] * y + found[2]) / w - other[2 * i]) < 1e-9);
    CHECK(fabs((found[3] * x + found[4] * y + found[5]) / w - other[2 * i + 1]) < 1e-9);
  }
  CHECK_STATUS(MSLite_ImagePerspectiveMatrix(line, other, found), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImagePerspectiveMatrix(NULL, other, found), OH_AI_STATUS_LITE_NULLPTR);
}

static void test_boxes(void) {
  const float boxes[] = {0, 0, 10, 10, 1, 1, 11, 11, 20, 20, 30, 30, 0, 0, 10, 5, 1, 1, 11, 11, 9, 9, 0, 0, 0, 0, NAN, 10, 20, 20, 30, 30};
  const float scores[] = {0.5f, 0.9f, 0.3f, 0.8f, 0.7f, 0.6f, 0.95f, NAN};
  const int32_t classes[] = {1, 1, 1, 1, 2, 1, 1, 1};
  int32_t kept[9] = {0, 0, 0, 0, 0, 0, 0, 0, 77};
  size_t count = 99;
  CHECK_STATUS(MSLite_ImageSuppressBoxes(boxes, scores, classes, 8, 0.3f, 0.5f, 8, kept, &count), OH_AI_STATUS_SUCCESS);
  CHECK(count == 5 && kept[0] == 6 && kept[1] == 1 && kept[2] == 3 && kept[3] == 4 && kept[4] == 5 && kept[8] == 77);
  CHECK_STATUS(MSLite_ImageSuppressBoxes(boxes, scores, NULL, 8, 0, 0.5f, SIZE_MAX, kept, &count), OH_AI_STATUS_SUCCESS);
  CHECK(count == 5 && kept[3] == 5 && kept[4] == 2);
  CHECK_STATUS(MSLite_ImageSuppressBoxes(boxes, scores, NULL, 8, 0, 0, 2, kept, &count), OH_AI_STATUS_SUCCESS);
  CHECK(count == 2 && kept[0] == 6 && kept[1] == 1);
  CHECK_STATUS(MSLite_ImageSuppressBoxes(boxes, scores, NULL, 8, 2, 0.5f, 8, kept, &count), OH_AI_STATUS_SUCCESS);
  CHECK(count == 0);
  count = 9;
  CHECK_STATUS(MSLite_ImageSuppressBoxes(NULL, NULL, NULL, 0, 0, 0.5f, 0, NULL, &count), OH_AI_STATUS_SUCCESS);
  CHECK(count == 0);
  CHECK_STATUS(MSLite_ImageSuppressBoxes(NULL, scores, NULL, 8, 0, 0.5f, 8, kept, &count), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ImageSuppressBoxes(boxes, scores, NULL, 8, 0, 0.5f, 8, NULL, &count), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ImageSuppressBoxes(boxes, scores, NULL, 8, 0, 0.5f, 8, kept, NULL), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ImageSuppressBoxes(boxes, scores, NULL, 8, 0, 1.5f, 8, kept, &count), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageSuppressBoxes(boxes, scores, NULL, 8, 0, NAN, 8, kept, &count), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageSuppressBoxes(boxes, scores, NULL, SIZE_MAX, 0, 0.5f, 8, kept, &count), OH_AI_STATUS_LITE_PARAM_INVALID);
}

/* How many pixels of a grey picture have the value. */
static int count_of(const MSLite_Image *image, int value) {
  int count = 0;
  for (int y = 0; y < image->height; y++) {
    for (int x = 0; x < image->width; x++) count += pixel(image, x, y) == value;
  }
  return count;
}

static void test_drawing(void) {
  MSLite_Image image;
  CHECK_STATUS(MSLite_ImageCreate(40, 30, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_U8, &image), OH_AI_STATUS_SUCCESS);
  const float one = 1, two = 2, three = 3;
  CHECK_STATUS(MSLite_ImageDrawBox(&image, 2, 3, 10, 6, 1, &one), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 1) == 28 && pixel(&image, 2, 3) == 1 && pixel(&image, 11, 8) == 1 && pixel(&image, 3, 4) == 0);
  CHECK_STATUS(MSLite_ImageDrawBox(&image, 38, -5, 100, 7, 0, &two), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 2) == 4 && pixel(&image, 39, 1) == 2);
  CHECK_STATUS(MSLite_ImageDrawBox(&image, INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX, INT32_MAX, &two), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(MSLite_ImageDrawBox(&image, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, 3, &two), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 2) == 4);
  CHECK_STATUS(MSLite_ImageDrawBox(&image, 0, 0, 0, 3, 1, &two), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageDrawBox(&image, 0, 0, 3, 3, -1, &two), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageDrawBox(&image, 0, 0, 3, 3, 1, NULL), OH_AI_STATUS_LITE_NULLPTR);

  CHECK_STATUS(MSLite_ImageDrawLine(&image, 5, 20, 25, 20, 1, &three), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 3) == 21 && pixel(&image, 5, 20) == 3 && pixel(&image, 25, 20) == 3);
  CHECK_STATUS(MSLite_ImageDrawLine(&image, 30, 10, 20, 20, 1, &three), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 3) == 31 && pixel(&image, 26, 14) == 3);
  CHECK_STATUS(MSLite_ImageDrawLine(&image, 35, 25, 35, 25, 3, &three), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 3) == 40);
  CHECK_STATUS(MSLite_ImageDrawLine(&image, 1, INT32_MIN, 1, INT32_MAX, 1, &three), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 3) == 70);
  CHECK_STATUS(MSLite_ImageDrawLine(&image, INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX, 1000, &three), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 3) == 40 * 30);
  CHECK_STATUS(MSLite_ImageDrawLine(&image, 0, 0, 1, 1, 0, &three), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageDrawLine(&image, 0, 0, 1, 1, 1001, &three), OH_AI_STATUS_LITE_PARAM_INVALID);

  CHECK_STATUS(MSLite_ImageDrawBox(&image, 0, 0, 40, 30, 0, &one), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(MSLite_ImageDrawText(&image, 3, 2, "H\n.", 1, &two), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 2) == 17 + 4 && pixel(&image, 3, 2) == 2 && pixel(&image, 7, 8) == 2 && pixel(&image, 4, 2) == 1);
  CHECK(pixel(&image, 4, 16) == 2 && pixel(&image, 5, 17) == 2);
  CHECK_STATUS(MSLite_ImageDrawText(&image, 20, 2, "\xC3\xA9", 2, &three), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 3) == 20 * 4);
  CHECK_STATUS(MSLite_ImageDrawText(&image, INT32_MAX, INT32_MAX, "abc", 100, &three), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(MSLite_ImageDrawText(&image, INT32_MIN, INT32_MIN, "abc\n\t\x7F", 100, &three), OH_AI_STATUS_SUCCESS);
  CHECK(count_of(&image, 3) == 20 * 4);
  char all[96];
  for (int i = 0; i < 95; i++) all[i] = (char)(32 + i);
  all[95] = 0;
  CHECK_STATUS(MSLite_ImageDrawText(&image, -200, 2, all, 1, &three), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(MSLite_ImageDrawText(&image, 0, 0, "a", 0, &three), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageDrawText(&image, 0, 0, NULL, 1, &three), OH_AI_STATUS_LITE_NULLPTR);
  MSLite_ImageFree(&image);

  for (int type = 0; type < 2; type++) {
    MSLite_Image picture = make_picture(5, 4, MSLITE_PIXEL_RGB, (MSLite_PixelType)type, 4);
    MSLite_Image before = make_picture(5, 4, MSLITE_PIXEL_RGB, (MSLite_PixelType)type, 4);
    MSLite_Image mask = make_picture(5, 4, MSLITE_PIXEL_GRAY, MSLITE_PIXEL_U8, 1);
    const float color[] = {255, 0, 100};
    CHECK_STATUS(MSLite_ImageDrawMask(&picture, &mask, color, 0.5f), OH_AI_STATUS_SUCCESS);
    int good = 1;
    for (int y = 0; y < 4; y++) {
      for (int i = 0; i < 15; i++) {
        const size_t at = (size_t)y * picture.stride;
        const float was = type ? ((float *)(void *)((char *)before.data + at))[i] : (float)pixel(&before, i, y);
        const float is = type ? ((float *)(void *)((char *)picture.data + at))[i] : (float)pixel(&picture, i, y);
        const float expected = was + (color[i % 3] - was) * 0.5f * (float)pixel(&mask, i / 3, y) / 255;
        if (!(fabsf(is - expected) <= (type ? 0.001f : 0.501f))) good = 0;
      }
    }
    CHECK(good);
    CHECK_STATUS(MSLite_ImageDrawMask(&picture, &mask, color, 1.5f), OH_AI_STATUS_LITE_PARAM_INVALID);
    CHECK_STATUS(MSLite_ImageDrawMask(&picture, &before, color, 0.5f), OH_AI_STATUS_LITE_PARAM_INVALID);
    CHECK_STATUS(MSLite_ImageDrawMask(&picture, NULL, color, 0.5f), OH_AI_STATUS_LITE_NULLPTR);
    free(picture.data);
    free(before.data);
    free(mask.data);
  }
}

/* A constant picture stays constant, whatever the sizes; memory ends with the last row. */
static void test_sizes(void) {
  static const int sides[] = {1, 2, 3, 7, 8, 9, 31, 64, 100, 333};
  for (int format = MSLITE_PIXEL_GRAY; format <= MSLITE_PIXEL_RGBA; format++) {
    for (int type = 0; type < 2; type++) {
      for (size_t i = 0; i < 60; i++) {
        const int width = sides[i % 10], height = sides[i * 7 / 3 % 10], to_width = sides[i * 3 % 10], to_height = sides[i / 6];
        MSLite_Image from = make_picture(width, height, (MSLite_PixelFormat)format, (MSLite_PixelType)type, i % 3 * 4);
        MSLite_Image to = make_picture(to_width, to_height, (MSLite_PixelFormat)format, (MSLite_PixelType)type, i % 2 * 8);
        for (int y = 0; y < height; y++) {
          for (int x = 0; x < width * channels_of(from.format); x++) {
            unsigned char *row = (unsigned char *)from.data + (size_t)y * from.stride;
            if (type) ((float *)(void *)row)[x] = 93; else row[x] = 93;
          }
        }
        unsigned char *expected = (unsigned char *)malloc((size_t)to_width * to_height * 4);
        memset(expected, 93, (size_t)to_width * to_height * 4);
        const float value[] = {93, 93, 93, 93};
        int good = 1;
        for (int rule = 0; rule < 4; rule++) {
          good = good && MSLite_ImageResize(&from, &to, (MSLite_Interpolation)rule) == OH_AI_STATUS_SUCCESS && is_near(&to, expected, 0);
        }
        good = good && MSLite_ImageLetterbox(&from, value, &to, NULL) == OH_AI_STATUS_SUCCESS && is_near(&to, expected, 0);
        CHECK(good);
        free(expected);
        free(from.data);
        free(to.data);
      }
    }
  }
  /* The longest sides. */
  MSLite_Image from = make_picture(65535, 1, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, 0), to = make_picture(1, 65535, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, 0);
  for (int rule = 0; rule < 4; rule++) CHECK_STATUS(MSLite_ImageResize(&from, &to, (MSLite_Interpolation)rule), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(MSLite_ImageRotate90(&from, 3, &to), OH_AI_STATUS_SUCCESS);
  free(from.data);
  free(to.data);
}

static void test_arguments(void) {
  MSLite_Image good = make_picture(4, 4, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, 0), other = make_picture(4, 4, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, 0);
  CHECK_STATUS(MSLite_ImageResize(NULL, &good, MSLITE_INTERPOLATION_AREA), OH_AI_STATUS_LITE_NULLPTR);
  CHECK(strstr(MSLite_ImageGetLastError(), "MSLite_ImageResize: source is NULL") != NULL);
  CHECK_STATUS(MSLite_ImageResize(&good, NULL, MSLITE_INTERPOLATION_AREA), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ImageResize(&good, &other, (MSLite_Interpolation)4), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageConvert(&good, NULL), OH_AI_STATUS_LITE_NULLPTR);

  static const int sides[] = {0, -1, INT32_MIN, 65536, INT32_MAX};
  for (size_t i = 0; i < COUNT(sides); i++) {
    MSLite_Image bad = good;
    bad.width = sides[i];
    CHECK_STATUS(MSLite_ImageResize(&bad, &other, MSLITE_INTERPOLATION_AREA), OH_AI_STATUS_LITE_PARAM_INVALID);
    bad = good;
    bad.height = sides[i];
    CHECK_STATUS(MSLite_ImageConvert(&other, &bad), OH_AI_STATUS_LITE_PARAM_INVALID);
    CHECK_STATUS(MSLite_ImageCreate(sides[i], 1, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, &bad), OH_AI_STATUS_LITE_PARAM_INVALID);
  }
  MSLite_Image bad = good;
  bad.width = bad.height = 65535;
  bad.stride = 65535 * 3;
  CHECK_STATUS(MSLite_ImageCrop(&bad, 0, 0, &other), OH_AI_STATUS_LITE_PARAM_INVALID);
  static const size_t strides[] = {0, 11, SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 31};
  for (size_t i = 0; i < COUNT(strides); i++) {
    bad = good;
    bad.stride = strides[i];
    CHECK_STATUS(MSLite_ImagePad(&bad, 0, 0, MSLITE_BORDER_CONSTANT, NULL, &other), OH_AI_STATUS_LITE_PARAM_INVALID);
  }
  bad = good;
  bad.data = NULL;
  CHECK_STATUS(MSLite_ImageRotate90(&bad, 0, &other), OH_AI_STATUS_LITE_NULLPTR);
  bad = good;
  bad.format = (MSLite_PixelFormat)6;
  CHECK_STATUS(MSLite_ImageConvert(&bad, &other), OH_AI_STATUS_LITE_PARAM_INVALID);
  bad = good;
  bad.type = (MSLite_PixelType)2;
  CHECK_STATUS(MSLite_ImageConvert(&bad, &other), OH_AI_STATUS_LITE_PARAM_INVALID);
  bad = good;
  bad.type = MSLITE_PIXEL_F32;
  bad.width = 1;
  bad.stride = 13;
  CHECK_STATUS(MSLite_ImageConvert(&bad, &other), OH_AI_STATUS_LITE_PARAM_INVALID);
  bad = good;
  bad.format = MSLITE_PIXEL_NV12;
  CHECK_STATUS(MSLite_ImageResize(&bad, &other, MSLITE_INTERPOLATION_AREA), OH_AI_STATUS_LITE_NOT_SUPPORT);
  bad.width = 3;
  CHECK_STATUS(MSLite_ImageConvert(&bad, &other), OH_AI_STATUS_LITE_PARAM_INVALID);
  bad = good;
  bad.format = MSLITE_PIXEL_BGR;
  CHECK_STATUS(MSLite_ImageResize(&bad, &other, MSLITE_INTERPOLATION_AREA), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageCreate(4, 4, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, NULL), OH_AI_STATUS_LITE_NULLPTR);
  MSLite_ImageFree(NULL);
  CHECK_STATUS(MSLite_ImageCreate(4, 2, MSLITE_PIXEL_NV21, MSLITE_PIXEL_U8, &bad), OH_AI_STATUS_SUCCESS);
  CHECK(bad.stride == 4 && pixel(&bad, 3, 2) == 0);
  MSLite_ImageFree(&bad);
  CHECK(bad.data == NULL);
  MSLite_ImageFree(&bad);
  free(good.data);
  free(other.data);
}

static void test_files(const char *jpeg, const char *written) {
  for (int format = MSLITE_PIXEL_GRAY; format <= MSLITE_PIXEL_RGBA; format++) {
    MSLite_Image image = make_picture(33, 17, (MSLite_PixelFormat)format, MSLITE_PIXEL_U8, 7), back;
    CHECK_STATUS(MSLite_ImageWritePNG(&image, written), OH_AI_STATUS_SUCCESS);
    CHECK_STATUS(MSLite_ImageRead(written, (MSLite_PixelFormat)format, &back), OH_AI_STATUS_SUCCESS);
    int same = back.width == 33 && back.height == 17 && back.format == image.format;
    for (int y = 0; same && y < 17; y++) {
      same = memcmp((char *)image.data + (size_t)y * image.stride, (char *)back.data + (size_t)y * back.stride, 33 * channels_of(image.format)) == 0;
    }
    CHECK(same);
    MSLite_ImageFree(&back);
    free(image.data);
  }
  MSLite_Image image;
  size_t size = 0, encoded_size = 0;
  unsigned char *bytes = (unsigned char *)read_file(written, &size);
  CHECK(bytes != NULL);
  void *encoded = NULL;
  CHECK_STATUS(MSLite_ImageDecode(bytes, size, MSLITE_PIXEL_RGBA, &image), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(MSLite_ImageEncodePNG(&image, &encoded, &encoded_size), OH_AI_STATUS_SUCCESS);
  CHECK(encoded_size == size && memcmp(encoded, bytes, size) == 0);
  CHECK_STATUS(MSLite_ImageEncodePNG(&image, NULL, &encoded_size), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ImageEncodePNG(&image, &encoded, NULL), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ImageEncodePNG(NULL, &encoded, &encoded_size), OH_AI_STATUS_LITE_NULLPTR);
  free(encoded);
  MSLite_ImageFree(&image);
  int refused = 1;
  for (size_t n = 0; n < size; n++) {
    unsigned char *cut = (unsigned char *)malloc(n ? n : 1);
    memcpy(cut, bytes, n);
    /* Without its last chunk, which has no pixels, the file may pass. */
    if (MSLite_ImageDecode(cut, n, MSLITE_PIXEL_RGB, &image) == OH_AI_STATUS_SUCCESS) {
      if (n + 16 < size) refused = 0;
      MSLite_ImageFree(&image);
    }
    free(cut);
  }
  CHECK(refused);
  free(bytes);

  CHECK_STATUS(MSLite_ImageRead(jpeg, MSLITE_PIXEL_BGR, &image), OH_AI_STATUS_SUCCESS);
  CHECK(image.width > 100 && image.height > 100 && image.stride == (size_t)image.width * 3);
  MSLite_Image gray;
  CHECK_STATUS(MSLite_ImageRead(jpeg, MSLITE_PIXEL_GRAY, &gray), OH_AI_STATUS_SUCCESS);
  CHECK(gray.width == image.width && abs(pixel(&gray, 9, 9) * 1000 - (114 * pixel(&image, 27, 9) + 587 * pixel(&image, 28, 9) + 299 * pixel(&image, 29, 9))) < 1000);
  MSLite_ImageFree(&gray);
  MSLite_ImageFree(&image);
  bytes = (unsigned char *)read_file(jpeg, &size);
  for (size_t part = 1; bytes && part < 8; part++) {
    CHECK_STATUS(MSLite_ImageDecode(bytes, size * part / 8, MSLITE_PIXEL_RGB, &image), OH_AI_STATUS_LITE_ERROR);
    CHECK(strstr(MSLite_ImageGetLastError(), "end") != NULL);
  }
  unsigned state = 1;
  for (int round = 0; bytes && round < 40; round++) {
    for (int k = 0; k < 3; k++) {
      state = state * 1664525u + 1013904223u;
      bytes[state % (size < 700 ? size : 700)] ^= (unsigned char)(state >> 24);
    }
    if (MSLite_ImageDecode(bytes, size, MSLITE_PIXEL_RGB, &image) == OH_AI_STATUS_SUCCESS) MSLite_ImageFree(&image);
  }
  free(bytes);
  CHECK_STATUS(MSLite_ImageRead("no/such/file.png", MSLITE_PIXEL_RGB, &image), OH_AI_STATUS_LITE_ERROR);
  CHECK(strstr(MSLite_ImageGetLastError(), "no/such/file.png") != NULL);
  CHECK_STATUS(MSLite_ImageRead("/", MSLITE_PIXEL_RGB, &image), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(MSLite_ImageRead(NULL, MSLITE_PIXEL_RGB, &image), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ImageRead(jpeg, MSLITE_PIXEL_NV12, &image), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageDecode("abcdef", 6, MSLITE_PIXEL_RGB, &image), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(MSLite_ImageDecode("abcdef", SIZE_MAX, MSLITE_PIXEL_RGB, &image), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(MSLite_ImageDecode(NULL, 6, MSLITE_PIXEL_RGB, &image), OH_AI_STATUS_LITE_NULLPTR);
  MSLite_Image floats = make_picture(2, 2, MSLITE_PIXEL_RGB, MSLITE_PIXEL_F32, 0);
  CHECK_STATUS(MSLite_ImageWritePNG(&floats, written), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ImageEncodePNG(&floats, &encoded, &encoded_size), OH_AI_STATUS_LITE_PARAM_INVALID);
  floats.type = MSLITE_PIXEL_U8;
  CHECK_STATUS(MSLite_ImageWritePNG(&floats, "no/such/folder.png"), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(MSLite_ImageWritePNG(&floats, NULL), OH_AI_STATUS_LITE_NULLPTR);
  free(floats.data);
}

/* Arguments: a JPEG file to read, a PNG file to write. */
int main(int count, char **arguments) {
  if (count != 3) return 2;
  CHECK(strcmp(MSLite_ImageGetLastError(), "") == 0);
  test_resize();
  test_convert();
  test_geometry();
  test_normalize();
  test_warp();
  test_boxes();
  test_drawing();
  test_sizes();
  test_arguments();
  test_files(arguments[1], arguments[2]);
  return check_result();
}
