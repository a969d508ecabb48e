/* Builds and runs broken variants of model files; none may crash or hang.
 *
 *   mutate [-n COUNT] [-s SEED] [-l SECONDS] [-o FAILED.ms] MODEL...
 *
 * Files of up to 4 KiB: every truncation, every flipped bit, every inverted byte. All files: COUNT (1000) random variants each:
 * flipped bits, random bytes, changed offsets, zeroed or repeated ranges, splices with another of the files. The same SEED (1)
 * gives the same variants. A crash, or a case of more than SECONDS (20), ends the program after the variant has been written to
 * FAILED.ms (failed-variant.ms); run it alone with -1 FAILED.ms. Ends with the number of cases per status and
 * "N passed, N failed". */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "try_model.h"

enum { SMALL_FILE = 4096, MAX_FILES = 256, MAX_STATUSES = 64 };

typedef struct {
  const char *path;
  uint8_t *bytes;
  size_t size;
} File;

static File files[MAX_FILES];
static size_t file_count;
static unsigned limit_seconds = 20;
static const char *failed_path = "failed-variant.ms";

/* Read by a library that was built with AddressSanitizer. A model may ask for more memory than there is; that is an error
 * to report and not one to die from. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  /* A large quarantine makes every small case touch fresh pages, which costs six times the case itself. */
  return "allocator_may_return_null=1:max_allocation_size_mb=2048:abort_on_error=1:quarantine_size_mb=8";
}

/* --- the case under test, for the signal handler --- */

static struct {
  const uint8_t *bytes;
  size_t size;
  char text[512];
} current;

static void write_all(int descriptor, const void *bytes, size_t size) {
  const char *p = bytes;
  while (size > 0) {
    ssize_t n = write(descriptor, p, size);
    if (n <= 0) return;
    p += n;
    size -= (size_t)n;
  }
}

static void on_signal(int number) {
  if (current.bytes == NULL) _exit(1); /* between cases, or the report of leaks at the end */
  const char *what = number == SIGALRM ? "TIMEOUT " : "CRASH ";
  write_all(1, what, strlen(what));
  write_all(1, current.text, strlen(current.text));
  int descriptor = open(failed_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (descriptor >= 0) {
    write_all(descriptor, current.bytes, current.size);
    close(descriptor);
    write_all(1, "; variant written to ", 21);
    write_all(1, failed_path, strlen(failed_path));
  }
  write_all(1, "\n", 1);
  _exit(1);
}

/* --- results --- */

static struct {
  OH_AI_Status status;
  int is_predict;
  size_t count;
} statuses[MAX_STATUSES];
static size_t status_count, passed, failed, not_run;
static double slowest;

static void count_status(int is_predict, OH_AI_Status status) {
  for (size_t i = 0; i < status_count; i++) {
    if (statuses[i].status == status && statuses[i].is_predict == is_predict) {
      statuses[i].count++;
      return;
    }
  }
  if (status_count == MAX_STATUSES) return;
  statuses[status_count].status = status;
  statuses[status_count].is_predict = is_predict;
  statuses[status_count++].count = 1;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static TryModel handles;

/* Tries `size` bytes in an allocation of exactly that size; `bytes` is freed. */
static void try_bytes(uint8_t *bytes, size_t size) {
  current.bytes = bytes;
  current.size = size;
  double start = seconds();
  alarm(limit_seconds);
  TryResult result = try_model(&handles, bytes, size);
  alarm(0);
  double time = seconds() - start;
  if (time > slowest) slowest = time;
  count_status(0, result.build);
  if (result.ran) count_status(1, result.predict);
  else if (result.build == OH_AI_STATUS_SUCCESS) not_run++;
  /* Statuses are 0 or a small negative number; anything else means that some code was made up on the way. */
  int32_t code = (int32_t)result.build;
  if (code <= 0 && code >= -1000) {
    passed++;
  } else {
    failed++;
    printf("FAIL %s: status 0x%08" PRIX32 "\n", current.text, (uint32_t)result.build);
  }
  current.bytes = NULL;
  free(bytes);
}

static uint8_t *copy_of(const File *f, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1);
  if (copy == NULL) exit(2);
  memcpy(copy, f->bytes, size);
  return copy;
}

/* --- variants --- */

static void every_small_change(const File *f) {
  for (size_t size = 0; size < f->size; size++) {
    snprintf(current.text, sizeof current.text, "%s cut to %zu bytes", f->path, size);
    try_bytes(copy_of(f, size), size);
  }
  for (size_t i = 0; i < f->size; i++) {
    for (int bit = 0; bit <= 8; bit++) {
      snprintf(current.text, sizeof current.text, "%s byte %zu, %s %d", f->path, i, bit < 8 ? "bit" : "inverted", bit);
      uint8_t *copy = copy_of(f, f->size);
      copy[i] ^= bit < 8 ? (uint8_t)(1 << bit) : 255;
      try_bytes(copy, f->size);
    }
  }
}

static uint64_t state;
static uint64_t random64(void) { /* xorshift64* */
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * UINT64_C(2685821657736338717);
}
static size_t random_below(size_t n) { return n == 0 ? 0 : (size_t)(random64() >> 11) % n; }

static uint32_t word_at(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static void put_word(uint8_t *p, uint32_t v) {
  for (int k = 0; k < 4; k++) p[k] = (uint8_t)(v >> (8 * k));
}

/* A position whose word could be an offset, a count or a small number. Weights seldom look like that, so that most changes
 * hit the tables even where weights are nearly all of the file. */
static size_t structural_position(const uint8_t *bytes, size_t size) {
  size_t at = 0;
  for (int attempt = 0; attempt < 256; attempt++) {
    at = random_below(size / 4) * 4;
    uint32_t v = word_at(bytes + at);
    int32_t s = (int32_t)v;
    if ((v != 0 && v < size - at) || (s < 0 && s > -65536)) break;
  }
  return at;
}

static uint32_t interesting(uint32_t old, size_t at, size_t size) {
  static const uint32_t words[] = {0, 1, 2, 3, 4, 8, 0x7F, 0xFF, 0x100, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC};
  switch (random_below(5)) {
    case 0: return words[random_below(sizeof words / sizeof words[0])];
    case 1: return old + (uint32_t)random_below(65) - 32;
    case 2: return (uint32_t)(size - at) + (uint32_t)random_below(17) - 8;
    case 3: return (uint32_t)random_below(size) & ~3u;
    default: return old << random_below(32);
  }
}

static void random_variant(const File *f) {
  size_t size = f->size;
  const File *other = &files[random_below(file_count)];
  int splice = random_below(8) == 0;
  size_t cut = 0, from = 0;
  if (splice) { /* the head of this file, then the tail of another */
    cut = random_below(f->size / 4 + 1) * 4;
    from = random_below(2) == 0 && cut < other->size ? cut : random_below(other->size / 4 + 1) * 4;
    if (from > other->size) from = other->size;
    size = cut + (other->size - from);
  }
  uint8_t *bytes = malloc(size > 0 ? size : 1);
  if (bytes == NULL) exit(2);
  if (splice) {
    memcpy(bytes, f->bytes, cut);
    memcpy(bytes + cut, other->bytes + from, other->size - from);
  } else {
    memcpy(bytes, f->bytes, size);
  }
  size_t changes = 1 + random_below(4);
  for (size_t c = 0; c < changes && size >= 8; c++) {
    size_t at = structural_position(bytes, size);
    switch (random_below(7)) {
      case 0: bytes[at + random_below(4)] ^= (uint8_t)(1 << random_below(8)); break;
      case 1: bytes[at + random_below(4)] = (uint8_t)random64(); break;
      case 2:
      case 3: put_word(bytes + at, interesting(word_at(bytes + at), at, size)); break;
      case 4: memset(bytes + at, (int)(random_below(2) * 255), random_below(64) % (size - at) + 1); break;
      case 5: { /* repeat a range somewhere else */
        size_t length = random_below(256) % (size - at) + 1;
        memmove(bytes + random_below(size - length + 1), bytes + at, length);
        break;
      }
      default: bytes[random_below(size)] ^= (uint8_t)(1 << random_below(8)); break;
    }
  }
  try_bytes(bytes, size);
}

/* --- */

static int read_file(const char *path) {
  if (file_count == MAX_FILES) return 0;
  FILE *in = fopen(path, "rb");
  if (in == NULL || fseek(in, 0, SEEK_END) != 0) return 0;
  long size = ftell(in);
  rewind(in);
  File *f = &files[file_count];
  f->path = path;
  f->size = size > 0 ? (size_t)size : 0;
  f->bytes = malloc(f->size + 1);
  int good = f->bytes != NULL && f->size > 0 && fread(f->bytes, 1, f->size, in) == f->size;
  fclose(in);
  file_count += good ? 1 : 0;
  return good;
}

int main(int argc, char **argv) {
  size_t count = 1000;
  uint64_t seed = 1;
  int alone = 0, option;
  while ((option = getopt(argc, argv, "1n:s:l:o:")) != -1) {
    switch (option) {
      case '1': alone = 1; break;
      case 'n': count = strtoul(optarg, NULL, 10); break;
      case 's': seed = strtoull(optarg, NULL, 10); break;
      case 'l': limit_seconds = (unsigned)strtoul(optarg, NULL, 10); break;
      case 'o': failed_path = optarg; break;
      default: return 2;
    }
  }
  for (int i = optind; i < argc; i++) {
    if (!read_file(argv[i])) {
      fprintf(stderr, "cannot read %s\n", argv[i]);
      return 2;
    }
  }
  if (file_count == 0) {
    fprintf(stderr, "usage: mutate [-1] [-n COUNT] [-s SEED] [-l SECONDS] [-o FAILED.ms] MODEL...\n");
    return 2;
  }
  const int fatal[] = {SIGALRM, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT};
  for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) signal(fatal[i], on_signal);

  for (size_t i = 0; i < file_count; i++) {
    const File *f = &files[i];
    snprintf(current.text, sizeof current.text, "%s unchanged", f->path);
    try_bytes(copy_of(f, f->size), f->size);
    if (alone) continue;
    if (f->size <= SMALL_FILE) every_small_change(f);
    for (size_t n = 0; n < count; n++) {
      /* Each variant depends on its own number only, so that one can be repeated without those before it. */
      state = (seed * UINT64_C(0x9E3779B97F4A7C15) + i * UINT64_C(0xBF58476D1CE4E5B9) + n * UINT64_C(0x94D049BB133111EB)) | 1;
      for (int warm = 0; warm < 4; warm++) (void)random64();
      snprintf(current.text, sizeof current.text, "%s variant %zu of seed %" PRIu64, f->path, n, seed);
      random_variant(f);
    }
  }
  try_model_close(&handles);
  for (size_t i = 0; i < status_count; i++) {
    printf("%s status %d: %zu\n", statuses[i].is_predict ? "predict" : "build", (int)(int32_t)statuses[i].status, statuses[i].count);
  }
  printf("built but not run: %zu; slowest case %.3f s\n", not_run, slowest);
  printf("%zu passed, %zu failed\n", passed, failed);
  for (size_t i = 0; i < file_count; i++) free(files[i].bytes);
  return failed == 0 ? 0 : 1;
}
