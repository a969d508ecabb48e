/* Matrix products and convolutions in half-precision arithmetic: a second, smaller table beside MSKernels, for processors on
 * which it is faster than float32. The tensors stay float32 in memory; weights are packed as 16-bit numbers, activations are
 * rounded to 16 bits (to nearest, ties to even) while a block of them is gathered, and sums leave the kernels as float32.
 *
 * bfloat16: products of pairs, added in float32. float16: multiply-adds in float16, whose sums are added to float32 ones after
 * every MSHALF_CHAIN products, so that the error of a sum does not grow with its length; magnitudes beyond 65504 become infinite.
 *
 * The conventions of ckernels.h hold here too: no allocation, no failure, the same bits however the work is cut. */
#ifndef MSLITE_CKERNELS_HALF_H
#define MSLITE_CKERNELS_HALF_H
#include "ckernels.h"

/* Products that are added up in float16 before their sum is added to a float32 one. */
enum { MSHALF_CHAIN = 64 };

typedef enum MSHalfArithmetic { MSHALF_BFLOAT16 = 1, MSHALF_FLOAT16 = 2 } MSHalfArithmetic;

typedef struct MSHalfKernels {
  int32_t arithmetic;                /* MSHalfArithmetic */
  int32_t gemm_mr, gemm_nr;          /* as in MSKernels */
  int32_t depth_step;                /* packed panels hold k rounded up to a multiple of this, with zeros */

  /* Packs B as MSKernels.gemm_pack_b does, into panels of roundup(k, depth_step) x gemm_nr 16-bit numbers. `b` points to floats, or
   * to IEEE binary16 values where from_f16 is not 0; strides count elements. */
  void (*_Nonnull gemm_pack_b)(uint16_t *_Nonnull packed, const void *_Nonnull b, int32_t from_f16, ptrdiff_t k, ptrdiff_t n,
                               ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t first, ptrdiff_t last);
  /* Bytes of scratch that one call of gemm, or of conv, needs; 64-byte aligned. */
  ptrdiff_t (*_Nonnull gemm_scratch)(ptrdiff_t k);
  ptrdiff_t (*_Nonnull conv_scratch)(const MSConv *_Nonnull c);
  /* As MSKernels.gemm and conv, with MSGemm.b and MSConv.weights pointing to what this table's gemm_pack_b has packed. */
  void (*_Nonnull gemm)(const MSGemm *_Nonnull g, ptrdiff_t row0, ptrdiff_t row1, ptrdiff_t panel0, ptrdiff_t panel1,
                        void *_Nonnull scratch);
  void (*_Nonnull conv)(const MSConv *_Nonnull c, ptrdiff_t row0, ptrdiff_t row1, ptrdiff_t panel0, ptrdiff_t panel1,
                        void *_Nonnull scratch);
} MSHalfKernels;

/* Scalar: operands rounded as the arithmetic says, sums in double precision. What the tests compare with. */
void mskernels_half_reference(MSHalfKernels *_Nonnull table, int32_t arithmetic);
/* AVX-512 with BF16 on x86-64, FEAT_FP16 on aarch64. */
void mskernels_half(MSHalfKernels *_Nonnull table);

#if defined(__AVX512BF16__)
/* The instructions on vector types that Swift imports; it has no bfloat16. */
typedef float ms_f32x16 __attribute__((vector_size(64)));
typedef uint16_t ms_u16x16 __attribute__((vector_size(32)));
typedef __bf16 ms_bf16x32 __attribute__((vector_size(64)));
typedef __bf16 ms_bf16x16 __attribute__((vector_size(32)));
/* sum + a * b for both halves of the pairs in a and b, each a pair of bfloat16 numbers in the bits of a float. */
static inline __attribute__((always_inline)) ms_f32x16 ms_dot_bf16(ms_f32x16 sum, ms_f32x16 a, ms_f32x16 b) {
  return (ms_f32x16)__builtin_ia32_dpbf16ps_512(sum, (ms_bf16x32)a, (ms_bf16x32)b);
}
/* Rounded to nearest even; subnormal numbers become zero. */
static inline __attribute__((always_inline)) ms_u16x16 ms_round_bf16(ms_f32x16 x) {
  return (ms_u16x16)__builtin_ia32_cvtneps2bf16_512_mask(x, (ms_bf16x16){0}, (unsigned short)0xffff);
}
/* Two vectors together, `low` in the lower half: 32 numbers in the bits of 16 floats. */
static inline __attribute__((always_inline)) ms_f32x16 ms_round_bf16_2(ms_f32x16 low, ms_f32x16 high) {
  return (ms_f32x16)__builtin_ia32_cvtne2ps2bf16_512(high, low);
}
#endif

#if defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
/* float16 vectors as the bits that Swift imports. */
typedef float ms_f32x4 __attribute__((vector_size(16)));
typedef uint16_t ms_u16x8 __attribute__((vector_size(16)));
typedef _Float16 ms_f16x8 __attribute__((vector_size(16)));
typedef _Float16 ms_f16x4 __attribute__((vector_size(8)));
/* sum + b * a[lane], fused. */
static inline __attribute__((always_inline)) ms_u16x8 ms_fma_lane_f16(ms_u16x8 sum, ms_u16x8 b, ms_u16x8 a, int32_t lane) {
  _Float16 x = ((ms_f16x8)a)[lane];
  ms_f16x8 all = {x, x, x, x, x, x, x, x};
  return (ms_u16x8)__builtin_elementwise_fma((ms_f16x8)b, all, (ms_f16x8)sum);
}
/* The lower and the upper four numbers as float32. */
static inline __attribute__((always_inline)) ms_f32x4 ms_low_f16(ms_u16x8 x) {
  ms_f16x8 h = (ms_f16x8)x;
  return __builtin_convertvector(__builtin_shufflevector(h, h, 0, 1, 2, 3), ms_f32x4);
}
static inline __attribute__((always_inline)) ms_f32x4 ms_high_f16(ms_u16x8 x) {
  ms_f16x8 h = (ms_f16x8)x;
  return __builtin_convertvector(__builtin_shufflevector(h, h, 4, 5, 6, 7), ms_f32x4);
}
#endif
#endif
