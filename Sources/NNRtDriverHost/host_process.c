#include "host_process.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEFAULT_TIMEOUT = 30000 };

int host_timeout(void) {
  static int timeout = 0;
  int value = __atomic_load_n(&timeout, __ATOMIC_RELAXED);
  if (value == 0) {
    const char *text = getenv("MSLITE_NNRT_HOST_TIMEOUT");
    const long given = text != NULL && !getauxval(AT_SECURE) ? strtol(text, NULL, 10) : 0;
    value = given > 0 && given < 86400000 ? (int)given : DEFAULT_TIMEOUT;
    __atomic_store_n(&timeout, value, __ATOMIC_RELAXED);
  }
  return value;
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

void host_retain(HostProcess *process) { __atomic_add_fetch(&process->references, 1, __ATOMIC_SEQ_CST); }

void host_release(HostProcess *process) {
  if (process == NULL || __atomic_sub_fetch(&process->references, 1, __ATOMIC_SEQ_CST) > 0) return;
  close(process->control);
  pthread_mutex_destroy(&process->life);
  pthread_mutex_destroy(&process->calls);
  free(process);
}

bool host_is_lost(const HostProcess *process) { return __atomic_load_n(&process->is_lost, __ATOMIC_SEQ_CST) != 0; }

void host_kill(HostProcess *process) {
  __atomic_store_n(&process->is_lost, 1, __ATOMIC_SEQ_CST);
  pthread_mutex_lock(&process->life);
  /* Until it is waited for, nobody else can have its number. */
  if (!process->has_ended) kill(process->pid, SIGKILL);
  pthread_mutex_unlock(&process->life);
}

/* Waits for the process's end. */
static void *watch(void *argument) {
  HostProcess *process = argument;
  siginfo_t info;
  int result;
  do result = waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT);
  while (result != 0 && errno == EINTR);
  pthread_mutex_lock(&process->life);
  __atomic_store_n(&process->is_lost, 1, __ATOMIC_SEQ_CST);
  process->has_ended = true;
  /* (There is nothing left to wait for where the app ignores SIGCHLD.) */
  if (result == 0) waitpid(process->pid, NULL, WNOHANG);
  pthread_mutex_unlock(&process->life);
  /* Requests that are on their way end at once. */
  shutdown(process->control, SHUT_RDWR);
  process->on_death(process->context);
  host_release(process);
  return NULL;
}

static int spawn(pid_t *pid, const char *program, const char *library, int socket) {
  extern char **environ;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, socket, WIRE_CONTROL);
  /* What the app does with signals is not for the host, nor are a terminal's signals. */
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  char *const arguments[] = {(char *)program, (char *)library, NULL};
  const int error = posix_spawn(pid, program, &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

HostProcess *host_start(const char *program, const char *library, void (*on_death)(void *), void *context) {
  static uint64_t generations = 0;
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return NULL;
  /* The number that the host expects would lose the flag that closes it here. */
  if (sockets[1] == WIRE_CONTROL) {
    const int other = dup(sockets[1]);
    if (other >= 0) {
      close(sockets[1]);
      sockets[1] = other;
    }
  }
  HostProcess *process = calloc(1, sizeof *process);
  int error = process == NULL ? ENOMEM : spawn(&process->pid, program, library, sockets[1]);
  close(sockets[1]);
  if (error != 0) {
    close(sockets[0]);
    free(process);
    errno = error;
    return NULL;
  }
  process->control = sockets[0];
  process->generation = __atomic_add_fetch(&generations, 1, __ATOMIC_SEQ_CST);
  process->on_death = on_death;
  process->context = context;
  process->references = 2; /* the caller's and the watcher's */
  pthread_mutex_init(&process->life, NULL);
  pthread_mutex_init(&process->calls, NULL);
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  /* Signals are for the app's threads. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  error = pthread_create(&thread, &attributes, watch, process);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    process->references = 1;
    host_release(process);
    errno = error;
    return NULL;
  }
  return process;
}

/* --- calls ----------------------------------------------------------------------------------------------------------- */

bool host_call(
  HostProcess *process, int socket, WireMessage *request, const int *descriptors, int count, WireMessage *answer, int *memory) {
  int received[WIRE_DESCRIPTORS];
  bool ok = false;
  *memory = -1;
  /* A model's socket is its caller's alone. */
  const bool is_shared = socket == process->control;
  if (is_shared) pthread_mutex_lock(&process->calls);
  request->number = __atomic_add_fetch(&process->last_number, 1, __ATOMIC_SEQ_CST);
  if (!host_is_lost(process) && wire_send(socket, request, descriptors, count, host_timeout()) == 0 &&
      wire_receive(socket, answer, received, host_timeout()) == 0) {
    ok = answer->number == request->number && answer->kind == request->kind && (answer->size > 0) == (received[0] >= 0);
    for (int i = ok && answer->size > 0 ? 1 : 0; i < WIRE_DESCRIPTORS; i++) if (received[i] >= 0) close(received[i]);
    if (ok && answer->size > 0) *memory = received[0];
  }
  if (is_shared) pthread_mutex_unlock(&process->calls);
  if (!ok) host_kill(process);
  return ok;
}

void *host_read(int memory, uint64_t size) {
  struct stat s;
  /* The memory is there already; a file that says so and has none would cost as much to fill. */
  const bool fits = memory >= 0 && fstat(memory, &s) == 0 && S_ISREG(s.st_mode) && s.st_size >= 0 && (uint64_t)s.st_size >= size &&
                    (uint64_t)s.st_blocks * 512 + (1 << 20) >= size;
  char *bytes = fits ? malloc(size > 0 ? (size_t)size : 1) : NULL;
  size_t done = 0;
  while (bytes != NULL && done < size) {
    const ssize_t n = pread(memory, bytes + done, (size_t)size - done, (off_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      free(bytes);
      bytes = NULL;
      break;
    }
    done += (size_t)n;
  }
  if (memory >= 0) close(memory);
  return bytes;
}
