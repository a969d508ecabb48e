/* Part of test_operations.c: operations that move data or make them of nothing, and reductions. */

/* x [2, 3, 4] over `axis`: the mean, maximum, ... of `mode`. */
static double reduced(int mode, const double *x, int n, int step) {
  double r = mode == 3 ? 1 : mode == 1 || mode == 2 ? x[0] : 0;
  for (int i = 0; i < n; i++) {
    const double v = x[i * step];
    if (mode == 0 || mode == 4) r += v;
    if (mode == 1) r = fmax(r, v);
    if (mode == 2) r = fmin(r, v);
    if (mode == 3) r *= v;
    if (mode == 8) r += v * v;
  }
  return mode == 0 ? r / n : mode == 8 ? sqrt(r) : r;
}

static void reduction(OH_NN_OperationType operation, int mode, OH_NN_TensorType keep, OH_NN_TensorType to_end, OH_NN_TensorType factor) {
  double x[24], y[12];
  for (int i = 0; i < 24; i++) x[i] = 0.5 + (i * 5 % 7) * 0.25 - (i % 4 == 1 ? 2 : 0);
  for (int o = 0; o < 2; o++) for (int i = 0; i < 4; i++) y[o * 4 + i] = reduced(mode, x + o * 12 + i, 3, 4);
  /* The axis as a list and as a number; dimensions gone, and kept. */
  start(operation);
  input(F, D(2, 3, 4), x, 24);
  constant(I, D(1), V(1));
  output(F, D(2, 4), y, 8);
  finish();
  start(operation);
  given(keep, B, V(1));
  input(F, D(2, 3, 4), x, 24);
  constant(I, D0, V(-2));
  output(F, D(2, 1, 4), y, 8);
  finish();
  /* Two axes. */
  for (int i = 0; i < 3; i++) {
    double part[8];
    for (int k = 0; k < 8; k++) part[k] = x[k / 4 * 12 + i * 4 + k % 4];
    y[i] = reduced(mode, part, 8, 1);
  }
  start(operation);
  input(F, D(2, 3, 4), x, 24);
  constant(I, D(2), V(0, 2));
  output(F, D(3), y, 3);
  finish();
  /* From an axis to the end, times a factor. */
  for (int o = 0; o < 2; o++) y[o] = 3 * reduced(mode, x + o * 12, 12, 1);
  start(operation);
  given(to_end, B, V(1));
  given(factor, F, V(3));
  input(F, D(2, 3, 4), x, 24);
  constant(I, D(1), V(1));
  output(F, D(2), y, 2);
  finish();
}

static void reductions(void) {
#define REDUCTION(name, mode) \
  reduction(OH_NN_OPS_REDUCE_##name, mode, OH_NN_REDUCE_##name##_KEEP_DIMS, OH_NN_REDUCE_##name##_REDUCE_TO_END, OH_NN_REDUCE_##name##_COEFF)
  REDUCTION(MEAN, 0);
  REDUCTION(MAX, 1);
  REDUCTION(MIN, 2);
  REDUCTION(PROD, 3);
  REDUCTION(SUM, 4);
  REDUCTION(L2, 8);
#undef REDUCTION
  start(OH_NN_OPS_REDUCE_ALL);
  input(B, D(2, 3), V(1, 1, 1, 1, 0, 1));
  constant(I, D(1), V(1));
  output(B, D(2), V(1, 0));
  finish();
  start(OH_NN_OPS_REDUCE_ALL);
  given(OH_NN_REDUCE_ALL_KEEP_DIMS, B, V(1));
  input(B, D(2, 3), V(1, 1, 1, 1, 0, 1));
  constant(I, D(1), V(0));
  output(B, D(1, 3), V(1, 0, 1));
  finish();
  for (int keep = 0; keep < 2; keep++) {
    start(OH_NN_OPS_ALL);
    if (keep) given(OH_NN_ALL_KEEP_DIMS, L, V(1));
    input(B, D(2, 2), V(1, 1, 0, 1));
    constant(I, D(1), V(1));
    if (keep) output(B, D(2, 1), V(1, 0)); else output(B, D(2), V(1, 0));
    finish();
  }

  start(OH_NN_OPS_ARG_MAX);
  input(F, D(2, 3), V(1, 5, 2, 7, 0, 7));
  output(I, D(2), V(1, 0));
  finish();
  start(OH_NN_OPS_ARG_MAX); /* results of another integer type than the operator's own */
  given(OH_NN_ARG_MAX_AXIS, L, V(0));
  given(OH_NN_ARG_MAX_KEEPDIMS, B, V(1));
  input(F, D(2, 3), V(1, 5, 2, 7, 0, 7));
  output(L, D(1, 3), V(1, 0, 1));
  finish();
  start(OH_NN_OPS_ARG_MAX);
  given(OH_NN_ARG_MAX_TOP_K, L, V(2));
  given(OH_NN_ARG_MAX_OUT_MAX_VALUE, B, V(1));
  input(F, D(2, 3), V(1, 5, 2, 7, 0, 6));
  output(F, D(2, 2), V(5, 2, 7, 6));
  finish();
  start(OH_NN_OPS_TOP_K);
  given(OH_NN_TOP_K_AXIS, L, V(-1));
  input(F, D(2, 4), V(1, 4, 2, 3, 9, 7, 8, 9));
  constant(I, D(1), V(2));
  output(F, D(2, 2), V(4, 3, 9, 9));
  output(I, D(2, 2), V(1, 3, 0, 3));
  finish();
  start(OH_NN_OPS_TOP_K); /* along the first axis, if nothing is said */
  input(F, D(3, 2), V(1, 4, 2, 3, 9, 7));
  constant(I, D(1), V(1));
  output(F, D(1, 2), V(9, 7));
  output(I, D(1, 2), V(2, 2));
  finish();
}

static void shapes(void) {
  start(OH_NN_OPS_SHAPE);
  input(F, D(2, 3, 1), V(0));
  output(I, D(3), V(2, 3, 1));
  finish();
  start(OH_NN_OPS_RANK);
  input(F, D(2, 3, 1), V(0));
  output(I, D0, V(3));
  finish();
  start(OH_NN_OPS_RESHAPE);
  input(F, D(2, 3), V(1, 2, 3, 4, 5, 6));
  constant(I, D(2), V(3, -1));
  output(F, D(3, 2), V(1, 2, 3, 4, 5, 6));
  finish();
  start(OH_NN_OPS_EXPAND_DIMS);
  input(F, D(2), V(1, 2));
  constant(I, D(1), V(0));
  output(F, D(1, 2), V(1, 2));
  finish();
  start(OH_NN_OPS_UNSQUEEZE);
  given(OH_NN_UNSQUEEZE_AXIS, L, V(1));
  input(F, D(2, 2), V(1, 2, 3, 4));
  output(F, D(2, 1, 2), V(1, 2, 3, 4));
  finish();
  start(OH_NN_OPS_SQUEEZE);
  given(OH_NN_SQUEEZE_AXIS, L, V(1));
  input(F, D(1, 1, 2), V(1, 2));
  output(F, D(1, 2), V(1, 2));
  finish();
  start(OH_NN_OPS_SQUEEZE);
  input(F, D(1, 2, 1), V(1, 2));
  output(F, D(2), V(1, 2));
  finish();
  start(OH_NN_OPS_FLATTEN);
  input(F, D(2, 1, 3), V(1, 2, 3, 4, 5, 6));
  output(F, D(2, 3), V(1, 2, 3, 4, 5, 6));
  finish();
  start(OH_NN_OPS_FLATTEN);
  given(OH_NN_FLATTEN_AXIS, L, V(2));
  input(F, D(2, 1, 3), V(1, 2, 3, 4, 5, 6));
  output(F, D(2, 3), V(1, 2, 3, 4, 5, 6));
  finish();
  start(OH_NN_OPS_TRANSPOSE);
  input(F, D(2, 1, 3), V(1, 2, 3, 4, 5, 6));
  constant(I, D(3), V(2, 0, 1));
  output(F, D(3, 2, 1), V(1, 4, 2, 5, 3, 6));
  finish();
  start(OH_NN_OPS_BROADCAST_TO);
  given(OH_NN_BROADCAST_TO_SHAPE, L, V(2, 2, 3));
  input(F, D(2, 1), V(1, 2));
  output(F, D(2, 2, 3), V(1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2));
  finish();
  start(OH_NN_OPS_TILE);
  input(F, D(1, 2), V(1, 2));
  constant(I, D(2), V(2, 3));
  output(F, D(2, 6), V(1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2));
  finish();
  start(OH_NN_OPS_TILE);
  given(OH_NN_TILE_DIMS, L, V(1));
  input(F, D(2, 2), V(1, 2, 3, 4));
  constant(I, D(1), V(2));
  output(F, D(2, 4), V(1, 2, 1, 2, 3, 4, 3, 4));
  finish();
}

static void joins(void) {
  start(OH_NN_OPS_CONCAT);
  input(F, D(1, 2), V(1, 2));
  input(F, D(2, 2), V(3, 4, 5, 6));
  output(F, D(3, 2), V(1, 2, 3, 4, 5, 6));
  finish();
  start(OH_NN_OPS_CONCAT);
  given(OH_NN_CONCAT_AXIS, L, V(-1));
  input(F, D(2, 1), V(1, 2));
  input(F, D(2, 3), V(3, 4, 5, 6, 7, 8));
  input(F, D(2, 1), V(9, 10));
  output(F, D(2, 5), V(1, 3, 4, 5, 9, 2, 6, 7, 8, 10));
  finish();
  start(OH_NN_OPS_STACK);
  given(OH_NN_STACK_AXIS, L, V(1));
  input(F, D(2), V(1, 2));
  input(F, D(2), V(3, 4));
  output(F, D(2, 2), V(1, 3, 2, 4));
  finish();
  start(OH_NN_OPS_UNSTACK);
  input(F, D(2, 3), V(1, 2, 3, 4, 5, 6));
  output(F, D(3), V(1, 2, 3));
  output(F, D(3), V(4, 5, 6));
  finish();
  start(OH_NN_OPS_UNSTACK);
  given(OH_NN_UNSTACK_AXIS, L, V(1));
  input(F, D(2, 3), V(1, 2, 3, 4, 5, 6));
  output(F, D(2), V(1, 4));
  output(F, D(2), V(2, 5));
  output(F, D(2), V(3, 6));
  finish();
  start(OH_NN_OPS_SPLIT);
  given(OH_NN_SPLIT_OUTPUT_NUM, L, V(2));
  given(OH_NN_SPLIT_AXIS, L, V(1));
  input(F, D(1, 4), V(1, 2, 3, 4));
  output(F, D(1, 2), V(1, 2));
  output(F, D(1, 2), V(3, 4));
  finish();
  start(OH_NN_OPS_SPLIT);
  given(OH_NN_SPLIT_OUTPUT_NUM, L, V(3));
  given(OH_NN_SPLIT_SIZE_SPLITS, L, V(1, 3, -1));
  input(F, D(6), V(1, 2, 3, 4, 5, 6));
  output(F, D(1), V(1));
  output(F, D(3), V(2, 3, 4));
  output(F, D(2), V(5, 6));
  finish();
  start(OH_NN_OPS_SLICE);
  input(F, D(3, 3), V(1, 2, 3, 4, 5, 6, 7, 8, 9));
  constant(I, D(2), V(1, 0));
  constant(I, D(2), V(2, 2));
  output(F, D(2, 2), V(4, 5, 7, 8));
  finish();
  start(OH_NN_OPS_SLICE);
  given(OH_NN_SLICE_AXES, L, V(1));
  input(F, D(2, 3), V(1, 2, 3, 4, 5, 6));
  constant(I, D(1), V(1));
  constant(I, D(1), V(-1));
  output(F, D(2, 2), V(2, 3, 5, 6));
  finish();
  start(OH_NN_OPS_STRIDED_SLICE);
  input(F, D(3, 4), V(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  constant(I, D(2), V(0, 1));
  constant(I, D(2), V(3, 4));
  constant(I, D(2), V(2, 2));
  output(F, D(2, 2), V(2, 4, 10, 12));
  finish();
  start(OH_NN_OPS_STRIDED_SLICE);
  given(OH_NN_STRIDED_SLICE_BEGIN_MASK, L, V(2));
  given(OH_NN_STRIDED_SLICE_END_MASK, L, V(2));
  given(OH_NN_STRIDED_SLICE_SHRINK_AXIS_MASK, L, V(1));
  input(F, D(3, 4), V(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  constant(I, D(2), V(1, 3));
  constant(I, D(2), V(2, 1));
  constant(I, D(2), V(1, 1));
  output(F, D(4), V(5, 6, 7, 8));
  finish();
  start(OH_NN_OPS_CROP);
  given(OH_NN_CROP_AXIS, L, V(1));
  given(OH_NN_CROP_OFFSET, L, V(1, 0));
  input(F, D(1, 3, 3), V(1, 2, 3, 4, 5, 6, 7, 8, 9));
  input(F, D(1, 2, 2), V(0));
  output(F, D(1, 2, 2), V(4, 5, 7, 8));
  finish();
  for (int mode = 0; mode < 3; mode++) {
    const double constants[] = {9, 1, 2, 3, 9, 9}, reflected[] = {2, 1, 2, 3, 2, 1}, symmetric[] = {1, 1, 2, 3, 3, 2};
    start(OH_NN_OPS_PAD);
    given(OH_NN_PAD_PADDING_MODE, I, V(mode));
    given(OH_NN_PAD_CONSTANT_VALUE, F, V(9));
    input(F, D(1, 3), V(1, 2, 3));
    constant(I, D(2, 2), V(0, 0, 1, 2));
    output(F, D(1, 6), mode == 0 ? constants : mode == 1 ? reflected : symmetric, 6);
    finish();
  }
  start(OH_NN_OPS_PAD);
  input(F, D(2), V(1, 2));
  constant(I, D(1, 2), V(1, 0));
  output(F, D(3), V(0, 1, 2));
  finish();
}

static void blocks(void) {
  double x[16];
  for (int i = 0; i < 16; i++) x[i] = i;
  start(OH_NN_OPS_SPACE_TO_DEPTH);
  given(OH_NN_SPACE_TO_DEPTH_BLOCK_SIZE, L, V(2));
  input(F, D(1, 4, 4, 1), x, 16);
  output(F, D(1, 2, 2, 4), V(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
  finish();
  /* Channels are (row, column, channel) or, with mode 1, (channel, row, column). */
  for (int mode = 0; mode < 2; mode++) {
    const double dcr[] = {0, 1, 2, 3, 4, 5, 6, 7}, crd[] = {0, 4, 1, 5, 2, 6, 3, 7};
    start(OH_NN_OPS_DEPTH_TO_SPACE);
    given(OH_NN_DEPTH_TO_SPACE_BLOCK_SIZE, L, V(2));
    if (mode) given(OH_NN_DEPTH_TO_SPACE_MODE, I, V(1));
    input(F, D(1, 1, 1, 8), x, 8);
    output(F, D(1, 2, 2, 2), mode ? crd : dcr, 8);
    finish();
  }
  start(OH_NN_OPS_SPACE_TO_BATCH_ND);
  given(OH_NN_SPACE_TO_BATCH_ND_BLOCK_SHAPE, L, V(2, 2));
  given(OH_NN_SPACE_TO_BATCH_ND_PADDINGS, L, V(0, 0, 2, 0));
  input(F, D(1, 2, 2, 1), V(1, 2, 3, 4));
  output(F, D(4, 1, 2, 1), V(0, 1, 0, 2, 0, 3, 0, 4));
  finish();
  start(OH_NN_OPS_BATCH_TO_SPACE_ND);
  given(OH_NN_BATCH_TO_SPACE_ND_BLOCKSIZE, L, V(2, 2));
  given(OH_NN_BATCH_TO_SPACE_ND_CROPS, L, V(0, 0, 1, 0));
  input(F, D(4, 1, 1, 1), V(1, 2, 3, 4));
  output(F, D(1, 2, 1, 1), V(2, 4));
  finish();
}

static void indices(void) {
  start(OH_NN_OPS_GATHER);
  input(F, D(3, 2), V(1, 2, 3, 4, 5, 6));
  input(I, D(2), V(2, 0));
  constant(I, D(1), V(0));
  output(F, D(2, 2), V(5, 6, 1, 2));
  finish();
  start(OH_NN_OPS_GATHER_ND);
  input(F, D(2, 2), V(1, 2, 3, 4));
  constant(I, D(2, 2), V(0, 1, 1, 0));
  output(F, D(2), V(2, 3));
  finish();
  start(OH_NN_OPS_SCATTER_ND);
  constant(I, D(2, 1), V(2, 0));
  input(F, D(2, 2), V(1, 2, 3, 4));
  constant(I, D(2), V(4, 2));
  output(F, D(4, 2), V(3, 4, 0, 0, 1, 2, 0, 0));
  finish();
  start(OH_NN_OPS_SPARSE_TO_DENSE);
  constant(I, D(2, 2), V(0, 1, 1, 2));
  input(F, D(2), V(5, 7));
  constant(I, D(2), V(2, 3));
  output(F, D(2, 3), V(0, 5, 0, 0, 0, 7));
  finish();
  start(OH_NN_OPS_ONE_HOT);
  input(I, D(3), V(1, 0, 5));
  constant(I, D(1), V(3));
  constant(F, D(1), V(2));
  constant(F, D(1), V(-1));
  output(F, D(3, 3), V(-1, 2, -1, 2, -1, -1, -1, -1, -1));
  only_single();
  finish();
  start(OH_NN_OPS_ONE_HOT);
  given(OH_NN_ONE_HOT_AXIS, L, V(0));
  input(I, D(2), V(1, 0));
  constant(I, D(1), V(2));
  constant(F, D(1), V(1));
  constant(F, D(1), V(0));
  output(F, D(2, 2), V(0, 1, 1, 0));
  only_single();
  finish();
  start(OH_NN_OPS_FILL);
  input(F, D(1), V(7));
  constant(I, D(2), V(2, 2));
  output(F, D(2, 2), V(7));
  finish();
  start(OH_NN_OPS_CONSTANT_OF_SHAPE);
  given(OH_NN_CONSTANT_OF_SHAPE_DATA_TYPE, L, V(OH_NN_FLOAT32));
  given(OH_NN_CONSTANT_OF_SHAPE_VALUE, F, V(2.5));
  input(I, D(2), V(2, 3));
  output(F, D(2, 3), V(2.5));
  only_single();
  finish();
  start(OH_NN_OPS_CONSTANT_OF_SHAPE); /* the type that is declared; no value is 0 */
  constant(I, D(1), V(3));
  input(I, D(1), V(0)); /* a model has inputs */
  the_case.nodes[0].input_count = 1;
  output(I, D(3), V(0));
  finish();
  start(OH_NN_OPS_RANGE);
  given(OH_NN_RANGE_START, L, V(1));
  given(OH_NN_RANGE_LIMIT, L, V(8));
  given(OH_NN_RANGE_DELTA, L, V(3));
  input(F, D(1), V(0));
  output(I, D(3), V(1, 4, 7));
  only_single();
  finish();
  start(OH_NN_OPS_RANGE); /* as floats */
  given(OH_NN_RANGE_LIMIT, L, V(3));
  input(F, D(1), V(0));
  output(F, D(3), V(0, 1, 2));
  finish();
  start(OH_NN_OPS_ASSERT);
  input(B, D(1), V(1));
  input(F, D(2), V(1, 2));
  output(B, D0, V(1));
  finish();
}

static void movement(void) {
  reductions();
  shapes();
  joins();
  blocks();
  indices();
}
