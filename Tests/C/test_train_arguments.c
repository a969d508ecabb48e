/* The training group: its own convention for a missing model, train settings, and models that are not built. */
#include "mindspore/model.h"
#include "check.h"
#include <stdlib.h>
#include <string.h>

static const OH_AI_ModelType MINDIR = OH_AI_MODELTYPE_MINDIR, INVALID = OH_AI_MODELTYPE_INVALID;
static const char junk[] = "these bytes are not a model";

static int has_names(OH_AI_TrainCfgHandle config, const char **expected, size_t count) {
  size_t n = 99;
  char **names = OH_AI_TrainCfgGetLossName(config, &n);
  int equal = names != NULL && n == count;
  for (size_t i = 0; names != NULL && i < n; i++) {
    equal = equal && strcmp(names[i], expected[i]) == 0;
    free(names[i]);
  }
  free(names);
  return equal;
}

static void settings(void) {
  const char *defaults[] = {"loss_fct", "_loss_fn"};
  const char *names[] = {"aaa", "bbb"};
  const char *missing[] = {NULL, "bbb"};
  size_t count = 4;
  OH_AI_TrainCfgHandle config = OH_AI_TrainCfgCreate();
  CHECK(config != NULL);
  CHECK(has_names(config, defaults, 2));
  OH_AI_TrainCfgSetLossName(config, names, 2);
  CHECK(has_names(config, names, 2));
  OH_AI_TrainCfgSetLossName(config, names, 1);
  CHECK(has_names(config, names, 1));
  OH_AI_TrainCfgSetLossName(config, NULL, 1);
  OH_AI_TrainCfgSetLossName(config, missing, 2);
  OH_AI_TrainCfgSetLossName(NULL, names, 2);
  CHECK(has_names(config, names, 1));
  CHECK(OH_AI_TrainCfgGetLossName(NULL, &count) == NULL);
  CHECK(OH_AI_TrainCfgGetLossName(config, NULL) == NULL);
  const OH_AI_OptimizationLevel levels[] = {OH_AI_KO2, OH_AI_KO3, OH_AI_KAUTO, OH_AI_KOPTIMIZATIONTYPE, OH_AI_KO0};
  CHECK(OH_AI_TrainCfgGetOptimizationLevel(config) == OH_AI_KO0);
  for (size_t i = 0; i < 5; i++) {
    OH_AI_TrainCfgSetOptimizationLevel(config, levels[i]);
    CHECK(OH_AI_TrainCfgGetOptimizationLevel(config) == levels[i]);
  }
  OH_AI_TrainCfgSetOptimizationLevel(NULL, OH_AI_KO2);
  CHECK(OH_AI_TrainCfgGetOptimizationLevel(NULL) == OH_AI_KO0);
  OH_AI_TrainCfgDestroy(&config);
  CHECK(config == NULL);
  OH_AI_TrainCfgDestroy(&config);
  OH_AI_TrainCfgDestroy(NULL);
}

static void builds(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate(), other = OH_AI_ModelCreate();
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_TrainCfgHandle config = OH_AI_TrainCfgCreate();
  CHECK_STATUS(OH_AI_TrainModelBuild(NULL, junk, sizeof junk, MINDIR, context, config), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_TrainModelBuild(model, NULL, sizeof junk, MINDIR, context, config), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_TrainModelBuild(model, junk, sizeof junk, MINDIR, NULL, config), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_TrainModelBuild(model, junk, sizeof junk, INVALID, context, config), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_TrainModelBuild(model, junk, 0, MINDIR, context, config), OH_AI_STATUS_LITE_ERROR);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  CHECK((unsigned)OH_AI_TrainModelBuild(model, junk, sizeof junk, MINDIR, context, config) != OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_TrainModelBuild(other, junk, sizeof junk, MINDIR, context, NULL), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_TrainModelBuildFromFile(model, NULL, MINDIR, context, config), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_TrainModelBuildFromFile(NULL, "x", MINDIR, context, config), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_TrainModelBuildFromFile(model, "x", INVALID, context, config), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_TrainModelBuildFromFile(model, "", MINDIR, context, config), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_TrainModelBuildFromFile(model, "/no/such/file", MINDIR, context, config), OH_AI_STATUS_LITE_ERROR);
  /* The model has taken the settings; destroying them all the same does no harm. */
  OH_AI_TrainCfgDestroy(&config);
  CHECK(config == NULL);
  OH_AI_ContextDestroy(&context);
  OH_AI_ModelDestroy(&model);
  OH_AI_ModelDestroy(&other);
}

static void model_functions(OH_AI_ModelHandle model, unsigned missing, unsigned set_mode, unsigned export_status) {
  OH_AI_TensorHandleArray none = {0, NULL};
  char *buffer = (char *)&none;
  size_t size = 3;
  CHECK_STATUS(OH_AI_RunStep(model, NULL, NULL), missing);
  CHECK_STATUS(OH_AI_ModelSetLearningRate(model, 0.01f), missing);
  CHECK(!(OH_AI_ModelGetLearningRate(model) > 0.0f));
  CHECK(OH_AI_ModelGetWeights(model).handle_num == 0);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, none), missing);
  CHECK(!OH_AI_ModelGetTrainMode(model));
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), set_mode);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, false), set_mode);
  CHECK(!OH_AI_ModelGetTrainMode(model));
  CHECK_STATUS(OH_AI_ModelSetupVirtualBatch(model, 2, -1.0f, -1.0f), missing);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, "/tmp/x.ms", OH_AI_NO_QUANT, true, NULL, 0), export_status);
  CHECK_STATUS(OH_AI_ExportModel(model, INVALID, "/tmp/x.ms", OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ExportModelBuffer(model, MINDIR, &buffer, &size, OH_AI_NO_QUANT, true, NULL, 0), export_status);
  CHECK(buffer == NULL && size == 0);
  CHECK_STATUS(OH_AI_ExportModelBuffer(model, MINDIR, NULL, NULL, OH_AI_NO_QUANT, true, NULL, 0), export_status);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, "/tmp/x.bin", true, false, NULL, 0), export_status);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, "/tmp/x.bin", false, false, NULL, 0),
               model == NULL ? OH_AI_STATUS_LITE_PARAM_INVALID : OH_AI_STATUS_LITE_NOT_SUPPORT);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, INVALID, "/tmp/x.bin", true, false, NULL, 0),
               OH_AI_STATUS_LITE_PARAM_INVALID);
}

int main(void) {
  settings();
  builds();
  model_functions(NULL, OH_AI_STATUS_LITE_PARAM_INVALID, OH_AI_STATUS_LITE_PARAM_INVALID, OH_AI_STATUS_LITE_PARAM_INVALID);
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  model_functions(model, OH_AI_STATUS_LITE_NULLPTR, OH_AI_STATUS_LITE_UNINITIALIZED_OBJ, OH_AI_STATUS_LITE_ERROR);
  OH_AI_ModelDestroy(&model);
  return check_result();
}
