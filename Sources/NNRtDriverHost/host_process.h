/* The client's view of a host process: started, spoken to, killed when it hangs, noticed when it dies. */
#ifndef MSLITE_NNRT_HOST_PROCESS_H
#define MSLITE_NNRT_HOST_PROCESS_H

#include <pthread.h>
#include <sys/types.h>

#include "wire.h"

typedef struct {
  pid_t pid;
  int control;
  /* Its place in the order of all that were started: which buffers it knows depends on it. Never 0. */
  uint64_t generation;
  /* It is dead, or has been told to die. */
  int is_lost;
  /* It has ended; `life` guards it and the pid's use. */
  bool has_ended;
  pthread_mutex_t life;
  /* One request at a time on the socket of devices. */
  pthread_mutex_t calls;
  uint64_t last_number;
  int references;
  /* Called once, on a thread of its own, when the process has ended. */
  void (*on_death)(void *context);
  void *context;
} HostProcess;

/* Starts `program` for the driver `library`. NULL with errno set on failure. One reference is the caller's. */
HostProcess *host_start(const char *program, const char *library, void (*on_death)(void *), void *context);
void host_retain(HostProcess *process);
void host_release(HostProcess *process);
bool host_is_lost(const HostProcess *process);
/* Ends it, whatever it does. Its end is noticed later. */
void host_kill(HostProcess *process);

/* Sends a request with `descriptors` on a socket of the process (its own, or a model's) and waits for the answer. Without an answer that
 * makes sense the process is killed and the result is false. `memory` gets the descriptor of what comes along, or -1. */
bool host_call(
  HostProcess *process, int socket, WireMessage *request, const int *descriptors, int count, WireMessage *answer, int *memory);

/* What comes along with an answer, read into memory of the caller's; NULL if it is not there or makes no sense. Closes the
 * descriptor. */
void *host_read(int memory, uint64_t size);

/* How long a host may take for an answer. */
int host_timeout(void);

#endif
