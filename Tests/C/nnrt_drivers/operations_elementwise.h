/* Part of test_operations.c: functions of one value and of two. */

static double relu(double x) { return x > 0 ? x : 0; }
static double relu6(double x) { return fmin(relu(x), 6); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double hswish(double x) { return x * relu6(x + 3) / 6; }
static double hsigmoid(double x) { return relu6(x + 3) / 6; }
static double swish(double x) { return x * sigmoid(x); }
static double gelu(double x) { return x * 0.5 * (1 + erf(x / sqrt(2))); }
static double square(double x) { return x * x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double negate(double x) { return -x; }
static double reciprocal(double x) { return 1 / x; }

static void unary(OH_NN_OperationType operation, double (*f)(double), bool positive) {
  /* Three sizes: one of them odd and longer than any vector. */
  static const int32_t sizes[] = {1, 7, 131};
  for (int s = 0; s < 3; s++) {
    double x[131], y[131];
    for (int i = 0; i < sizes[s]; i++) {
      x[i] = (float)(positive ? 0.25 + 0.125 * i : -6 + 0.25 * (i % 49) + 0.0625 * (i % 3));
      /* Halves, for what rounds. */
      if (!positive && i % 5 == 0) x[i] = i % 10 - 4.5;
      y[i] = f(x[i]);
    }
    start(operation);
    input(F, D(sizes[s]), x, (uint32_t)sizes[s]);
    output(F, D(sizes[s]), y, (uint32_t)sizes[s]);
    if (operation == OH_NN_OPS_RECIPROCAL) only_single();
    finish();
  }
}

static double add(double a, double b) { return a + b; }
static double subtract(double a, double b) { return a - b; }
static double multiply(double a, double b) { return a * b; }
static double divide(double a, double b) { return a / b; }
static double squared_difference(double a, double b) { return (a - b) * (a - b); }
static double less(double a, double b) { return a < b; }
static double less_equal(double a, double b) { return a <= b; }
static double greater(double a, double b) { return a > b; }
static double greater_equal(double a, double b) { return a >= b; }
static double equal(double a, double b) { return a == b; }
static double not_equal(double a, double b) { return a != b; }
static double and(double a, double b) { return a != 0 && b != 0; }
static double or(double a, double b) { return a != 0 || b != 0; }

/* a [2, 1, 5] with b [3, 1] gives [2, 3, 5]. */
static void binary(OH_NN_OperationType operation, double (*f)(double, double), OH_NN_DataType from, OH_NN_DataType to) {
  double a[10], b[3], y[30];
  for (int i = 0; i < 10; i++) a[i] = from == B ? i % 3 == 0 : i - 4;
  for (int i = 0; i < 3; i++) b[i] = from == B ? i == 1 : 2 * i - 1;
  for (int n = 0; n < 30; n++) y[n] = f(a[n / 15 * 5 + n % 5], b[n / 5 % 3]);
  start(operation);
  input(from, D(2, 1, 5), a, 10);
  input(from, D(3, 1), b, 3);
  output(to, D(2, 3, 5), y, 30);
  finish();
  /* The second as a constant of one element. */
  for (int n = 0; n < 10; n++) y[n] = f(a[n], from == B ? 1 : 3);
  start(operation);
  input(from, D(2, 1, 5), a, 10);
  constant(from, D(1), V(from == B ? 1 : 3));
  output(to, D(2, 1, 5), y, 10);
  finish();
}

static void activated(OH_NN_OperationType operation, OH_NN_TensorType parameter, double (*f)(double, double)) {
  const double a[] = {-9, -1, 0.5, 2, 9}, b[] = {2, 0.5, 4, 1, 1};
  double y[5];
  for (int code = 0; code < 3; code++) {
    for (int i = 0; i < 5; i++) y[i] = code == 0 ? f(a[i], b[i]) : code == 1 ? relu(f(a[i], b[i])) : relu6(f(a[i], b[i]));
    start(operation);
    given(parameter, OH_NN_INT8, V(code));
    input(F, D(5), a, 5);
    input(F, D(5), b, 5);
    output(F, D(5), y, 5);
    finish();
  }
}

static void elementwise(void) {
  unary(OH_NN_OPS_RELU, relu, false);
  unary(OH_NN_OPS_RELU6, relu6, false);
  unary(OH_NN_OPS_SIGMOID, sigmoid, false);
  unary(OH_NN_OPS_TANH, tanh, false);
  unary(OH_NN_OPS_HSWISH, hswish, false);
  unary(OH_NN_OPS_HARD_SIGMOID, hsigmoid, false);
  unary(OH_NN_OPS_SWISH, swish, false);
  unary(OH_NN_OPS_GELU, gelu, false);
  unary(OH_NN_OPS_ABS, fabs, false);
  unary(OH_NN_OPS_ERF, erf, false);
  unary(OH_NN_OPS_EXP, exp, false);
  unary(OH_NN_OPS_SQUARE, square, false);
  unary(OH_NN_OPS_SQRT, sqrt, true);
  unary(OH_NN_OPS_RSQRT, rsqrt, true);
  unary(OH_NN_OPS_LOG, log, true);
  unary(OH_NN_OPS_COS, cos, false);
  unary(OH_NN_OPS_SIN, sin, false);
  unary(OH_NN_OPS_NEG, negate, false);
  unary(OH_NN_OPS_RECIPROCAL, reciprocal, true);
  unary(OH_NN_OPS_CEIL, ceil, false);
  unary(OH_NN_OPS_FLOOR, floor, false);
  unary(OH_NN_OPS_ROUND, nearbyint, false);

  binary(OH_NN_OPS_ADD, add, F, F);
  binary(OH_NN_OPS_ADD, add, I, I);
  binary(OH_NN_OPS_SUB, subtract, F, F);
  binary(OH_NN_OPS_MUL, multiply, F, F);
  binary(OH_NN_OPS_DIV, divide, F, F);
  binary(OH_NN_OPS_MAXIMUM, fmax, F, F);
  binary(OH_NN_OPS_MINIMUM, fmin, F, F);
  binary(OH_NN_OPS_SQUARED_DIFFERENCE, squared_difference, F, F);
  binary(OH_NN_OPS_LESS, less, F, B);
  binary(OH_NN_OPS_LESS, less, I, B);
  binary(OH_NN_OPS_LESS_EQUAL, less_equal, F, B);
  binary(OH_NN_OPS_GREATER, greater, F, B);
  binary(OH_NN_OPS_GREATER_EQUAL, greater_equal, F, B);
  binary(OH_NN_OPS_EQUAL, equal, F, B);
  binary(OH_NN_OPS_NOT_EQUAL, not_equal, F, B);
  binary(OH_NN_OPS_LOGICAL_AND, and, B, B);
  binary(OH_NN_OPS_LOGICAL_OR, or, B, B);
  activated(OH_NN_OPS_ADD, OH_NN_ADD_ACTIVATIONTYPE, add);
  activated(OH_NN_OPS_SUB, OH_NN_SUB_ACTIVATIONTYPE, subtract);
  activated(OH_NN_OPS_MUL, OH_NN_MUL_ACTIVATION_TYPE, multiply);
  activated(OH_NN_OPS_DIV, OH_NN_DIV_ACTIVATIONTYPE, divide);

  for (int mode = 0; mode < 3; mode++) {
    start(OH_NN_OPS_ELTWISE);
    given(OH_NN_ELTWISE_MODE, OH_NN_INT8, V(mode));
    input(F, D(3), V(1, -2, 3));
    input(F, D(3), V(4, 5, -6));
    const double products[] = {4, -10, -18}, sums[] = {5, 3, -3}, maxima[] = {4, 5, 3};
    output(F, D(3), mode == 0 ? products : mode == 1 ? sums : maxima, 3);
    finish();
  }
  start(OH_NN_OPS_ELTWISE); /* the product, if nothing is said */
  input(F, D(2), V(2, 3));
  input(F, D(2), V(5, 7));
  output(F, D(2), V(10, 21));
  finish();

  start(OH_NN_OPS_MOD);
  input(F, D(4), V(7, -7, 5.5, 9));
  input(F, D(4), V(3, 3, 2, -4));
  output(F, D(4), V(1, -1, 1.5, 1));
  finish();
  start(OH_NN_OPS_LOGICAL_NOT);
  input(B, D(3), V(1, 0, 1));
  output(B, D(3), V(0, 1, 0));
  finish();

  start(OH_NN_OPS_POW);
  input(F, D(4), V(1, 2, 3, 4));
  input(F, D(1), V(2));
  output(F, D(4), V(1, 4, 9, 16));
  finish();
  start(OH_NN_OPS_POW);
  given(OH_NN_POW_SCALE, F, V(2));
  given(OH_NN_POW_SHIFT, F, V(1));
  input(F, D(3), V(1, 2, 3));
  constant(F, D(1), V(2));
  output(F, D(3), V(9, 25, 49));
  finish();

  start(OH_NN_OPS_EXP);
  given(OH_NN_EXP_BASE, F, V(2));
  given(OH_NN_EXP_SCALE, F, V(3));
  given(OH_NN_EXP_SHIFT, F, V(1));
  input(F, D(3), V(0, 1, -1));
  output(F, D(3), V(2, 16, 0.25));
  finish();

  start(OH_NN_OPS_GELU);
  given(OH_NN_GELU_APPROXIMATE, B, V(1));
  input(F, D(3), V(-1, 0.5, 2));
  double g[3];
  for (int i = 0; i < 3; i++) {
    const double x = (double[]){-1, 0.5, 2}[i];
    g[i] = 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  }
  output(F, D(3), g, 3);
  finish();

  start(OH_NN_OPS_LEAKY_RELU);
  given(OH_NN_LEAKY_RELU_NEGATIVE_SLOPE, F, V(0.25));
  input(F, D(3), V(-4, 0, 3));
  output(F, D(3), V(-1, 0, 3));
  finish();
  start(OH_NN_OPS_LEAKY_RELU);
  input(F, D(3), V(-4, 0, 3));
  output(F, D(3), V(0, 0, 3));
  finish();
  start(OH_NN_OPS_PRELU);
  input(F, D(2, 3), V(-1, -2, -3, 4, 5, -6));
  constant(F, D(3), V(0.5, 1, 2));
  output(F, D(2, 3), V(-0.5, -2, -6, 4, 5, -12));
  finish();
  start(OH_NN_OPS_PRELU);
  input(F, D(2, 3), V(-1, -2, -3, 4, 5, -6));
  constant(F, D(1), V(0.5));
  output(F, D(2, 3), V(-0.5, -1, -1.5, 4, 5, -3));
  finish();
  start(OH_NN_OPS_CLIP);
  given(OH_NN_CLIP_MAX, F, V(2));
  given(OH_NN_CLIP_MIN, F, V(-1));
  input(F, D(4), V(-3, -0.5, 1, 5));
  output(F, D(4), V(-1, -0.5, 1, 2));
  finish();

  start(OH_NN_OPS_SELECT);
  input(B, D(4), V(1, 0, 0, 1));
  input(F, D(4), V(1, 2, 3, 4));
  input(F, D(4), V(5, 6, 7, 8));
  output(F, D(4), V(1, 6, 7, 4));
  finish();
  start(OH_NN_OPS_WHERE);
  input(B, D(3), V(0, 1, 0));
  input(F, D(3), V(1, 2, 3));
  input(F, D(3), V(4, 5, 6));
  output(F, D(3), V(4, 2, 6));
  finish();

  /* Types by the runtime's numbers and by the file format's. */
  const double numbers[] = {OH_NN_INT32, 34};
  for (int i = 0; i < 2; i++) {
    start(OH_NN_OPS_CAST);
    input(F, D(4), V(1.5, -2.75, 0, 100))  ;
    constant(I, D(1), &numbers[i], 1);
    output(I, D(4), V(1, -2, 0, 100));
    finish();
    const double sources[] = {OH_NN_FLOAT32, 43}, targets[] = {OH_NN_INT8, 32};
    start(OH_NN_OPS_QUANT_DTYPE_CAST);
    given(OH_NN_QUANT_DTYPE_CAST_SRC_T, L, &sources[i], 1);
    given(OH_NN_QUANT_DTYPE_CAST_DST_T, L, &targets[i], 1);
    input(F, D(4), V(0, 1, -1, 100));
    quantised(output(OH_NN_INT8, D(4), V(3, 5, 1, 127)), 0.5, 3);
    finish();
    start(OH_NN_OPS_QUANT_DTYPE_CAST);
    given(OH_NN_QUANT_DTYPE_CAST_SRC_T, L, &targets[i], 1);
    given(OH_NN_QUANT_DTYPE_CAST_DST_T, L, &sources[i], 1);
    quantised(input(OH_NN_INT8, D(3), V(3, -128, 127)), 0.5, 3);
    output(F, D(3), V(0, -65.5, 62));
    only_single();
    finish();
  }
  start(OH_NN_OPS_CAST);
  input(B, D(2), V(0, 1));
  constant(I, D0, V(OH_NN_FLOAT32));
  output(F, D(2), V(0, 1));
  only_single();
  finish();
}
