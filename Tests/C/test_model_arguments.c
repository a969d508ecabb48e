/* What the model functions answer to bad arguments, and in which order they look; needs no model file. */
#define _POSIX_C_SOURCE 200809L
#include "mslite/extensions.h"
#include "check.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const OH_AI_ModelType MINDIR = OH_AI_MODELTYPE_MINDIR, INVALID = OH_AI_MODELTYPE_INVALID;
static const char junk[] = "these bytes are not a model, however long one reads them";

static OH_AI_ContextHandle cpu_context(void) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  return context;
}

static void builds(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_ContextHandle context = cpu_context();
  CHECK(model != NULL);
  CHECK_STATUS(OH_AI_ModelBuild(NULL, junk, sizeof junk, MINDIR, context), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelBuild(model, NULL, sizeof junk, MINDIR, context), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelBuild(model, NULL, 0, MINDIR, context), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, sizeof junk, MINDIR, NULL), OH_AI_STATUS_LITE_NULLPTR);
  /* NULL before the type, the type before the size. */
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, sizeof junk, INVALID, NULL), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, 0, INVALID, context), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, sizeof junk, (OH_AI_ModelType)5, context), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, 0, MINDIR, context), OH_AI_STATUS_LITE_INPUT_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, 1, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, sizeof junk, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK(strncmp(MSLite_GetLastError(), "OH_AI_ModelBuild: ", 18) == 0);

  CHECK_STATUS(OH_AI_ModelBuildFromFile(NULL, "x", MINDIR, context), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, NULL, MINDIR, context), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, "x", MINDIR, NULL), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, "x", INVALID, context), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, "", MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, "/", MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, "/no/such/file.ms", MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, "/dev/null", MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  OH_AI_ContextDestroy(&context);
  OH_AI_ModelDestroy(&model);
  CHECK(model == NULL);
  OH_AI_ModelDestroy(&model);
  OH_AI_ModelDestroy(NULL);
}

static void contexts(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate(), other = OH_AI_ModelCreate();
  OH_AI_ContextHandle empty = OH_AI_ContextCreate();
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, sizeof junk, MINDIR, empty), OH_AI_STATUS_LITE_NULLPTR);
  /* The size comes before the devices. */
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, 0, MINDIR, empty), OH_AI_STATUS_LITE_INPUT_PARAM_INVALID);
  for (int i = 0; i < 4; i++) OH_AI_ContextAddDeviceInfo(empty, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, sizeof junk, MINDIR, empty), OH_AI_STATUS_LITE_NULLPTR);
  OH_AI_ContextDestroy(&empty);

  OH_AI_ContextHandle context = cpu_context();
  OH_AI_ContextSetThreadNum(context, -100);
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, sizeof junk, MINDIR, context), OH_AI_STATUS_LITE_NULLPTR);
  OH_AI_ContextSetThreadNum(context, 0);
  OH_AI_ContextSetThreadAffinityMode(context, -100);
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, sizeof junk, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK(OH_AI_ContextGetThreadNum(context) == 2 || OH_AI_ContextGetThreadNum(context) == 4);
  OH_AI_ContextSetThreadNum(context, 666666);
  CHECK_STATUS(OH_AI_ModelBuild(model, junk, sizeof junk, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  CHECK(OH_AI_ContextGetThreadNum(context) < 666666 && OH_AI_ContextGetThreadNum(context) >= 5);
  /* Taken over although the build failed: for another model it is refused before the bytes are looked at. */
  CHECK_STATUS(OH_AI_ModelBuild(other, junk, sizeof junk, MINDIR, context), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelBuild(other, junk, 0, MINDIR, context), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelBuildFromFile(other, "/no/such/file", MINDIR, context), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelBuild(other, junk, sizeof junk, INVALID, context), OH_AI_STATUS_LITE_PARAM_INVALID);
  OH_AI_ModelDestroy(&model);
  /* Its model is gone. */
  CHECK_STATUS(OH_AI_ModelBuild(other, junk, sizeof junk, MINDIR, context), OH_AI_STATUS_LITE_ERROR);
  OH_AI_ContextDestroy(&context);
  OH_AI_ModelDestroy(&other);
}

static void unbuilt(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_TensorHandleArray in = {0, NULL}, out;
  OH_AI_ShapeInfo shape = {1, {1}}, negative = {4, {1, -32, 32, 1}}, large = {1, {(int64_t)1 << 31}};
  size_t count = 5;
  memset(&out, 0x5A, sizeof out);
  CHECK(OH_AI_ModelGetInputs(model).handle_num == 0 && OH_AI_ModelGetInputs(model).handle_list == NULL);
  CHECK(OH_AI_ModelGetOutputs(model).handle_num == 0 && OH_AI_ModelGetOutputs(model).handle_list == NULL);
  CHECK(OH_AI_ModelGetInputByTensorName(model, "data") == NULL);
  CHECK(OH_AI_ModelGetOutputByTensorName(model, NULL) == NULL);
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_LITE_NULLPTR);
  in.handle_num = 1;
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  in.handle_num = (size_t)-1;
  in.handle_list = (OH_AI_TensorHandle *)(uintptr_t)64;
  CHECK_STATUS(OH_AI_ModelPredict(model, in, &out, NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelResize(model, in, NULL, 1), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelResize(model, in, &negative, 1), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelResize(model, in, &large, 1), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelResize(model, in, &shape, 1), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ModelSetProfiling(model, true), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ModelGetProfile(model, NULL, &count), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(MSLite_ModelGetProfile(model, NULL, NULL), OH_AI_STATUS_LITE_NULLPTR);
  OH_AI_ModelDestroy(&model);
}

static void null_model(void) {
  OH_AI_TensorHandleArray in, out;
  OH_AI_ShapeInfo shape = {1, {1}};
  memset(&in, 0x5A, sizeof in);
  memset(&out, 0x5A, sizeof out);
  CHECK_STATUS(OH_AI_ModelPredict(NULL, in, &out, NULL, NULL), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelResize(NULL, in, &shape, 1), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelPredictWithConfig(NULL, in, &out, NULL, NULL, NULL), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelPredictWithConfig(NULL, in, &out, "", NULL, NULL), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelPredictWithConfig(NULL, in, &out, "input_para:src_h=1", NULL, NULL), OH_AI_STATUS_LITE_NULLPTR);
  CHECK(OH_AI_ModelGetInputs(NULL).handle_num == 0 && OH_AI_ModelGetInputs(NULL).handle_list == NULL);
  CHECK(OH_AI_ModelGetInputByTensorName(NULL, "data") == NULL);
}

static OH_AI_Status load(OH_AI_ModelHandle model, const char *text) {
  char path[] = "/tmp/mslite_config_XXXXXX";
  OH_AI_Status status = OH_AI_STATUS_CORE_FAILED;
  const int descriptor = mkstemp(path);
  FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
  if (file != NULL) {
    fputs(text, file);
    fclose(file);
    status = OH_AI_ModelLoadConfig(model, path);
    remove(path);
  }
  return status;
}

static void configs(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  CHECK_STATUS(OH_AI_ModelLoadConfig(NULL, "/dev/null"), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelLoadConfig(model, NULL), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelLoadConfig(model, ""), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelLoadConfig(model, "/no/such/file"), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelLoadConfig(model, "/tmp"), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(load(model, ""), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(load(model, "sssss"), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(load(model, "[other]\nop=nonsense\n"), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(load(model, "[execution_plan]\n"), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(load(model, "[execution_plan]\r\n# c\r\nconv-0=data_type:float16\r\nb=\"data_type:float32;backend:CPU\"\r\n"),
               OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(load(model, "[execution_plan]\nop=data_type:float8\nop2=data_type:int8\nno equals sign\n"), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(load(model, "[execution_plan]\nop=float16\n"), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(load(model, "[execution_plan]\nop=data_type:\n"), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(load(model, "[execution_plan]\nop=\n"), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(load(model, "[execution_plan]\nop=data_type:float16;;backend:CPU\n"), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(load(model, "[execution_plan]\nop=data_type:float16;backend:GPU\n"), OH_AI_STATUS_LITE_ERROR);
  OH_AI_ModelDestroy(&model);
}

static void values(void) {
  CHECK((unsigned)OH_AI_STATUS_LITE_ERROR == 4294967295u);
  CHECK((unsigned)OH_AI_STATUS_LITE_NULLPTR == 4294967294u);
  CHECK((unsigned)OH_AI_STATUS_LITE_UNINITIALIZED_OBJ == 4294967287u);
  CHECK((unsigned)OH_AI_STATUS_LITE_OUT_OF_TENSOR_RANGE == 4294967196u);
  CHECK((unsigned)OH_AI_STATUS_LITE_GRAPH_FILE_ERROR == 4294967096u);
  CHECK((unsigned)OH_AI_STATUS_LITE_NOT_FIND_OP == 4294966996u);
  CHECK((unsigned)OH_AI_STATUS_LITE_FORMAT_ERROR == 4294966896u);
  CHECK((unsigned)OH_AI_STATUS_LITE_INFER_ERROR == 4294966796u);
  CHECK((unsigned)OH_AI_STATUS_LITE_INPUT_PARAM_INVALID == 4294966696u);
  CHECK((unsigned)OH_AI_STATUS_LITE_AIPP_INFER_ERROR == 4294966595u);
  CHECK((unsigned)OH_AI_COMPCODE_LITE == 0xF0000000u);
  CHECK(sizeof(OH_AI_Status) == 4 && sizeof(OH_AI_ModelType) == 4 && sizeof(OH_AI_DataType) == 4);
  CHECK(sizeof(OH_AI_TensorHandleArray) == 2 * sizeof(void *) && sizeof(OH_AI_ShapeInfo) == 256 + sizeof(size_t));
}

int main(void) {
  errno = 0;
  values();
  null_model();
  unbuilt();
  builds();
  contexts();
  configs();
  return check_result();
}
