/* Trains LeNet on handwritten digits, exports what it has learnt, and reads digits with the exported model.
 *
 *   train_digits TRAINING_MODEL.ms DIGITS.csv [EPOCHS [OUTPUT.ms [RESULT.png]]]
 *
 * A fifth of the digits is kept back for the test; the picture shows how they were read. */
#include <mindspore/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../digits/digits.h"
#include "picture.h"

enum { SCALE = 3, MARGIN = 2, SIDE = GRID * SCALE + 2 * MARGIN, PIXELS = SIDE * SIDE };

/* A digit as the network knows it: each grey value is a square of SCALE x SCALE pixels, around them a margin of zeros. */
static void paint(const Digit *digit, float *image) {
  memset(image, 0, PIXELS * sizeof *image);
  for (int y = 0; y < GRID * SCALE; y++)
    for (int x = 0; x < GRID * SCALE; x++) image[(MARGIN + y) * SIDE + MARGIN + x] = digit->grey[y / SCALE][x / SCALE];
}

/* The model's input of `floats` floats per digit; `batch` receives the digits of a batch. */
static float *input(OH_AI_TensorHandleArray inputs, int64_t floats, int64_t *batch) {
  for (size_t i = 0; i < inputs.handle_num; i++) {
    size_t rank = 0;
    const int64_t *shape = OH_AI_TensorGetShape(inputs.handle_list[i], &rank);
    if (OH_AI_TensorGetDataType(inputs.handle_list[i]) == OH_AI_DATATYPE_NUMBERTYPE_FLOAT32 && rank > 1 &&
        OH_AI_TensorGetElementNum(inputs.handle_list[i]) == shape[0] * floats) {
      *batch = shape[0];
      return OH_AI_TensorGetMutableData(inputs.handle_list[i]);
    }
  }
  stop("the model has no input for 28 x 28 pixels, or none for 10 classes");
  return NULL;
}

/* Reads digits[chosen[0..count)] into `answers`; what does not fill a batch is left out. Returns how many were read. */
static int read_all(OH_AI_ModelHandle model, const Digit *digits, const int *chosen, int count, int *answers) {
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs;
  int64_t batch = 0;
  float *x = input(inputs, PIXELS, &batch);
  int seen = 0;
  for (int first = 0; first + batch <= count; first += (int)batch) {
    for (int i = 0; i < batch; i++) paint(&digits[chosen[first + i]], x + i * PIXELS);
    check(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), "predicting");
    if (OH_AI_TensorGetElementNum(outputs.handle_list[0]) != batch * CLASSES) stop("the model's output is not 10 numbers per digit");
    const float *scores = OH_AI_TensorGetData(outputs.handle_list[0]);
    for (int i = 0; i < batch; i++) answers[seen++] = best_class(scores + i * CLASSES);
  }
  return seen;
}

/* The share of the digits that were read right. */
static double accuracy(const Digit *digits, const int *chosen, const int *answers, int count) {
  int right = 0;
  for (int i = 0; i < count; i++) right += answers[i] == digits[chosen[i]].label;
  return (double)right / count;
}

int main(int argc, char **argv) {
  if (argc < 3) stop("usage: train_digits TRAINING_MODEL.ms DIGITS.csv [EPOCHS [OUTPUT.ms [RESULT.png]]]");
  int epochs = argc > 3 ? atoi(argv[3]) : 20;
  const char *output = argc > 4 ? argv[4] : "digits.ms";
  int count;
  Digit *digits = read_digits(argv[2], &count);
  int *order = shuffled(count), train = count - count / 5;
  const int *test = order + train;
  int *answers = malloc((size_t)(count - train) * sizeof *answers);
  if (!answers) stop("no memory for the answers");

  OH_AI_ContextHandle context = cpu(1);
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  check(OH_AI_TrainModelBuildFromFile(model, argv[1], OH_AI_MODELTYPE_MINDIR, context, NULL), "building the training model");
  OH_AI_ContextDestroy(&context);
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model);
  int64_t batch = 0, same = 0;
  float *x = input(inputs, PIXELS, &batch), *y = input(inputs, CLASSES, &same);
  if (batch != same) stop("the inputs have different batches");
  printf("%d digits to learn from, %d for the test, %d at a time\n", train, count - train, (int)batch);

  clock_t begin = clock();
  for (int epoch = 1; epoch <= epochs; epoch++) {
    double loss = 0;
    int steps = 0;
    shuffle(order, train);
    check(OH_AI_ModelSetTrainMode(model, true), "switching to training");
    for (int first = 0; first + batch <= train; first += (int)batch, steps++) {
      memset(y, 0, (size_t)batch * CLASSES * sizeof *y);
      for (int i = 0; i < batch; i++) {
        const Digit *digit = &digits[order[first + i]];
        paint(digit, x + i * PIXELS);
        y[i * CLASSES + digit->label] = 1;
      }
      check(OH_AI_RunStep(model, NULL, NULL), "taking a step");
      loss += *(const float *)OH_AI_TensorGetData(OH_AI_ModelGetOutputs(model).handle_list[0]);
    }
    check(OH_AI_ModelSetTrainMode(model, false), "switching to inference");
    int seen = read_all(model, digits, test, count - train, answers);
    printf("epoch %2d: loss %.4f, test accuracy %.2f %%\n", epoch, loss / steps, 100 * accuracy(digits, test, answers, seen));
  }
  printf("trained in %.1f s of processor time\n", (double)(clock() - begin) / CLOCKS_PER_SEC);

  check(OH_AI_ExportModel(model, OH_AI_MODELTYPE_MINDIR, output, OH_AI_NO_QUANT, true, NULL, 0), "exporting");
  OH_AI_ModelDestroy(&model);

  context = cpu(1);
  OH_AI_ModelHandle exported = OH_AI_ModelCreate();
  check(OH_AI_ModelBuildFromFile(exported, output, OH_AI_MODELTYPE_MINDIR, context), "building the exported model");
  OH_AI_ContextDestroy(&context);
  int seen = read_all(exported, digits, test, count - train, answers);
  double final = accuracy(digits, test, answers, seen);
  printf("%s: test accuracy %.2f %%\n", output, 100 * final);
  OH_AI_ModelDestroy(&exported);
  if (argc > 5) {
    draw_digits(digits, test, answers, seen, argv[5]);
    printf("drawn: %s\n", argv[5]);
  }
  free(answers);
  free(order);
  free(digits);
  return final > 0.9 ? 0 : 2;
}
