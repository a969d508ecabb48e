/* Handwritten digits, and what the programs that train on them share. */
#ifndef DIGITS_H
#define DIGITS_H

#include <mindspore/context.h>
#include <mindspore/status.h>

enum { GRID = 8, CLASSES = 10 };

typedef struct Digit {
  float grey[GRID][GRID]; /* 0, paper, to 1, ink */
  int label;              /* 0 to 9 */
} Digit;

/* Says what is wrong, and ends the program with status 1. */
void stop(const char *what);

/* Stops unless the call that `what` is about was a success. */
void check(OH_AI_Status status, const char *what);

/* Reads at least 50 digits: a line each, 8 x 8 grey values of 0 to 16 and the digit (scikit-learn's form of the UCI set of handwritten
 * digits). The caller frees them. */
Digit *read_digits(const char *path, int *count);

/* Numbers 0 to n - 1 in an order that is the same on every machine; the caller frees them. */
int *shuffled(int n);

/* Brings n numbers into another order, the same on every machine. */
void shuffle(int *order, int n);

/* The class with the highest of CLASSES scores. */
int best_class(const float *scores);

/* A context for the CPU, for one model. The caller destroys it. */
OH_AI_ContextHandle cpu(int threads);

#endif
