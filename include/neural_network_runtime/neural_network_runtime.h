/**
 * @file neural_network_runtime.h
 * Models of the Neural Network Runtime, quantisation parameters, and the executor's inputs and outputs as they were before API 11.
 *
 * What neural_network_core.h says about handles, ownership and threads holds here too. A model is built in this order: tensors, the
 * types and data of those that are parameters, operators, inputs and outputs, OH_NNModel_Finish. After that nothing can be added:
 * OH_NN_OPERATION_FORBIDDEN (but OH_NNModel_AddTensorToModel succeeds, to no effect, as it does on OpenHarmony).
 */
#ifndef NEURAL_NETWORK_RUNTIME_H
#define NEURAL_NETWORK_RUNTIME_H

#include "neural_network_core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Empty quantisation parameters. Since API 11. */
NN_QuantParam *OH_NNQuantParam_Create(void);

/** Sets the scales, which are copied. @param quantCount not 0. Since API 11. */
OH_NN_ReturnCode OH_NNQuantParam_SetScales(NN_QuantParam *quantParams, const double *scales, size_t quantCount);

/** Sets the zero points, which are copied. @param quantCount not 0. Since API 11. */
OH_NN_ReturnCode OH_NNQuantParam_SetZeroPoints(NN_QuantParam *quantParams, const int32_t *zeroPoints, size_t quantCount);

/** Sets the bits of a number, which are copied. @param quantCount not 0. Since API 11. */
OH_NN_ReturnCode OH_NNQuantParam_SetNumBits(NN_QuantParam *quantParams, const uint32_t *numBits, size_t quantCount);

/** Frees quantisation parameters. Since API 11. */
OH_NN_ReturnCode OH_NNQuantParam_Destroy(NN_QuantParam **quantParams);

/** An empty model. Since API 9. */
OH_NNModel *OH_NNModel_Construct(void);

/**
 * Adds a tensor of the description's data type and shape; its name and format do not count, the tensors of a model are NHWC. The
 * first one is number 0. Since API 11.
 */
OH_NN_ReturnCode OH_NNModel_AddTensorToModel(OH_NNModel *model, const NN_TensorDesc *tensorDesc);

/**
 * Makes a tensor constant. The data is copied. Since API 9.
 * @param length the tensor's bytes
 * @return OH_NN_INVALID_PARAMETER for a tensor that has data, OH_NN_OPERATION_FORBIDDEN for one with a size that is not known
 */
OH_NN_ReturnCode OH_NNModel_SetTensorData(OH_NNModel *model, uint32_t index, const void *dataBuffer, size_t length);

/**
 * Makes a tensor quantised. The parameters are copied. Since API 11.
 * @return OH_NN_INVALID_PARAMETER for scales, zero points and bits of different numbers, and for other than 8 bits
 */
OH_NN_ReturnCode OH_NNModel_SetTensorQuantParams(OH_NNModel *model, uint32_t index, NN_QuantParam *quantParam);

/** Makes a tensor a parameter of an operator. Since API 11. */
OH_NN_ReturnCode OH_NNModel_SetTensorType(OH_NNModel *model, uint32_t index, OH_NN_TensorType tensorType);

/**
 * Adds an operator. Its parameters must have their type and data. Since API 9.
 * @param paramIndices in any order, each at most once; {NULL, 0} for none
 * @param inputIndices as many as the operator has
 * @param outputIndices as many as the operator has, none of them an input
 * @return OH_NN_INVALID_PARAMETER for an unknown operator, indices out of range or given twice, another number of inputs or outputs,
 *         parameters that the operator does not have, or whose data type, number of values or value it does not accept, and without a
 *         parameter that it needs
 */
OH_NN_ReturnCode OH_NNModel_AddOperation(OH_NNModel *model, OH_NN_OperationType op, const OH_NN_UInt32Array *paramIndices,
                                         const OH_NN_UInt32Array *inputIndices, const OH_NN_UInt32Array *outputIndices);

/**
 * Names the model's inputs and outputs, 1 to 200 each, once. Since API 9.
 * @return OH_NN_INVALID_PARAMETER for indices out of range or given twice, and parameters; OH_NN_OPERATION_FORBIDDEN for a second call
 */
OH_NN_ReturnCode OH_NNModel_SpecifyInputsAndOutputs(OH_NNModel *model, const OH_NN_UInt32Array *inputIndices,
                                                    const OH_NN_UInt32Array *outputIndices);

/** Ends building. @return OH_NN_OPERATION_FORBIDDEN without tensors, operators, or inputs and outputs. Since API 9. */
OH_NN_ReturnCode OH_NNModel_Finish(OH_NNModel *model);

/** Frees a model. NULL is accepted. Since API 9. */
void OH_NNModel_Destroy(OH_NNModel **model);

/**
 * Which operators of a finished model a device can run. Since API 9.
 * @param isSupported NULL before the call; the model's, in the order in which operators were added
 * @return OH_NN_FAILED for an unknown device, OH_NN_OPERATION_FORBIDDEN before OH_NNModel_Finish, OH_NN_UNAVAILABLE_DEVICE for a
 *         device that fails
 */
OH_NN_ReturnCode OH_NNModel_GetAvailableOperations(OH_NNModel *model, size_t deviceID, const bool **isSupported, uint32_t *opCount);

/** Adds a tensor. Since API 9; deprecated since API 11: OH_NNModel_AddTensorToModel. */
OH_NN_ReturnCode OH_NNModel_AddTensor(OH_NNModel *model, const OH_NN_Tensor *tensor);

/**
 * Copies an input for the next runs. Since API 9; deprecated since API 11: OH_NNExecutor_RunSync.
 * @param tensor data type, number of dimensions and type as in the model; sizes too, except those that the model does not know
 * @param length bytes of dataBuffer, no less than the tensor's
 */
OH_NN_ReturnCode OH_NNExecutor_SetInput(OH_NNExecutor *executor, uint32_t inputIndex, const OH_NN_Tensor *tensor,
                                        const void *dataBuffer, size_t length);

/**
 * Where the next runs write an output. Since API 9; deprecated since API 11: OH_NNExecutor_RunSync.
 * @param dataBuffer must stay until the executor is freed or the output is set again
 * @param length its bytes, no less than the output's as far as its size is known
 */
OH_NN_ReturnCode OH_NNExecutor_SetOutput(OH_NNExecutor *executor, uint32_t outputIndex, void *dataBuffer, size_t length);

/**
 * Runs with the inputs and outputs that were set. Since API 9; deprecated since API 11: OH_NNExecutor_RunSync.
 * @return OH_NN_INVALID_PARAMETER if an input or output was not set, or is too small for a result
 */
OH_NN_ReturnCode OH_NNExecutor_Run(OH_NNExecutor *executor);

/**
 * Memory shared with the device, for an input. There may be several for one. Since API 9; deprecated since API 11:
 * OH_NNTensor_CreateWithSize.
 * @param length bytes, at most 1 GiB
 * @return freed by OH_NNExecutor_DestroyInputMemory, or with the executor
 */
OH_NN_Memory *OH_NNExecutor_AllocateInputMemory(OH_NNExecutor *executor, uint32_t inputIndex, size_t length);

/** As OH_NNExecutor_AllocateInputMemory, for an output. */
OH_NN_Memory *OH_NNExecutor_AllocateOutputMemory(OH_NNExecutor *executor, uint32_t outputIndex, size_t length);

/** Frees memory of an input; memory of another input or executor is left alone. Since API 9; deprecated since API 11. */
void OH_NNExecutor_DestroyInputMemory(OH_NNExecutor *executor, uint32_t inputIndex, OH_NN_Memory **memory);

/** Frees memory of an output; memory of another output or executor is left alone. Since API 9; deprecated since API 11. */
void OH_NNExecutor_DestroyOutputMemory(OH_NNExecutor *executor, uint32_t outputIndex, OH_NN_Memory **memory);

/** As OH_NNExecutor_SetInput, without a copy: the device reads the memory. Since API 9; deprecated since API 11. */
OH_NN_ReturnCode OH_NNExecutor_SetInputWithMemory(OH_NNExecutor *executor, uint32_t inputIndex, const OH_NN_Tensor *tensor,
                                                  const OH_NN_Memory *memory);

/** As OH_NNExecutor_SetOutput, without a copy: the device writes the memory. Since API 9; deprecated since API 11. */
OH_NN_ReturnCode OH_NNExecutor_SetOutputWithMemory(OH_NNExecutor *executor, uint32_t outputIndex, const OH_NN_Memory *memory);

#ifdef __cplusplus
}
#endif

#endif
