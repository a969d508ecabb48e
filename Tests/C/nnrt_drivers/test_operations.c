/* Every operation of the Neural Network Runtime on a driver: test_operations LIBRARY, or, compiled with CASE_THROUGH_RUNTIME, on the one
 * device that the runtime has. Expected values are computed here, from the operations' definitions. */
#include "case.h"

#define F OH_NN_FLOAT32
#define I OH_NN_INT32
#define L OH_NN_INT64
#define B OH_NN_BOOL

static bool seen[109];

static void start(OH_NN_OperationType operation) {
  seen[operation] = true;
  begin(operation);
}

#include "operations_elementwise.h"
#include "operations_windows.h"
#include "operations_movement.h"
#include "operations_layers.h"

int main(int count, char **arguments) {
#ifdef CASE_THROUGH_RUNTIME
  const size_t *ids = NULL;
  uint32_t devices = 0;
  (void)arguments;
  if (count != 1 || OH_NNDevice_GetAllDevicesID(&ids, &devices) != OH_NN_SUCCESS || devices != 1) return 2;
  the_id = ids[0];
#else
  if (count != 2) return 2;
  the_driver = load_driver(arguments[1]);
#endif
  elementwise();
  windows();
  movement();
  layers();
  for (int operation = 1; operation <= 108; operation++) {
    if (!seen[operation]) fprintf(stderr, "operation %d has no case\n", operation);
    CHECK(seen[operation]);
  }
#ifndef CASE_THROUGH_RUNTIME
  int computed = 0, refused = 0;
  for (int operation = 1; operation <= 108; operation++) {
    computed += bytes_computed[operation] > 0;
    refused += bytes_refused[operation] > 0;
  }
  printf("in bytes %d operations were computed and %d refused\n", computed, refused);
  CHECK(computed >= 75 && refused <= 5);
#endif
  return check_result();
}
