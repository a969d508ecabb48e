/* The recorded cases of Tests/Models/manifest.txt, for the programs that run them through one interface or another: reading the list and
 * its files, filling an input, judging an output. Tests/Models/make_manifest.py describes the list. */
#ifndef MSLITE_TESTS_GOLDEN_CASES_H
#define MSLITE_TESTS_GOLDEN_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mindspore/model.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MAX_TENSORS = 16, MAX_DIMS = 8 };

typedef struct TensorSpec {
  char *name, *file, *type;
  size_t rank;
  int64_t dims[MAX_DIMS];
  bool transpose;      /* inputs: the file is NCHW, the model wants NHWC */
  double tolerance;    /* outputs: relative to the largest golden magnitude */
  double scale, zero;  /* recorded integers that stand for real numbers: scale * (value - zero); scale 0: they do not */
  double steps;        /* outputs: the tolerance in multiples of scale, instead of `tolerance` */
} TensorSpec;

typedef struct Case {
  char *name, *model;
  TensorSpec in[MAX_TENSORS], out[MAX_TENSORS];
  size_t in_count, out_count;
  bool refused;
  uint8_t key[32]; /* of an encrypted model */
  size_t key_size;
} Case;

/* Tells a failure of the case that is being run; false. */
#ifdef __GNUC__
__attribute__((format(printf, 1, 2)))
#endif
bool golden_fail(const char *format, ...);

/* Runs the cases of a manifest whose name contains `filter` and whose model file has at most `limit` KiB (0: any size), and adds to the
 * counts; false when the manifest cannot be read, which is told. */
bool golden_each(const char *manifest, const char *filter, long limit, bool (*run)(const Case *), int *passed, int *failed);

/* The path of a file that the manifest names. */
void golden_path(char path[8192], const char *file);

/* The shape that the model's input must have for the recorded values. */
void golden_shape(const TensorSpec *t, OH_AI_ShapeInfo *shape);

/* Writes the recorded values into an input's memory. */
bool golden_fill(const TensorSpec *t, OH_AI_DataType type, void *data, size_t size);

/* Compares an output with the recorded one and raises *error to the largest difference relative to the golden peak.
 * half: 0, or what half precision may differ by. */
bool golden_compare(const TensorSpec *t, OH_AI_DataType type, const int64_t *dims, size_t rank, const void *data, double half, double *error);

#ifdef __cplusplus
}
#endif
#endif
