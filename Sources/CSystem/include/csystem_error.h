/* What the C edge needs of libc for its error reports and for pointers it cannot trust. Header-only, like csystem.h. */
#ifndef MSLITE_CSYSTEM_ERROR_H
#define MSLITE_CSYSTEM_ERROR_H

#include "csystem.h"
#include <signal.h>

enum { MSSYS_ERROR_CAPACITY = 8192 };

/* The calling thread's error text, "" at first. Embedded Swift has no thread-local variables. The buffer belongs to the Swift
 * module that calls this: only one module may. */
static inline char *mssys_error_text(void) {
  static __thread char text[MSSYS_ERROR_CAPACITY];
  return text;
}

/* Writes `count` bytes to standard error, as far as they go, and leaves errno alone. */
static inline void mssys_write_error(const char *bytes, size_t count) {
  const int saved = errno;
  while (count > 0) {
    const ssize_t n = write(2, bytes, count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    bytes += n;
    count -= (size_t)n;
  }
  errno = saved;
}

/* Whether the 8 bytes at `address` can be read. The kernel copies the new mask before it looks at the (here impossible) first
 * argument: an unmapped address gives EFAULT, a readable one EINVAL, and nothing changes. */
static inline bool mssys_is_readable(const void *address) {
  const int saved = errno;
  const long result = syscall(SYS_rt_sigprocmask, ~0, address, (void *)0, (size_t)8);
  const bool readable = result == 0 || errno != EFAULT;
  errno = saved;
  return readable;
}

#endif
