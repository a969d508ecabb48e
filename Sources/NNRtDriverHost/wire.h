/* What the two halves of the out-of-process driver say to each other, and how.
 *
 * The client (libnnrt_driver_host.so, in the app) starts a host (nnrt_driver_host), which loads one driver and serves it. They share one
 * socket from the start, on which calls about devices go, and for each compiled model another socket, a mailbox in shared memory and a
 * thread of the host. A run is written into the mailbox; everything else is a message. Whatever is long (models, caches) lies in
 * memory whose descriptor goes along with a message.
 *
 * The client believes nothing that the host says. Memory that both have cannot be made shorter, so that touching it is always safe;
 * memory that the host has made is read, not mapped. */
#ifndef MSLITE_NNRT_HOST_WIRE_H
#define MSLITE_NNRT_HOST_WIRE_H

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "mslite/nnrt_driver.h"

enum {
  /* Changes with everything in this folder that both halves must agree on. */
  WIRE_VERSION = 1,
  /* The socket that a host inherits. */
  WIRE_CONTROL = 3,
  WIRE_DESCRIPTORS = 3,
  WIRE_TEXT = 256,
  WIRE_DEVICES = 64,
  /* Inputs and outputs of a model, each. */
  WIRE_TENSORS = 200,
  WIRE_BLOBS = 100
};

typedef enum {
  /* On the socket of devices. */
  WIRE_HELLO = 1,
  WIRE_SUPPORTED,
  WIRE_PREPARE,
  WIRE_PREPARE_CACHE,
  WIRE_PREPARE_OFFLINE,
  /* The same, without an answer. */
  WIRE_CANCEL,
  WIRE_DETACH,
  /* On a model's socket. */
  WIRE_ATTACH,
  WIRE_DESCRIBE,
  WIRE_EXPORT,
  WIRE_RANGE,
  WIRE_RECONFIGURE,
  /* The same, without an answer. */
  WIRE_RELEASE
} WireKind;

/* What a driver has besides the functions that are not optional; WIRE_HELLO's answer says it in `object`. */
enum { HAS_CANCEL = 1, HAS_CACHE = 2 };

typedef struct {
  uint32_t kind;
  /* Of an answer: an OH_NN_ReturnCode. */
  uint32_t status;
  /* Number of the request; its answer has the same. */
  uint64_t number;
  /* Bytes of what the first descriptor leads to; 0: there is none. */
  uint64_t size;
  /* Whatever the kind needs: a device, a number of things; a model or a buffer. */
  uint32_t device, count;
  uint64_t object;
  /* Of an answer: what went wrong. */
  char text[WIRE_TEXT];
} WireMessage;

/* Sends a message; the descriptors stay the caller's. 0, or -1 with errno set. Waits no longer than `milliseconds`. */
int wire_send(int socket, const WireMessage *message, const int *descriptors, int count, int milliseconds);

/* Receives a message. `descriptors` gets WIRE_DESCRIPTORS entries, -1 where there is none, which are the caller's. 0, or -1 with errno
 * set: ETIMEDOUT, ECONNRESET when the other side is gone, EPROTO when it has sent something else. A negative time is no limit. */
int wire_receive(int socket, WireMessage *message, int *descriptors, int milliseconds);

/* New memory of `size` bytes that nobody can make shorter or longer. Its descriptor, or -1 with errno set. */
int wire_memory(size_t size);

/* The same, mapped; NULL with errno set on failure. */
void *wire_map(int descriptor, size_t size);

/* --- mailbox --------------------------------------------------------------------------------------------------------- */

typedef struct {
  /* A buffer that the host has mapped. */
  uint64_t buffer;
  uint64_t offset, size;
  uint32_t data_type, format;
  uint32_t dimension_count;
  int32_t dimensions[NNRT_MAX_DIMENSIONS];
  char name[64];
} WireTensor;

/* Written by one side while the other waits, with the exception of the counters. */
typedef struct {
  /* Requests made: the host waits for it to change. */
  uint32_t requested;
  /* The last request that is answered: the client waits for it to be its own. */
  uint32_t answered;
  /* The side is asleep, or about to be. */
  uint32_t host_sleeps, client_sleeps;
  /* 0: there is a message on the socket; else a run. */
  uint32_t is_run;
  uint32_t input_count, output_count;
  uint32_t status;
  char text[WIRE_TEXT];
  WireTensor tensors[2 * WIRE_TENSORS];
} WireMailbox;

/* How long a side looks into the mailbox before it sleeps. The client does for about as long as falling asleep and waking up take. The
 * host does for longer: until a client that it has woken can have come with its next request, or both would sleep again each time. */
enum { WIRE_CLIENT_SPIN = 30000, WIRE_HOST_SPIN = 120000 };

uint64_t wire_nanoseconds(void);

/* Waits until *word is not `old`, or for `nanoseconds`, the first `spin` of them awake; `sleeps` says it to the other side. The caller
 * looks at the word again: a wait may end for no reason. */
void wire_wait(uint32_t *word, uint32_t old, uint32_t *sleeps, uint64_t spin, uint64_t nanoseconds);

/* Sets the word and wakes the other side if it sleeps. */
void wire_signal(uint32_t *word, uint32_t value, uint32_t *sleeps);

static inline uint32_t wire_load(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

#endif
