/**
 * @file image.h
 * Pictures for vision models: decoding, resizing, colours, geometry, and the float tensor a model reads. In libmslite_image.so,
 * which needs libpng and libjpeg but not libmslite.so.
 *
 * Every function that returns OH_AI_Status returns OH_AI_STATUS_SUCCESS, or
 *   OH_AI_STATUS_LITE_NULLPTR        a pointer that must be given is NULL;
 *   OH_AI_STATUS_LITE_PARAM_INVALID  a size, stride, type, format or number that the function does not take;
 *   OH_AI_STATUS_LITE_MEMORY_FAILED  there is no memory;
 *   OH_AI_STATUS_LITE_NOT_SUPPORT    a conversion between two formats that does not exist;
 *   OH_AI_STATUS_LITE_ERROR          a file cannot be read or written, or its bytes are no picture;
 * and MSLite_ImageGetLastError says what is wrong. A destination is unchanged after an argument was refused. Source and destination
 * must not overlap. Functions may be called from any number of threads on different destinations.
 */
#ifndef MSLITE_IMAGE_H
#define MSLITE_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include "mindspore/status.h"
#include "mindspore/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The order of a pixel's channels in memory. */
typedef enum MSLite_PixelFormat {
  MSLITE_PIXEL_GRAY = 0,
  MSLITE_PIXEL_RGB = 1,
  MSLITE_PIXEL_BGR = 2,
  MSLITE_PIXEL_RGBA = 3,
  /** A plane of Y in `height` rows, then height / 2 rows of U and V in turn, each for 2 x 2 pixels; BT.601, Y 16...235. Width and
   *  height are even, the type is MSLITE_PIXEL_U8. */
  MSLITE_PIXEL_NV12 = 4,
  /** The same with V before U: what Android's and OpenHarmony's cameras give. */
  MSLITE_PIXEL_NV21 = 5
} MSLite_PixelFormat;

typedef enum MSLite_PixelType {
  MSLITE_PIXEL_U8 = 0,
  /** float, aligned to 4 bytes, any range */
  MSLITE_PIXEL_F32 = 1
} MSLite_PixelType;

/** Sides are 1...65535 pixels, and a picture has at most 2^28 of them. */
#define MSLITE_IMAGE_MAX_SIDE 65535

/** A picture. The caller may fill this in for memory of its own; MSLite_ImageCreate, -Decode and -Read allocate it. */
typedef struct MSLite_Image {
  /** Rows from the top, channels of a pixel beside each other. */
  void *data;
  /** Bytes from one row to the next, at least those of a row. */
  size_t stride;
  int32_t width;
  int32_t height;
  MSLite_PixelFormat format;
  MSLite_PixelType type;
} MSLite_Image;

typedef enum MSLite_Interpolation {
  MSLITE_INTERPOLATION_NEAREST = 0,
  MSLITE_INTERPOLATION_BILINEAR = 1,
  /** Keys' cubic with a = -0.75 */
  MSLITE_INTERPOLATION_BICUBIC = 2,
  /** The mean over the area that a pixel of the destination covers. */
  MSLITE_INTERPOLATION_AREA = 3
} MSLite_Interpolation;

/** What lies outside of a picture. */
typedef enum MSLite_Border {
  /** the value given */
  MSLITE_BORDER_CONSTANT = 0,
  /** aaa|abcd|ddd */
  MSLITE_BORDER_REPLICATE = 1,
  /** cba|abcd|dcb */
  MSLITE_BORDER_REFLECT = 2,
  /** dcb|abcd|cba */
  MSLITE_BORDER_REFLECT_101 = 3
} MSLite_Border;

/**
 * What the calling thread's last failing call of this header had to say. The text is printed to standard error as well unless the
 * environment variable MSLITE_LOG is "off".
 * @return "" when no call has failed; valid until the thread's next failing call
 */
OH_AI_API const char *MSLite_ImageGetLastError(void);

/**
 * Allocates a picture of zeros, rows without gaps.
 * @param image filled in; what it held before is not freed. For MSLite_ImageFree.
 */
OH_AI_API OH_AI_Status MSLite_ImageCreate(int32_t width, int32_t height, MSLite_PixelFormat format, MSLite_PixelType type,
                                          MSLite_Image *image);

/** Frees the memory of a picture that this library has allocated, and clears `image`. NULL and cleared pictures are left alone. */
OH_AI_API void MSLite_ImageFree(MSLite_Image *image);

/**
 * Decodes a PNG or JPEG file; which of them, its bytes tell. Grey and palette pictures become colours, 16 bits become 8. Transparent
 * pixels of a PNG lie on white, unless the format is RGBA. Orientation tags are not looked at. A file that ends too early is refused.
 * @param bytes the file's contents, `size` of them
 * @param format GRAY, RGB, BGR or RGBA
 * @param image an allocated picture of bytes; for MSLite_ImageFree
 */
OH_AI_API OH_AI_Status MSLite_ImageDecode(const void *bytes, size_t size, MSLite_PixelFormat format, MSLite_Image *image);

/** MSLite_ImageDecode of a file. */
OH_AI_API OH_AI_Status MSLite_ImageRead(const char *path, MSLite_PixelFormat format, MSLite_Image *image);

/** Writes a picture of bytes (GRAY, RGB, BGR or RGBA) as PNG. An existing file is replaced. */
OH_AI_API OH_AI_Status MSLite_ImageWritePNG(const MSLite_Image *image, const char *path);

/**
 * MSLite_ImageWritePNG into memory: for what goes over a network.
 * @param bytes the file's contents, for free()
 * @param size how many they are
 */
OH_AI_API OH_AI_Status MSLite_ImageEncodePNG(const MSLite_Image *image, void **bytes, size_t *size);

/**
 * Changes the format; sizes must be equal, both pictures are of bytes.
 *   GRAY = 0.299 R + 0.587 G + 0.114 B; A = 255 where there was none, and is dropped where there is none.
 *   R = 1.164 (Y - 16) + 1.596 (V - 128), G = 1.164 (Y - 16) - 0.813 (V - 128) - 0.391 (U - 128),
 *   B = 1.164 (Y - 16) + 2.018 (U - 128); back with U and V of each 2 x 2 pixels' upper left one.
 * NV12 and NV21 are converted from and to GRAY (Y as it is), RGB, BGR and RGBA.
 */
OH_AI_API OH_AI_Status MSLite_ImageConvert(const MSLite_Image *source, const MSLite_Image *destination);

/**
 * Resizes to the destination's size; format and type must be equal, and not NV12 or NV21. The centre of pixel x of the destination is
 * (x + 0.5) * source width / destination width - 0.5 in the source; beyond the edge, the edge's pixels go on. NEAREST takes pixel
 * floor(x * source width / destination width). Where a side grows, AREA is bilinear between pixels' near edges instead: of pixel x of
 * the destination, only the share that lies beyond the edge of the source's pixel floor(x * scale) has the next pixel's value.
 */
OH_AI_API OH_AI_Status MSLite_ImageResize(const MSLite_Image *source, const MSLite_Image *destination,
                                          MSLite_Interpolation interpolation);

/** Copies the part of the destination's size whose upper left pixel is (x, y) of the source, in which it must lie. */
OH_AI_API OH_AI_Status MSLite_ImageCrop(const MSLite_Image *source, int32_t x, int32_t y, const MSLite_Image *destination);

/**
 * Copies the source to (left, top) of the destination, in which it must lie, and fills the rest.
 * @param value one number for each channel, in the source's range; NULL for zeros. For MSLITE_BORDER_CONSTANT only.
 */
OH_AI_API OH_AI_Status MSLite_ImagePad(const MSLite_Image *source, int32_t left, int32_t top, MSLite_Border border,
                                       const float *value, const MSLite_Image *destination);

/** Turns clockwise by quarter_turns (any sign) quarters; the destination's sides are the source's, swapped for odd numbers. */
OH_AI_API OH_AI_Status MSLite_ImageRotate90(const MSLite_Image *source, int32_t quarter_turns, const MSLite_Image *destination);

/** Where MSLite_ImageLetterbox has put the picture: x in the destination = x in the source * scale + left. */
typedef struct MSLite_Letterbox {
  float scale;
  int32_t left;
  int32_t top;
  int32_t width;
  int32_t height;
} MSLite_Letterbox;

/**
 * Resizes (bilinear) by the largest scale with which the picture fits into the destination, in its middle, and fills the rest.
 * @param value as for MSLite_ImagePad
 * @param placement where it is; may be NULL
 */
OH_AI_API OH_AI_Status MSLite_ImageLetterbox(const MSLite_Image *source, const float *value, const MSLite_Image *destination,
                                             MSLite_Letterbox *placement);

/** The order of a tensor's elements. */
typedef enum MSLite_TensorLayout { MSLITE_LAYOUT_HWC = 0, MSLITE_LAYOUT_CHW = 1 } MSLite_TensorLayout;

/**
 * Writes the picture as a dense float tensor, in one pass: out = (in * scale - mean[c]) / deviation[c].
 * @param source GRAY, RGB, BGR or RGBA of bytes
 * @param order GRAY, RGB, BGR or RGBA: the tensor's channels; it must have as many as the source has
 * @param scale 1 / 255 brings bytes to 0...1
 * @param mean, deviation for each channel of `order`; NULL for zeros, for ones
 * @param tensor height * width * channels floats, aligned to 4 bytes, of the caller
 */
OH_AI_API OH_AI_Status MSLite_ImageNormalize(const MSLite_Image *source, MSLite_PixelFormat order, MSLite_TensorLayout layout,
                                             float scale, const float *mean, const float *deviation, float *tensor);

/**
 * Pixel (x, y) of the destination is the source at the inverse of `matrix` of (x, y): the matrix brings places of the source to places
 * of the destination. Pixel centres are at whole numbers. BILINEAR takes the four nearest pixels with weights of floats, NEAREST the
 * nearest one; others are not taken. Form as for MSLite_ImageResize; sizes are independent.
 * @param matrix 2 rows of 3 numbers, x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5]; it must have an inverse
 * @param value as for MSLite_ImagePad
 */
OH_AI_API OH_AI_Status MSLite_ImageWarpAffine(const MSLite_Image *source, const double *matrix, MSLite_Interpolation interpolation,
                                              MSLite_Border border, const float *value, const MSLite_Image *destination);

/** The same with 3 rows of 3 numbers: x' and y' are divided by m[6] x + m[7] y + m[8]. */
OH_AI_API OH_AI_Status MSLite_ImageWarpPerspective(const MSLite_Image *source, const double *matrix, MSLite_Interpolation interpolation,
                                                   MSLite_Border border, const float *value, const MSLite_Image *destination);

/** Turns clockwise by any angle, the source's middle to the destination's; the rest as for MSLite_ImageWarpAffine. */
OH_AI_API OH_AI_Status MSLite_ImageRotate(const MSLite_Image *source, double degrees, MSLite_Interpolation interpolation,
                                          MSLite_Border border, const float *value, const MSLite_Image *destination);

/**
 * The matrix for MSLite_ImageWarpPerspective that brings four points to four others.
 * @param from, to x and y of four points, of which no three are on one line
 * @param matrix 9 numbers, the last one 1
 */
OH_AI_API OH_AI_Status MSLite_ImagePerspectiveMatrix(const double *from, const double *to, double *matrix);

/**
 * Takes boxes by falling score, and drops those that cover a taken one of the same class by more than a share of their union.
 * @param boxes 4 numbers each: left, top, right, bottom
 * @param scores one each; boxes whose score is not above score_threshold, or NaN, are dropped
 * @param classes one each; NULL when there is one class
 * @param iou_threshold 0...1, intersection over union
 * @param capacity how many boxes to keep at most
 * @param kept indices of the boxes kept, best first; equal scores in their order. Room for `capacity` numbers.
 * @param kept_count how many there are
 */
OH_AI_API OH_AI_Status MSLite_ImageSuppressBoxes(const float *boxes, const float *scores, const int32_t *classes, size_t count,
                                                 float score_threshold, float iou_threshold, size_t capacity, int32_t *kept,
                                                 size_t *kept_count);

/**
 * Drawing. Pictures are as for MSLite_ImageResize; what lies outside of them is cut off. A colour is one number for each channel, in
 * the picture's order and range.
 */

/** Sets the pixels within thickness / 2 of the segment from (x0, y0) to (x1, y1), ends included. @param thickness 1...1000 */
OH_AI_API OH_AI_Status MSLite_ImageDrawLine(const MSLite_Image *image, int32_t x0, int32_t y0, int32_t x1, int32_t y1, int32_t thickness,
                                            const float *color);

/** The box of width * height pixels whose upper left one is (x, y). @param thickness of its frame, inwards; 0 fills the box */
OH_AI_API OH_AI_Status MSLite_ImageDrawBox(const MSLite_Image *image, int32_t x, int32_t y, int32_t width, int32_t height,
                                           int32_t thickness, const float *color);

/**
 * out = in + (color - in) * opacity * mask / 255.
 * @param mask GRAY of bytes, of the picture's size
 * @param opacity 0...1
 */
OH_AI_API OH_AI_Status MSLite_ImageDrawMask(const MSLite_Image *image, const MSLite_Image *mask, const float *color, float opacity);

/** Cells of the built-in font, at scale 1: a letter has 5 x 7 pixels in the upper left of its cell. */
#define MSLITE_FONT_WIDTH 6
#define MSLITE_FONT_HEIGHT 9

/**
 * Draws text; its first cell's upper left pixel is (x, y). A line feed starts a new line. Letters are those of ASCII; of other
 * characters in UTF-8, each one is a box.
 * @param scale 1...100 pixels for one of the font
 */
OH_AI_API OH_AI_Status MSLite_ImageDrawText(const MSLite_Image *image, int32_t x, int32_t y, const char *text, int32_t scale,
                                            const float *color);

#ifdef __cplusplus
}
#endif

#endif
