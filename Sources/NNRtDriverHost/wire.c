#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#endif
#ifndef MFD_ALLOW_SEALING
#define MFD_ALLOW_SEALING 2u
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#endif

uint64_t wire_nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Waits until the socket is ready; 0, or -1 with errno set. */
static int wait_ready(int socket, short events, uint64_t end, bool has_end) {
  for (;;) {
    int left = -1;
    if (has_end) {
      const uint64_t now = wire_nanoseconds();
      left = now >= end ? 0 : (int)((end - now) / 1000000u + 1);
    }
    struct pollfd entry = {socket, events, 0};
    const int ready = poll(&entry, 1, left);
    if (ready > 0) return 0;
    if (ready == 0) {
      errno = ETIMEDOUT;
      return -1;
    }
    if (errno != EINTR) return -1;
  }
}

static uint64_t deadline(int milliseconds) { return wire_nanoseconds() + (uint64_t)(milliseconds < 0 ? 0 : milliseconds) * 1000000u; }

typedef union {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(WIRE_DESCRIPTORS * sizeof(int))];
} Control;

int wire_send(int socket, const WireMessage *message, const int *descriptors, int count, int milliseconds) {
  struct iovec part = {(void *)message, sizeof *message};
  Control control;
  struct msghdr envelope = {0};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  if (count > 0) {
    memset(&control, 0, sizeof control);
    envelope.msg_control = &control;
    envelope.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&envelope);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, (size_t)count * sizeof(int));
  }
  const uint64_t end = deadline(milliseconds);
  for (;;) {
    /* A packet goes as a whole. */
    if (sendmsg(socket, &envelope, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return 0;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    if (wait_ready(socket, POLLOUT, end, true) != 0) return -1;
  }
}

int wire_receive(int socket, WireMessage *message, int *descriptors, int milliseconds) {
  const uint64_t end = deadline(milliseconds);
  for (int i = 0; i < WIRE_DESCRIPTORS; i++) descriptors[i] = -1;
  for (;;) {
    if (wait_ready(socket, POLLIN, end, milliseconds >= 0) != 0) return -1;
    struct iovec part = {message, sizeof *message};
    Control control;
    struct msghdr envelope = {0};
    envelope.msg_iov = &part;
    envelope.msg_iovlen = 1;
    envelope.msg_control = &control;
    envelope.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(socket, &envelope, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) continue;
    if (size < 0) return -1;
    int count = 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&envelope); h != NULL; h = CMSG_NXTHDR(&envelope, h)) {
      if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
      for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= h->cmsg_len; i++) {
        int descriptor;
        memcpy(&descriptor, CMSG_DATA(h) + i * sizeof(int), sizeof descriptor);
        if (count < WIRE_DESCRIPTORS) descriptors[count++] = descriptor;
        else close(descriptor);
      }
    }
    if (size == (ssize_t)sizeof *message && !(envelope.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
      message->text[WIRE_TEXT - 1] = 0;
      return 0;
    }
    for (int i = 0; i < count; i++) {
      close(descriptors[i]);
      descriptors[i] = -1;
    }
    errno = size == 0 ? ECONNRESET : EPROTO;
    return -1;
  }
}

int wire_memory(size_t size) {
  /* A system call, because old libraries lack the function. */
  const int descriptor = (int)syscall(SYS_memfd_create, "nnrt", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) return -1;
  int result;
  do result = ftruncate(descriptor, (off_t)size);
  while (result != 0 && errno == EINTR);
  if (result == 0 && fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return descriptor;
  const int saved = errno;
  close(descriptor);
  errno = saved;
  return -1;
}

void *wire_map(int descriptor, size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

/* --- mailbox --------------------------------------------------------------------------------------------------------- */

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void wire_wait(uint32_t *word, uint32_t old, uint32_t *sleeps, uint64_t spin, uint64_t nanoseconds) {
  const uint64_t start = wire_nanoseconds();
  do {
    for (int i = 0; i < 32; i++) {
      if (wire_load(word) != old) return;
      relax();
    }
    /* The other side may have been woken on this very processor. */
    sched_yield();
  } while (wire_nanoseconds() - start < spin);
  if (spin >= nanoseconds) return;
  __atomic_store_n(sleeps, 1, __ATOMIC_SEQ_CST);
  if (wire_load(word) == old) {
    struct timespec t = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
    syscall(SYS_futex, word, FUTEX_WAIT, old, &t, NULL, 0);
  }
  __atomic_store_n(sleeps, 0, __ATOMIC_SEQ_CST);
}

void wire_signal(uint32_t *word, uint32_t value, uint32_t *sleeps) {
  __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
  if (wire_load(sleeps)) syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}
