/* Counts checks; a failed one is printed with its place and the test goes on. */
#ifndef MSLITE_TESTS_CHECK_H
#define MSLITE_TESTS_CHECK_H

#include <stdio.h>

static int check_passed = 0;
static int check_failed = 0;

/* For one thread at a time. */
#define CHECK(condition)                                                        \
  do {                                                                          \
    if (condition) {                                                            \
      check_passed++;                                                           \
    } else {                                                                    \
      check_failed++;                                                           \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);   \
    }                                                                           \
  } while (0)

/* Like CHECK(actual == expected) for a status, printing what came. */
#define CHECK_STATUS(expression, expected)                                                                          \
  do {                                                                                                              \
    const unsigned check_actual = (unsigned)(expression);                                                           \
    if (check_actual == (unsigned)(expected)) {                                                                     \
      check_passed++;                                                                                               \
    } else {                                                                                                        \
      check_failed++;                                                                                               \
      fprintf(stderr, "%s:%d: failed: %s gave 0x%08X instead of %s\n", __FILE__, __LINE__, #expression, check_actual, \
              #expected);                                                                                           \
    }                                                                                                               \
  } while (0)

/* The value of main. */
static inline int check_result(void) {
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed == 0 ? 0 : 1;
}

#endif
