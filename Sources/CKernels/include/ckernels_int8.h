/* Kernels of the operators on quantised bytes that are no matrix products. Conventions as in ckernels.h, which includes this
 * file; every table computes the same bits.
 *
 * Bytes are int8 after an exclusive or with the tensor's `flip`: 0 for int8, 0x80 for uint8 (whose zero points count less 128).
 * A multiplier with its shift is a real factor: multiplier * 2^(shift - 31); the product is doubled, rounded to its high half
 * (halves up), then shifted right with rounding (halves away from zero), after a left shift of x when the shift is positive. */
#ifndef MSLITE_CKERNELS_INT8_H
#define MSLITE_CKERNELS_INT8_H
#include <stddef.h>
#include <stdint.h>

typedef struct MSQuantScale {
  int32_t multiplier, shift;
} MSQuantScale;

/* The result's side: value + zero, clamped to low...high, stored with flip. */
typedef struct MSQuantOutput {
  MSQuantScale scale;
  int32_t zero, low, high;
  uint8_t flip;
} MSQuantOutput;

typedef struct MSQuantOperand {
  const uint8_t *_Nonnull x;
  ptrdiff_t step;                    /* 0 or 1 */
  int32_t zero;
  MSQuantScale scale;                /* shift not positive; unused by mul */
  uint8_t flip;
} MSQuantOperand;

/* Softmax of rows. exp: 256 entries, exp(-scale * (255 - i)), so that entry 255 - max + x is x's exponential. */
typedef struct MSQuantSoftmax {
  const float *_Nonnull exp;
  float output_scale;
  int32_t output_zero;
  uint8_t flip, output_flip;
} MSQuantSoftmax;

typedef struct MSInt8Kernels {
  /* y[i] = table[x[i]]. In place allowed. */
  void (*_Nonnull map)(const uint8_t *_Nonnull x, uint8_t *_Nonnull y, ptrdiff_t n, const uint8_t *_Nonnull table);
  /* y[i] = scale * ((x[i] ^ flip) - zero) */
  void (*_Nonnull dequantize)(const uint8_t *_Nonnull x, float *_Nonnull y, ptrdiff_t n, float scale, int32_t zero, uint8_t flip);
  /* y[i] = x[i] / scale to nearest (halves away from zero), + zero, saturated; NaN gives the lowest value. */
  void (*_Nonnull quantize)(const float *_Nonnull x, uint8_t *_Nonnull y, ptrdiff_t n, float scale, int32_t zero, uint8_t flip);
  /* y = A + B: each operand less its zero point, times 2^20, times its scale; the sum times the output's. y may be an operand
   * whose step is 1. */
  void (*_Nonnull add)(const MSQuantOperand *_Nonnull a, const MSQuantOperand *_Nonnull b, const MSQuantOutput *_Nonnull o,
                       uint8_t *_Nonnull y, ptrdiff_t n);
  /* y = A * B, operands less their zero points, times the output's scale. In place as add. */
  void (*_Nonnull mul)(const MSQuantOperand *_Nonnull a, const MSQuantOperand *_Nonnull b, const MSQuantOutput *_Nonnull o,
                       uint8_t *_Nonnull y, ptrdiff_t n);
  /* sum[c] += int8 values of column c over `rows` rows, `stride` bytes apart. */
  void (*_Nonnull sum_columns)(const uint8_t *_Nonnull x, int32_t *_Nonnull sum, ptrdiff_t rows, ptrdiff_t columns,
                               ptrdiff_t stride, uint8_t flip);
  /* The sum of n int8 values. */
  int64_t (*_Nonnull sum)(const uint8_t *_Nonnull x, ptrdiff_t n, uint8_t flip);
  /* y[c] = the largest of column c and of y[c] as it was, as int8 values, all bytes with flip. */
  void (*_Nonnull max_columns)(const uint8_t *_Nonnull x, uint8_t *_Nonnull y, ptrdiff_t rows, ptrdiff_t columns,
                               ptrdiff_t stride, uint8_t flip);
  /* y[i] = (x[i] + offset) * scale + zero, clamped. */
  void (*_Nonnull requantize)(const int32_t *_Nonnull x, int32_t offset, uint8_t *_Nonnull y, ptrdiff_t n,
                              const MSQuantOutput *_Nonnull o);
  /* y[i] = the sum w[k] * x[k][i] over four rows, / 2^20 to nearest (halves away from zero). The weights sum to 2^20. */
  void (*_Nonnull bilinear)(const uint8_t *_Nonnull const *_Nonnull x, const int32_t *_Nonnull w, uint8_t *_Nonnull y,
                            ptrdiff_t n, uint8_t flip);
  /* Softmax of n bytes, `stride` apart in x and y. In place allowed. */
  void (*_Nonnull softmax)(const MSQuantSoftmax *_Nonnull s, const uint8_t *_Nonnull x, uint8_t *_Nonnull y, ptrdiff_t n,
                           ptrdiff_t stride);
} MSInt8Kernels;

#endif
