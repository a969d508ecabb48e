/* Trains LeNet on handwritten digits, exports what it has learnt, and reads digits with the exported model.
 *
 *   train_digits TRAINING_MODEL.ms DIGITS.csv [EPOCHS [OUTPUT.ms]]
 *
 * DIGITS.csv: a line per digit, 8 x 8 grey values of 0 to 16 and the digit (scikit-learn's form of the UCI set of
 * handwritten digits). A fifth of the digits is kept back for the test. */
#include <mindspore/context.h>
#include <mindspore/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GRID = 8, SCALE = 3, MARGIN = 2, SIDE = GRID * SCALE + 2 * MARGIN, PIXELS = SIDE * SIDE, CLASSES = 10, MOST = 5000 };

static float images[MOST][PIXELS];
static int labels[MOST];

static void stop(const char *what) {
  fprintf(stderr, "train_digits: %s\n", what);
  exit(1);
}

static void check(OH_AI_Status status, const char *what) {
  if (status != OH_AI_STATUS_SUCCESS) {
    fprintf(stderr, "train_digits: %s: status %#x\n", what, (unsigned)status);
    exit(1);
  }
}

/* Reads digits, each grey value as a square of SCALE x SCALE pixels between 0 and 1 with a margin. Returns how many. */
static int read_digits(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) stop("cannot open the digits");
  int count = 0, value;
  while (count < MOST && fscanf(file, "%d", &value) == 1) {
    for (int i = 0; i < GRID * GRID; i++) {
      int top = MARGIN + i / GRID * SCALE, left = MARGIN + i % GRID * SCALE;
      for (int y = 0; y < SCALE; y++)
        for (int x = 0; x < SCALE; x++) images[count][(top + y) * SIDE + left + x] = (float)value / 16;
      if (fscanf(file, ",%d", &value) != 1) stop("a line of the digits has less than 65 numbers");
    }
    if (value < 0 || value >= CLASSES) stop("a digit is not between 0 and 9");
    labels[count++] = value;
  }
  fclose(file);
  if (count < 50) stop("too few digits");
  return count;
}

/* The same order on every machine. */
static unsigned long long state = 1;
static int below(int n) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return (int)((state >> 33) % (unsigned)n);
}

static void shuffle(int *order, int n) {
  for (int i = n - 1; i > 0; i--) {
    int j = below(i + 1), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
}

static OH_AI_ContextHandle cpu(void) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  return context;
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

/* The share of digits[0..count) that `model` reads right; what does not fill a batch is left out. */
static double accuracy(OH_AI_ModelHandle model, const int *digits, int count) {
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs;
  int64_t batch = 0;
  float *x = input(inputs, PIXELS, &batch);
  int right = 0, seen = 0;
  for (int first = 0; first + batch <= count; first += (int)batch) {
    for (int i = 0; i < batch; i++) memcpy(x + i * PIXELS, images[digits[first + i]], sizeof images[0]);
    check(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), "predicting");
    if (OH_AI_TensorGetElementNum(outputs.handle_list[0]) != batch * CLASSES) stop("the model's output is not 10 numbers per digit");
    const float *scores = OH_AI_TensorGetData(outputs.handle_list[0]);
    for (int i = 0; i < batch; i++, seen++) {
      int best = 0;
      for (int c = 1; c < CLASSES; c++)
        if (scores[i * CLASSES + c] > scores[i * CLASSES + best]) best = c;
      right += best == labels[digits[first + i]];
    }
  }
  return (double)right / seen;
}

int main(int argc, char **argv) {
  if (argc < 3) stop("usage: train_digits TRAINING_MODEL.ms DIGITS.csv [EPOCHS [OUTPUT.ms]]");
  int epochs = argc > 3 ? atoi(argv[3]) : 20;
  const char *output = argc > 4 ? argv[4] : "digits.ms";
  int order[MOST], count = read_digits(argv[2]), train = count - count / 5;
  for (int i = 0; i < count; i++) order[i] = i;
  shuffle(order, count);
  const int *test = order + train;

  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  check(OH_AI_TrainModelBuildFromFile(model, argv[1], OH_AI_MODELTYPE_MINDIR, cpu(), NULL), "building the training model");
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
        memcpy(x + i * PIXELS, images[order[first + i]], sizeof images[0]);
        y[i * CLASSES + labels[order[first + i]]] = 1;
      }
      check(OH_AI_RunStep(model, NULL, NULL), "a step");
      loss += *(const float *)OH_AI_TensorGetData(OH_AI_ModelGetOutputs(model).handle_list[0]);
    }
    check(OH_AI_ModelSetTrainMode(model, false), "switching to inference");
    printf("epoch %2d: loss %.4f, test accuracy %.2f %%\n", epoch, loss / steps, 100 * accuracy(model, test, count - train));
  }
  printf("trained in %.1f s of processor time\n", (double)(clock() - begin) / CLOCKS_PER_SEC);

  check(OH_AI_ExportModel(model, OH_AI_MODELTYPE_MINDIR, output, OH_AI_NO_QUANT, true, NULL, 0), "exporting");
  OH_AI_ModelDestroy(&model);

  OH_AI_ModelHandle exported = OH_AI_ModelCreate();
  check(OH_AI_ModelBuildFromFile(exported, output, OH_AI_MODELTYPE_MINDIR, cpu()), "building the exported model");
  double final = accuracy(exported, test, count - train);
  printf("%s: test accuracy %.2f %%\n", output, 100 * final);
  OH_AI_ModelDestroy(&exported);
  return final > 0.9 ? 0 : 2;
}
