/* libFuzzer on the model reader and what follows it:
 *
 *   clang -fsanitize=fuzzer,address -I include Tests/Fuzz/fuzz_model.c -L LIBRARY -lmslite -o fuzz_model
 *   ./fuzz_model -max_len=65536 -timeout=10 CORPUS Tests/Models
 *
 * with a library built with AddressSanitizer and coverage. libFuzzer hands over an allocation of exactly `size` bytes. */
#include "try_model.h"

static TryModel shared;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  (void)try_model(&shared, data, size);
  return 0;
}
