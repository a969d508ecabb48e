/**
 * @file nnrt_driver.h
 * What a driver of the Neural Network Runtime (libneural_network_runtime.so and libneural_network_core.so as built here) is to the
 * runtime: a shared library with one exported function, NNRt_DriverEntry, that gives a table of functions. Nothing but plain C
 * structs and pointers crosses this border, so a driver can be written in any language and can hand models on to another process.
 *
 * Where drivers are found. MSLITE_NNRT_DRIVERS, if set, is a list of shared libraries and folders, separated by colons; in a folder
 * every file whose name ends in ".so" is taken, in the order of names. If it is not set, the folder "nnrt_drivers" next to
 * libneural_network_core.so is. An empty value means no drivers. Programs with more rights than their user (set-user-ID) ignore the
 * variable. Drivers are loaded when a program first asks for devices, with RTLD_NOW and RTLD_LOCAL, and are never unloaded. A library
 * that cannot be loaded, has no entry, speaks another version or lacks a function that is not optional is left out, with a line in the
 * log that says why.
 *
 * Status codes. Functions return an OH_NN_ReturnCode: OH_NN_SUCCESS, or any other for failure, when all results are as if the call
 * had not been made. The runtime tells programs only what OpenHarmony's would: OH_NN_UNAVAILABLE_DEVICE when a query or a run fails,
 * OH_NN_FAILED when a preparation fails, OH_NN_OPERATION_FORBIDDEN when input ranges are not known. The code itself and the text of
 * `lastError` are in the log. Where a code means more it is said at the function.
 *
 * Trust. The runtime has checked what the table of operators can check: numbers of inputs and outputs, data types, numbers and ranges
 * of parameters, indices, byte sizes of constants. It has not checked whether data types and shapes of data fit each other: that is
 * the driver's to answer in `getSupportedOperations` and `prepareModel`. In turn the runtime checks every answer of a driver
 * that has a length, an index or a shape.
 *
 * Ownership. What the runtime passes in (structs and all they point to) is valid during the call and must be copied to be kept; the
 * memory of buffers is valid until `releaseBuffer`. What a driver returns is valid until it is given back by the function named
 * there.
 *
 * Threads. Any function may be called from any thread. Calls about different prepared models, and calls that take a device, may run
 * at the same time. For one prepared model the runtime makes one call at a time, with two exceptions: `run` calls overlap if the device
 * says so in `concurrentRuns`, and `cancel` is called while `run` runs. `releaseModel` is the last call for a prepared model, and no
 * other call for it runs then. Drivers may have threads of their own; callbacks may come from any.
 */
#ifndef MSLITE_NNRT_DRIVER_H
#define MSLITE_NNRT_DRIVER_H

#include <stdbool.h>
#include "neural_network_runtime/neural_network_runtime_type.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Version of everything in this file. It changes when something else than a function at the table's end is added. */
#define NNRT_DRIVER_ABI_VERSION 1u

/** Most dimensions of a tensor. */
#define NNRT_MAX_DIMENSIONS 10

/** Lengths of the strings in NNRt_DeviceInfo, final NUL included. */
#define NNRT_DEVICE_NAME_SIZE 64
#define NNRT_VENDOR_NAME_SIZE 32

/** Whether a device can be used. The runtime shows devices that are available or busy when it asks. */
typedef enum NNRt_DeviceStatus {
  NNRT_DEVICE_AVAILABLE = 0,
  NNRT_DEVICE_BUSY = 1,
  NNRT_DEVICE_OFFLINE = 2,
  NNRT_DEVICE_UNKNOWN = 3
} NNRt_DeviceStatus;

/** Who a device is and what it can do. */
typedef struct NNRt_DeviceInfo {
  /**
   * Programs see "<name>_<vendor>_v<major>_<minor>"; of two devices of the same name the runtime takes the first. The identifier of a
   * device follows from this text, so it is the same in every process. Neither string is empty.
   */
  char name[NNRT_DEVICE_NAME_SIZE];
  char vendor[NNRT_VENDOR_NAME_SIZE];
  OH_NN_DeviceType type;
  NNRt_DeviceStatus status;
  /** Version of the device's interface as OpenHarmony counts it; compiled models of another version are not given to the device. */
  uint32_t versionMajor;
  uint32_t versionMinor;
  /** What the driver can do besides. Asking for what is false here fails before the driver hears of it. */
  bool float16;
  bool performanceMode;
  bool priority;
  /** Models may have inputs with sizes that are not known before a run. */
  bool dynamicInput;
  /** `exportCache` and `prepareModelFromCache` work. */
  bool modelCache;
  /** Several `run` calls for one prepared model may be made at the same time. */
  bool concurrentRuns;
  /** 0, for things to come. */
  uint8_t reserved[58];
} NNRt_DeviceInfo;

/** Quantisation: real = scale * (number - zero point). */
typedef struct NNRt_QuantParam {
  double scale;
  int32_t zeroPoint;
  /** Bits of a number: 8. */
  uint32_t bits;
} NNRt_QuantParam;

/** A tensor of a model. Tensors that no node uses are allowed. */
typedef struct NNRt_ModelTensor {
  /** Never NULL. */
  const char *name;
  OH_NN_DataType dataType;
  OH_NN_Format format;
  /** At most NNRT_MAX_DIMENSIONS; 0 for a scalar, of one element. */
  uint32_t dimensionCount;
  /** Sizes above 0; -1 for one that is not known before a run. */
  const int32_t *dimensions;
  /** The value of a constant, NULL for a tensor that is not one. */
  const void *data;
  /** Bytes of data; always what type and dimensions need. */
  size_t dataSize;
  /** One entry for the tensor, or one for each channel. */
  const NNRt_QuantParam *quantParams;
  uint32_t quantParamCount;
} NNRt_ModelTensor;

/**
 * A parameter of a node. Every parameter with a default in neural_network_runtime_type.h is there, given or not, with two exceptions:
 * of pads and pad mode only the one that counts (where both were given, the later one), and OH_NN_FULL_CONNECTION_AXIS only if it was
 * given (OH_NN_FULL_CONNECTION_USE_AXIS is true then). Parameters without default are there if they were given. Each type is there at
 * most once.
 */
typedef struct NNRt_Attribute {
  OH_NN_TensorType type;
  /** As the table of operators says: OH_NN_BOOL, OH_NN_INT8, OH_NN_INT32, OH_NN_INT64 or OH_NN_FLOAT32. */
  OH_NN_DataType dataType;
  /** Number of values. */
  uint32_t count;
  /** False for a default. */
  bool given;
  /** The values, aligned for their type. */
  const void *data;
} NNRt_Attribute;

/** An operator of a model. */
typedef struct NNRt_Node {
  /** Never NULL. */
  const char *name;
  OH_NN_OperationType operation;
  const NNRt_Attribute *attributes;
  uint32_t attributeCount;
  /** Indices into the model's tensors. */
  const uint32_t *inputs;
  uint32_t inputCount;
  const uint32_t *outputs;
  uint32_t outputCount;
  /** The first output has quantisation parameters. */
  bool quantised;
} NNRt_Node;

/** A model. */
typedef struct NNRt_Model {
  /** What a program gave as "ModelName", or "". */
  const char *name;
  const NNRt_ModelTensor *tensors;
  uint32_t tensorCount;
  /** In the order in which the program added them, which need not be one in which they can run. */
  const NNRt_Node *nodes;
  uint32_t nodeCount;
  const uint32_t *inputs;
  uint32_t inputCount;
  const uint32_t *outputs;
  uint32_t outputCount;
} NNRt_Model;

/** A setting that a program made with OH_NNCompilation_AddExtensionConfig. */
typedef struct NNRt_Extension {
  const char *name;
  /** Bytes of any kind; text in it need not end with NUL. */
  const void *value;
  size_t size;
} NNRt_Extension;

/** How to compile a model. What the device does not support is never asked for. */
typedef struct NNRt_Config {
  /** float32 may be computed in float16. */
  bool float16;
  OH_NN_PerformanceMode performanceMode;
  OH_NN_Priority priority;
  const NNRt_Extension *extensions;
  uint32_t extensionCount;
} NNRt_Config;

/** Bytes: a part of a compiled model, or a model in a format of the vendor. */
typedef struct NNRt_Blob {
  const void *data;
  size_t size;
} NNRt_Blob;

/** An input or output of a model that the runtime did not see being built. */
typedef struct NNRt_TensorInfo {
  /** Never NULL. */
  const char *name;
  OH_NN_DataType dataType;
  OH_NN_Format format;
  uint32_t dimensionCount;
  /** Sizes above 0; -1 for one that is not known before a run. */
  int32_t dimensions[NNRT_MAX_DIMENSIONS];
} NNRt_TensorInfo;

/** An input or output of a run. */
typedef struct NNRt_IOTensor {
  /** Never NULL. */
  const char *name;
  OH_NN_DataType dataType;
  OH_NN_Format format;
  /**
   * Of an input: its shape, all sizes known. Of an output: before the call what the model says (sizes may be -1), after it the shape of
   * the result, which the driver writes.
   */
  uint32_t dimensionCount;
  int32_t dimensions[NNRT_MAX_DIMENSIONS];
  /** The tensor's first byte, in this process. Never NULL. */
  void *data;
  /** Of an input: the bytes that type and shape need. Of an output: the bytes there is room for. */
  size_t byteSize;
  /** The memory that `data` is in, for drivers that hand it on: data is at byte `offset` of it. -1 if it is ordinary memory. */
  int fd;
  size_t offset;
} NNRt_IOTensor;

/** Memory that a device can reach and that can be mapped. */
typedef struct NNRt_Buffer {
  /** The driver's. The runtime maps all `size` bytes shared, for reading and writing. */
  int fd;
  /** Bytes, no less than asked for. */
  size_t size;
  /** For the driver's use. */
  void *handle;
} NNRt_Buffer;

/** A compiled model; what it is is the driver's affair. */
typedef struct NNRt_PreparedModel NNRt_PreparedModel;

/**
 * The driver tells that a device has died: what it has prepared cannot run any more, and calls for it fail until it is back, if ever.
 * Comes from any thread of the driver, also from within a call. Returns soon.
 * @param context what `setDeathCallback` was given
 * @param device its index
 */
typedef void (*NNRt_DeviceDied)(void *context, uint32_t device);

/**
 * The functions of a driver. `device` is an index below `getDeviceCount`. Functions marked optional may be NULL. The table is static:
 * it is valid as long as the library is loaded, and never changes.
 */
typedef struct NNRt_Driver {
  /** NNRT_DRIVER_ABI_VERSION. */
  uint32_t abiVersion;
  /** sizeof(NNRt_Driver) of the header that the driver was compiled with: functions beyond it are not there. */
  uint32_t size;

  /** How many devices there are; asked once. */
  uint32_t (*getDeviceCount)(void);

  /** Fills in `info`, which is all 0 before the call. Asked once. */
  OH_NN_ReturnCode (*getDeviceInfo)(uint32_t device, NNRt_DeviceInfo *info);

  /** Optional. What the calling thread's last failing call had to say, NULL or "" for nothing; valid until its next call. */
  const char *(*lastError)(void);

  /**
   * Which nodes the device can run, each by itself or together with others.
   * @param supported an answer for each node of the model, false before the call
   */
  OH_NN_ReturnCode (*getSupportedOperations)(uint32_t device, const NNRt_Model *model, bool *supported);

  /** Compiles a model of which all nodes are supported. @param prepared gets the compiled model, for `releaseModel` */
  OH_NN_ReturnCode (*prepareModel)(uint32_t device, const NNRt_Model *model, const NNRt_Config *config,
                                   NNRt_PreparedModel **prepared);

  /**
   * Optional, but needed for `modelCache`. Makes a compiled model of what `exportCache` gave, in another process perhaps. Lengths and
   * checksums are as written; still the driver must expect bytes that another version of it has written.
   */
  OH_NN_ReturnCode (*prepareModelFromCache)(uint32_t device, const NNRt_Blob *blobs, uint32_t blobCount, const NNRt_Config *config,
                                            NNRt_PreparedModel **prepared);

  /** Optional. Compiles a model in a format of the vendor; then `describeModel` is needed, too. */
  OH_NN_ReturnCode (*prepareOfflineModel)(uint32_t device, const NNRt_Blob *blobs, uint32_t blobCount, const NNRt_Config *config,
                                          NNRt_PreparedModel **prepared);

  /**
   * Optional, but needed for `prepareOfflineModel`: inputs and outputs of a compiled model. Each array is valid until `releaseModel`.
   */
  OH_NN_ReturnCode (*describeModel)(NNRt_PreparedModel *prepared, const NNRt_TensorInfo **inputs, uint32_t *inputCount,
                                    const NNRt_TensorInfo **outputs, uint32_t *outputCount);

  /**
   * Optional, but needed for `modelCache`. The compiled model as bytes.
   * @param blobs gets an array of 1 to 100 parts, none of them empty, valid until `releaseCache`
   */
  OH_NN_ReturnCode (*exportCache)(NNRt_PreparedModel *prepared, const NNRt_Blob **blobs, uint32_t *blobCount);

  /** Optional, but needed for `modelCache`. Gives back what `exportCache` gave. */
  void (*releaseCache)(NNRt_PreparedModel *prepared, const NNRt_Blob *blobs, uint32_t blobCount);

  /**
   * Optional. The sizes that an input may have.
   * @param minimum gets `dimensionCount` sizes, the number of dimensions that the model's input has
   * @param maximum gets as many, none below its minimum
   */
  OH_NN_ReturnCode (*getInputDimensionRange)(NNRt_PreparedModel *prepared, uint32_t input, uint32_t dimensionCount, uint32_t *minimum,
                                             uint32_t *maximum);

  /**
   * Runs. Writes the results and, into the outputs' `dimensionCount` and `dimensions`, their shapes; `data`, `byteSize`, `fd` and
   * `offset` stay as they are, and so do the bytes of the inputs.
   * @return OH_NN_MEMORY_ERROR if an output has too little room: all outputs have the shapes of their results then, and no data
   */
  OH_NN_ReturnCode (*run)(NNRt_PreparedModel *prepared, const NNRt_IOTensor *inputs, uint32_t inputCount, NNRt_IOTensor *outputs,
                          uint32_t outputCount);

  /**
   * Optional. Nobody waits any more for the runs of this model that are on their way: they should end soon, with any result. Does not
   * wait for them. Runs that begin later are not concerned.
   */
  void (*cancel)(NNRt_PreparedModel *prepared);

  /** Optional. Another performance mode and priority for a compiled model; `float16` and the extensions are as they were. */
  OH_NN_ReturnCode (*reconfigure)(NNRt_PreparedModel *prepared, const NNRt_Config *config);

  /** Frees a compiled model. */
  void (*releaseModel)(NNRt_PreparedModel *prepared);

  /** Optional; without it the runtime makes buffers itself (memfd_create). @param size not 0 */
  OH_NN_ReturnCode (*allocateBuffer)(uint32_t device, size_t size, NNRt_Buffer *buffer);

  /** There if `allocateBuffer` is. The runtime has unmapped the buffer. */
  void (*releaseBuffer)(uint32_t device, NNRt_Buffer *buffer);

  /** Optional. Called once, before the driver is used. */
  void (*setDeathCallback)(NNRt_DeviceDied callback, void *context);
} NNRt_Driver;

/**
 * What a driver exports.
 * @param abiVersion the runtime's NNRT_DRIVER_ABI_VERSION
 * @return the table, or NULL if the driver does not speak that version
 */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const NNRt_Driver *NNRt_DriverEntry(uint32_t abiVersion);

#ifdef __cplusplus
}
#endif

#endif
