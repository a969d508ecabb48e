#include "digits.h"

#include <mslite/extensions.h>
#include <stdio.h>
#include <stdlib.h>

void stop(const char *what) {
  fprintf(stderr, "stopped: %s\n", what);
  exit(1);
}

void check(OH_AI_Status status, const char *what) {
  if (status != OH_AI_STATUS_SUCCESS) {
    fprintf(stderr, "stopped while %s: %s\n", what, MSLite_GetLastError());
    exit(1);
  }
}

/* The values of a line are in `digit` when this returns 1; 0 means the end of the file. */
static int read_digit(FILE *file, Digit *digit) {
  for (int i = 0; i <= GRID * GRID; i++) {
    int value;
    if (fscanf(file, i == 0 ? "%d" : ",%d", &value) != 1) {
      if (i == 0 && feof(file)) return 0;
      stop("a line of the digits is not 65 numbers");
    }
    if (value < 0 || value > (i < GRID * GRID ? 16 : CLASSES - 1)) stop("the digits have a grey value above 16, or a digit above 9");
    if (i < GRID * GRID)
      digit->grey[i / GRID][i % GRID] = (float)value / 16;
    else
      digit->label = value;
  }
  return 1;
}

Digit *read_digits(const char *path, int *count) {
  FILE *file = fopen(path, "r");
  if (!file) stop("cannot open the digits");
  Digit *digits = NULL;
  int room = 0;
  for (*count = 0;; (*count)++) {
    if (*count == room) {
      room = room == 0 ? 2048 : 2 * room;
      digits = realloc(digits, (size_t)room * sizeof *digits);
      if (!digits) stop("no memory for the digits");
    }
    if (!read_digit(file, &digits[*count])) break;
  }
  fclose(file);
  if (*count < 50) stop("too few digits");
  return digits;
}

static int below(int n) {
  static unsigned long long state = 1;
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return (int)((state >> 33) % (unsigned)n);
}

void shuffle(int *order, int n) {
  for (int i = n - 1; i > 0; i--) {
    int j = below(i + 1), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
}

int *shuffled(int n) {
  int *order = malloc((size_t)n * sizeof *order);
  if (!order) stop("no memory for the order of the digits");
  for (int i = 0; i < n; i++) order[i] = i;
  shuffle(order, n);
  return order;
}

int best_class(const float *scores) {
  int best = 0;
  for (int c = 1; c < CLASSES; c++)
    if (scores[c] > scores[best]) best = c;
  return best;
}

OH_AI_ContextHandle cpu(int threads) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, threads);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  return context;
}
