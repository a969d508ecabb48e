/* The hosts of the client, and what fails in it. */
#ifndef MSLITE_NNRT_HOST_HOSTS_H
#define MSLITE_NNRT_HOST_HOSTS_H

#include "host_process.h"

typedef struct {
  char *library;
  /* The process that runs now, or NULL. */
  HostProcess *process;
  pthread_mutex_t lock;
  uint32_t device_count;
  uint32_t functions;
  NNRt_DeviceInfo devices[WIRE_DEVICES];
  /* Index of its first device among all. */
  uint32_t first_device;
} Host;

uint32_t get_device_count(void);
OH_NN_ReturnCode get_device_info(uint32_t device, NNRt_DeviceInfo *info);
void set_death_callback(NNRt_DeviceDied callback, void *context);

/* The host of a device, and the device's index there. NULL: there is none. */
Host *host_of(uint32_t device, uint32_t *inner);

/* The process of a host, started again if need be; a reference for the caller. NULL: there is none, and why has been said. */
HostProcess *running(Host *host);

/* The process of a host as it is, with a reference for the caller; or NULL. */
HostProcess *current_process(Host *host);

/* --- failures: the text is for `last_error`, the result is the code ------------------------------------------------- */

__attribute__((format(printf, 2, 3))) OH_NN_ReturnCode fail(OH_NN_ReturnCode code, const char *format, ...);
const char *last_error(void);
/* The process is gone. */
OH_NN_ReturnCode lost(const Host *host);
/* The host has refused, in its own words. */
OH_NN_ReturnCode refused(uint32_t status, const char *text);
OH_NN_ReturnCode no_memory(void);

#endif
