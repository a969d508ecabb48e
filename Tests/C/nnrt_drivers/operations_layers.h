/* Part of test_operations.c: normalisation, products, recurrent layers, detection. */

static void softmax_of(double *y, const double *x, int n, int step, bool logarithm) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += exp(x[i * step]);
  for (int i = 0; i < n; i++) y[i * step] = logarithm ? x[i * step] - log(sum) : exp(x[i * step]) / sum;
}

static void normalisations(void) {
  double x[24], y[24];
  for (int i = 0; i < 24; i++) x[i] = pixel(i) + 0.125 * (i % 4);

  for (int axis = 0; axis < 2; axis++) { /* [4, 6] along the last axis, and along the first */
    for (int k = 0; k < (axis ? 6 : 4); k++) softmax_of(y + (axis ? k : k * 6), x + (axis ? k : k * 6), axis ? 4 : 6, axis ? 6 : 1, false);
    start(OH_NN_OPS_SOFTMAX);
    if (axis) given(OH_NN_SOFTMAX_AXIS, L, V(0));
    input(F, D(4, 6), x, 24);
    output(F, D(4, 6), y, 24);
    finish();
    for (int k = 0; k < (axis ? 6 : 4); k++) softmax_of(y + (axis ? k : k * 6), x + (axis ? k : k * 6), axis ? 4 : 6, axis ? 6 : 1, true);
    start(OH_NN_OPS_LOG_SOFTMAX);
    if (!axis) given(OH_NN_LOG_SOFTMAX_AXIS, L, V(-1));
    input(F, D(4, 6), x, 24);
    output(F, D(4, 6), y, 24);
    finish();
  }

  const double scale[] = {1, 2, 0.5}, shift[] = {0, -1, 3}, mean[] = {0.5, 0, -0.25}, variance[] = {1, 4, 0.25};
  for (int given_epsilon = 0; given_epsilon < 2; given_epsilon++) {
    for (int i = 0; i < 24; i++)
      y[i] = scale[i % 3] * (x[i] - mean[i % 3]) / sqrt(variance[i % 3] + (given_epsilon ? 0.5 : 1e-4)) + shift[i % 3];
    start(OH_NN_OPS_BATCH_NORM);
    if (given_epsilon) given(OH_NN_BATCH_NORM_EPSILON, F, V(0.5));
    input(F, D(1, 2, 4, 3), x, 24);
    constant(F, D(3), scale, 3);
    constant(F, D(3), shift, 3);
    constant(F, D(3), mean, 3);
    constant(F, D(3), variance, 3);
    output(F, D(1, 2, 4, 3), y, 24);
    finish();
  }

  for (int i = 0; i < 24; i++) y[i] = x[i] * scale[i % 3] + shift[i % 3];
  start(OH_NN_OPS_SCALE);
  given(OH_NN_SCALE_AXIS, L, V(-1));
  input(F, D(2, 4, 3), x, 24);
  constant(F, D(3), scale, 3);
  constant(F, D(3), shift, 3);
  output(F, D(2, 4, 3), y, 24);
  finish();
  for (int i = 0; i < 24; i++) y[i] = relu(x[i] * scale[i / 4 % 3] + shift[i / 4 % 3]);
  start(OH_NN_OPS_SCALE);
  given(OH_NN_SCALE_AXIS, L, V(1));
  given(OH_NN_SCALE_ACTIVATIONTYPE, OH_NN_INT8, V(1));
  input(F, D(2, 3, 4), x, 24);
  constant(F, D(3), scale, 3);
  constant(F, D(3), shift, 3);
  output(F, D(2, 3, 4), y, 24);
  finish();
  for (int i = 0; i < 24; i++) y[i] = x[i] + shift[i % 3];
  start(OH_NN_OPS_BIAS_ADD);
  input(F, D(2, 4, 3), x, 24);
  constant(F, D(3), shift, 3);
  output(F, D(2, 4, 3), y, 24);
  finish();

  for (int axis = 1; axis < 3; axis++) { /* [2, 3, 4] over its last two dimensions, and over its last */
    const int n = axis == 1 ? 12 : 4;
    double gamma[12], beta[12];
    for (int i = 0; i < n; i++) gamma[i] = 1 + 0.25 * i, beta[i] = 0.5 * i - 1;
    for (int r = 0; r < 24; r += n) {
      double m = 0, v = 0;
      for (int i = 0; i < n; i++) m += x[r + i] / n;
      for (int i = 0; i < n; i++) v += (x[r + i] - m) * (x[r + i] - m) / n;
      for (int i = 0; i < n; i++) y[r + i] = (x[r + i] - m) / sqrt(v + (axis == 1 ? 1e-7 : 0.25)) * gamma[i] + beta[i];
    }
    start(OH_NN_OPS_LAYER_NORM);
    if (axis == 2) given(OH_NN_LAYER_NORM_BEGIN_NORM_AXIS, L, V(2));
    if (axis == 2) given(OH_NN_LAYER_NORM_EPSILON, F, V(0.25));
    input(F, D(2, 3, 4), x, 24);
    if (axis == 1) constant(F, D(3, 4), gamma, 12); else constant(F, D(4), gamma, 4);
    if (axis == 1) constant(F, D(3, 4), beta, 12); else constant(F, D(4), beta, 4);
    output(F, D(2, 3, 4), y, 24);
    the_case.tolerance = 1e-4;
    finish();
  }

  for (int c = 0; c < 3; c++) { /* [2, 2, 2, 3] */
    for (int n = 0; n < 2; n++) {
      double m = 0, v = 0;
      for (int i = 0; i < 4; i++) m += x[n * 12 + i * 3 + c] / 4;
      for (int i = 0; i < 4; i++) v += square(x[n * 12 + i * 3 + c] - m) / 4;
      for (int i = 0; i < 4; i++) y[n * 12 + i * 3 + c] = (x[n * 12 + i * 3 + c] - m) / sqrt(v + 0.125) * scale[c] + shift[c];
    }
  }
  start(OH_NN_OPS_INSTANCE_NORM);
  given(OH_NN_INSTANCE_NORM_EPSILON, F, V(0.125));
  input(F, D(2, 2, 2, 3), x, 24);
  constant(F, D(3), scale, 3);
  constant(F, D(3), shift, 3);
  output(F, D(2, 2, 2, 3), y, 24);
  the_case.tolerance = 1e-4;
  finish();

  for (int r = 0; r < 4; r++) {
    double sum = 0;
    for (int i = 0; i < 6; i++) sum += square(x[r * 6 + i]);
    for (int i = 0; i < 6; i++) y[r * 6 + i] = x[r * 6 + i] / sqrt(fmax(sum, 1e-6));
  }
  start(OH_NN_OPS_L2_NORMALIZE);
  given(OH_NN_L2_NORMALIZE_AXIS, L, V(1));
  input(F, D(4, 6), x, 24);
  output(F, D(4, 6), y, 24);
  finish();

  for (int i = 0; i < 24; i++) {
    double sum = 0;
    for (int k = i % 6 - 1; k <= i % 6 + 1; k++) if (k >= 0 && k < 6) sum += square(x[i / 6 * 6 + k]);
    y[i] = x[i] * pow(2 + 0.5 * sum, -0.75);
  }
  start(OH_NN_OPS_LRN);
  given(OH_NN_LRN_DEPTH_RADIUS, L, V(1));
  given(OH_NN_LRN_BIAS, F, V(2));
  given(OH_NN_LRN_ALPHA, F, V(0.5));
  given(OH_NN_LRN_BETA, F, V(0.75));
  input(F, D(1, 2, 2, 6), x, 24);
  output(F, D(1, 2, 2, 6), y, 24);
  finish();
}

static void products(void) {
  double a[30], b[35], y[42];
  for (int i = 0; i < 30; i++) a[i] = pixel(i);
  for (int i = 0; i < 35; i++) b[i] = weight(i);
  /* [6, 5] by [5, 7]; either may be given transposed, and the second be a constant or not. */
  for (int form = 0; form < 8; form++) {
    const bool ta = form & 1, tb = form & 2, is_constant = form & 4;
    for (int i = 0; i < 6; i++)
      for (int j = 0; j < 7; j++) {
        double sum = 0;
        for (int k = 0; k < 5; k++) sum += (ta ? a[k * 6 + i] : a[i * 5 + k]) * (tb ? b[j * 5 + k] : b[k * 7 + j]);
        y[i * 7 + j] = is_constant ? relu(sum) : sum;
      }
    start(OH_NN_OPS_MATMUL);
    if (ta) given(OH_NN_MATMUL_TRANSPOSE_A, B, V(1));
    if (tb) given(OH_NN_MATMUL_TRANSPOSE_B, B, V(1));
    if (is_constant) given(OH_NN_MATMUL_ACTIVATION_TYPE, OH_NN_INT8, V(1));
    if (ta) input(F, D(5, 6), a, 30); else input(F, D(6, 5), a, 30);
    if (is_constant) {
      if (tb) constant(F, D(7, 5), b, 35); else constant(F, D(5, 7), b, 35);
    } else {
      if (tb) input(F, D(7, 5), b, 35); else input(F, D(5, 7), b, 35);
    }
    output(F, D(6, 7), y, 42);
    finish();
  }
  const double bias[] = {1, 2, 3, 4, 5, 6, 7};
  for (int form = 0; form < 4; form++) {
    const bool has_bias = form & 1, has_axis = form & 2;
    for (int i = 0; i < 6; i++)
      for (int j = 0; j < 7; j++) {
        double sum = has_bias ? bias[j] : 0;
        for (int k = 0; k < 5; k++) sum += a[i * 5 + k] * b[j * 5 + k];
        y[i * 7 + j] = has_axis ? relu6(sum) : sum;
      }
    start(OH_NN_OPS_FULL_CONNECTION);
    if (has_bias) given(OH_NN_FULL_CONNECTION_HAS_BIAS, B, V(1));
    if (has_axis) given(OH_NN_FULL_CONNECTION_AXIS, L, V(1));
    if (has_axis) given(OH_NN_FULL_CONNECTION_ACTIVATIONTYPE, OH_NN_INT8, V(2));
    input(F, D(6, 5), a, 30);
    constant(F, D(7, 5), b, 35);
    if (has_bias) constant(F, D(7), bias, 7);
    output(F, D(6, 7), y, 42);
    finish();
  }
}

/* 3 steps of a batch of 2, 3 inputs, a state of 2; gates in the order input, output, forget, cell. */
static void lstm(bool both, bool four_dimensions) {
  enum { T = 3, N = 2, X = 3, H = 2 };
  const int directions = both ? 2 : 1;
  double x[T * N * X], w[2 * 4 * H * X], r[2 * 4 * H * H], bias[2 * 8 * H], h[2 * N * H], c[2 * N * H], y[T * N * 2 * H];
  double h0[2 * N * H], c0[2 * N * H];
  for (int i = 0; i < T * N * X; i++) x[i] = pixel(i);
  for (int i = 0; i < 2 * 4 * H * X; i++) w[i] = weight(i + 1);
  for (int i = 0; i < 2 * 4 * H * H; i++) r[i] = weight(i + 3);
  for (int i = 0; i < 2 * 8 * H; i++) bias[i] = weight(i + 5) * 0.5;
  for (int i = 0; i < 2 * N * H; i++) h0[i] = h[i] = weight(i), c0[i] = c[i] = weight(i + 2);
  for (int d = 0; d < directions; d++)
    for (int step = 0; step < T; step++) {
      const int t = d ? T - 1 - step : step;
      for (int n = 0; n < N; n++) {
        double gates[4 * H];
        for (int g = 0; g < 4 * H; g++) {
          gates[g] = bias[d * 8 * H + g] + bias[d * 8 * H + 4 * H + g];
          for (int k = 0; k < X; k++) gates[g] += w[(d * 4 * H + g) * X + k] * x[(t * N + n) * X + k];
          for (int k = 0; k < H; k++) gates[g] += r[(d * 4 * H + g) * H + k] * h[(d * N + n) * H + k];
        }
        for (int k = 0; k < H; k++) {
          double *cell = &c[(d * N + n) * H + k];
          *cell = sigmoid(gates[2 * H + k]) * *cell + sigmoid(gates[k]) * tanh(gates[3 * H + k]);
        }
        for (int k = 0; k < H; k++) {
          h[(d * N + n) * H + k] = sigmoid(gates[H + k]) * tanh(c[(d * N + n) * H + k]);
          const int at = four_dimensions ? ((t * directions + d) * N + n) * H + k : ((t * N + n) * directions + d) * H + k;
          y[at] = h[(d * N + n) * H + k];
        }
      }
    }
  start(OH_NN_OPS_LSTM);
  if (both) given(OH_NN_LSTM_BIDIRECTIONAL, B, V(1));
  given(OH_NN_LSTM_HAS_BIAS, B, V(1));
  given(OH_NN_LSTM_INPUT_SIZE, L, V(X));
  given(OH_NN_LSTM_HIDDEN_SIZE, L, V(H));
  given(OH_NN_LSTM_NUM_LAYERS, L, V(1));
  given(OH_NN_LSTM_NUM_DIRECTIONS, L, V(directions));
  const uint32_t n = (uint32_t)directions;
  input(F, D(T, N, X), x, T * N * X);
  constant(F, D(directions, 4 * H, X), w, n * 4 * H * X);
  constant(F, D(directions, 4 * H, H), r, n * 4 * H * H);
  constant(F, D(directions, 8 * H), bias, n * 8 * H);
  input(F, D(directions, N, H), h0, n * N * H);
  input(F, D(directions, N, H), c0, n * N * H);
  if (four_dimensions) output(F, D(T, directions, N, H), y, T * N * n * H);
  else output(F, D(T, N, directions * H), y, T * N * n * H);
  output(F, D(directions, N, H), h, n * N * H);
  output(F, D(directions, N, H), c, n * N * H);
  the_case.tolerance = 1e-4;
  finish();
}

/* Three boxes, of which the second overlaps the first; two classes and the background. */
static void detection(bool regular) {
  start(OH_NN_OPS_DETECTION_POST_PROCESS);
  given(OH_NN_DETECTION_POST_PROCESS_SCALE, F, V(5, 5, 10, 10)); /* height, width, x, y */
  given(OH_NN_DETECTION_POST_PROCESS_NMS_IOU_THRESHOLD, F, V(0.5));
  given(OH_NN_DETECTION_POST_PROCESS_NMS_SCORE_THRESHOLD, F, V(0.25));
  given(OH_NN_DETECTION_POST_PROCESS_MAX_DETECTIONS, L, V(3));
  given(OH_NN_DETECTION_POST_PROCESS_DETECTIONS_PER_CLASS, L, V(3));
  given(OH_NN_DETECTION_POST_PROCESS_MAX_CLASSES_PER_DETECTION, L, V(1));
  given(OH_NN_DETECTION_POST_PROCESS_NUM_CLASSES, L, V(2));
  if (regular) given(OH_NN_DETECTION_POST_PROCESS_USE_REGULAR_NMS, B, V(1));
  input(F, D(1, 3, 4), V(0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0));
  input(F, D(1, 3, 3), V(0, 0.9, 0.1, 0, 0.8, 0.1, 0, 0.1, 0.7));
  constant(F, D(3, 4), V(0.5, 0.5, 1, 1, 0.5, 0.5, 1, 0.9, 0.5, 0.5, 1, 1));
  output(F, D(1, 3, 4), V(0, 0, 1, 1, 1, 0, 2, 1, 0, 0, 0, 0));
  output(F, D(1, 3), V(0, 1, 0));
  output(F, D(1, 3), V(0.9, 0.7, 0));
  output(F, D(1), V(2));
  only_single();
  finish();
}

static void layers(void) {
  normalisations();
  products();
  lstm(false, false);
  lstm(true, false);
  lstm(false, true);
  lstm(true, true);
  detection(false);
  detection(true);
}
