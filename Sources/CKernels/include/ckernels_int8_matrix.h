/* The table of the 8-bit matrix kernels: convolution, matrix product and depthwise convolution of int8 values with int32 sums.
 * It is chosen independently of the float table, because the instructions it wants (dot products of bytes) are others.
 *
 * The conventions are those of ckernels.h. All arithmetic is exact in 32 bits (sums wrap), so every table gives the same bits.
 *
 * Values and zero points are signed. A uint8 tensor is the int8 tensor whose bytes have the top bit flipped: `flip` is 0x80 then,
 * else 0, and the zero point is the one of the int8 tensor. */
#ifndef MSLITE_CKERNELS_INT8_MATRIX_H
#define MSLITE_CKERNELS_INT8_MATRIX_H
#include <stddef.h>
#include <stdint.h>

typedef enum MSInt8Kind {
  MS_INT8_QUANTIZED = 0,  /* clamp(requantised sum + zero, lo, hi) as int8 */
  MS_INT8_FLOAT = 1,      /* clamp(sum * scale + bias) as float32 */
  MS_INT8_SUMS = 2        /* the sums as int32 */
} MSInt8Kind;

/* What becomes of the sums. The vectors have one entry per output channel, and as many more as make the count a multiple of the
 * table's vector_lanes.
 *
 * Requantised: x = sum * 2^max(shift, 0); high = (x * multiplier + 2^30) >> 31; then high / 2^max(-shift, 0) rounded to the
 * nearest, halves away from zero, or upwards when `upward` is set. */
typedef struct MSInt8Output {
  void *_Nonnull y;                        /* output row r, channel c at y[r * ldc + c] */
  ptrdiff_t ldc;
  int32_t kind;                            /* MSInt8Kind */
  const int32_t *_Nonnull offset;          /* added to every sum: bias and what the zero points contribute */
  const int32_t *_Nullable weight_zero;    /* times the sum of the row's values, subtracted; see MSInt8MatrixKernels.pack */
  const int32_t *_Nullable multiplier;     /* 0, or 2^30 ... 2^31 - 1 */
  const int32_t *_Nullable shift;          /* -31 ... 31 */
  int32_t zero, lo, hi, upward;
  int32_t flip;                            /* of y */
  const float *_Nullable scale;
  const float *_Nullable bias;
  float float_lo, float_hi;
} MSInt8Output;

/* 2-D convolution, NHWC, one image and one group; also the matrix product, as a 1 x 1 convolution of one line of pixels. */
typedef struct MSInt8Conv {
  const int8_t *_Nonnull x;                /* in_h x in_w pixels, pixel_stride apart, in_channels used */
  const void *_Nonnull weights;            /* packed [kernel_h * kernel_w * in_channels, out_channels] */
  ptrdiff_t in_h, in_w, in_channels, pixel_stride;
  ptrdiff_t out_h, out_w, out_channels;
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int32_t x_zero;                          /* what padding holds */
  int32_t flip;                            /* of x */
  /* The kernel_w * in_channels packed weights of every line of the kernel are followed by zeros up to a multiple of 4: only where the
   * table takes it, with dilation_w 1, pixel_stride in_channels, and without weight_zero. */
  int32_t pads_runs;
  MSInt8Output output;
} MSInt8Conv;

/* Depthwise convolution, NHWC, channel multiplier 1, one image. Kinds QUANTIZED and FLOAT. */
typedef struct MSInt8Depthwise {
  const int8_t *_Nonnull x;
  const void *_Nonnull weights;            /* by depthwise_pack */
  ptrdiff_t in_h, in_w, out_h, out_w, channels;
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int32_t x_zero, flip;
  MSInt8Output output;                     /* weight_zero is not read */
} MSInt8Depthwise;

typedef struct MSInt8MatrixKernels {
  const char *_Nonnull name;               /* "reference", "sse", "avx2", "vnni", "neon", "neondot" */
  int32_t vector_lanes;                    /* int32 values per vector register */
  int32_t rows, columns;                   /* of the register tile; packed panels are `columns` wide */
  int32_t channel_block;                   /* channels that depthwise takes at once; tasks begin at multiples */
  /* The kernels multiply x + x_shift with the packed weights: the caller's offset makes up for x_shift and for x's zero point by
   * -(x_shift + zero point) * (sum of the packed weights of the channel). */
  int32_t x_shift;
  /* The packing subtracts the weights' zero points. Where it does not, the caller passes them as weight_zero (when any differs from
   * zero) and adds k * (x_shift + zero point of x) * weight_zero to the offset. */
  int32_t packs_zero;
  int32_t takes_padded_runs;               /* MSInt8Conv.pads_runs may be set */

  /* Bytes of ceil(n / columns) panels of k rows. */
  ptrdiff_t (*_Nonnull packed_bytes)(ptrdiff_t k, ptrdiff_t n);
  /* Packs B, element (row, col) at b[row * row_stride + col * col_stride], bytes xor flip, minus zero[col] where the table packs
   * zero points; panels first..<last. sums[col]: the sum of the packed column. */
  void (*_Nonnull pack)(void *_Nonnull packed, int32_t *_Nonnull sums, const int8_t *_Nonnull b, int32_t flip,
                        const int32_t *_Nullable zero, ptrdiff_t k, ptrdiff_t n, ptrdiff_t row_stride, ptrdiff_t col_stride,
                        ptrdiff_t first, ptrdiff_t last);
  /* Bytes of scratch that one call of conv needs. */
  ptrdiff_t (*_Nonnull conv_scratch)(const MSInt8Conv *_Nonnull c);
  /* Output pixels row0..<row1 of panels panel0..<panel1. */
  void (*_Nonnull conv)(const MSInt8Conv *_Nonnull c, ptrdiff_t row0, ptrdiff_t row1, ptrdiff_t panel0, ptrdiff_t panel1,
                        void *_Nonnull scratch);

  ptrdiff_t (*_Nonnull depthwise_bytes)(ptrdiff_t taps, ptrdiff_t channels);
  /* Packs weights [channels][taps], bytes xor flip, minus zero[channel], together with the vectors of `output`. Its offset holds
   * the bias alone: the packing makes up for x's zero point. */
  void (*_Nonnull depthwise_pack)(void *_Nonnull packed, const int8_t *_Nonnull weights, int32_t flip,
                                  const int32_t *_Nullable zero, ptrdiff_t taps, ptrdiff_t channels, int32_t x_zero,
                                  const MSInt8Output *_Nonnull output);
  ptrdiff_t (*_Nonnull depthwise_scratch)(const MSInt8Depthwise *_Nonnull d);
  /* Output rows y0..<y1, channels c0..<c1; c0 is a multiple of channel_block. */
  void (*_Nonnull depthwise)(const MSInt8Depthwise *_Nonnull d, ptrdiff_t y0, ptrdiff_t y1, ptrdiff_t c0, ptrdiff_t c1,
                             void *_Nonnull scratch);
  /* Finishes `rows` rows of n sums, row_stride apart, into rows row... of the output. Reads up to 2 vectors behind the last row. */
  void (*_Nonnull finish)(const int32_t *_Nonnull sums, ptrdiff_t row_stride, ptrdiff_t rows, ptrdiff_t n, ptrdiff_t row,
                          const MSInt8Output *_Nonnull output);
} MSInt8MatrixKernels;

/* Each fills the table with its instruction set's kernels. */
void mskernels_int8_reference(MSInt8MatrixKernels *_Nonnull table);
void mskernels_int8_baseline(MSInt8MatrixKernels *_Nonnull table);  /* SSE2 on x86-64, NEON on aarch64 */
void mskernels_int8_avx2(MSInt8MatrixKernels *_Nonnull table);
void mskernels_int8_vnni(MSInt8MatrixKernels *_Nonnull table);
void mskernels_int8_dot(MSInt8MatrixKernels *_Nonnull table);       /* aarch64 with dot products */

#endif
