/* mutate_importer FORMAT COUNT FAILED FILE...: converts COUNT variants of each file of a source format (TF, TFLITE, CAFFE, ONNX,
 * MINDIR): the file itself, and broken ones. A variant that crashes or takes more than a minute is written to FAILED. Ends with "N passed, N failed". */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int32_t mslite_fuzz_importer(int32_t format, const uint8_t *bytes, intptr_t count);

static uint64_t state;
static uint64_t next_random(void) {
  /* Steele, Lea, Flood: splitmix64 */
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
static size_t below(size_t n) { return n == 0 ? 0 : (size_t)(next_random() % n); }

/* Variant `number` of a file, in place of `out` (room for count + 64 bytes); returns its size. */
static size_t make_variant(const uint8_t *bytes, size_t count, uint64_t number, uint8_t *out) {
  static const uint8_t telling[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff};
  state = number * 0x2545f4914f6cdd1du + count;
  memcpy(out, bytes, count);
  if (number == 0) return count;
  size_t changes = 1 + below(4);
  for (size_t i = 0; i < changes && count > 0; i++) {
    /* Half of the changes near the ends, where the structure is. */
    size_t span = below(2) ? count : (count < 4096 ? count : 4096);
    size_t at = below(2) ? below(span) : count - 1 - below(span);
    size_t length;
    switch (below(7)) {
      case 0: out[at] ^= (uint8_t)(1u << below(8)); break;
      case 1: out[at] = telling[below(sizeof telling)]; break;
      case 2: out[at] = (uint8_t)next_random(); break;
      case 3: count = at; break;
      case 4: /* remove a few bytes */
        length = below(32);
        if (length > count - at) length = count - at;
        memmove(out + at, out + at + length, count - at - length);
        count -= length;
        break;
      case 5: /* repeat a piece elsewhere */
        length = below(64);
        if (length > count - at) length = count - at;
        memmove(out + below(count - length + 1), out + at, length);
        break;
      default: /* a varint or a word of ones */
        for (size_t k = 0; k < 8 && at + k < count; k++) out[at + k] = 0xff;
    }
  }
  return count;
}

/* Runs variants first ..< last in a child; nonzero when it died or did not end. */
static int run_batch(int32_t format, const uint8_t *bytes, size_t count, uint8_t *out, long first, long last) {
  pid_t child = fork();
  if (child == 0) {
    for (long n = first; n < last; n++) {
      alarm(60);
      size_t size = make_variant(bytes, count, (uint64_t)n, out);
      mslite_fuzz_importer(format, out, (intptr_t)size);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

int main(int argc, char **argv) {
  static const char *const names[] = {"TF", "TFLITE", "CAFFE", "ONNX", "MINDIR"};
  int32_t format = -1;
  long passed = 0, failed = 0;
  if (argc < 5) return 2;
  for (int32_t i = 0; i < 5; i++) {
    if (strcmp(argv[1], names[i]) == 0) format = i;
  }
  long wanted = atol(argv[2]);
  for (int i = 4; i < argc; i++) {
    FILE *file = fopen(argv[i], "rb");
    if (file == NULL || format < 0) {
      fprintf(stderr, "cannot read %s as %s\n", argv[i], argv[1]);
      return 2;
    }
    fseek(file, 0, SEEK_END);
    size_t count = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(count + 64), *out = malloc(count + 64);
    if (bytes == NULL || out == NULL || fread(bytes, 1, count, file) != count) return 2;
    fclose(file);
    for (long first = 0; first < wanted; first += 100) {
      long last = first + 100 < wanted ? first + 100 : wanted;
      if (!run_batch(format, bytes, count, out, first, last)) {
        passed += last - first;
        continue;
      }
      for (long n = first; n < last; n++) {
        if (!run_batch(format, bytes, count, out, n, n + 1)) {
          passed++;
          continue;
        }
        failed++;
        size_t size = make_variant(bytes, count, (uint64_t)n, out);
        FILE *kept = fopen(argv[3], "wb");
        if (kept != NULL) {
          fwrite(out, 1, size, kept);
          fclose(kept);
        }
        printf("FAIL variant %ld of %s (kept in %s)\n", n, argv[i], argv[3]);
        fflush(stdout);
      }
    }
    free(bytes);
    free(out);
  }
  printf("%ld passed, %ld failed\n", passed, failed);
  return failed != 0;
}
