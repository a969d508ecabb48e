/* The engine's one door to libc and the CPU. Header-only: everything here is inlined into Swift.
 * Swift cannot import variadic functions, errno, some macros and the CPU-identification instructions; this file wraps
 * exactly those, and re-exports the plain libc declarations that need no wrapping. */
#ifndef MSLITE_CSYSTEM_H
#define MSLITE_CSYSTEM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline int mssys_errno(void) { return errno; }
static inline void mssys_set_errno(int value) { errno = value; }

/* Opens read-only; returns the descriptor, or -1 with errno set. (open is variadic.) */
static inline int mssys_open_read(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }

/* Creates a file that must not exist yet, for writing; returns the descriptor, or -1 with errno set. */
static inline int mssys_create(const char *path) { return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); }

/* What tells one content of a file from another. Times in nanoseconds. */
typedef struct {
  uint64_t device, inode;
  int64_t size, modified, changed;
} mssys_identity;

/* Identifies a regular file. 0: done; -1: an error (errno set); -2: it is not a regular file. */
static inline int mssys_identify(int descriptor, mssys_identity *identity) {
  struct stat s;
  if (fstat(descriptor, &s) != 0) return -1;
  if (!S_ISREG(s.st_mode)) return -2;
  identity->device = (uint64_t)s.st_dev;
  identity->inode = (uint64_t)s.st_ino;
  identity->size = (int64_t)s.st_size;
  identity->modified = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
  identity->changed = (int64_t)s.st_ctim.tv_sec * 1000000000 + s.st_ctim.tv_nsec;
  return 0;
}

/* The time of day in nanoseconds, as files carry it. */
static inline int64_t mssys_file_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Whether there is a directory at `path`. */
static inline int mssys_is_directory(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* Maps `size` bytes read-only and privately; NULL on failure. */
static inline void *mssys_map(int descriptor, size_t size) {
  void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  return p == MAP_FAILED ? NULL : p;
}

/* Asks for large pages, or says that pages of a read-only mapping are not needed for now. `base` is a multiple of the page size.
 * Both are hints: the memory's content is the same afterwards. */
static inline void mssys_use_large_pages(void *base, size_t size) {
#ifdef MADV_HUGEPAGE
  (void)madvise(base, size, MADV_HUGEPAGE);
#else
  (void)base;
  (void)size;
#endif
}
static inline void mssys_drop_pages(const void *base, size_t size) { (void)madvise((void *)base, size, MADV_DONTNEED); }
static inline size_t mssys_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/* Monotonic time in nanoseconds. */
static inline uint64_t mssys_nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Processors the calling thread may run on (sched_getaffinity), at least 1. */
static inline int mssys_cpu_count(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  int n = CPU_COUNT(&set);
  return n > 0 ? n : 1;
}

/* Pins the calling thread to the listed processors that exist and are allowed; numbers out of range are passed over.
 * Returns 0, or an errno value (EINVAL when no listed processor is usable). */
static inline int mssys_pin_self(const int32_t *cpus, size_t count) {
  cpu_set_t set, allowed;
  CPU_ZERO(&set);
  for (size_t i = 0; i < count; i++)
    if (cpus[i] >= 0 && cpus[i] < CPU_SETSIZE) CPU_SET((size_t)cpus[i], &set);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) CPU_AND(&set, &set, &allowed);
  if (CPU_COUNT(&set) == 0) return EINVAL;
  return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

/* Saves and restores the calling thread's processor mask (the caller of Predict computes too, and keeps its own mask). */
typedef struct { cpu_set_t set; int valid; } mssys_mask;
static inline void mssys_mask_save(mssys_mask *m) {
  CPU_ZERO(&m->set);
  m->valid = sched_getaffinity(0, sizeof m->set, &m->set) == 0;
}
static inline void mssys_mask_restore(const mssys_mask *m) {
  if (m->valid) (void)sched_setaffinity(0, sizeof m->set, &m->set);
}

/* futex wait while *word == expected, without and with a limit; futex wake of `count` waiters. Private to the process. */
static inline void mssys_futex_wait(const void *word, uint32_t expected) {
  (void)syscall(SYS_futex, word, 128 /* FUTEX_WAIT | FUTEX_PRIVATE_FLAG */, expected, (void *)0, (void *)0, 0);
}
static inline void mssys_futex_wait_for(const void *word, uint32_t expected, uint64_t nanoseconds) {
  const struct timespec limit = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
  (void)syscall(SYS_futex, word, 128, expected, &limit, (void *)0, 0);
}
static inline void mssys_futex_wake(const void *word, int count) {
  (void)syscall(SYS_futex, word, 129 /* FUTEX_WAKE | FUTEX_PRIVATE_FLAG */, count, (void *)0, (void *)0, 0);
}

/* The word that sleeping threads wait on: sequentially consistent increment, acquiring load. */
static inline void mssys_increment(uint32_t *word) { __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST); }
static inline uint32_t mssys_load_acquire(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

/* Takes the next number of a counter that threads share; orders nothing else. */
static inline ptrdiff_t mssys_take(ptrdiff_t *counter) { return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }

/* Tells the CPU that this is a spin-wait loop. */
static inline void mssys_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#if defined(__x86_64__)
/* The cpuid instruction. (<cpuid.h> belongs to clang's intrinsics module, which drags in headers of its own.) */
static inline void mssys_cpuid(unsigned leaf, unsigned subleaf, unsigned out[4]) {
  __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(subleaf));
}
#endif

/* Instruction sets the kernels know, as reported by the CPU and enabled by the operating system. */
enum { MSSYS_ISA_BASELINE = 0, MSSYS_ISA_AVX2 = 1, MSSYS_ISA_AVX512 = 2 };
static inline int mssys_best_isa(void) {
#if defined(__x86_64__)
  unsigned r[4], lo, hi;
  mssys_cpuid(0, 0, r);
  if (r[0] < 7) return MSSYS_ISA_BASELINE;
  mssys_cpuid(1, 0, r);
  /* FMA (bit 12), OSXSAVE (27), AVX (28), F16C (29) */
  const unsigned need1 = (1u << 12) | (1u << 27) | (1u << 28) | (1u << 29);
  if ((r[2] & need1) != need1) return MSSYS_ISA_BASELINE;
  __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
  if ((lo & 0x6u) != 0x6u) return MSSYS_ISA_BASELINE;
  mssys_cpuid(7, 0, r);
  /* AVX2 (5), BMI1 (3), BMI2 (8): what -march=x86-64-v3 may emit */
  const unsigned need7 = (1u << 3) | (1u << 5) | (1u << 8);
  if ((r[1] & need7) != need7) return MSSYS_ISA_BASELINE;
  /* AVX512 F (16), DQ (17), CD (28), BW (30), VL (31): -march=x86-64-v4; opmask and zmm state enabled by the system */
  const unsigned need512 = (1u << 16) | (1u << 17) | (1u << 28) | (1u << 30) | (1u << 31);
  if ((r[1] & need512) == need512 && (lo & 0xe6u) == 0xe6u) return MSSYS_ISA_AVX512;
  return MSSYS_ISA_AVX2;
#else
  return MSSYS_ISA_BASELINE;
#endif
}

/* The processor multiplies bytes and sums four products in one instruction: AVX-512 VNNI (then it has what MSSYS_ISA_AVX512
 * stands for, too), or NEON's dot product extension. */
static inline int mssys_has_byte_dot(void) {
#if defined(__x86_64__)
  unsigned r[4];
  if (mssys_best_isa() < MSSYS_ISA_AVX512) return 0;
  mssys_cpuid(7, 0, r);
  return (int)(r[2] >> 11 & 1);
#elif defined(__aarch64__)
  return (int)(getauxval(AT_HWCAP) >> 20 & 1); /* HWCAP_ASIMDDP */
#else
  return 0;
#endif
}

/* The CPU has the half-precision arithmetic that the kernels of this architecture use: AVX-512 BF16 on x86-64, float16
 * multiply-adds (scalar and vector) on aarch64. */
static inline int mssys_has_half(void) {
#if defined(__x86_64__)
  unsigned r[4];
  if (mssys_best_isa() != MSSYS_ISA_AVX512) return 0;
  mssys_cpuid(7, 0, r);
  if (r[0] < 1) return 0;
  mssys_cpuid(7, 1, r);
  return (int)(r[0] >> 5 & 1);
#elif defined(__aarch64__)
  const unsigned long need = (1ul << 9) | (1ul << 10); /* HWCAP_FPHP, HWCAP_ASIMDHP */
  return (getauxval(AT_HWCAP) & need) == need;
#else
  return 0;
#endif
}

#endif
