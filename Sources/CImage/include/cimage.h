/* What the image library's modules share: its public interface, and the table of kernels that each instruction set fills in.
 * Kernels check nothing. Sizes are positive; `count` counts pixels, `n` elements. */
#ifndef MSLITE_CIMAGE_H
#define MSLITE_CIMAGE_H

#include "mslite/image.h"

/* Where a place outside of 0...size-1 takes its value from, or -1 for the constant. */
static inline intptr_t ms_image_border(intptr_t place, intptr_t size, MSLite_Border border) {
  if (place >= 0 && place < size) return place;
  if (border == MSLITE_BORDER_CONSTANT) return -1;
  if (border == MSLITE_BORDER_REPLICATE) return place < 0 ? 0 : size - 1;
  if (size == 1) return 0;
  const intptr_t skip = border == MSLITE_BORDER_REFLECT_101, period = 2 * (size - skip);
  const intptr_t phase = (place % period + period) % period;
  return phase < size ? phase : 2 * size - 1 - skip - phase;
}

/* A picture to be sampled. */
typedef struct MSImageWarp {
  const uint8_t *data;
  intptr_t stride;
  /* Whether 31 bits are enough for offsets from `data`. */
  int32_t is_small;
  int32_t width, height, channels;
  int32_t is_float, is_nearest, is_perspective;
  MSLite_Border border;
  float value[4];
  /* Brings places of the destination to places of the source. */
  double matrix[9];
} MSImageWarp;

typedef struct MSImageKernels {
  /* Horizontal pass of a bilinear resize: out[x * channels + c] = 64 * (near + (far - near) * weight / 2^15), 0...16320. `index` has
   * the near pixel's first element, `step` what leads to the far one's, in elements. `readable` is how many bytes of `row` exist. */
  void (*bilinear_row)(const uint8_t *row, intptr_t readable, int32_t channels, const int32_t *index, const int32_t *step,
                       const int16_t *weight, int16_t *out, intptr_t count);
  /* Vertical pass: out = (a + (b - a) * weight / 2^15 + 32) / 64. */
  void (*bilinear_column)(const int16_t *a, const int16_t *b, int16_t weight, uint8_t *out, intptr_t n);

  /* Horizontal pass of a bicubic resize: out[x * channels + c] = the sum of four pixels' bytes with weights of 14 bits, with 6 bits for
   * the fraction. `index` and `weight` have four entries for each x; `out` has room for one more element. */
  void (*bicubic_row)(const uint8_t *row, intptr_t readable, int32_t channels, const int32_t *index, const int16_t *weight, int16_t *out,
                      intptr_t count);
  /* Vertical pass: the sum of four rows with weights of 14 bits, rounded and limited to 0...255. */
  void (*bicubic_column)(const int16_t *const rows[4], const int16_t weight[4], uint8_t *out, intptr_t n);

  /* sum = (first ? 0 : sum) + weight * row */
  void (*accumulate_u8)(const uint8_t *row, float weight, int32_t first, float *sum, intptr_t n);
  void (*accumulate_f32)(const float *row, float weight, int32_t first, float *sum, intptr_t n);
  /* The sum of 1 to 4 rows with weights. */
  void (*weigh_column)(const float *const *rows, const float *weight, int32_t taps, float *out, intptr_t n);
  /* out[x * channels + c] = sum over t in 0..<taps of weight[t] * row[index[t] + c], both tables continued for the next x. `readable` is
   * how many floats of `row` exist. */
  void (*weigh_row)(const float *row, intptr_t readable, int32_t channels, int32_t taps, const int32_t *index, const float *weight,
                    float *out, intptr_t count);
  /* The mean of 2 x 2 pixels of two rows, of bytes rounded. */
  void (*halve)(const uint8_t *a, const uint8_t *b, int32_t channels, uint8_t *out, intptr_t count);
  void (*halve_f32)(const float *a, const float *b, int32_t channels, float *out, intptr_t count);
  /* Rounded to the nearest, ties to even, and limited to 0...255. */
  void (*round_u8)(const float *in, uint8_t *out, intptr_t n);

  /* out pixel x = the pixel_bytes (1, 3, 4, 12 or 16) bytes at in + offset[x] */
  void (*gather)(const uint8_t *in, const intptr_t *offset, int32_t pixel_bytes, uint8_t *out, intptr_t count);

  /* out pixel x = pixel count - 1 - x of `in`; pixel_bytes as above */
  void (*reverse)(const uint8_t *in, int32_t pixel_bytes, uint8_t *out, intptr_t count);
  /* out pixel (x, y) = the one at in + x * step_x + y * step_y, where step_y is pixel_bytes or -pixel_bytes: a row of `out` is a
   * column of `in`. The last pixel of the memory of `in` is in the first or the last column of `out`. */
  void (*turn)(const uint8_t *in, intptr_t step_x, intptr_t step_y, int32_t pixel_bytes, uint8_t *out, intptr_t out_stride, intptr_t width,
               intptr_t height);

  void (*gray)(const uint8_t *in, int32_t channels, int32_t red, uint8_t *out, intptr_t count);
  /* Between GRAY, RGB, BGR and RGBA; `swaps` red and blue. Alpha is copied, or 255 where there was none. */
  void (*reorder)(const uint8_t *in, int32_t in_channels, int32_t swaps, uint8_t *out, int32_t out_channels, intptr_t count);
  /* One row of NV12 or NV21; `u` is U's place among the two (0 or 1), `red` R's among the channels. */
  void (*from_nv)(const uint8_t *y, const uint8_t *uv, int32_t u, uint8_t *out, int32_t channels, int32_t red, intptr_t count);
  void (*luma)(const uint8_t *in, int32_t channels, int32_t red, uint8_t *out, intptr_t count);
  /* U and V of every second pixel; `count` pixels of the row, even. */
  void (*chroma)(const uint8_t *in, int32_t channels, int32_t red, int32_t u, uint8_t *out, intptr_t count);

  /* out[x * channels + c] = in[x * channels + order[c]] * factor[c] + offset[c] */
  void (*normalize_hwc)(const uint8_t *in, int32_t channels, const int32_t *order, const float *factor, const float *offset, float *out,
                        intptr_t count);
  /* The same to out[c * plane + x]. */
  void (*normalize_chw)(const uint8_t *in, int32_t channels, const int32_t *order, const float *factor, const float *offset, float *out,
                        intptr_t plane, intptr_t count);

  /* Row y of the destination. */
  void (*warp_row)(const MSImageWarp *warp, int32_t y, uint8_t *out, intptr_t count);

  /* Whether the box covers one of `count` others by more than `threshold`. They are in planes of left, top, right, bottom and area,
   * `plane` numbers each, and count only where their class is the same. */
  int32_t (*covers)(const float *box, int32_t box_class, const float *others, const int32_t *classes, intptr_t plane, float threshold,
                    intptr_t count);

  /* inout += (color[c] - inout) * opacity * mask / 255 */
  void (*blend_u8)(const uint8_t *mask, const float *color, float opacity, int32_t channels, uint8_t *inout, intptr_t count);
  void (*blend_f32)(const uint8_t *mask, const float *color, float opacity, int32_t channels, float *inout, intptr_t count);
} MSImageKernels;

void mskernels_image_baseline(MSImageKernels *table);
#if defined(__x86_64__)
void mskernels_image_avx2(MSImageKernels *table);
#endif

#endif
