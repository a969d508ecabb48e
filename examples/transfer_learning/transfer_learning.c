/* Teaches a network that knows photographs to read digits: trains its last layer, exports the result, and reads digits with it one by one.
 *
 *   transfer_learning TRAINING_MODEL.ms DIGITS.csv [EPOCHS [OUTPUT.ms]]
 *
 * The training model has an input for square images of three channels, and an input "label" for the classes. DIGITS.csv: a line per
 * digit, 8 x 8 grey values of 0 to 16 and the digit (scikit-learn's form of the UCI set of handwritten digits). A fifth of the digits is
 * kept back for the test. Ends with 0 if at least 90 % of them are read right. */
#include <mindspore/context.h>
#include <mindspore/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GRID = 8, CHANNELS = 3, CLASSES = 10, MOST = 5000 };

static float digits[MOST][GRID][GRID];
static int labels[MOST];

static void stop(const char *what) {
  fprintf(stderr, "transfer_learning: %s\n", what);
  exit(1);
}

static void check(OH_AI_Status status, const char *what) {
  if (status != OH_AI_STATUS_SUCCESS) {
    fprintf(stderr, "transfer_learning: %s: status %#x\n", what, (unsigned)status);
    exit(1);
  }
}

static int read_digits(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) stop("cannot open the digits");
  int count = 0, value;
  while (count < MOST && fscanf(file, "%d", &value) == 1) {
    for (int i = 0; i < GRID * GRID; i++) {
      digits[count][i / GRID][i % GRID] = (float)value / 16;
      if (fscanf(file, ",%d", &value) != 1) stop("a line of the digits has less than 65 numbers");
    }
    if (value < 0 || value >= CLASSES) stop("a digit is not between 0 and 9");
    labels[count++] = value;
  }
  fclose(file);
  if (count < 50) stop("too few digits");
  return count;
}

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
static void paint(int digit, float *image, int side) {
  for (int y = 0; y < side; y++) {
    int top, bottom, left, right;
    float down = place(y, side, &top, &bottom);
    for (int x = 0; x < side; x++) {
      float across = place(x, side, &left, &right);
      float upper = digits[digit][top][left] * (1 - across) + digits[digit][top][right] * across;
      float lower = digits[digit][bottom][left] * (1 - across) + digits[digit][bottom][right] * across;
      float value = ((upper * (1 - down) + lower * down) * 255 - 127) / 128;
      for (int c = 0; c < CHANNELS; c++) image[(y * side + x) * CHANNELS + c] = value;
    }
  }
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
  OH_AI_ContextSetThreadNum(context, 2);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  return context;
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

static int best_class(const float *scores) {
  int best = 0;
  for (int c = 1; c < CLASSES; c++)
    if (scores[c] > scores[best]) best = c;
  return best;
}

/* The share of digits[0..count) that `model` reads right, as many at once as it takes; what does not fill a batch is left out. */
static double accuracy(OH_AI_ModelHandle model, const int *chosen, int count) {
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs;
  int batch, side, right = 0, seen = 0;
  OH_AI_TensorHandle x = image_input(inputs, &batch, &side);
  for (int first = 0; first + batch <= count; first += batch) {
    float *image = OH_AI_TensorGetMutableData(x);
    for (int i = 0; i < batch; i++) paint(chosen[first + i], image + i * side * side * CHANNELS, side);
    check(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), "predicting");
    if (OH_AI_TensorGetElementNum(outputs.handle_list[0]) != batch * CLASSES) stop("the model's output is not 10 numbers per digit");
    const float *scores = OH_AI_TensorGetData(outputs.handle_list[0]);
    for (int i = 0; i < batch; i++, seen++) right += best_class(scores + i * CLASSES) == labels[chosen[first + i]];
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
  int order[MOST], count = read_digits(argv[2]), train = count - count / 5;
  for (int i = 0; i < count; i++) order[i] = i;
  shuffle(order, count);
  const int *test = order + train;

  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  check(OH_AI_TrainModelBuildFromFile(model, argv[1], OH_AI_MODELTYPE_MINDIR, cpu(), NULL), "building the training model");
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model);
  int batch, side;
  float *x = OH_AI_TensorGetMutableData(image_input(inputs, &batch, &side));
  OH_AI_TensorHandle label = OH_AI_ModelGetInputByTensorName(model, "label");
  if (!label || OH_AI_TensorGetDataType(label) != OH_AI_DATATYPE_NUMBERTYPE_INT32 || OH_AI_TensorGetElementNum(label) != batch)
    stop("the model has no input \"label\" for a class per image");
  int *y = OH_AI_TensorGetMutableData(label);
  printf("%d digits of %d x %d pixels to learn from, %d for the test, %d at a time\n", train, side, side, count - train, batch);
  printf("before:   test accuracy %.2f %%\n", 100 * accuracy(model, test, count - train));

  clock_t begin = clock();
  for (int epoch = 1; epoch <= epochs; epoch++) {
    double loss = 0;
    int steps = 0;
    shuffle(order, train);
    check(OH_AI_ModelSetTrainMode(model, true), "switching to training");
    for (int first = 0; first + batch <= train; first += batch, steps++) {
      for (int i = 0; i < batch; i++) {
        paint(order[first + i], x + i * side * side * CHANNELS, side);
        y[i] = labels[order[first + i]];
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
  take_single_images(exported, side);
  double final = accuracy(exported, test, count - train);
  printf("%s: test accuracy %.2f %%\n", output, 100 * final);
  OH_AI_ModelDestroy(&exported);
  return final >= 0.9 ? 0 : 2;
}
