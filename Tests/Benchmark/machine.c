/*
 * machine THREADS BYTES...: what this processor can do at most, on so many threads, as "name value" lines:
 *   flops        float32 operations in a second; a fused multiply-add is two
 *   int8         8-bit integer operations in a second; a multiplication with its addition is two
 *   read BYTES   bytes read in a second from a buffer of that size per thread; one line for each size
 * Others may use the machine, so time is the thread's own on a processor, and each number is the best of several trials.
 * Build for the processor: -O2 -march=native.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define VECTOR 64
#elif defined(__AVX__)
#define VECTOR 32
#else
#define VECTOR 16
#endif
/* Independent sums: enough to cover the latency of a multiply-add on every port, and no more than there are registers. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define SUMS 20
#else
#define SUMS 12
#endif
#define TRIALS 20
#define TRIAL_SECONDS 0.01

typedef float floats __attribute__((vector_size(VECTOR)));
typedef uint64_t words __attribute__((vector_size(VECTOR)));

/* The compiler must keep the value in a register and may not know what it is. */
#if defined(__x86_64__)
#define OPAQUE(v) __asm__ volatile("" : "+v"(v))
#elif defined(__aarch64__)
#define OPAQUE(v) __asm__ volatile("" : "+w"(v))
#else
#define OPAQUE(v) __asm__ volatile("" : "+m"(v))
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One piece of work: returns how much was done. */
typedef double (*Work)(void *buffer, size_t bytes);

static double multiply_add(void *buffer, size_t bytes) {
  (void)buffer;
  (void)bytes;
  floats sum[SUMS], factor = (floats){0} + 0.999f, term = (floats){0} + 0.001f;
  OPAQUE(factor);
  OPAQUE(term);
#pragma GCC unroll 32
  for (int i = 0; i < SUMS; i++) sum[i] = (floats){0} + (float)i;
  const int rounds = 100000;
  for (int r = 0; r < rounds; r++) {
#pragma GCC unroll 32
    for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * factor + term;
  }
#pragma GCC unroll 32
  for (int i = 1; i < SUMS; i++) sum[0] += sum[i];
  OPAQUE(sum[0]);
  return 2.0 * rounds * SUMS * (VECTOR / sizeof(float));
}

/* The widest product of bytes that is compiled for: groups of four are multiplied and added to 32 bits. */
#if defined(__AVX512VNNI__)
typedef __m512i bytes_sum;
#define BYTES_DOT(s, a, b) _mm512_dpbusd_epi32(s, a, b)
#elif defined(__AVXVNNI__)
typedef __m256i bytes_sum;
#define BYTES_DOT(s, a, b) _mm256_dpbusd_avx_epi32(s, a, b)
#elif defined(__AVX2__)
typedef __m256i bytes_sum;
#define BYTES_DOT(s, a, b) _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)))
#elif defined(__SSE2__)
/* Without a product of bytes: two of words, which have been widened before. */
typedef __m128i bytes_sum;
#define BYTES_DOT(s, a, b) _mm_add_epi32(_mm_add_epi32(s, _mm_madd_epi16(a, b)), _mm_madd_epi16(b, a))
#elif defined(__ARM_FEATURE_DOTPROD)
typedef int32x4_t bytes_sum;
#define BYTES_DOT(s, a, b) vdotq_s32(s, vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b))
#elif defined(__aarch64__)
typedef int32x4_t bytes_sum;
#define BYTES_DOT(s, a, b)                                                                                         \
  vpadalq_s16(vpadalq_s16(s, vmull_s8(vget_low_s8(vreinterpretq_s8_s32(a)), vget_low_s8(vreinterpretq_s8_s32(b)))), \
              vmull_high_s8(vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b)))
#endif

#ifdef BYTES_DOT
static double multiply_add_bytes(void *buffer, size_t bytes) {
  (void)buffer;
  (void)bytes;
  typedef uint8_t octets __attribute__((vector_size(sizeof(bytes_sum))));
  bytes_sum sum[SUMS], a = (bytes_sum)((octets){0} + 1), b = a;
#pragma GCC unroll 32
  for (int i = 0; i < SUMS; i++) sum[i] = (bytes_sum)((octets){0} + (uint8_t)i);
  const int rounds = 10000;
  for (int r = 0; r < rounds; r++) {
    /* Compilers store the sums at the end of a round: a round is made of several. */
#pragma GCC unroll 8
    for (int k = 0; k < 8; k++) {
#pragma GCC unroll 32
      for (int i = 0; i < SUMS; i++) {
        /* Otherwise the sums could share a product. */
        OPAQUE(a);
        sum[i] = BYTES_DOT(sum[i], a, b);
      }
    }
  }
#pragma GCC unroll 32
  for (int i = 1; i < SUMS; i++) sum[0] += sum[i];
  OPAQUE(sum[0]);
  return 2.0 * rounds * 8 * SUMS * sizeof(bytes_sum);
}
#endif

static double read_all(void *buffer, size_t bytes) {
  const words *data = buffer;
  const size_t count = bytes / sizeof(words) / 8 * 8;
  words sum[8];
#pragma GCC unroll 8
  for (int k = 0; k < 8; k++) sum[k] = (words){0};
  size_t passes = ((size_t)16 << 20) / bytes + 1;
  for (size_t pass = 0; pass < passes; pass++) {
    __asm__ volatile("" : : : "memory");
    for (size_t i = 0; i < count; i += 8) {
#pragma GCC unroll 8
      for (int k = 0; k < 8; k++) sum[k] |= data[i + (size_t)k];
    }
  }
#pragma GCC unroll 8
  for (int k = 1; k < 8; k++) sum[0] |= sum[k];
  OPAQUE(sum[0]);
  return (double)passes * (double)(count * sizeof(words));
}

typedef struct Worker {
  pthread_t thread;
  pthread_barrier_t *barrier;
  Work work;
  size_t bytes;
  double rate;
} Worker;

static void *run(void *argument) {
  Worker *self = argument;
  void *buffer = NULL;
  if (self->bytes > 0 && posix_memalign(&buffer, 4096, self->bytes) != 0) {
    fprintf(stderr, "machine: no memory for a buffer of %zu bytes\n", self->bytes);
    exit(1);
  }
  if (buffer != NULL) memset(buffer, 1, self->bytes);
  self->work(buffer, self->bytes);
  for (int trial = 0; trial < TRIALS; trial++) {
    pthread_barrier_wait(self->barrier);
    const double start = now();
    double amount = 0, seconds = 0;
    while (seconds < TRIAL_SECONDS) {
      amount += self->work(buffer, self->bytes);
      seconds = now() - start;
    }
    if (amount / seconds > self->rate) self->rate = amount / seconds;
  }
  free(buffer);
  return NULL;
}

/* The sum of the threads' rates. */
static double measure(Work work, size_t bytes, unsigned threads) {
  pthread_barrier_t barrier;
  Worker *workers = calloc(threads, sizeof *workers);
  if (workers == NULL || pthread_barrier_init(&barrier, NULL, threads) != 0) {
    fprintf(stderr, "machine: no memory for %u threads\n", threads);
    exit(1);
  }
  for (unsigned i = 0; i < threads; i++) {
    workers[i].barrier = &barrier;
    workers[i].work = work;
    workers[i].bytes = bytes;
    if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0) {
      fprintf(stderr, "machine: cannot start %u threads\n", threads);
      exit(1);
    }
  }
  double sum = 0;
  for (unsigned i = 0; i < threads; i++) {
    pthread_join(workers[i].thread, NULL);
    sum += workers[i].rate;
  }
  pthread_barrier_destroy(&barrier);
  free(workers);
  return sum;
}

int main(int argc, char **argv) {
  const long threads = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
  if (threads < 1 || threads > 1024) {
    fprintf(stderr, "usage: machine THREADS BYTES...\n");
    return 2;
  }
  printf("flops %.6g\n", measure(multiply_add, 0, (unsigned)threads));
#ifdef BYTES_DOT
  printf("int8 %.6g\n", measure(multiply_add_bytes, 0, (unsigned)threads));
#endif
  for (int i = 2; i < argc; i++) {
    const size_t bytes = (size_t)strtoull(argv[i], NULL, 10) / 4096 * 4096;
    if (bytes == 0) {
      fprintf(stderr, "machine: a buffer of %s bytes; at least 4096 are needed\n", argv[i]);
      return 2;
    }
    printf("read %s %.6g\n", argv[i], measure(read_all, bytes, (unsigned)threads));
  }
  return 0;
}
