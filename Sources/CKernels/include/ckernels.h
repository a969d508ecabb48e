/* The kernel table: all that the engine knows of the micro-kernels. One table per instruction set, filled by one function
 * each. Kernels work on pointers and sizes only; they never allocate, never fail and never touch errno.
 *
 * Conventions. Data are float32 and row-major unless the name says otherwise; sizes and strides count elements. Pointers need
 * only their element's alignment. Input and output may be the same pointer exactly where the comment says "in place". A count
 * of zero is legal everywhere and writes nothing. The result of every output element does not depend on how the work is cut
 * into calls (rows, panels, channels), so any number of threads gives identical bits. */
#ifndef MSLITE_CKERNELS_H
#define MSLITE_CKERNELS_H
#include <stddef.h>
#include <stdint.h>
#include "ckernels_int8.h"

/* Functions of one variable. Also the activations that GEMM, convolution and the other fused kernels apply last.
 * a and b are the parameters named in the comment. */
typedef enum MSUnary {
  MS_UNARY_IDENTITY = 0,
  MS_UNARY_CLAMP = 1,        /* min(max(x, a), b): RELU a=0 b=+inf; RELU6 0,6; HARD_TANH min,max; Clip */
  MS_UNARY_LEAKY_RELU = 2,   /* x > 0 ? x : a * x */
  MS_UNARY_SIGMOID = 3,      /* 1 / (1 + exp(-x)) */
  MS_UNARY_TANH = 4,
  MS_UNARY_HSWISH = 5,       /* x * clamp(x + 3, 0, 6) / 6 */
  MS_UNARY_HSIGMOID = 6,     /* clamp(x + 3, 0, 6) / 6 */
  MS_UNARY_ELU = 7,          /* x > 0 ? x : a * (exp(x) - 1) */
  MS_UNARY_SWISH = 8,        /* x * sigmoid(x) */
  MS_UNARY_GELU = 9,         /* 0.5 x (1 + erf(x / sqrt 2)) */
  MS_UNARY_GELU_TANH = 10,   /* 0.5 x (1 + tanh(0.79788456 x + 0.035677408 x^3)) */
  MS_UNARY_SOFTPLUS = 11,    /* log(1 + exp(x)), stable for large |x| */
  MS_UNARY_ABS = 12,
  MS_UNARY_NEG = 13,
  MS_UNARY_SQRT = 14,
  MS_UNARY_RSQRT = 15,       /* 1 / sqrt(x), full precision */
  MS_UNARY_SQUARE = 16,
  MS_UNARY_EXP = 17,         /* exp(a * x + b) */
  MS_UNARY_LOG = 18,         /* natural; log(0) = -inf, log(x < 0) = NaN */
  MS_UNARY_SIN = 19,
  MS_UNARY_COS = 20,
  MS_UNARY_FLOOR = 21,
  MS_UNARY_CEIL = 22,
  MS_UNARY_ROUND = 23,       /* half to even */
  MS_UNARY_RECIPROCAL = 24,
  MS_UNARY_ERF = 25,
  MS_UNARY_AFFINE = 26       /* a * x + b */
} MSUnary;

typedef enum MSBinary {
  MS_BINARY_ADD = 0, MS_BINARY_SUB = 1, MS_BINARY_MUL = 2, MS_BINARY_DIV = 3,
  MS_BINARY_MAX = 4, MS_BINARY_MIN = 5,
  MS_BINARY_SQUARED_DIFFERENCE = 6,
  MS_BINARY_FLOOR_DIV = 7,   /* floor(a / b) */
  MS_BINARY_FLOOR_MOD = 8,   /* a - floor(a / b) * b */
  MS_BINARY_MOD = 9          /* C fmod */
} MSBinary;

/* Greater is less with the operands exchanged. NaN is unequal to everything and in no order. */
typedef enum MSCompare {
  MS_COMPARE_EQUAL = 0, MS_COMPARE_NOT_EQUAL = 1, MS_COMPARE_LESS = 2, MS_COMPARE_LESS_EQUAL = 3
} MSCompare;

/* Derivatives of activations: dx = dy * f'(.), from the argument x or the result y, whichever the formula names. a and b as in MSUnary. */
typedef enum MSUnaryGrad {
  MS_GRAD_CLAMP = 0,         /* a < s < b, where s is x or y */
  MS_GRAD_LEAKY_RELU = 1,    /* s > 0 ? 1 : a */
  MS_GRAD_SIGMOID = 2,       /* y (1 - y) */
  MS_GRAD_TANH = 3,          /* 1 - y^2 */
  MS_GRAD_HSWISH = 4,        /* x >= 3: 1; x <= -3: 0; else (2 x + 3) / 6 */
  MS_GRAD_HSIGMOID = 5,      /* -3 < x < 3: 1 / 6 */
  MS_GRAD_ELU = 6,           /* y > 0 ? a : y + b: ELU with a = 1, SELU */
  MS_GRAD_SWISH = 7,         /* of x */
  MS_GRAD_GELU = 8,          /* of x */
  MS_GRAD_GELU_TANH = 9,     /* of x */
  MS_GRAD_SOFTPLUS = 10,     /* 1 / (1 + exp(-x)) */
  MS_GRAD_ABS = 11,          /* the sign of x; 0 at 0 */
  MS_GRAD_SOFTSIGN = 12      /* 1 / (1 + |x|)^2 */
} MSUnaryGrad;

/* What a step of Adam takes besides the tensors. */
typedef struct MSAdam {
  float rate;                        /* with the correction of the bias, where there is one */
  float beta1, beta2, epsilon;
  float decay;                       /* of the weights, outside of the moments */
  int32_t nesterov;
} MSAdam;

/* What a step of stochastic gradient descent takes. */
typedef struct MSMomentum {
  float rate, momentum;
  float share;                       /* of the gradient in the new accumulator: 1 - dampening */
  float decay;                       /* times the weight is added to the gradient */
  int32_t nesterov;
} MSMomentum;

/* The operands' type is in the name of the table's entry, so that one caller serves all. */
typedef void (*MSCompareFunction)(int32_t op, const void *_Nonnull a, ptrdiff_t a_step, const void *_Nonnull b,
                                  ptrdiff_t b_step, uint8_t *_Nonnull y, ptrdiff_t n);

typedef enum MSReduce {
  MS_REDUCE_SUM = 0, MS_REDUCE_MAX = 1, MS_REDUCE_MIN = 2, MS_REDUCE_PROD = 3,
  MS_REDUCE_SUM_SQUARE = 4, MS_REDUCE_SUM_ABS = 5
} MSReduce;

/* C[m, n] = activation(A[m, k] * B[k, n] + bias[n] (+ residual[m, n])). B is packed by gemm_pack_b. */
typedef struct MSGemm {
  const float *_Nonnull a; ptrdiff_t lda;
  const float *_Nonnull b;
  float *_Nonnull c; ptrdiff_t ldc;
  ptrdiff_t m, n, k;
  const float *_Nullable bias;       /* n entries */
  const float *_Nullable residual;   /* added before the activation; same rows as c, stride ldr; may be c itself */
  ptrdiff_t ldr;
  int32_t activation;                /* MSUnary */
  float alpha, beta;                 /* its a and b */
} MSGemm;

/* 2-D convolution, NHWC, one group, as a GEMM whose A rows are gathered tile by tile (no full im2col).
 * The packed weights are gemm_pack_b of the [kernel_h * kernel_w * in_channels, out_channels] matrix.
 * Rows of the GEMM are output pixels of one image, in order (oh * out_w + ow). */
typedef struct MSConv {
  const float *_Nonnull x;           /* one image: in_h x in_w pixels, pixel_stride floats apart, in_channels used */
  const float *_Nonnull weights;
  float *_Nonnull y;                 /* out_h * out_w rows, row stride ldc */
  ptrdiff_t ldc;
  const float *_Nullable bias;
  const float *_Nullable residual; ptrdiff_t ldr;
  ptrdiff_t in_h, in_w, in_channels, pixel_stride;
  ptrdiff_t out_h, out_w, out_channels;
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int32_t activation; float alpha, beta;
} MSConv;

/* Depthwise convolution, NHWC, channel multiplier 1. Weights [kernel_h * kernel_w][channels]. One image. */
typedef struct MSDepthwise {
  const float *_Nonnull x; const float *_Nonnull weights; float *_Nonnull y;
  const float *_Nullable bias;
  ptrdiff_t in_h, in_w, out_h, out_w, channels;
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int32_t activation; float alpha, beta;
} MSDepthwise;

/* Pooling, NHWC, one image. Average divides by the number of taps inside the image; a window wholly in the padding
 * gives -FLT_MAX (max) or 0 (average). */
typedef struct MSPool {
  const float *_Nonnull x; float *_Nonnull y;
  ptrdiff_t in_h, in_w, out_h, out_w, channels;
  int32_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
  int32_t average;                   /* 0 maximum, 1 average */
  int32_t activation; float alpha, beta;
} MSPool;

/* The gradient of pooling, NHWC, one image: dx += what the windows of dy give back. */
typedef struct MSPoolGrad {
  const float *_Nonnull x;           /* the image that was pooled; read for the maximum only */
  const float *_Nonnull dy; float *_Nonnull dx;
  ptrdiff_t in_h, in_w, out_h, out_w, channels;
  int32_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
  int32_t average;                   /* 0 maximum: dy goes to the first largest tap; 1 average: an equal share to the taps inside */
} MSPoolGrad;

/* One table per instruction set. */
typedef struct MSKernels {
  const char *_Nonnull name;         /* "reference", "sse", "avx2", "avx512", "neon" */
  int32_t vector_width;              /* floats per vector register */
  int32_t gemm_mr, gemm_nr;          /* rows and columns of the register tile; packed panels are gemm_nr wide */

  /* --- matrix multiply --- */
  /* Packs B, element (row, col) at b[row * row_stride + col * col_stride], into ceil(n / gemm_nr) panels of k x gemm_nr
   * floats, the last one padded with zeros. Panels first..<last only, so that threads can share the work. */
  void (*_Nonnull gemm_pack_b)(float *_Nonnull packed, const float *_Nonnull b, ptrdiff_t k, ptrdiff_t n,
                               ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t first, ptrdiff_t last);
  /* As gemm_pack_b from IEEE binary16 values. */
  void (*_Nonnull gemm_pack_b_f16)(float *_Nonnull packed, const uint16_t *_Nonnull b, ptrdiff_t k, ptrdiff_t n,
                                   ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t first, ptrdiff_t last);
  /* Rows row0..<row1 of panels panel0..<panel1. */
  void (*_Nonnull gemm)(const MSGemm *_Nonnull g, ptrdiff_t row0, ptrdiff_t row1, ptrdiff_t panel0, ptrdiff_t panel1);

  /* --- convolution --- */
  /* Floats of scratch that one call of conv needs. */
  ptrdiff_t (*_Nonnull conv_scratch)(const MSConv *_Nonnull c);
  /* Output pixels row0..<row1 of panels panel0..<panel1. */
  void (*_Nonnull conv)(const MSConv *_Nonnull c, ptrdiff_t row0, ptrdiff_t row1, ptrdiff_t panel0, ptrdiff_t panel1,
                        float *_Nonnull scratch);

  /* --- 3 x 3 convolution, stride and dilation 1, by Winograd's algorithm for tiles of 4 x 4 outputs. Tiles are numbered row by
   * row, ceil(out_w / 4) in a row. Results differ from conv's by rounding: about 1e-5 of the largest values added. --- */
  /* Floats of the packed weights. */
  ptrdiff_t (*_Nonnull winograd_packed)(ptrdiff_t in_channels, ptrdiff_t out_channels);
  /* Transforms and packs weights [out_channels][3][3][in_channels] for panels first..<last of gemm_nr output channels. `scratch`:
   * 36 * gemm_nr * vector_width floats. */
  void (*_Nonnull winograd_pack)(float *_Nonnull packed, const float *_Nonnull weights, ptrdiff_t in_channels,
                                 ptrdiff_t out_channels, ptrdiff_t first, ptrdiff_t last, float *_Nonnull scratch);
  /* Floats of scratch that one call for `tiles` tiles needs. */
  ptrdiff_t (*_Nonnull winograd_scratch)(const MSConv *_Nonnull c, ptrdiff_t tiles);
  /* Outputs of tiles tile0..<tile1 in panels panel0..<panel1 of gemm_nr output channels; MSConv.weights points to what winograd_pack
   * has packed. */
  void (*_Nonnull winograd)(const MSConv *_Nonnull c, ptrdiff_t tile0, ptrdiff_t tile1, ptrdiff_t panel0, ptrdiff_t panel1,
                            float *_Nonnull scratch);

  /* Output rows y0..<y1, channels c0..<c1. */
  void (*_Nonnull depthwise)(const MSDepthwise *_Nonnull d, ptrdiff_t y0, ptrdiff_t y1, ptrdiff_t c0, ptrdiff_t c1);
  void (*_Nonnull pool)(const MSPool *_Nonnull p, ptrdiff_t y0, ptrdiff_t y1);

  /* --- elementwise: y may be x, a or b (in place) --- */
  void (*_Nonnull unary)(int32_t op, const float *_Nonnull x, float *_Nonnull y, ptrdiff_t n, float a, float b);
  /* y[i] = act(op(a[i * a_step], b[i * b_step])), steps 0 or 1. act is IDENTITY or CLAMP with lo, hi. */
  void (*_Nonnull binary)(int32_t op, const float *_Nonnull a, ptrdiff_t a_step, const float *_Nonnull b, ptrdiff_t b_step,
                          float *_Nonnull y, ptrdiff_t n, int32_t act, float lo, float hi);
  /* y[i] = a[i * a_step] op b[i * b_step] ? 1 : 0; steps 0 or 1, not both 0 unless n is 1. */
  MSCompareFunction _Nonnull compare_f32, compare_i32;
  /* y[r, c] = act(x[r, c] * scale[c] + bias[c]); scale or bias may be NULL (1 and 0). In place allowed. */
  void (*_Nonnull scale_bias)(const float *_Nonnull x, const float *_Nullable scale, const float *_Nullable bias,
                              float *_Nonnull y, ptrdiff_t rows, ptrdiff_t channels, int32_t act, float a, float b);
  /* y[r, c] = x > 0 ? x : x * slope[c]. In place allowed. */
  void (*_Nonnull prelu)(const float *_Nonnull x, const float *_Nonnull slope, float *_Nonnull y, ptrdiff_t rows,
                         ptrdiff_t channels);

  /* --- reductions --- */
  /* y[r] = op over the n entries of row r (rows contiguous). */
  void (*_Nonnull reduce_rows)(int32_t op, const float *_Nonnull x, float *_Nonnull y, ptrdiff_t rows, ptrdiff_t n);
  /* y[c] = op over rows of x[rows, columns]; row stride is `stride`; columns contiguous. */
  void (*_Nonnull reduce_columns)(int32_t op, const float *_Nonnull x, float *_Nonnull y, ptrdiff_t rows, ptrdiff_t columns,
                                  ptrdiff_t stride);
  /* Each row of n: exp(x - max) / sum. In place allowed. log != 0: x - max - log(sum). */
  void (*_Nonnull softmax)(const float *_Nonnull x, float *_Nonnull y, ptrdiff_t rows, ptrdiff_t n, int32_t log);
  /* Softmax over the middle axis of x[outer, n, inner], vectorised over inner. In place allowed. */
  void (*_Nonnull softmax_strided)(const float *_Nonnull x, float *_Nonnull y, ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner,
                                   int32_t log);
  /* Each row of n: (x - mean) / sqrt(var + epsilon) * gamma[i] + beta[i]; biased variance. gamma, beta may be NULL.
   * mean_out, var_out: one entry per row, may be NULL. In place allowed. */
  void (*_Nonnull layer_norm)(const float *_Nonnull x, const float *_Nullable gamma, const float *_Nullable beta,
                              float *_Nonnull y, ptrdiff_t rows, ptrdiff_t n, float epsilon, float *_Nullable mean_out,
                              float *_Nullable var_out);

  /* --- recurrent --- */
  /* `n` values of one row of an LSTM step. gates: pre-activations in the order i, o, f, g, `stride` apart. c is read and replaced,
   * h is written: c = sig(f) c + sig(i) tanh(g); h = sig(o) tanh(c). Zoneout: c = zc * c_old + (1 - zc) * c, and h alike. */
  void (*_Nonnull lstm_step)(const float *_Nonnull gates, ptrdiff_t stride, float *_Nonnull c, float *_Nonnull h, ptrdiff_t n,
                             float zoneout_c, float zoneout_h);

  /* --- layout and type --- */
  /* y[c, r] = x[r, c] for 4-byte elements; strides in elements. */
  void (*_Nonnull transpose_32)(const uint32_t *_Nonnull x, ptrdiff_t x_stride, uint32_t *_Nonnull y, ptrdiff_t y_stride,
                                ptrdiff_t rows, ptrdiff_t columns);
  void (*_Nonnull f16_to_f32)(const uint16_t *_Nonnull x, float *_Nonnull y, ptrdiff_t n);
  /* Round to nearest even; overflow gives infinity. */
  void (*_Nonnull f32_to_f16)(const float *_Nonnull x, uint16_t *_Nonnull y, ptrdiff_t n);
  void (*_Nonnull u8_to_f32)(const uint8_t *_Nonnull x, float *_Nonnull y, ptrdiff_t n);
  void (*_Nonnull i8_to_f32)(const int8_t *_Nonnull x, float *_Nonnull y, ptrdiff_t n);
  void (*_Nonnull i32_to_f32)(const int32_t *_Nonnull x, float *_Nonnull y, ptrdiff_t n);
  /* y[i] = (1 - t) * a[i] + t * b[i]: the vertical step of a bilinear resize. In place allowed. */
  void (*_Nonnull lerp)(const float *_Nonnull a, const float *_Nonnull b, float t, float *_Nonnull y, ptrdiff_t n);

  /* --- training --- */
  /* dx[i] = dy[i] * f'(s[i]); dx may be dy or s. */
  void (*_Nonnull unary_grad)(int32_t op, const float *_Nonnull dy, const float *_Nonnull s, float *_Nonnull dx, ptrdiff_t n, float a,
                              float b);
  /* y[c] = sum over rows of (a[r, c] - a0[c]) * (b[r, c] - b0[c]); a0, b0 may be NULL (0). Rows `stride` apart. */
  void (*_Nonnull dot_columns)(const float *_Nonnull a, const float *_Nullable a0, const float *_Nonnull b, const float *_Nullable b0,
                               float *_Nonnull y, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride);
  /* Weights, moments and gradient of n elements. m += (1 - beta1)(g - m); v += (1 - beta2)(g^2 - v); w -= rate * (s / (sqrt(v) +
   * epsilon) + decay * w), s being m, or with nesterov beta1 * m + (1 - beta1) * g. */
  void (*_Nonnull adam)(float *_Nonnull w, float *_Nonnull m, float *_Nonnull v, const float *_Nonnull g, ptrdiff_t n,
                        const MSAdam *_Nonnull p);
  /* d = g + decay * w; accumulator = momentum * accumulator + share * d; w -= rate * s, s being the accumulator, or with nesterov d +
   * momentum * accumulator. Without an accumulator s is d. */
  void (*_Nonnull momentum)(float *_Nonnull w, float *_Nullable accumulator, const float *_Nonnull g, ptrdiff_t n,
                            const MSMomentum *_Nonnull p);
  /* Channels c0..<c1 of output rows y0..<y1. */
  void (*_Nonnull pool_grad)(const MSPoolGrad *_Nonnull p, ptrdiff_t y0, ptrdiff_t y1, ptrdiff_t c0, ptrdiff_t c1);
  /* Writes the values under the kernel of output pixels row0..<row1, one after another: [kernel_h][kernel_w][in_channels]. Up to a
   * vector behind the last one is overwritten. */
  void (*_Nonnull conv_gather)(const MSConv *_Nonnull c, ptrdiff_t row0, ptrdiff_t row1, float *_Nonnull rows);
  /* What conv_gather does, backwards: adds the values under the kernel of pixels in output rows oy0..<oy1 to image rows y0..<y1.
   * `values` begins with row oy0's. Every pixel takes them in the order of the output pixels. c.x is not read. */
  void (*_Nonnull conv_scatter)(const MSConv *_Nonnull c, const float *_Nonnull values, float *_Nonnull image, ptrdiff_t oy0,
                                ptrdiff_t oy1, ptrdiff_t y0, ptrdiff_t y1);
  /* The depthwise convolution's gradients, d.y being the gradient of its result. Of the image: rows y0..<y1 of dx, overwritten. */
  void (*_Nonnull depthwise_input_grad)(const MSDepthwise *_Nonnull d, float *_Nonnull dx, ptrdiff_t y0, ptrdiff_t y1);
  /* Of the weights: channels c0..<c1 of dw[kernel_h * kernel_w][channels], added to what is there. */
  void (*_Nonnull depthwise_weight_grad)(const MSDepthwise *_Nonnull d, float *_Nonnull dw, ptrdiff_t c0, ptrdiff_t c1);

  MSInt8Kernels int8;                /* quantised bytes */
} MSKernels;

/* Each fills the table with its instruction set's kernels. */
void mskernels_reference(MSKernels *_Nonnull table);   /* scalar; what the tests compare with */
void mskernels_baseline(MSKernels *_Nonnull table);    /* SSE on x86-64, NEON on aarch64 */
void mskernels_avx2(MSKernels *_Nonnull table);
void mskernels_avx512(MSKernels *_Nonnull table);

#endif
