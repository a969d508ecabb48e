/**
 * @file model.h
 * Models: build, run, train, export.
 *
 * Every function accepts NULL and handles that are not (or no longer) of its kind; none of them ends the process. A failed call
 * leaves the model as it was. A model is used by one thread at a time: build, resize, run and destroy of a model that another
 * thread is using fail. Different models may run at the same time.
 */
#ifndef MINDSPORE_INCLUDE_C_API_MODEL_C_H
#define MINDSPORE_INCLUDE_C_API_MODEL_C_H

#include <stdbool.h>
#include "mindspore/tensor.h"
#include "mindspore/context.h"
#include "mindspore/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A model. Compare with NULL only; not a pointer to anything. */
typedef void *OH_AI_ModelHandle;

/** Settings for training. Compare with NULL only; not a pointer to anything. Since API 11. */
typedef void *OH_AI_TrainCfgHandle;

/** A list of tensors. Who owns the list and the tensors in it is said where one is returned. */
typedef struct OH_AI_TensorHandleArray {
  size_t handle_num;
  OH_AI_TensorHandle *handle_list;
} OH_AI_TensorHandleArray;

/** Bound of OH_AI_ShapeInfo::shape. Tensors have at most 8 dimensions. */
#define OH_AI_MAX_SHAPE_NUM 32

/** A shape: `shape_num` dimensions, outermost first. */
typedef struct OH_AI_ShapeInfo {
  size_t shape_num;
  int64_t shape[OH_AI_MAX_SHAPE_NUM];
} OH_AI_ShapeInfo;

/** The operator that a callback is about; both strings are valid during the call. */
typedef struct OH_AI_CallBackParam {
  char *node_name;
  char *node_type;
} OH_AI_CallBackParam;

/**
 * Called before or after an operator, on the thread that runs the model. The lists, their tensors and the strings are valid
 * during the call; the functions that build, run or destroy the same model fail inside it.
 * @return false has no effect but a warning in the log
 */
typedef bool (*OH_AI_KernelCallBack)(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs,
                                     const OH_AI_CallBackParam kernel_Info);

/* ---- Inference ---- */

/** @return a model that is not built, for OH_AI_ModelDestroy(); NULL when memory runs out */
OH_AI_API OH_AI_ModelHandle OH_AI_ModelCreate(void);

/** Releases a model and all that it owns, and writes NULL. While a thread uses the model, nothing happens. */
OH_AI_API void OH_AI_ModelDestroy(OH_AI_ModelHandle *model);

/**
 * Builds a model from memory. The context belongs to this model from here on, even when the model turns out to be unusable;
 * its handle stays the caller's to destroy.
 * @param model_data `data_size` bytes, not used after the call
 * @return in this order: OH_AI_STATUS_LITE_NULLPTR for a NULL argument; OH_AI_STATUS_LITE_PARAM_INVALID for a type other than
 *         MINDIR; OH_AI_STATUS_LITE_PARAM_INVALID for a context of another model; 0xFFFFFFF4 for a model that is built;
 *         OH_AI_STATUS_LITE_INPUT_PARAM_INVALID for a size of 0; OH_AI_STATUS_LITE_NULLPTR for a context without devices, with
 *         more than three, with a device kind that this library cannot use, or with a negative number of threads;
 *         OH_AI_STATUS_LITE_ERROR for bytes that are no usable model and for an NNRT device that does not exist
 */
OH_AI_API OH_AI_Status OH_AI_ModelBuild(OH_AI_ModelHandle model, const void *model_data, size_t data_size,
                                        OH_AI_ModelType model_type, const OH_AI_ContextHandle model_context);

/**
 * Builds a model from a file, which stays mapped while the model lives and must not be written to meanwhile.
 * @return as OH_AI_ModelBuild(); OH_AI_STATUS_LITE_ERROR for a file that cannot be read
 */
OH_AI_API OH_AI_Status OH_AI_ModelBuildFromFile(OH_AI_ModelHandle model, const char *model_path,
                                                OH_AI_ModelType model_type, const OH_AI_ContextHandle model_context);

/**
 * Reads settings for the next build from a file of [section] and key=value lines. Section execution_plan names operators and
 * the precision they may run in: operator=data_type:float16 or data_type:float32, then optionally ;backend:CPU. Everything else
 * is passed over. Since API 20.
 * @return OH_AI_STATUS_LITE_NULLPTR for a NULL argument; OH_AI_STATUS_LITE_ERROR for a built model, a file that cannot be read
 *         and a malformed entry of the plan
 */
OH_AI_API OH_AI_Status OH_AI_ModelLoadConfig(OH_AI_ModelHandle model, const char *config_path);

/**
 * Gives the inputs new shapes. On success they lose their data, which is to be filled in again, and the outputs get new shapes.
 * @param inputs the model's inputs in its order, from OH_AI_ModelGetInputs()
 * @param shape_infos one shape per input
 * @return OH_AI_STATUS_LITE_NULLPTR for a NULL argument or a model that is not built; OH_AI_STATUS_LITE_PARAM_INVALID for a
 *         dimension below 0 or above INT32_MAX and for tensors that are not the model's inputs;
 *         OH_AI_STATUS_LITE_INPUT_PARAM_INVALID for the wrong number of either; OH_AI_STATUS_LITE_ERROR for shapes that the
 *         model cannot take
 */
OH_AI_API OH_AI_Status OH_AI_ModelResize(OH_AI_ModelHandle model, const OH_AI_TensorHandleArray inputs,
                                         OH_AI_ShapeInfo *shape_infos, size_t shape_info_num);

/**
 * Runs the model once.
 * @param inputs a tensor with data for every input, in the model's order: the model's own or the caller's. Their memory is read
 *        in place
 * @param outputs receives the model's own list of outputs, whose data stay valid until the next run, resize or destroy. When it
 *        comes in with a list of as many live tensors, the results are written to those instead; a tensor without data gets
 *        a buffer of its own
 * @param before,after called around every operator in order; may be NULL
 * @return OH_AI_STATUS_LITE_NULLPTR for NULL and for a NULL input tensor; OH_AI_STATUS_LITE_ERROR for a wrong number of inputs
 *         (also for a model that is not built), a model in use, an input that is not a live tensor, an input of the model whose
 *         shape was set by OH_AI_TensorSetShape(), and an output tensor that is too small;
 *         OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR for an input without data, of another type or of another size;
 *         OH_AI_STATUS_LITE_FORMAT_ERROR when an input of the model was set to a layout other than NHWC and NCHW; or what the
 *         failing operator reports
 */
OH_AI_API OH_AI_Status OH_AI_ModelPredict(OH_AI_ModelHandle model, const OH_AI_TensorHandleArray inputs,
                                          OH_AI_TensorHandleArray *outputs, const OH_AI_KernelCallBack before,
                                          const OH_AI_KernelCallBack after);

/**
 * Runs the model once with pre-processing on the device. Since API 23.
 * @param config groups of functions, one group per input, as text
 * @return OH_AI_STATUS_LITE_PARAM_INVALID for an empty or NULL `config` and for inputs that are the model's own; the codes of
 *         OH_AI_ModelPredict() for the other arguments; OH_AI_STATUS_LITE_AIPP_NOT_SUPPORTED on devices without pre-processing,
 *         the CPU among them
 */
OH_AI_API OH_AI_Status OH_AI_ModelPredictWithConfig(OH_AI_ModelHandle model, const OH_AI_TensorHandleArray inputs,
                                                    OH_AI_TensorHandleArray *outputs, const char *config,
                                                    const OH_AI_KernelCallBack before, const OH_AI_KernelCallBack after);

/**
 * @return the inputs in the model's order. The model owns list and tensors, which are the same at every call until it is
 *         destroyed. {0, NULL} for a model that is not built and for no model
 */
OH_AI_API OH_AI_TensorHandleArray OH_AI_ModelGetInputs(const OH_AI_ModelHandle model);

/** @return the outputs, as OH_AI_ModelGetInputs(). A dimension that only a run can tell is -1 before */
OH_AI_API OH_AI_TensorHandleArray OH_AI_ModelGetOutputs(const OH_AI_ModelHandle model);

/** @return the input of that name, owned by the model; NULL when there is none */
OH_AI_API OH_AI_TensorHandle OH_AI_ModelGetInputByTensorName(const OH_AI_ModelHandle model, const char *tensor_name);

/** @return the output of that name, owned by the model; NULL when there is none */
OH_AI_API OH_AI_TensorHandle OH_AI_ModelGetOutputByTensorName(const OH_AI_ModelHandle model, const char *tensor_name);

/* ---- Training. Since API 11. ---- */

/** @return train settings with the loss names "loss_fct" and "_loss_fn" and level KO0, for OH_AI_TrainCfgDestroy() */
OH_AI_API OH_AI_TrainCfgHandle OH_AI_TrainCfgCreate(void);

/** Releases train settings and writes NULL. Those that a train build took live as long as the model. */
OH_AI_API void OH_AI_TrainCfgDestroy(OH_AI_TrainCfgHandle *train_cfg);

/**
 * @param num receives the number of names
 * @return an array of strings; the caller releases each string and the array with free(). NULL when an argument is NULL
 */
OH_AI_API char **OH_AI_TrainCfgGetLossName(OH_AI_TrainCfgHandle train_cfg, size_t *num);

/** Replaces the names (copied): an operator whose name contains one of them computes the loss. */
OH_AI_API void OH_AI_TrainCfgSetLossName(OH_AI_TrainCfgHandle train_cfg, const char **loss_name, size_t num);

/** @return the stored level; OH_AI_KO0 for no train settings */
OH_AI_API OH_AI_OptimizationLevel OH_AI_TrainCfgGetOptimizationLevel(OH_AI_TrainCfgHandle train_cfg);

/** Stores the level. */
OH_AI_API void OH_AI_TrainCfgSetOptimizationLevel(OH_AI_TrainCfgHandle train_cfg, OH_AI_OptimizationLevel level);

/**
 * Builds a model for training from memory. A model that holds no training is built for inference. Inputs have buffers from
 * the start.
 * @param train_cfg may be NULL; belongs to the model from here on
 * @return as OH_AI_ModelBuild(), but OH_AI_STATUS_LITE_ERROR for a size of 0
 */
OH_AI_API OH_AI_Status OH_AI_TrainModelBuild(OH_AI_ModelHandle model, const void *model_data, size_t data_size,
                                             OH_AI_ModelType model_type, const OH_AI_ContextHandle model_context,
                                             const OH_AI_TrainCfgHandle train_cfg);

/** As OH_AI_TrainModelBuild() from a file. ".ms" is added to a path that does not end in it. */
OH_AI_API OH_AI_Status OH_AI_TrainModelBuildFromFile(OH_AI_ModelHandle model, const char *model_path,
                                                     OH_AI_ModelType model_type, const OH_AI_ContextHandle model_context,
                                                     const OH_AI_TrainCfgHandle train_cfg);

/**
 * Runs the model once with the data of its own inputs: a training step in train mode, else only forward.
 * @return OH_AI_STATUS_LITE_PARAM_INVALID for no model, OH_AI_STATUS_LITE_NULLPTR for one that is not built,
 *         OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR for an input without data
 */
OH_AI_API OH_AI_Status OH_AI_RunStep(OH_AI_ModelHandle model, const OH_AI_KernelCallBack before,
                                     const OH_AI_KernelCallBack after);

/**
 * Sets the learning rate of every optimiser.
 * @return OH_AI_STATUS_LITE_PARAM_INVALID for no model, OH_AI_STATUS_LITE_NULLPTR for one that is not built,
 *         OH_AI_STATUS_LITE_ERROR for a negative rate and for a model without training
 */
OH_AI_API OH_AI_Status OH_AI_ModelSetLearningRate(OH_AI_ModelHandle model, float learning_rate);

/** @return the rate of the first optimiser; 0 when there is none */
OH_AI_API float OH_AI_ModelGetLearningRate(OH_AI_ModelHandle model);

/**
 * @return the weights; the caller releases each tensor with OH_AI_TensorDestroy() and the list with free(). Their data are the
 *         model's. {0, NULL} when there are none
 */
OH_AI_API OH_AI_TensorHandleArray OH_AI_ModelGetWeights(OH_AI_ModelHandle model);

/**
 * Copies new values, and shapes, into the weights of the same names.
 * @return OH_AI_STATUS_LITE_PARAM_INVALID for no model and for another element type, OH_AI_STATUS_LITE_NULLPTR for a model that
 *         is not built, OH_AI_STATUS_LITE_INPUT_PARAM_INVALID for an empty list, OH_AI_STATUS_LITE_ERROR for an unknown name
 */
OH_AI_API OH_AI_Status OH_AI_ModelUpdateWeights(OH_AI_ModelHandle model, const OH_AI_TensorHandleArray new_weights);

/** @return whether the model is a training model in train mode */
OH_AI_API bool OH_AI_ModelGetTrainMode(OH_AI_ModelHandle model);

/**
 * Switches between train and eval mode, and with it the list of outputs.
 * @return OH_AI_STATUS_LITE_PARAM_INVALID for no model, OH_AI_STATUS_LITE_UNINITIALIZED_OBJ for one that is not built,
 *         OH_AI_STATUS_LITE_ERROR when a model without training is asked to train
 */
OH_AI_API OH_AI_Status OH_AI_ModelSetTrainMode(OH_AI_ModelHandle model, bool train);

/**
 * Lets gradients add up over several steps before they are applied.
 * @param virtual_batch_multiplier steps per update; 1 and below switch it off
 * @param lr learning rate; below 0: the optimiser's divided by the multiplier
 * @param momentum batch normalisation's momentum; below 0: its own divided by the multiplier
 * @return OH_AI_STATUS_LITE_PARAM_INVALID for no model, OH_AI_STATUS_LITE_NULLPTR for one that is not built,
 *         OH_AI_STATUS_LITE_ERROR for a model without training
 */
OH_AI_API OH_AI_Status OH_AI_ModelSetupVirtualBatch(OH_AI_ModelHandle model, int virtual_batch_multiplier, float lr,
                                                    float momentum);

/**
 * Writes a training model to a file.
 * @param model_file path; ".ms" is added when it does not end in it; an existing file is replaced
 * @param export_inference_only leave the training out; otherwise the names are ignored
 * @param output_tensor_name `num` names of tensors to end at; NULL or 0: the whole inference part
 * @return OH_AI_STATUS_LITE_PARAM_INVALID for no model and for a type other than MINDIR; OH_AI_STATUS_LITE_ERROR for a model
 *         without training, an unknown name and a file that cannot be written
 */
OH_AI_API OH_AI_Status OH_AI_ExportModel(OH_AI_ModelHandle model, OH_AI_ModelType model_type, const char *model_file,
                                         OH_AI_QuantizationType quantization_type, bool export_inference_only,
                                         char **output_tensor_name, size_t num);

/**
 * As OH_AI_ExportModel() into memory.
 * @param model_data address of a `char *` that receives the buffer, which the caller releases with free(); NULL on failure
 * @param data_size receives its bytes; 0 on failure
 */
OH_AI_API OH_AI_Status OH_AI_ExportModelBuffer(OH_AI_ModelHandle model, OH_AI_ModelType model_type, void *model_data,
                                               size_t *data_size, OH_AI_QuantizationType quantization_type,
                                               bool export_inference_only, char **output_tensor_name, size_t num);

/**
 * Writes the weights of the inference part as raw numbers, for generated code.
 * @param is_inference must be true
 * @param enable_fp16 write half precision
 * @param changeable_weights_name `num` names of weights that get their dimensions written in front
 * @return OH_AI_STATUS_LITE_PARAM_INVALID for no model and for a type other than MINDIR, OH_AI_STATUS_LITE_NOT_SUPPORT when
 *         `is_inference` is false, OH_AI_STATUS_LITE_ERROR for a model without training and a file that cannot be written
 */
OH_AI_API OH_AI_Status OH_AI_ExportWeightsCollaborateWithMicro(OH_AI_ModelHandle model, OH_AI_ModelType model_type,
                                                               const char *weight_file, bool is_inference,
                                                               bool enable_fp16, char **changeable_weights_name,
                                                               size_t num);

#ifdef __cplusplus
}
#endif
#endif
