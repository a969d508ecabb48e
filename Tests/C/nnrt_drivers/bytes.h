/* Part of case.h: the same cases with floats as quantised bytes. What is right then follows from the float model on the values that the bytes
 * stand for; so this comes after that model has been checked. */

/* Models of one operator that were computed in bytes, and those that were refused, by operator. */
static int bytes_computed[109], bytes_refused[109];

/* The float model says what is right: its result does not jump where its input changes a little, and all of it comes from the inputs. (What
 * is filled in where no input says anything is a byte of 0, or a constant that the input's bytes can say.) */
static bool is_told_by_floats(OH_NN_OperationType operation) {
  switch (operation) {
    case OH_NN_OPS_SCATTER_ND:
    case OH_NN_OPS_SPARSE_TO_DENSE:
    case OH_NN_OPS_PAD:
    case OH_NN_OPS_FLOOR:
    case OH_NN_OPS_CEIL:
    case OH_NN_OPS_ROUND:
    case OH_NN_OPS_MOD:
    case OH_NN_OPS_TOP_K:
    case OH_NN_OPS_ARG_MAX:
    case OH_NN_OPS_CAST:
    case OH_NN_OPS_QUANT_DTYPE_CAST:
    case OH_NN_OPS_DETECTION_POST_PROCESS: return false;
    default: return true;
  }
}

/* Weights have their zero in the middle, and a bias has the scale of the products that it is added to. */
static bool has_weights(OH_NN_OperationType operation) {
  return operation == OH_NN_OPS_CONV2D || operation == OH_NN_OPS_DEPTHWISE_CONV2D_NATIVE || operation == OH_NN_OPS_CONV2D_TRANSPOSE ||
         operation == OH_NN_OPS_FULL_CONNECTION;
}

static void choose_scale(CaseTensor *t, bool is_symmetric) {
  double low = 0, high = 0;
  for (uint32_t i = 0; i < t->count; i++) low = fmin(low, t->values[i]), high = fmax(high, t->values[i]);
  if (is_symmetric) high = fmax(high, -low), low = -high;
  const double scale = fmax((high - low) / 254, 1e-4);
  t->quant[0] = (NNRt_QuantParam){scale, is_symmetric ? 0 : (int32_t)round(-127 - low / scale), 8};
  t->quant_count = 1;
}

static double byte_of(const CaseTensor *t, double v) {
  return fmin(fmax(round(v / t->quant[0].scale) + t->quant[0].zeroPoint, -128), 127);
}

static bool case_in_bytes(void) {
  const CaseNode *n = &the_case.nodes[0];
  if (the_case.node_count > 1 || !is_told_by_floats(n->operation) || the_case.tensors[n->outputs[0]].type != OH_NN_FLOAT32) return true;
  static CaseTensor saved[CASE_TENSORS];
  memcpy(saved, the_case.tensors, the_case.tensor_count * sizeof *saved);
  bool ok = true, has_bytes = false;
  /* Inputs to what bytes can say. */
  for (uint32_t i = 0; i < n->input_count; i++) {
    CaseTensor *t = &the_case.tensors[n->inputs[i]];
    if (t->type != OH_NN_FLOAT32) continue;
    has_bytes = true;
    const bool is_bias = has_weights(n->operation) && i == 2;
    choose_scale(t, has_weights(n->operation) && i > 0);
    if (is_bias) t->quant[0].scale = the_case.tensors[n->inputs[0]].quant[0].scale * the_case.tensors[n->inputs[1]].quant[0].scale;
    for (uint32_t k = 0; k < t->count; k++) {
      const double q = is_bias ? round(t->values[k] / t->quant[0].scale) : byte_of(t, t->values[k]);
      t->values[k] = (q - t->quant[0].zeroPoint) * t->quant[0].scale;
    }
  }
  if (has_bytes) {
    /* The float model's results. */
    CaseTensor *outputs[8];
    NNRt_QuantParam kept[CASE_TENSORS];
    for (uint32_t i = 0; i < the_case.tensor_count; i++) kept[i] = the_case.tensors[i].quant[0], the_case.tensors[i].quant_count = 0;
    for (uint32_t i = 0; i < n->output_count; i++) outputs[i] = &the_case.tensors[n->outputs[i]];
    ok = case_results(outputs);
    for (uint32_t i = 0; i < n->output_count; i++) choose_scale(outputs[i], false);
    for (uint32_t i = 0; i < n->input_count; i++) {
      CaseTensor *t = &the_case.tensors[n->inputs[i]];
      if (t->type != OH_NN_FLOAT32) continue;
      t->quant[0] = kept[n->inputs[i]];
      t->quant_count = 1;
    }
    /* The same in bytes. */
    for (uint32_t i = 0; i < the_case.tensor_count; i++) {
      CaseTensor *t = &the_case.tensors[i];
      if (t->quant_count == 0) continue;
      const bool is_bias = has_weights(n->operation) && n->input_count == 3 && i == n->inputs[2];
      t->type = is_bias ? OH_NN_INT32 : OH_NN_INT8;
      for (uint32_t k = 0; k < t->count; k++)
        t->values[k] = is_bias ? round(t->values[k] / t->quant[0].scale) : byte_of(t, t->values[k]);
    }
    double expected[8][CASE_VALUES];
    for (uint32_t i = 0; ok && i < n->output_count; i++) memcpy(expected[i], outputs[i]->values, sizeof expected[i]);
    if (ok && !case_results(outputs)) {
      bytes_refused[n->operation]++;
    } else if (ok) {
      bytes_computed[n->operation]++;
      for (uint32_t i = 0; ok && i < n->output_count; i++)
        for (uint32_t k = 0; ok && k < outputs[i]->count; k++) {
          /* Roundings inside are of the inputs' steps; two of the result's cover them in all cases here. */
          if (fabs(outputs[i]->values[k] - expected[i][k]) <= 2) continue;
          fprintf(stderr, "element %u is %g instead of %g\n", k, outputs[i]->values[k], expected[i][k]);
          ok = case_fails("another value", CASE_BYTES);
        }
    }
  }
  memcpy(the_case.tensors, saved, the_case.tensor_count * sizeof *saved);
  return ok;
}
