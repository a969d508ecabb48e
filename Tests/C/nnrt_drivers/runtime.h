/* Part of case.h: the same cases through the OH_NN* interface, which adds the defaults itself. */
#include "neural_network_runtime/neural_network_runtime.h"

static size_t the_id;

static void runtime_tensor(OH_NNModel *model, const CaseTensor *t, CaseForm form, OH_NN_ReturnCode *code) {
  int32_t dims[NNRT_MAX_DIMENSIONS];
  for (uint32_t k = 0; k < t->rank; k++) dims[k] = form == CASE_OPEN && !t->is_constant ? -1 : t->dims[k];
  NN_TensorDesc *desc = OH_NNTensorDesc_Create();
  *code |= OH_NNTensorDesc_SetDataType(desc, t->type);
  if (t->rank > 0) *code |= OH_NNTensorDesc_SetShape(desc, dims, t->rank);
  *code |= OH_NNTensorDesc_SetFormat(desc, OH_NN_FORMAT_NHWC);
  *code |= OH_NNModel_AddTensorToModel(model, desc);
  OH_NNTensorDesc_Destroy(&desc);
}

/* Everything is one number: any failure makes it another than success. */
static OH_NN_ReturnCode build_model(OH_NNModel *model, CaseForm form) {
  OH_NN_ReturnCode code = OH_NN_SUCCESS;
  uint32_t next = the_case.tensor_count;
  for (uint32_t i = 0; i < the_case.tensor_count; i++) {
    const CaseTensor *t = &the_case.tensors[i];
    runtime_tensor(model, t, form, &code);
    code |= OH_NNModel_SetTensorType(model, i, OH_NN_TENSOR);
    if (t->is_constant) {
      void *bytes = case_bytes(t, form);
      code |= OH_NNModel_SetTensorData(model, i, bytes, t->count * case_size(t->type));
      free(bytes);
    }
    if (t->quant_count > 0) {
      double scales[8];
      int32_t zeros[8];
      uint32_t bits[8];
      for (uint32_t k = 0; k < t->quant_count; k++) scales[k] = t->quant[k].scale, zeros[k] = t->quant[k].zeroPoint, bits[k] = 8;
      NN_QuantParam *p = OH_NNQuantParam_Create();
      code |= OH_NNQuantParam_SetScales(p, scales, t->quant_count);
      code |= OH_NNQuantParam_SetZeroPoints(p, zeros, t->quant_count);
      code |= OH_NNQuantParam_SetNumBits(p, bits, t->quant_count);
      code |= OH_NNModel_SetTensorQuantParams(model, i, p);
      OH_NNQuantParam_Destroy(&p);
    }
  }
  for (uint32_t i = 0; i < the_case.node_count; i++) {
    CaseNode *n = &the_case.nodes[i];
    uint32_t parameters[CASE_ATTRIBUTES], count = 0;
    for (uint32_t k = 0; k < n->attribute_count; k++) {
      const NNRt_Attribute *a = &n->attributes[k];
      /* One number has no dimensions; edges are pairs. */
      const bool is_edges = a->type == OH_NN_BATCH_TO_SPACE_ND_CROPS || a->type == OH_NN_SPACE_TO_BATCH_ND_PADDINGS;
      CaseTensor t = {.type = a->dataType, .rank = is_edges ? 2 : a->count > 1, .count = a->count, .is_constant = true};
      t.dims[0] = is_edges ? 2 : (int32_t)a->count;
      t.dims[1] = 2;
      runtime_tensor(model, &t, form, &code);
      code |= OH_NNModel_SetTensorType(model, next, a->type);
      code |= OH_NNModel_SetTensorData(model, next, a->data, a->count * case_size(a->dataType));
      parameters[count++] = next++;
    }
    const OH_NN_UInt32Array list = {count > 0 ? parameters : NULL, count}, in = {n->inputs, n->input_count},
                            out = {n->outputs, n->output_count};
    code |= OH_NNModel_AddOperation(model, n->operation, &list, &in, &out);
  }
  const OH_NN_UInt32Array ins = {the_case.inputs, the_case.input_count}, outs = {the_case.outputs, the_case.output_count};
  code |= OH_NNModel_SpecifyInputsAndOutputs(model, &ins, &outs);
  code |= OH_NNModel_Finish(model);
  return code;
}

/* A tensor for input or output `i`, filled if it is an input. */
static NN_Tensor *runtime_value(OH_NNExecutor *executor, uint32_t i, const CaseTensor *t, bool is_input, CaseForm form) {
  NN_TensorDesc *desc = is_input ? OH_NNExecutor_CreateInputTensorDesc(executor, i) : OH_NNExecutor_CreateOutputTensorDesc(executor, i);
  if (desc == NULL) return NULL;
  if (form == CASE_OPEN && t->rank > 0) OH_NNTensorDesc_SetShape(desc, t->dims, t->rank);
  NN_Tensor *tensor = OH_NNTensor_Create(the_id, desc);
  OH_NNTensorDesc_Destroy(&desc);
  if (tensor != NULL && is_input) {
    void *bytes = case_bytes(t, form);
    memcpy(OH_NNTensor_GetDataBuffer(tensor), bytes, t->count * case_size(t->type));
    free(bytes);
  }
  return tensor;
}

static bool runtime_run(OH_NNExecutor *executor, CaseForm form) {
  NN_Tensor *in[16], *out[8];
  bool ok = true;
  for (uint32_t i = 0; i < the_case.input_count; i++)
    ok &= (in[i] = runtime_value(executor, i, &the_case.tensors[the_case.inputs[i]], true, form)) != NULL;
  for (uint32_t i = 0; i < the_case.output_count; i++)
    ok &= (out[i] = runtime_value(executor, i, &the_case.tensors[the_case.outputs[i]], false, form)) != NULL;
  if (!ok) case_fails("no tensor", form);
  if (ok && OH_NNExecutor_RunSync(executor, in, the_case.input_count, out, the_case.output_count) != OH_NN_SUCCESS)
    ok = case_fails("run", form);
  for (uint32_t i = 0; ok && i < the_case.output_count; i++) {
    const CaseTensor *t = &the_case.tensors[the_case.outputs[i]];
    NNRt_IOTensor io;
    case_io(&io, t, form, OH_NNTensor_GetDataBuffer(out[i]));
    int32_t *shape = NULL;
    if (OH_NNExecutor_GetOutputShape(executor, i, &shape, &io.dimensionCount) != OH_NN_SUCCESS) ok = case_fails("no shape", form);
    else memcpy(io.dimensions, shape, io.dimensionCount * sizeof *shape);
    ok = ok && case_compare(&io, t, form);
  }
  for (uint32_t i = 0; i < the_case.input_count; i++) if (in[i] != NULL) OH_NNTensor_Destroy(&in[i]);
  for (uint32_t i = 0; i < the_case.output_count; i++) if (out[i] != NULL) OH_NNTensor_Destroy(&out[i]);
  return ok;
}

static bool case_through_runtime(CaseForm form) {
  OH_NNModel *model = OH_NNModel_Construct();
  if (build_model(model, form) != OH_NN_SUCCESS) {
    OH_NNModel_Destroy(&model);
    return case_fails("the model", form);
  }
  const bool *supported = NULL;
  uint32_t count = 0;
  bool ok = OH_NNModel_GetAvailableOperations(model, the_id, &supported, &count) == OH_NN_SUCCESS && count == the_case.node_count;
  for (uint32_t i = 0; ok && i < count; i++) ok = supported[i];
  if (!ok) case_fails("not supported", form);
  OH_NNCompilation *compilation = OH_NNCompilation_Construct(model);
  OH_NNCompilation_SetDevice(compilation, the_id);
  if (ok && OH_NNCompilation_Build(compilation) != OH_NN_SUCCESS) ok = case_fails("compilation", form);
  OH_NNExecutor *executor = ok ? OH_NNExecutor_Construct(compilation) : NULL;
  OH_NNCompilation_Destroy(&compilation);
  OH_NNModel_Destroy(&model);
  ok = ok && executor != NULL && runtime_run(executor, form) && runtime_run(executor, form);
  if (executor != NULL) OH_NNExecutor_Destroy(&executor);
  return ok;
}
