/* Teaches a network that knows photographs to read digits: trains its last layer, exports the result, and reads digits with it one by one.
 *
 *   transfer_learning TRAINING_MODEL.ms DIGITS.csv [EPOCHS [OUTPUT.ms]]
 *
 * The training model has an input for square images of three channels, and an input "label" for the classes. A fifth of
 * the digits is kept back for the test. Ends with 0 if at least 90 % of them are read right. */
#include <mindspore/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../digits/digits.h"

enum { CHANNELS = 3 };

/* The two grey values beside position i of `side` in a magnified row, and the share of the second. */
static float place(int i, int side, int *low, int *high) {
  float position = ((float)i + 0.5f) * GRID / (float)side - 0.5f;
  if (position < 0) position = 0;
  *low = (int)position;
  if (*low > GRID - 1) *low = GRID - 1;
  *high = *low < GRID - 1 ? *low + 1 : *low;
  return position - (float)*low;
}

/* A digit as the network knows pictures: magnified smoothly, grey in all channels, (value - 127) / 128. */
static void paint(const Digit *digit, float *image, int side) {
  for (int y = 0; y < side; y++) {
    int top, bottom, left, right;
    float down = place(y, side, &top, &bottom);
    for (int x = 0; x < side; x++) {
      float across = place(x, side, &left, &right);
      float upper = digit->grey[top][left] * (1 - across) + digit->grey[top][right] * across;
      float lower = digit->grey[bottom][left] * (1 - across) + digit->grey[bottom][right] * across;
      float value = ((upper * (1 - down) + lower * down) * 255 - 127) / 128;
      for (int c = 0; c < CHANNELS; c++) image[(y * side + x) * CHANNELS + c] = value;
    }
  }
}

/* The input for images, with their number and the length of their sides. */
static OH_AI_TensorHandle image_input(OH_AI_TensorHandleArray inputs, int *batch, int *side) {
  for (size_t i = 0; i < inputs.handle_num; i++) {
    size_t rank = 0;
    const int64_t *shape = OH_AI_TensorGetShape(inputs.handle_list[i], &rank);
    if (rank == 4 && shape[1] == shape[2] && shape[3] == CHANNELS) {
      *batch = (int)shape[0];
      *side = (int)shape[1];
      return inputs.handle_list[i];
    }
  }
  stop("the model has no input for square images of three channels");
  return NULL;
}

/* The share of digits[chosen[0..count)] that `model` reads right, as many at once as it takes; what does not fill a batch is left out. */
static double accuracy(OH_AI_ModelHandle model, const Digit *digits, const int *chosen, int count) {
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs;
  int batch, side, right = 0, seen = 0;
  OH_AI_TensorHandle x = image_input(inputs, &batch, &side);
  for (int first = 0; first + batch <= count; first += batch) {
    float *image = OH_AI_TensorGetMutableData(x);
    for (int i = 0; i < batch; i++) paint(&digits[chosen[first + i]], image + i * side * side * CHANNELS, side);
    check(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), "predicting");
    if (OH_AI_TensorGetElementNum(outputs.handle_list[0]) != batch * CLASSES) stop("the model's output is not 10 numbers per digit");
    const float *scores = OH_AI_TensorGetData(outputs.handle_list[0]);
    for (int i = 0; i < batch; i++, seen++) right += best_class(scores + i * CLASSES) == digits[chosen[first + i]].label;
  }
  return (double)right / seen;
}

/* An exported model takes images one by one, however many at a time it has been trained with. */
static void take_single_images(OH_AI_ModelHandle model, int side) {
  OH_AI_ShapeInfo shape = {4, {1, side, side, CHANNELS}};
  check(OH_AI_ModelResize(model, OH_AI_ModelGetInputs(model), &shape, 1), "resizing the exported model");
}

int main(int argc, char **argv) {
  if (argc < 3) stop("usage: transfer_learning TRAINING_MODEL.ms DIGITS.csv [EPOCHS [OUTPUT.ms]]");
  int epochs = argc > 3 ? atoi(argv[3]) : 8;
  const char *output = argc > 4 ? argv[4] : "transferred.ms";
  int count;
  Digit *digits = read_digits(argv[2], &count);
  int *order = shuffled(count), train = count - count / 5;
  const int *test = order + train;

  OH_AI_ContextHandle context = cpu(2);
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  check(OH_AI_TrainModelBuildFromFile(model, argv[1], OH_AI_MODELTYPE_MINDIR, context, NULL), "building the training model");
  OH_AI_ContextDestroy(&context);
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model);
  int batch, side;
  float *x = OH_AI_TensorGetMutableData(image_input(inputs, &batch, &side));
  OH_AI_TensorHandle label = OH_AI_ModelGetInputByTensorName(model, "label");
  if (!label || OH_AI_TensorGetDataType(label) != OH_AI_DATATYPE_NUMBERTYPE_INT32 || OH_AI_TensorGetElementNum(label) != batch)
    stop("the model has no input \"label\" for a class per image");
  int *y = OH_AI_TensorGetMutableData(label);
  printf("%d digits of %d x %d pixels to learn from, %d for the test, %d at a time\n", train, side, side, count - train, batch);
  printf("before:   test accuracy %.2f %%\n", 100 * accuracy(model, digits, test, count - train));

  clock_t begin = clock();
  for (int epoch = 1; epoch <= epochs; epoch++) {
    double loss = 0;
    int steps = 0;
    shuffle(order, train);
    check(OH_AI_ModelSetTrainMode(model, true), "switching to training");
    for (int first = 0; first + batch <= train; first += batch, steps++) {
      for (int i = 0; i < batch; i++) {
        paint(&digits[order[first + i]], x + i * side * side * CHANNELS, side);
        y[i] = digits[order[first + i]].label;
      }
      check(OH_AI_RunStep(model, NULL, NULL), "taking a step");
      loss += *(const float *)OH_AI_TensorGetData(OH_AI_ModelGetOutputs(model).handle_list[0]);
    }
    check(OH_AI_ModelSetTrainMode(model, false), "switching to inference");
    printf("epoch %2d: loss %.4f, test accuracy %.2f %%\n", epoch, loss / steps, 100 * accuracy(model, digits, test, count - train));
  }
  printf("trained in %.1f s of processor time\n", (double)(clock() - begin) / CLOCKS_PER_SEC);

  check(OH_AI_ExportModel(model, OH_AI_MODELTYPE_MINDIR, output, OH_AI_NO_QUANT, true, NULL, 0), "exporting");
  OH_AI_ModelDestroy(&model);

  context = cpu(2);
  OH_AI_ModelHandle exported = OH_AI_ModelCreate();
  check(OH_AI_ModelBuildFromFile(exported, output, OH_AI_MODELTYPE_MINDIR, context), "building the exported model");
  OH_AI_ContextDestroy(&context);
  take_single_images(exported, side);
  double final = accuracy(exported, digits, test, count - train);
  printf("%s: test accuracy %.2f %%\n", output, 100 * final);
  OH_AI_ModelDestroy(&exported);
  free(order);
  free(digits);
  return final >= 0.9 ? 0 : 2;
}
