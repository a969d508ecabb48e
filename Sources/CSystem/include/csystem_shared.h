/* Shared memory, folders and libraries: what the Neural Network Runtime needs of libc. Header-only, like csystem.h. */
#ifndef MSLITE_CSYSTEM_SHARED_H
#define MSLITE_CSYSTEM_SHARED_H

#include "csystem.h"
#include <dirent.h>
#include <limits.h>

/* A new anonymous file of `size` bytes of 0; its descriptor, or -1 with errno set. (A system call, because old libraries lack the
 * function; 1 is MFD_CLOEXEC.) */
static inline int mssys_memory_file(const char *name, size_t size) {
  const int descriptor = (int)syscall(SYS_memfd_create, name, 1u);
  if (descriptor < 0) return -1;
  int result;
  do result = ftruncate(descriptor, (off_t)size);
  while (result != 0 && errno == EINTR);
  if (result == 0) return descriptor;
  const int saved = errno;
  close(descriptor);
  errno = saved;
  return -1;
}

/* Maps the first `size` bytes for reading and writing, shared with whoever else maps them; NULL with errno set on failure. */
static inline void *mssys_map_shared(int descriptor, size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return p == MAP_FAILED ? NULL : p;
}

/* The size of a regular file; -1 for anything else that can be open, -2 if nothing is. */
static inline int64_t mssys_file_size(int descriptor) {
  struct stat s;
  if (fstat(descriptor, &s) != 0) return -2;
  return S_ISREG(s.st_mode) ? (int64_t)s.st_size : -1;
}

/* read and write, started again when a signal has interrupted them; -1 with errno set on failure. */
static inline ptrdiff_t mssys_read(int descriptor, void *bytes, size_t count) {
  ssize_t done;
  do done = read(descriptor, bytes, count);
  while (done < 0 && errno == EINTR);
  return done;
}
static inline ptrdiff_t mssys_write(int descriptor, const void *bytes, size_t count) {
  ssize_t done;
  do done = write(descriptor, bytes, count);
  while (done < 0 && errno == EINTR);
  return done;
}

/* The next name in a folder, NULL at its end. Valid until the next call. */
static inline const char *mssys_next_name(DIR *folder) {
  const struct dirent *entry = readdir(folder);
  return entry != NULL ? entry->d_name : NULL;
}

/* The path of the library that holds `address`, NULL if there is none. */
static inline const char *mssys_library_path(const void *address) {
  Dl_info info;
  return dladdr(address, &info) != 0 ? info.dli_fname : NULL;
}

/* An address inside the library that this is inlined into. */
static inline const void *mssys_own_address(void) {
  static const char here;
  return &here;
}

/* The time `milliseconds` from now, as pthread_cond_timedwait wants it for a condition with mssys_monotonic. */
static inline struct timespec mssys_deadline(int64_t milliseconds) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec += (time_t)(milliseconds / 1000);
  t.tv_nsec += (long)(milliseconds % 1000) * 1000000;
  if (t.tv_nsec >= 1000000000) {
    t.tv_sec++;
    t.tv_nsec -= 1000000000;
  }
  return t;
}

/* A condition whose deadlines do not change with the time of day. */
static inline int mssys_condition_init(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  if (pthread_condattr_init(&attributes) != 0) return -1;
  int result = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  if (result == 0) result = pthread_cond_init(condition, &attributes);
  (void)pthread_condattr_destroy(&attributes);
  return result;
}

/* Starts a thread that nobody joins. */
static inline int mssys_start_detached(void *(*function)(void *), void *argument) {
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) != 0) return -1;
  int result = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (result == 0) result = pthread_create(&thread, &attributes, function, argument);
  (void)pthread_attr_destroy(&attributes);
  return result;
}

#endif
