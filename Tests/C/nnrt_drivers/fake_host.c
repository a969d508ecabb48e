/* A host that answers nonsense, for tests of the out-of-process driver: FAKE_HOST says which. Without, or after what it says, it answers
 * as a host with one device would. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../Sources/NNRtDriverHost/wire.h"

static const char *fake;

static bool is(const char *what) { return strcmp(fake, what) == 0; }

static int memory_with(const void *bytes, size_t size) {
  const int descriptor = wire_memory(size);
  void *memory = wire_map(descriptor, size);
  memcpy(memory, bytes, size);
  return descriptor;
}

/* A model's thread: writes what it likes into the mailbox. */
static void *scribble(void *argument) {
  WireMailbox *box = argument;
  uint32_t seen = 0;
  for (;;) {
    while (wire_load(&box->requested) == seen) usleep(200);
    seen = wire_load(&box->requested);
    if (!box->is_run) continue;
    if (is("mailbox")) memset((char *)box + 16, 0xff, sizeof *box - 16);
    if (is("noise")) {
      /* Everything, the counters too, over and over. */
      uint64_t random = 88172645463325252u;
      for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i + 8 <= sizeof *box; i += 8) {
          random ^= random << 13, random ^= random >> 7, random ^= random << 17;
          memcpy((char *)box + i, &random, 8);
        }
      }
      continue;
    }
    box->status = is("status") ? 77 : OH_NN_SUCCESS;
    wire_signal(&box->answered, seen, &box->client_sleeps);
  }
  return NULL;
}

int main(void) {
  fake = getenv("FAKE_HOST");
  if (fake == NULL) fake = "";
  if (is("gone")) return 0;
  static WireMailbox *box;
  int model = -1;
  for (;;) {
    WireMessage request, message = {0};
    int descriptors[WIRE_DESCRIPTORS], sent = -1;
    if (wire_receive(WIRE_CONTROL, &request, descriptors, -1) != 0) return 0;
    message.kind = request.kind;
    message.number = request.number;
    if (request.kind == WIRE_CANCEL || request.kind == WIRE_DETACH) continue;
    if (is("silent")) for (;;) pause();
    if (is("short")) {
      send(WIRE_CONTROL, "abc", 3, MSG_NOSIGNAL);
      continue;
    }
    if (is("long")) {
      char bytes[2 * sizeof message] = {0};
      send(WIRE_CONTROL, bytes, sizeof bytes, MSG_NOSIGNAL);
      continue;
    }
    if (is("number")) message.number += 1;
    if (is("kind")) message.kind = WIRE_EXPORT;
    if (request.kind == WIRE_HELLO) {
      static NNRt_DeviceInfo info = {.name = "Fake", .vendor = "Test", .type = OH_NN_OTHERS, .modelCache = true};
      if (is("type")) info.type = (OH_NN_DeviceType)99;
      if (is("flags")) memset(&info.float16, 0xfe, 1);
      if (is("unterminated")) memset(info.name, 'x', sizeof info.name);
      message.count = is("many") ? 1u << 30 : is("lies") ? 2 : 1;
      message.size = is("huge") ? 1ull << 40 : is("lies") ? 2 * sizeof info : sizeof info;
      message.object = HAS_CACHE;
      sent = is("nothing") ? -1 : is("pipe") ? dup(0) : memory_with(&info, sizeof info);
    } else if (request.kind == WIRE_SUPPORTED) {
      message.size = is("few") ? 1000 : 1;
      sent = memory_with("\1", 1);
    } else if (request.kind == WIRE_PREPARE) {
      box = wire_map(descriptors[2], sizeof *box);
      model = descriptors[1];
      descriptors[1] = -1;
      pthread_t thread;
      pthread_create(&thread, NULL, scribble, box);
      /* Messages on the model's socket: attached buffers. */
      wire_send(WIRE_CONTROL, &message, NULL, 0, 1000);
      for (;;) {
        int more[WIRE_DESCRIPTORS];
        if (wire_receive(model, &request, more, -1) != 0) break;
        for (int i = 0; i < WIRE_DESCRIPTORS; i++) if (more[i] >= 0) close(more[i]);
        message.kind = request.kind;
        message.number = request.number;
        message.size = 0;
        sent = -1;
        if (request.kind == WIRE_EXPORT) {
          /* A list of blobs that is not one. */
          const uint64_t lies[4] = {is("blobs") ? 3 : 1u << 20, 1ull << 50, 7, 0};
          message.size = sizeof lies;
          sent = memory_with(lies, sizeof lies);
        }
        if (request.kind == WIRE_RELEASE) break;
        wire_send(model, &message, &sent, sent >= 0, 1000);
        if (sent >= 0) close(sent);
      }
      continue;
    }
    wire_send(WIRE_CONTROL, &message, &sent, sent >= 0, 1000);
    if (sent >= 0) close(sent);
    for (int i = 0; i < WIRE_DESCRIPTORS; i++) if (descriptors[i] >= 0) close(descriptors[i]);
  }
}
