/* Part of test_operations.c: convolutions, pooling, interpolation. */

typedef struct {
  int h, w, c, o, kh, kw, sh, sw, dh, dw, top, bottom, left, right, groups, act;
} Window;

static double pixel(int i) { return (i * 7 % 13 - 6) * 0.25; }
static double weight(int i) { return (i * 5 % 11 - 5) * 0.125; }

/* mode: 0 the window's pads, 1 the same as a padding mode "same", 2 as "valid". */
static void convolution(OH_NN_OperationType operation, Window g, int mode) {
  static double x[CASE_VALUES], w[CASE_VALUES], y[CASE_VALUES];
  double bias[16];
  const bool depthwise = operation == OH_NN_OPS_DEPTHWISE_CONV2D_NATIVE;
  const int per = g.c / g.groups, out_per = g.o / g.groups;
  const int oh = (g.h + g.top + g.bottom - ((g.kh - 1) * g.dh + 1)) / g.sh + 1;
  const int ow = (g.w + g.left + g.right - ((g.kw - 1) * g.dw + 1)) / g.sw + 1;
  for (int i = 0; i < 2 * g.h * g.w * g.c; i++) x[i] = pixel(i);
  for (int i = 0; i < g.o * g.kh * g.kw * per; i++) w[i] = weight(i);
  for (int i = 0; i < g.o; i++) bias[i] = i - 1;
  for (int n = 0; n < 2; n++)
    for (int r = 0; r < oh; r++)
      for (int s = 0; s < ow; s++)
        for (int o = 0; o < g.o; o++) {
          double sum = bias[o];
          for (int a = 0; a < g.kh; a++)
            for (int b = 0; b < g.kw; b++) {
              const int i = r * g.sh + a * g.dh - g.top, j = s * g.sw + b * g.dw - g.left;
              if (i < 0 || i >= g.h || j < 0 || j >= g.w) continue;
              for (int c = 0; c < per; c++)
                sum += x[((n * g.h + i) * g.w + j) * g.c + o / out_per * per + c] * w[((o * g.kh + a) * g.kw + b) * per + c];
            }
          y[((n * oh + r) * ow + s) * g.o + o] = g.act == 0 ? sum : g.act == 1 ? relu(sum) : relu6(sum);
        }
  start(operation);
  const double act = g.act, groups = g.groups, modes[] = {0, 0, 1}, valid2 = 2;
  if (g.sh != 1 || g.sw != 1)
    given(depthwise ? OH_NN_DEPTHWISE_CONV2D_NATIVE_STRIDES : OH_NN_CONV2D_STRIDES, L, V(g.sh, g.sw));
  if (g.dh != 1 || g.dw != 1)
    given(depthwise ? OH_NN_DEPTHWISE_CONV2D_NATIVE_DILATION : OH_NN_CONV2D_DILATION, L, V(g.dh, g.dw));
  if (mode > 0)
    given(depthwise ? OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD_MODE : OH_NN_CONV2D_PAD_MODE, OH_NN_INT8,
          mode == 2 && depthwise ? &valid2 : &modes[mode], 1);
  else if (g.top || g.bottom || g.left || g.right)
    given(depthwise ? OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD : OH_NN_CONV2D_PAD, L, V(g.top, g.bottom, g.left, g.right));
  if (g.act) given(depthwise ? OH_NN_DEPTHWISE_CONV2D_NATIVE_ACTIVATION_TYPE : OH_NN_CONV2D_ACTIVATION_TYPE, OH_NN_INT8, &act, 1);
  if (!depthwise && g.groups > 1) given(OH_NN_CONV2D_GROUP, L, &groups, 1);
  input(F, D(2, g.h, g.w, g.c), x, (uint32_t)(2 * g.h * g.w * g.c));
  constant(F, D(g.o, g.kh, g.kw, per), w, (uint32_t)(g.o * g.kh * g.kw * per));
  constant(F, D(g.o), bias, (uint32_t)g.o);
  output(F, D(2, oh, ow, g.o), y, (uint32_t)(2 * oh * ow * g.o));
  finish();
}

static void transposed(Window g, int extra) {
  static double x[CASE_VALUES], w[CASE_VALUES], y[CASE_VALUES];
  double bias[16];
  const int per = g.o / g.groups, in_per = g.c / g.groups;
  const int oh = (g.h - 1) * g.sh + (g.kh - 1) * g.dh + 1 - g.top - g.bottom + extra;
  const int ow = (g.w - 1) * g.sw + (g.kw - 1) * g.dw + 1 - g.left - g.right + extra;
  for (int i = 0; i < g.h * g.w * g.c; i++) x[i] = pixel(i);
  for (int i = 0; i < g.c * g.kh * g.kw * per; i++) w[i] = weight(i);
  for (int i = 0; i < g.o; i++) bias[i] = i - 1;
  for (int i = 0; i < oh * ow * g.o; i++) y[i] = bias[i % g.o];
  for (int i = 0; i < g.h; i++)
    for (int j = 0; j < g.w; j++)
      for (int c = 0; c < g.c; c++)
        for (int a = 0; a < g.kh; a++)
          for (int b = 0; b < g.kw; b++) {
            const int r = i * g.sh + a * g.dh - g.top, s = j * g.sw + b * g.dw - g.left;
            if (r < 0 || r >= oh || s < 0 || s >= ow) continue;
            for (int o = 0; o < per; o++)
              y[(r * ow + s) * g.o + c / in_per * per + o] +=
                x[(i * g.w + j) * g.c + c] * w[((c * g.kh + a) * g.kw + b) * per + o];
          }
  if (g.act) for (int i = 0; i < oh * ow * g.o; i++) y[i] = g.act == 1 ? relu(y[i]) : relu6(y[i]);
  start(OH_NN_OPS_CONV2D_TRANSPOSE);
  const double act = g.act, groups = g.groups;
  given(OH_NN_CONV2D_TRANSPOSE_STRIDES, L, V(g.sh, g.sw));
  if (g.dh != 1) given(OH_NN_CONV2D_TRANSPOSE_DILATION, L, V(g.dh, g.dw));
  if (g.top || g.left) given(OH_NN_CONV2D_TRANSPOSE_PAD, L, V(g.top, g.bottom, g.left, g.right));
  if (extra) given(OH_NN_CONV2D_TRANSPOSE_OUTPUT_PADDINGS, L, V(extra, extra));
  if (g.act) given(OH_NN_CONV2D_TRANSPOSE_ACTIVATION_TYPE, OH_NN_INT8, &act, 1);
  if (g.groups > 1) given(OH_NN_CONV2D_TRANSPOSE_GROUP, L, &groups, 1);
  input(F, D(1, g.h, g.w, g.c), x, (uint32_t)(g.h * g.w * g.c));
  constant(F, D(g.c, g.kh, g.kw, per), w, (uint32_t)(g.c * g.kh * g.kw * per));
  constant(F, D(g.o), bias, (uint32_t)g.o);
  output(F, D(1, oh, ow, g.o), y, (uint32_t)(oh * ow * g.o));
  finish();
}

/* how: 0 pads, 1 "same" (stride 1, odd window), 2 "valid", 3 the whole plane. */
static void pool(bool largest, Window g, int how, bool up) {
  static double x[CASE_VALUES], y[CASE_VALUES];
  const int spanH = g.h + g.top + g.bottom - g.kh, spanW = g.w + g.left + g.right - g.kw;
  const int oh = (up ? (spanH + g.sh - 1) / g.sh : spanH / g.sh) + 1, ow = (up ? (spanW + g.sw - 1) / g.sw : spanW / g.sw) + 1;
  for (int i = 0; i < g.h * g.w * g.c; i++) x[i] = pixel(i);
  for (int r = 0; r < oh; r++)
    for (int s = 0; s < ow; s++)
      for (int c = 0; c < g.c; c++) {
        double sum = 0, top = -INFINITY;
        int count = 0;
        for (int a = 0; a < g.kh; a++)
          for (int b = 0; b < g.kw; b++) {
            const int i = r * g.sh + a - g.top, j = s * g.sw + b - g.left;
            if (i < 0 || i >= g.h || j < 0 || j >= g.w) continue;
            const double v = x[(i * g.w + j) * g.c + c];
            sum += v;
            top = fmax(top, v);
            count++;
          }
        const double v = largest ? top : sum / count;
        y[(r * ow + s) * g.c + c] = g.act == 1 ? relu(v) : v;
      }
  start(largest ? OH_NN_OPS_MAX_POOL : OH_NN_OPS_AVG_POOL);
  if (how == 3) {
    given(largest ? OH_NN_MAX_POOL_GLOBAL : OH_NN_AVG_POOL_GLOBAL, B, V(1));
    /* The size of the window is not known before the image's is. */
  } else {
    given(largest ? OH_NN_MAX_POOL_KERNEL_SIZE : OH_NN_AVG_POOL_KERNEL_SIZE, L, V(g.kh, g.kw));
  }
  given(largest ? OH_NN_MAX_POOL_STRIDE : OH_NN_AVG_POOL_STRIDE, L, V(g.sh, g.sw));
  if (how == 1 || how == 2) given(largest ? OH_NN_MAX_POOL_PAD_MODE : OH_NN_AVG_POOL_PAD_MODE, OH_NN_INT8, V(how - 1));
  if (how == 0) given(largest ? OH_NN_MAX_POOL_PAD : OH_NN_AVG_POOL_PAD, L, V(g.top, g.bottom, g.left, g.right));
  if (up) given(largest ? OH_NN_MAX_POOL_ROUND_MODE : OH_NN_AVG_POOL_ROUND_MODE, I, V(1));
  if (g.act) given(largest ? OH_NN_MAX_POOL_ACTIVATION_TYPE : OH_NN_AVG_POOL_ACTIVATION_TYPE, OH_NN_INT8, V(g.act));
  input(F, D(1, g.h, g.w, g.c), x, (uint32_t)(g.h * g.w * g.c));
  output(F, D(1, oh, ow, g.c), y, (uint32_t)(oh * ow * g.c));
  finish();
}

static void windows(void) {
  /*                                         h  w  c  o kh kw sh sw dh dw  t  b  l  r  g act */
  convolution(OH_NN_OPS_CONV2D, (Window){5, 7, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}, 0);
  convolution(OH_NN_OPS_CONV2D, (Window){5, 7, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 1);
  convolution(OH_NN_OPS_CONV2D, (Window){6, 5, 2, 5, 3, 2, 1, 1, 1, 1, 0, 0, 0, 0, 1, 2}, 2);
  convolution(OH_NN_OPS_CONV2D, (Window){7, 7, 4, 6, 3, 3, 2, 2, 1, 1, 0, 1, 1, 0, 2, 0}, 0);
  convolution(OH_NN_OPS_CONV2D, (Window){8, 9, 1, 3, 3, 3, 1, 2, 2, 2, 2, 1, 0, 2, 1, 0}, 0);
  convolution(OH_NN_OPS_CONV2D, (Window){4, 4, 5, 7, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0}, 0);
  convolution(OH_NN_OPS_DEPTHWISE_CONV2D_NATIVE, (Window){5, 6, 5, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 5, 0}, 1);
  convolution(OH_NN_OPS_DEPTHWISE_CONV2D_NATIVE, (Window){5, 6, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0, 0, 0, 4, 2}, 2);
  convolution(OH_NN_OPS_DEPTHWISE_CONV2D_NATIVE, (Window){6, 6, 3, 3, 2, 3, 1, 1, 2, 1, 1, 1, 0, 2, 3, 1}, 0);
  transposed((Window){3, 4, 3, 5, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 0}, 0);
  transposed((Window){3, 3, 2, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1}, 1);
  transposed((Window){3, 2, 4, 4, 2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 1, 2}, 0);
  for (int largest = 0; largest < 2; largest++) {
    pool(largest, (Window){5, 6, 3, 3, 2, 3, 2, 1, 1, 1, 0, 0, 0, 0, 1, 0}, 2, false);
    pool(largest, (Window){5, 6, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}, 1, false);
    pool(largest, (Window){6, 6, 2, 2, 3, 3, 2, 2, 1, 1, 1, 0, 0, 1, 1, 1}, 0, false);
    pool(largest, (Window){6, 6, 2, 2, 3, 3, 2, 2, 1, 1, 0, 0, 0, 0, 1, 0}, 0, true);
    pool(largest, (Window){4, 3, 5, 5, 4, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0}, 3, false);
  }

  /* Asymmetric, corners aligned, half pixels. */
  for (int mode = 0; mode < 3; mode++) {
    double x[2 * 3 * 2], y[4 * 5 * 2];
    for (int i = 0; i < 12; i++) x[i] = pixel(i);
    for (int r = 0; r < 4; r++)
      for (int s = 0; s < 5; s++)
        for (int c = 0; c < 2; c++) {
          const double u = mode == 0 ? r * 2.0 / 4 : mode == 1 ? r * 1.0 / 3 : fmax((r + 0.5) * 2 / 4 - 0.5, 0);
          const double v = mode == 0 ? s * 3.0 / 5 : mode == 1 ? s * 2.0 / 4 : fmax((s + 0.5) * 3 / 5 - 0.5, 0);
          const int i = (int)u, j = (int)v, i1 = i < 1 ? i + 1 : 1, j1 = j < 2 ? j + 1 : 2;
          const double p = u - i, q = v - j;
          y[(r * 5 + s) * 2 + c] = (1 - p) * ((1 - q) * x[(i * 3 + j) * 2 + c] + q * x[(i * 3 + j1) * 2 + c]) +
                                   p * ((1 - q) * x[(i1 * 3 + j) * 2 + c] + q * x[(i1 * 3 + j1) * 2 + c]);
        }
    start(OH_NN_OPS_RESIZE_BILINEAR);
    given(OH_NN_RESIZE_BILINEAR_NEW_HEIGHT, L, V(4));
    given(OH_NN_RESIZE_BILINEAR_NEW_WIDTH, L, V(5));
    if (mode > 0) given(OH_NN_RESIZE_BILINEAR_COORDINATE_TRANSFORM_MODE, OH_NN_INT8, V(mode));
    input(F, D(1, 2, 3, 2), x, 12);
    output(F, D(1, 4, 5, 2), y, 40);
    finish();
  }
}
