/* What programs can tell the test driver (driver_test.c) to do, and what it has seen. They get the struct from the driver's second
 * exported function, nnrt_test_controls; everything in it is 0 at first, and read at each call. The variable MSLITE_NNRT_TEST sets the
 * same from outside the program: words separated by commas, as listed here. */
#ifndef NNRT_DRIVER_TEST_H
#define NNRT_DRIVER_TEST_H

#include <stdint.h>

/* What `garbage` can be. */
enum {
  GARBAGE_NONE = 0,
  GARBAGE_RANK = 1,     /* one dimension more than the model has */
  GARBAGE_NEGATIVE = 2, /* a negative size */
  GARBAGE_SIZE = 3,     /* another size than the model has */
  GARBAGE_HUGE = 4,     /* sizes whose product overflows */
  GARBAGE_ROOM = 5,     /* a larger result than there is room for, and success */
  GARBAGE_CODE = 6      /* "too little room" where there is enough */
};

typedef struct {
  /* Says that it supports operators that it cannot compute; their results are 0. Word: "all". */
  int accept_all;
  /* Operators that are not supported. Word: "refuse=53". */
  uint8_t refuse[128];
  /* If not 0, every operator is refused with a probability of `percent`, by its place in the model and this number. Words: "seed=7",
   * "percent=30". */
  uint32_t seed;
  uint32_t percent;
  /* Codes that calls return instead of working. Words: "fail_query=1" and so on. */
  int fail_query, fail_prepare, fail_restore, fail_export, fail_run, fail_buffer;
  /* Runs that still succeed before `fail_run`. Word: "good_runs=3". */
  int good_runs;
  /* Time that calls take. Words: "slow_prepare=10", "slow_run=10". */
  int slow_prepare, slow_run;
  /* Runs do not return before they are cancelled, or ever (2). Word: "hang=1". */
  int hang;
  /* The process ends: in a run (1), in a preparation (2). Word: "crash=1". */
  int crash;
  /* Word: "garbage=3". */
  int garbage;
  /* Inputs of unknown size may be 1 to this; 0: 64. */
  uint32_t largest;

  /* What it has seen. */
  int queries, prepared, restored, released, exports, returned, runs, cancels, buffers, freed, reconfigured;
  int overlaps; /* runs of one model that were on their way at the same time */
  int last_mode, last_priority, last_float16, last_extensions;
  char last_name[64];
} nnrt_test_controls_t;

nnrt_test_controls_t *nnrt_test_controls(void);
/* Reports the death of a device. */
void nnrt_test_die(uint32_t device);

/* What the driver is when it is loaded. MSLITE_NNRT_TEST has the words too:
 *   "names=A+B+C"   names of the devices instead of "Device-CPU", "Bare", "NPU_test", "HIAI_F_test"
 *   "buffers"       allocates memory itself
 *   "no_ranges"     does not tell which sizes inputs may have
 *   "version", "short", "null", "old_cache", "nameless"   is broken in one way or another */

#endif
