/* Every operation of the Neural Network Runtime on a driver: nnrt_driver_operations LIBRARY. Expected values are computed here, from the
 * operations' definitions. */
#include "nnrt_case.h"

#define F OH_NN_FLOAT32
#define I OH_NN_INT32
#define L OH_NN_INT64
#define B OH_NN_BOOL

static bool seen[109];

static void start(OH_NN_OperationType operation) {
  seen[operation] = true;
  begin(operation);
}

#include "nnrt_operations_elementwise.h"
#include "nnrt_operations_windows.h"
#include "nnrt_operations_movement.h"
#include "nnrt_operations_layers.h"

int main(int count, char **arguments) {
  if (count != 2) return 2;
  the_driver = load_driver(arguments[1]);
  elementwise();
  windows();
  movement();
  layers();
  for (int operation = 1; operation <= 108; operation++) {
    if (!seen[operation]) fprintf(stderr, "operation %d has no case\n", operation);
    CHECK(seen[operation]);
  }
  return check_result();
}
