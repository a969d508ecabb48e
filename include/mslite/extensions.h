/**
 * @file extensions.h
 * What this library offers beyond OpenHarmony's interface: error texts, its version, keys of encrypted models, and a profile of a model's
 * operators.
 */
#ifndef MSLITE_EXTENSIONS_H
#define MSLITE_EXTENSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mindspore/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What the calling thread's last failing call had to say: function, argument, what is wrong and what would have been accepted.
 * The same text is printed to standard error unless the environment variable MSLITE_LOG is "off".
 * @return "" when no call has failed; valid until the thread's next failing call
 */
OH_AI_API const char *MSLite_GetLastError(void);

/** @return name, version and the instruction set in use, such as "mslite 1.0.0 (avx512)"; valid for ever */
OH_AI_API const char *MSLite_GetVersion(void);

/**
 * The half-precision arithmetic that OH_AI_DeviceInfoSetEnableFP16 gives on this processor: weights and activations of matrix
 * products, convolutions and recurrent layers are rounded to it, sums are kept in float32. Which nodes use it is in the profile.
 * @return "bfloat16" (x86-64 with AVX512_BF16), "float16" (aarch64 with FEAT_FP16), or "" where float32 is as fast and runs all
 *         the same; valid for ever
 */
OH_AI_API const char *MSLite_GetHalfArithmetic(void);

/**
 * Gives the key of the encrypted model file that the next build of `model` reads. The key is copied; the copy is overwritten when a
 * build has succeeded, another key is set, or the model is destroyed. Decrypting needs OpenSSL's libcrypto (3 or 1.1), which is
 * loaded only then.
 * @param key its bytes; NULL takes a key back
 * @param key_length 16, 24 or 32
 * @param mode "AES-GCM" or "AES-CBC", as the file was encrypted; NULL stands for "AES-GCM"
 * @return OH_AI_STATUS_LITE_NULLPTR for no model, OH_AI_STATUS_LITE_PARAM_INVALID for another length of the key,
 *         OH_AI_STATUS_LITE_NOT_SUPPORT for another mode, -12 (model rebuild) for a model that is built,
 *         OH_AI_STATUS_LITE_ERROR for one in use
 */
OH_AI_API OH_AI_Status MSLite_ModelSetDecryptionKey(OH_AI_ModelHandle model, const uint8_t *key, size_t key_length,
                                                    const char *mode);

/** Lengths of the strings in a profile entry, final NUL included. */
#define MSLITE_PROFILE_NAME_SIZE 128
#define MSLITE_PROFILE_TYPE_SIZE 32
#define MSLITE_PROFILE_ARITHMETIC_SIZE 16
#define MSLITE_PROFILE_ALGORITHM_SIZE 32

/** One operator of a profile. Names that are too long are cut. */
typedef struct MSLite_NodeProfile {
  char name[MSLITE_PROFILE_NAME_SIZE];
  char type[MSLITE_PROFILE_TYPE_SIZE];
  /** How often it ran since profiling was switched on. */
  uint64_t runs;
  /** Their total time. */
  uint64_t nanoseconds;
  /** What it multiplies in: "float32", or "bfloat16" or "float16" where half precision was asked for and is faster; "" for an
   *  operator without floats. */
  char arithmetic[MSLITE_PROFILE_ARITHMETIC_SIZE];
  /** How it computes where there is a choice: "depthwise", "matrix product", "gathered matrix product", "Winograd F(4x4, 3x3)"; ""
   *  where there is none. */
  char algorithm[MSLITE_PROFILE_ALGORITHM_SIZE];
  /** Operators with the same number above 0, which follow each other, run band by band: some rows of the last one's result, and
   *  before them just the rows of the others that these need. Their times are shares of the whole. 0: the operator runs by itself. */
  uint32_t chain;
} MSLite_NodeProfile;

/**
 * Starts (from zero) or stops timing the operators of a model.
 * @return OH_AI_STATUS_LITE_NULLPTR for no model and for one that is not built, OH_AI_STATUS_LITE_ERROR for a model in use
 */
OH_AI_API OH_AI_Status MSLite_ModelSetProfiling(OH_AI_ModelHandle model, bool enable);

/**
 * Reads the profile, one entry per operator in execution order.
 * @param entries receives as many entries as fit; NULL: only the count is wanted
 * @param count in: room in `entries`; out: entries that the profile has
 * @return OH_AI_STATUS_LITE_NULLPTR for no model, one that is not built, and a NULL `count`; OH_AI_STATUS_LITE_ERROR for a model
 *         in use
 */
OH_AI_API OH_AI_Status MSLite_ModelGetProfile(OH_AI_ModelHandle model, MSLite_NodeProfile *entries, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
