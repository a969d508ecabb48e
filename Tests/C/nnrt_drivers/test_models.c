/* What a driver on the engine's kernels does with whole models: test_models LIBRARY FOLDER. The folder is Tests/Models. */
#include "case.h"
#include "read_file.h"

#include <pthread.h>

#define F OH_NN_FLOAT32
#define I OH_NN_INT32
#define L OH_NN_INT64

static const NNRt_Config plain = {false, OH_NN_PERFORMANCE_NONE, OH_NN_PRIORITY_NONE, NULL, 0};

static NNRt_PreparedModel *prepare_case(CaseForm form, const NNRt_Config *config) {
  case_defaults();
  FlatCase *f = flatten(form);
  NNRt_PreparedModel *prepared = NULL;
  const OH_NN_ReturnCode code = the_driver->prepareModel(the_device, &f->model, config, &prepared);
  if (code != OH_NN_SUCCESS) fprintf(stderr, "%s\n", the_driver->lastError());
  CHECK(code == OH_NN_SUCCESS && prepared != NULL);
  release_flat(f);
  return prepared;
}

/* x [n] -> 2 x + 1, relu; as three nodes, of which the last comes first. */
static void begin_chain(int32_t n) {
  double x[64], y[64];
  for (int i = 0; i < n; i++) {
    x[i] = i - 3;
    y[i] = fmax(2 * x[i] + 1, 0);
  }
  begin(OH_NN_OPS_RELU);
  const uint32_t sum = case_tensor(F, D(n), NULL, 0);
  use(sum);
  output(F, D(n), y, (uint32_t)n);
  node(OH_NN_OPS_ADD);
  const uint32_t product = case_tensor(F, D(n), NULL, 0);
  use(product);
  constant(F, D(1), V(1));
  case_node()->outputs[case_node()->output_count++] = sum;
  node(OH_NN_OPS_MUL);
  input(F, D(n), x, (uint32_t)n);
  constant(F, D(1), V(2));
  case_node()->outputs[case_node()->output_count++] = product;
}

static NNRt_IOTensor tensor(OH_NN_DataType type, int32_t n, void *data, size_t size) {
  NNRt_IOTensor t = {"x", type, OH_NN_FORMAT_NHWC, 1, {n}, data, size, -1, 0};
  return t;
}

static void order_and_shapes(void) {
  begin_chain(7);
  finish();

  /* Other sizes from run to run, more of them than sessions are kept for, in two orders. */
  begin_chain(7);
  NNRt_PreparedModel *prepared = prepare_case(CASE_OPEN, &plain);
  for (int round = 0; round < 60 && prepared != NULL; round++) {
    const int32_t n = round < 30 ? 1 + round % 6 : 40 - round % 7;
    float x[64], y[64];
    for (int i = 0; i < n; i++) x[i] = (float)(round - i);
    NNRt_IOTensor in = tensor(F, n, x, n * sizeof *x), out = tensor(F, -1, y, sizeof y);
    const OH_NN_ReturnCode code = the_driver->run(prepared, &in, 1, &out, 1);
    bool ok = code == OH_NN_SUCCESS && out.dimensionCount == 1 && out.dimensions[0] == n;
    for (int i = 0; ok && i < n; i++) ok = y[i] == fmaxf(2 * x[i] + 1, 0);
    CHECK(ok);
  }
  uint32_t least = 0, most = 0;
  CHECK(the_driver->getInputDimensionRange(prepared, 0, 1, &least, &most) == OH_NN_SUCCESS && least == 1 && most > 1000);
  CHECK(the_driver->getInputDimensionRange(prepared, 1, 1, &least, &most) != OH_NN_SUCCESS);

  /* Too little room: the shape, and no success. */
  float x[64] = {0}, y[64];
  NNRt_IOTensor in = tensor(F, 9, x, 36), out = tensor(F, -1, y, 32);
  CHECK(the_driver->run(prepared, &in, 1, &out, 1) == OH_NN_MEMORY_ERROR && out.dimensions[0] == 9);
  /* Memory that is not aligned, input and output in the same place. */
  char odd[64];
  memcpy(odd + 1, (float[]){1, 2, 3}, 12);
  in = tensor(F, 3, odd + 1, 12);
  out = tensor(F, -1, odd + 1, 12);
  float result[3];
  CHECK(the_driver->run(prepared, &in, 1, &out, 1) == OH_NN_SUCCESS);
  memcpy(result, odd + 1, 12);
  CHECK(result[0] == 3 && result[1] == 5 && result[2] == 7);
  /* An input of another type, too short, or not there. */
  in = tensor(I, 3, x, 12);
  CHECK(the_driver->run(prepared, &in, 1, &out, 1) == OH_NN_INVALID_PARAMETER);
  in = tensor(F, 3, x, 8);
  CHECK(the_driver->run(prepared, &in, 1, &out, 1) == OH_NN_INVALID_PARAMETER);
  CHECK(the_driver->run(prepared, &in, 0, &out, 1) == OH_NN_INVALID_PARAMETER);
  in = tensor(F, 3, x, 12);
  CHECK(the_driver->run(prepared, &in, 1, &out, 1) == OH_NN_SUCCESS);

  /* Performance modes. */
  for (int mode = OH_NN_PERFORMANCE_NONE; mode <= OH_NN_PERFORMANCE_EXTREME; mode++) {
    NNRt_Config config = plain;
    config.performanceMode = (OH_NN_PerformanceMode)mode;
    CHECK(the_driver->reconfigure(prepared, &config) == OH_NN_SUCCESS);
    in = tensor(F, 2, (float[]){5, -5}, 8);
    out = tensor(F, -1, y, sizeof y);
    CHECK(the_driver->run(prepared, &in, 1, &out, 1) == OH_NN_SUCCESS && y[0] == 11 && y[1] == 0);
  }
  the_driver->releaseModel(prepared);
}

/* A result whose size only the run knows. */
static void sizes_of_the_run(void) {
  begin(OH_NN_OPS_RESHAPE);
  input(F, D(6), V(1, 2, 3, 4, 5, 6));
  input(I, D(2), V(3, 2));
  output(F, D(3, 2), V(1, 2, 3, 4, 5, 6));
  NNRt_PreparedModel *prepared = prepare_case(CASE_OPEN, &plain);
  float x[6] = {1, 2, 3, 4, 5, 6}, y[6];
  int32_t shape[2] = {2, -1};
  NNRt_IOTensor in[2] = {tensor(F, 6, x, sizeof x), tensor(I, 2, shape, sizeof shape)}, out = tensor(F, -1, y, sizeof y);
  CHECK(the_driver->run(prepared, in, 2, &out, 1) == OH_NN_SUCCESS);
  CHECK(out.dimensionCount == 2 && out.dimensions[0] == 2 && out.dimensions[1] == 3 && memcmp(x, y, sizeof x) == 0);
  out = tensor(F, -1, y, 20);
  CHECK(the_driver->run(prepared, in, 2, &out, 1) == OH_NN_MEMORY_ERROR && out.dimensionCount == 2);
  shape[0] = 4;
  out = tensor(F, -1, y, sizeof y);
  CHECK(the_driver->run(prepared, in, 2, &out, 1) != OH_NN_SUCCESS && the_driver->lastError()[0] != 0);
  shape[0] = 6;
  CHECK(the_driver->run(prepared, in, 2, &out, 1) == OH_NN_SUCCESS && out.dimensions[0] == 6);
  the_driver->releaseModel(prepared);
}

/* --- quantised ------------------------------------------------------------------------------------------------------- */

static double clamped(double q) { return fmin(fmax(q, -128), 127); }

/* A convolution of bytes with a scale for each channel, a sum, a pool and a softmax. */
static void quantised_layers(void) {
  enum { H = 4, W = 4, C = 3, O = 2 };
  double x[H * W * C], w[O * C], b[O], y[H * W * O];
  const double sx = 0.05, sw[O] = {0.02, 0.01}, sy = 0.1;
  const int zx = -3, zy = 5;
  for (int i = 0; i < H * W * C; i++) x[i] = i * 7 % 200 - 100;
  for (int i = 0; i < O * C; i++) w[i] = i * 37 % 160 - 80;
  for (int o = 0; o < O; o++) b[o] = 100 * o - 50;
  for (int p = 0; p < H * W; p++)
    for (int o = 0; o < O; o++) {
      double sum = b[o];
      for (int c = 0; c < C; c++) sum += (x[p * C + c] - zx) * w[o * C + c];
      y[p * O + o] = clamped(round(fmax(sum * sx * sw[o], 0) / sy) + zy);
    }
  begin(OH_NN_OPS_CONV2D);
  given(OH_NN_CONV2D_ACTIVATION_TYPE, OH_NN_INT8, V(1));
  quantised(input(OH_NN_INT8, D(1, H, W, C), x, H * W * C), sx, zx);
  const uint32_t weights = constant(OH_NN_INT8, D(O, 1, 1, C), w, O * C);
  for (int o = 0; o < O; o++) quantised(weights, sw[o], 0);
  const uint32_t bias = constant(I, D(O), b, O);
  for (int o = 0; o < O; o++) quantised(bias, sx * sw[o], 0);
  quantised(output(OH_NN_INT8, D(1, H, W, O), y, H * W * O), sy, zy);
  finish();

  begin(OH_NN_OPS_ADD);
  quantised(input(OH_NN_INT8, D(4), V(10, -20, 30, 127)), 0.5, 2);
  quantised(input(OH_NN_INT8, D(4), V(1, 2, 3, 127)), 0.25, 0);
  /* 4 + 0.25, -11 + 0.5, 14 + 0.75, 62.5 + 31.75 in steps of 0.5 from -1 */
  quantised(output(OH_NN_INT8, D(4), V(8, -22, 29, 127)), 0.5, -1);
  case_defaults();
  FlatCase *f = flatten(CASE_PLAIN);
  NNRt_PreparedModel *prepared = NULL;
  CHECK(the_driver->prepareModel(the_device, &f->model, &plain, &prepared) == OH_NN_SUCCESS);
  int8_t a[4] = {10, -20, 30, 127}, c[4] = {1, 2, 3, 127}, sum[4];
  NNRt_IOTensor in[2] = {tensor(OH_NN_INT8, 4, a, 4), tensor(OH_NN_INT8, 4, c, 4)}, out = tensor(OH_NN_INT8, 4, sum, 4);
  CHECK(the_driver->run(prepared, in, 2, &out, 1) == OH_NN_SUCCESS);
  for (int i = 0; i < 4; i++) {
    const double exact = clamped(((a[i] - 2) * 0.5 + c[i] * 0.25) / 0.5 - 1);
    CHECK(fabs(sum[i] - exact) <= 0.51);
  }
  the_driver->releaseModel(prepared);
  release_flat(f);

  /* Bytes without parameters are no numbers. */
  begin(OH_NN_OPS_ADD);
  input(OH_NN_INT8, D(2), V(1, 2));
  input(OH_NN_INT8, D(2), V(1, 2));
  output(OH_NN_INT8, D(2), V(2, 4));
  f = flatten(CASE_PLAIN);
  bool supported[1] = {true};
  const OH_NN_ReturnCode code = the_driver->getSupportedOperations(the_device, &f->model, supported);
  CHECK(code == OH_NN_SUCCESS);
  if (!supported[0]) CHECK(the_driver->prepareModel(the_device, &f->model, &plain, &prepared) != OH_NN_SUCCESS);
  release_flat(f);
}

/* --- half precision -------------------------------------------------------------------------------------------------- */

static void half_precision(void) {
  enum { K = 64, N = 48, M = 8 };
  static double x[M * K], w[K * N], v[N * N], y[M * N];
  for (int i = 0; i < M * K; i++) x[i] = (i * 7 % 13 - 6) * 0.25;
  for (int i = 0; i < K * N; i++) w[i] = (i * 5 % 11 - 5) * 0.0625;
  for (int i = 0; i < N * N; i++) v[i] = (i * 3 % 17 - 8) * 0.03125;
  begin(OH_NN_OPS_MATMUL);
  input(F, D(M, K), x, M * K);
  constant(F, D(K, N), w, K * N);
  const uint32_t h = inner(F, D(M, N));
  node(OH_NN_OPS_MATMUL);
  use(h);
  constant(F, D(N, N), v, N * N);
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N; j++) {
      double sum = 0;
      for (int k = 0; k < N; k++) {
        double inside = 0;
        for (int l = 0; l < K; l++) inside += x[i * K + l] * w[l * N + k];
        sum += inside * v[k * N + j];
      }
      y[i * N + j] = sum;
    }
  output(F, D(M, N), y, M * N);
  NNRt_Config config = plain;
  config.float16 = true;
  NNRt_PreparedModel *prepared = prepare_case(CASE_PLAIN, &config);
  the_case.tolerance = 0.05;
  check_passed += case_run(prepared, CASE_PLAIN);
  the_driver->releaseModel(prepared);
  finish();
}

/* --- refusals -------------------------------------------------------------------------------------------------------- */

/* The operation is refused; so is the model, in words. */
static void refuse(void) {
  case_defaults();
  FlatCase *f = flatten(CASE_PLAIN);
  bool supported[CASE_NODES] = {false};
  NNRt_PreparedModel *prepared = NULL;
  CHECK(the_driver->getSupportedOperations(the_device, &f->model, supported) == OH_NN_SUCCESS);
  CHECK(!supported[0]);
  CHECK(the_driver->prepareModel(the_device, &f->model, &plain, &prepared) != OH_NN_SUCCESS);
  CHECK(prepared == NULL && the_driver->lastError() != NULL && the_driver->lastError()[0] != 0);
  if (prepared != NULL) the_driver->releaseModel(prepared);
  release_flat(f);
}

static void refusals(void) {
  begin(OH_NN_OPS_ADD); /* shapes that do not fit */
  input(F, D(2), V(1, 2));
  input(F, D(3), V(1, 2, 3));
  output(F, D(3), V(0));
  refuse();
  begin(OH_NN_OPS_RELU); /* a type without such an operator */
  input(OH_NN_UINT16, D(2), V(1, 2));
  output(OH_NN_UINT16, D(2), V(1, 2));
  refuse();
  begin(OH_NN_OPS_SOFTMAX); /* an axis outside */
  given(OH_NN_SOFTMAX_AXIS, L, V(3));
  input(F, D(2, 2), V(1, 2, 3, 4));
  output(F, D(2, 2), V(0));
  refuse();
  begin(OH_NN_OPS_RELU); /* a result of another size */
  input(F, D(2), V(1, 2));
  output(F, D(3), V(0));
  refuse();
  begin(OH_NN_OPS_RELU); /* more dimensions than the engine has */
  input(F, D(1, 1, 1, 1, 1, 1, 1, 1, 2), V(1, 2));
  output(F, D(1, 1, 1, 1, 1, 1, 1, 1, 2), V(1, 2));
  refuse();
  begin(OH_NN_OPS_CAST); /* a type that there is not */
  input(F, D(2), V(1, 2));
  constant(I, D(1), V(29));
  output(I, D(2), V(1, 2));
  refuse();
  begin(OH_NN_OPS_CAST); /* a type that only the run knows */
  input(F, D(2), V(1, 2));
  input(I, D(1), V(OH_NN_INT32));
  output(I, D(2), V(1, 2));
  refuse();
  begin(OH_NN_OPS_CONV2D); /* weights of other channels */
  input(F, D(1, 4, 4, 3), V(0));
  constant(F, D(2, 3, 3, 4), V(0));
  constant(F, D(2), V(0));
  output(F, D(1, 2, 2, 2), V(0));
  refuse();
  begin(OH_NN_OPS_MAX_POOL); /* a window of no size */
  given(OH_NN_MAX_POOL_KERNEL_SIZE, L, V(0, 0));
  given(OH_NN_MAX_POOL_STRIDE, L, V(0, 0));
  input(F, D(1, 4, 4, 3), V(0));
  output(F, D(1, 4, 4, 3), V(0));
  refuse();
  begin(OH_NN_OPS_LSTM); /* two layers */
  given(OH_NN_LSTM_NUM_LAYERS, L, V(2));
  input(F, D(1, 1, 1), V(0));
  constant(F, D(2, 4, 1), V(0));
  constant(F, D(2, 4, 1), V(0));
  constant(F, D(2, 8), V(0));
  constant(F, D(2, 1, 1), V(0));
  constant(F, D(2, 1, 1), V(0));
  output(F, D(1, 1, 1), V(0));
  output(F, D(2, 1, 1), V(0));
  output(F, D(2, 1, 1), V(0));
  refuse();
  begin(OH_NN_OPS_RESIZE_BILINEAR);
  given(OH_NN_RESIZE_BILINEAR_PRESERVE_ASPECT_RATIO, OH_NN_BOOL, V(1));
  given(OH_NN_RESIZE_BILINEAR_NEW_HEIGHT, L, V(4));
  given(OH_NN_RESIZE_BILINEAR_NEW_WIDTH, L, V(4));
  input(F, D(1, 2, 2, 1), V(0));
  output(F, D(1, 4, 4, 1), V(0));
  refuse();
  begin((OH_NN_OperationType)109);
  input(F, D(2), V(1, 2));
  output(F, D(2), V(1, 2));
  refuse();

  /* Two nodes that need each other: each by itself could run. */
  begin(OH_NN_OPS_ADD);
  const uint32_t a = case_tensor(F, D(2), NULL, 0), b = case_tensor(F, D(2), NULL, 0);
  input(F, D(2), V(1, 2));
  use(b);
  case_node()->outputs[case_node()->output_count++] = a;
  node(OH_NN_OPS_RELU);
  use(a);
  case_node()->outputs[case_node()->output_count++] = b;
  the_case.outputs[the_case.output_count++] = b;
  FlatCase *f = flatten(CASE_PLAIN);
  NNRt_PreparedModel *prepared = NULL;
  CHECK(the_driver->prepareModel(the_device, &f->model, &plain, &prepared) != OH_NN_SUCCESS);
  release_flat(f);

  /* Every number that a parameter or a dimension can have leads to an answer. */
  uint64_t random = 88172645463325252u;
  for (int round = 0; round < 4000; round++) {
    begin((OH_NN_OperationType)(round % 108 + 1));
    const int inputs = 1 + round / 108 % 6;
    for (int i = 0; i < inputs; i++) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      const int32_t dims[4] = {1 + random % 3, 1 + (random >> 8) % 4, 1 + (random >> 16) % 3, 1 + (random >> 24) % 4};
      const uint32_t rank = (random >> 32) % 5;
      const OH_NN_DataType type = (random >> 40) % 3 ? F : (OH_NN_DataType)(1 + (random >> 48) % 12);
      if ((random >> 36) % 3) input(type, dims, rank, V(1)); else constant(type, dims, rank, V((random >> 52) % 5 - 1.0));
    }
    output(F, D(2, 2), V(0));
    case_defaults();
    CaseNode *n = case_node();
    for (uint32_t i = 0; i < n->attribute_count; i++) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      if (random % 3 == 0) memcpy(n->storage[i], (uint64_t[]){random % 5 == 0 ? random : random % 7 - 2, random % 3}, 16);
    }
    f = flatten(CASE_PLAIN);
    bool supported[1] = {false};
    CHECK(the_driver->getSupportedOperations(the_device, &f->model, supported) == OH_NN_SUCCESS);
    NNRt_PreparedModel *p = NULL;
    const OH_NN_ReturnCode code = the_driver->prepareModel(the_device, &f->model, &plain, &p);
    if (supported[0] && code != OH_NN_SUCCESS && the_case.input_count > 0)
      fprintf(stderr, "operation %d is supported, but: %s\n", round % 108 + 1, the_driver->lastError());
    if (code == OH_NN_SUCCESS) the_driver->releaseModel(p);
    release_flat(f);
  }
}

/* --- caches and files ------------------------------------------------------------------------------------------------ */

static void damaged_caches(void) {
  begin_chain(5);
  NNRt_PreparedModel *prepared = prepare_case(CASE_PLAIN, &plain), *again = NULL;
  const NNRt_Blob *blobs = NULL;
  uint32_t count = 0;
  CHECK(the_driver->exportCache(prepared, &blobs, &count) == OH_NN_SUCCESS && count == 1);
  uint8_t *copy = malloc(blobs[0].size);
  uint64_t random = 88172645463325252u;
  for (int round = 0; round < 2000; round++) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    memcpy(copy, blobs[0].data, blobs[0].size);
    NNRt_Blob damaged = {copy, blobs[0].size};
    if (round % 2 == 0) {
      /* (The header's last bytes are for things to come.) */
      const size_t at = random % (blobs[0].size - 32);
      copy[at < 32 ? at : at + 32] ^= (uint8_t)(1u << (random >> 60 & 7));
    } else {
      damaged.size = random % blobs[0].size;
    }
    CHECK(the_driver->prepareModelFromCache(the_device, &damaged, 1, &plain, &again) != OH_NN_SUCCESS);
  }
  CHECK(the_driver->prepareModelFromCache(the_device, blobs, 1, &plain, &again) == OH_NN_SUCCESS);
  free(copy);
  the_driver->releaseCache(prepared, blobs, count);
  /* The cache is not the model's memory. */
  the_driver->releaseModel(prepared);
  check_passed += case_run(again, CASE_PLAIN);
  the_driver->releaseModel(again);
}

static void offline_model(const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/single_op_tflite/relu.ms", folder);
  size_t size = 0;
  void *bytes = read_file(path, &size);
  CHECK(bytes != NULL);
  const NNRt_Blob blob = {bytes, size};
  NNRt_PreparedModel *prepared = NULL;
  CHECK(the_driver->prepareOfflineModel(the_device, &blob, 1, &plain, &prepared) == OH_NN_SUCCESS);
  free(bytes);
  const NNRt_TensorInfo *inputs = NULL, *outputs = NULL;
  uint32_t in_count = 0, out_count = 0;
  CHECK(the_driver->describeModel(prepared, &inputs, &in_count, &outputs, &out_count) == OH_NN_SUCCESS);
  CHECK(in_count == 1 && out_count == 1 && inputs[0].dataType == F && inputs[0].name[0] != 0);
  size_t n = 1;
  for (uint32_t i = 0; i < inputs[0].dimensionCount; i++) n *= (size_t)inputs[0].dimensions[i];
  float *x = calloc(n, sizeof *x), *y = calloc(n, sizeof *y);
  for (size_t i = 0; i < n; i++) x[i] = (float)i - 5;
  NNRt_IOTensor in = {"x", F, OH_NN_FORMAT_NHWC, inputs[0].dimensionCount, {0}, x, n * sizeof *x, -1, 0};
  memcpy(in.dimensions, inputs[0].dimensions, sizeof in.dimensions);
  NNRt_IOTensor out = in;
  out.data = y;
  CHECK(the_driver->run(prepared, &in, 1, &out, 1) == OH_NN_SUCCESS);
  bool ok = true;
  for (size_t i = 0; i < n; i++) ok &= y[i] == fmaxf(x[i], 0);
  CHECK(ok);
  free(x);
  free(y);
  the_driver->releaseModel(prepared);
  const NNRt_Blob garbage = {"no model at all, but long enough to look at", 44};
  CHECK(the_driver->prepareOfflineModel(the_device, &garbage, 1, &plain, &prepared) != OH_NN_SUCCESS);
}

/* --- threads --------------------------------------------------------------------------------------------------------- */

static NNRt_PreparedModel *thread_models[4];

static void *run_often(void *argument) {
  NNRt_PreparedModel *prepared = argument;
  size_t right = 0;
  for (int round = 0; round < 200; round++) {
    float x[7], y[7];
    for (int i = 0; i < 7; i++) x[i] = (float)(round % 13 - i);
    NNRt_IOTensor in = tensor(F, 7, x, sizeof x), out = tensor(F, 7, y, sizeof y);
    bool ok = the_driver->run(prepared, &in, 1, &out, 1) == OH_NN_SUCCESS;
    for (int i = 0; i < 7; i++) ok &= y[i] == fmaxf(2 * x[i] + 1, 0);
    right += ok;
  }
  return (void *)right;
}

static void threads(void) {
  pthread_t list[4];
  for (int i = 0; i < 4; i++) {
    begin_chain(7);
    thread_models[i] = prepare_case(CASE_PLAIN, &plain);
    pthread_create(&list[i], NULL, run_often, thread_models[i]);
  }
  for (int i = 0; i < 4; i++) {
    void *right = NULL;
    pthread_join(list[i], &right);
    CHECK((size_t)right == 200);
    the_driver->releaseModel(thread_models[i]);
  }
}

static void device(void) {
  CHECK(the_driver->getDeviceCount() >= 1);
  NNRt_DeviceInfo info = {0};
  CHECK(the_driver->getDeviceInfo(0, &info) == OH_NN_SUCCESS);
  CHECK(strcmp(info.name, "CPU") == 0 && strcmp(info.vendor, "MSLite") == 0 && info.type == OH_NN_CPU);
  CHECK(info.status == NNRT_DEVICE_AVAILABLE && info.versionMajor == 2 && info.versionMinor == 1);
  CHECK(info.float16 && info.performanceMode && !info.priority && info.dynamicInput && info.modelCache);
  CHECK(the_driver->getDeviceInfo(the_driver->getDeviceCount(), &info) != OH_NN_SUCCESS);
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  the_driver = load_driver(arguments[1]);
  device();
  order_and_shapes();
  sizes_of_the_run();
  quantised_layers();
  half_precision();
  refusals();
  damaged_caches();
  offline_model(arguments[2]);
  threads();
  return check_result();
}
