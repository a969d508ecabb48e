/* libFuzzer on the converter's importers: any bytes may come, each is converted or refused. The environment variable
 * FUZZ_FORMAT chooses the source format: TF, TFLITE, CAFFE, ONNX or MINDIR. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int32_t mslite_fuzz_importer(int32_t format, const uint8_t *bytes, intptr_t count);

static int32_t chosen_format(void) {
  static const char *const names[] = {"TF", "TFLITE", "CAFFE", "ONNX", "MINDIR"};
  const char *wanted = getenv("FUZZ_FORMAT");
  for (int32_t i = 0; wanted != NULL && i < 5; i++) {
    if (strcmp(wanted, names[i]) == 0) return i;
  }
  fprintf(stderr, "FUZZ_FORMAT must be TF, TFLITE, CAFFE, ONNX or MINDIR\n");
  exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  static int32_t format = -1;
  if (format < 0) format = chosen_format();
  mslite_fuzz_importer(format, bytes, (intptr_t)count);
  return 0;
}
