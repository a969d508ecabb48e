/* A compiled model in the host, with a thread that answers its calls. */
#ifndef MSLITE_NNRT_HOST_SERVED_MODEL_H
#define MSLITE_NNRT_HOST_SERVED_MODEL_H

#include "wire.h"

/* Starts to serve a model: its number, its socket and its mailbox, which belong to it from here on. 0, or an error number. */
int serve_model(const NNRt_Driver *driver, NNRt_PreparedModel *prepared, uint64_t number, int socket, WireMailbox *mailbox);

/* Passes it on to the model of that number if there is one. */
void cancel_model(uint64_t number);

/* Forgets a buffer of the client. */
void detach_buffer(uint64_t number);

/* Sends an answer to `request`; `memory` is a descriptor that goes along, or -1, and is closed. Ends the process if nobody listens. */
void answer(int socket, const WireMessage *request, WireMessage *message, int memory);

/* The failure of a driver's function, with its own words. */
void set_failure(WireMessage *message, const NNRt_Driver *driver, OH_NN_ReturnCode code);

#endif
