'use strict';
// The interface of @ohos.ai.mindSporeLite: the addon's functions and classes, and the enumerations; and those of pictures.

const native = require('./mslite.node');

/** An enumeration: names to numbers, and back as TypeScript's. */
function enumeration(values) {
  const both = { ...values };
  for (const [name, value] of Object.entries(values)) both[value] = name;
  return Object.freeze(both);
}

class NNRTDeviceDescription {
  #device;
  constructor(device) {
    this.#device = device;
  }
  deviceID() {
    return this.#device.id;
  }
  deviceType() {
    return this.#device.type;
  }
  deviceName() {
    return this.#device.name;
  }
}

const mindSporeLite = Object.freeze({
  loadModelFromFile: native.loadModelFromFile,
  loadModelFromBuffer: native.loadModelFromBuffer,
  loadModelFromFd: native.loadModelFromFd,
  loadTrainModelFromFile: native.loadTrainModelFromFile,
  loadTrainModelFromBuffer: native.loadTrainModelFromBuffer,
  loadTrainModelFromFd: native.loadTrainModelFromFd,
  getAllNNRTDeviceDescriptions: () => native.nnrtDevices().map((device) => new NNRTDeviceDescription(device)),
  getLastError: native.getLastError,
  getVersion: native.getVersion,

  ThreadAffinityMode: enumeration({ NO_AFFINITIES: 0, BIG_CORES_FIRST: 1, LITTLE_CORES_FIRST: 2 }),
  PerformanceMode: enumeration({
    PERFORMANCE_NONE: 0, PERFORMANCE_LOW: 1, PERFORMANCE_MEDIUM: 2, PERFORMANCE_HIGH: 3, PERFORMANCE_EXTREME: 4,
  }),
  Priority: enumeration({ PRIORITY_NONE: 0, PRIORITY_LOW: 1, PRIORITY_MEDIUM: 2, PRIORITY_HIGH: 3 }),
  NNRTDeviceType: enumeration({ NNRTDEVICE_OTHERS: 0, NNRTDEVICE_CPU: 1, NNRTDEVICE_GPU: 2, NNRTDEVICE_ACCELERATOR: 3 }),
  OptimizationLevel: enumeration({ O0: 0, O2: 2, O3: 3, AUTO: 4 }),
  QuantizationType: enumeration({ NO_QUANT: 0, WEIGHT_QUANT: 1, FULL_QUANT: 2 }),
  DataType: enumeration({
    TYPE_UNKNOWN: 0, NUMBER_TYPE_INT8: 32, NUMBER_TYPE_INT16: 33, NUMBER_TYPE_INT32: 34, NUMBER_TYPE_INT64: 35, NUMBER_TYPE_UINT8: 37,
    NUMBER_TYPE_UINT16: 38, NUMBER_TYPE_UINT32: 39, NUMBER_TYPE_UINT64: 40, NUMBER_TYPE_FLOAT16: 42, NUMBER_TYPE_FLOAT32: 43,
    NUMBER_TYPE_FLOAT64: 44,
  }),
  Format: enumeration({
    DEFAULT_FORMAT: -1, NCHW: 0, NHWC: 1, NHWC4: 2, HWKC: 3, HWCK: 4, KCHW: 5, CKHW: 6, KHWC: 7, CHWK: 8, HW: 9, HW4: 10, NC: 11, NC4: 12,
    NC4HW4: 13, NCDHW: 15, NWC: 16, NCW: 17,
  }),
});

exports.mindSporeLite = mindSporeLite;
exports.image = require('./image.js');
exports.default = mindSporeLite;
