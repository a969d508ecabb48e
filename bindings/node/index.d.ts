/**
 * On-device inference and training, with the interface of OpenHarmony's `@ohos.ai.mindSporeLite`. Wrong arguments throw a TypeError
 * with code 401; what the engine refuses rejects the promise (or comes as the callback's second argument) with a {@link MindSporeLiteError}.
 */
export namespace mindSporeLite {
  /** `code` is the status of the C interface, such as 0xFFFFFFFF (LITE_ERROR); `message` the engine's text. */
  interface MindSporeLiteError extends Error {
    code: number;
  }
  /** Called with the result; here also with undefined and the error. */
  type Callback<T> = (result: T, error?: MindSporeLiteError) => void;

  function loadModelFromFile(model: string, callback: Callback<Model>): void;
  function loadModelFromFile(model: string, context: Context, callback: Callback<Model>): void;
  function loadModelFromFile(model: string, context?: Context): Promise<Model>;
  function loadModelFromBuffer(model: Bytes, callback: Callback<Model>): void;
  function loadModelFromBuffer(model: Bytes, context: Context, callback: Callback<Model>): void;
  function loadModelFromBuffer(model: Bytes, context?: Context): Promise<Model>;
  /** Reads the file from its start; the descriptor stays open. */
  function loadModelFromFd(model: number, callback: Callback<Model>): void;
  function loadModelFromFd(model: number, context: Context, callback: Callback<Model>): void;
  function loadModelFromFd(model: number, context?: Context): Promise<Model>;
  function loadTrainModelFromFile(model: string, trainCfg?: TrainCfg, context?: Context): Promise<Model>;
  function loadTrainModelFromBuffer(model: Bytes, trainCfg?: TrainCfg, context?: Context): Promise<Model>;
  function loadTrainModelFromFd(model: number, trainCfg?: TrainCfg, context?: Context): Promise<Model>;
  /** Empty where there is no Neural Network Runtime. */
  function getAllNNRTDeviceDescriptions(): NNRTDeviceDescription[];
  /** Why the last function that has given `false` did so. */
  function getLastError(): string;
  /** Name, version and the instruction set in use. */
  function getVersion(): string;

  /** Memory: OpenHarmony's ArrayBuffer, or a view of one. It is copied. */
  type Bytes = ArrayBuffer | ArrayBufferView;

  interface Context {
    /** 'cpu' and 'nnrt', in order of preference; ['cpu'] by default. */
    target?: string[];
    cpu?: CpuDevice;
    nnrt?: NNRTDevice;
    /** Of an encrypted model: a key of 16, 24 or 32 bytes, and 'AES-GCM' (default) or 'AES-CBC'. (Not in OpenHarmony.) */
    decryption?: { key: Bytes; mode?: string };
  }
  interface CpuDevice {
    /** 2 by default; 0: the engine chooses. */
    threadNum?: number;
    threadAffinityMode?: ThreadAffinityMode;
    threadAffinityCoreList?: number[];
    /** 'enforce_fp32' (default) or 'preferred_fp16'. */
    precisionMode?: string;
  }
  interface NNRTDevice {
    deviceID?: bigint;
    performanceMode?: PerformanceMode;
    /** PRIORITY_MEDIUM by default. */
    priority?: Priority;
    extensions?: Extension[];
  }
  interface Extension {
    name: string;
    value: Bytes;
  }
  interface NNRTDeviceDescription {
    deviceID(): bigint;
    deviceType(): NNRTDeviceType;
    deviceName(): string;
  }
  interface TrainCfg {
    /** ['loss_fct', '_loss_fn', 'SigmoidCrossEntropy'] by default. */
    lossName?: string[];
    optimizationLevel?: OptimizationLevel;
  }

  /**
   * A model. While a promise of `predict` is open, every other use of it and of its tensors' data throws; so several predictions of one
   * model come one after the other. It goes when nothing refers to it any more, or at `close()`.
   */
  interface Model {
    /** Of the first optimiser; setting it sets every one's. */
    learningRate?: number;
    /** Whether runStep trains; true at first for a training model. */
    trainMode?: boolean;
    getInputs(): MSTensor[];
    /** The outputs' data are those of the last run. (Not in OpenHarmony.) */
    getOutputs(): MSTensor[];
    predict(inputs: MSTensor[], callback: Callback<MSTensor[]>): void;
    /** The outputs' data are valid until the next run, resize or close. */
    predict(inputs: MSTensor[]): Promise<MSTensor[]>;
    /** The inputs lose their data. */
    resize(inputs: MSTensor[], dims: Array<Array<number>>): boolean;
    runStep(inputs: MSTensor[]): boolean;
    getWeights(): MSTensor[];
    updateWeights(weights: MSTensor[]): boolean;
    setupVirtualBatch(virtualBatchMultiplier: number, lr: number, momentum: number): boolean;
    exportModel(
      modelFile: string, quantizationType?: QuantizationType, exportInferenceOnly?: boolean, outputTensorName?: string[]): boolean;
    /** As exportModel, into memory; throws where that gives false. (Not in OpenHarmony.) */
    exportModelBuffer(quantizationType?: QuantizationType, exportInferenceOnly?: boolean, outputTensorName?: string[]): ArrayBuffer;
    exportWeightsCollaborateWithMicro(
      weightFile: string, isInference?: boolean, enableFp16?: boolean, changeableWeightsName?: string[]): boolean;
    /** Releases the model now; it and its tensors throw afterwards. (Not in OpenHarmony.) */
    close(): void;
  }

  /** A tensor of a model. */
  interface MSTensor {
    readonly name: string;
    /** -1 for a dimension that only a run can tell. */
    readonly shape: number[];
    readonly elementNum: number;
    /** Bytes. */
    readonly dataSize: number;
    readonly dtype: DataType;
    readonly format: Format;
    /** A copy. */
    getData(): ArrayBuffer;
    /** Copies; the size must be dataSize. */
    setData(inputArray: Bytes): void;
  }

  enum ThreadAffinityMode { NO_AFFINITIES = 0, BIG_CORES_FIRST = 1, LITTLE_CORES_FIRST = 2 }
  enum PerformanceMode {
    PERFORMANCE_NONE = 0, PERFORMANCE_LOW = 1, PERFORMANCE_MEDIUM = 2, PERFORMANCE_HIGH = 3, PERFORMANCE_EXTREME = 4
  }
  enum Priority { PRIORITY_NONE = 0, PRIORITY_LOW = 1, PRIORITY_MEDIUM = 2, PRIORITY_HIGH = 3 }
  enum NNRTDeviceType { NNRTDEVICE_OTHERS = 0, NNRTDEVICE_CPU = 1, NNRTDEVICE_GPU = 2, NNRTDEVICE_ACCELERATOR = 3 }
  enum OptimizationLevel { O0 = 0, O2 = 2, O3 = 3, AUTO = 4 }
  enum QuantizationType { NO_QUANT = 0, WEIGHT_QUANT = 1, FULL_QUANT = 2 }
  enum DataType {
    TYPE_UNKNOWN = 0, NUMBER_TYPE_INT8 = 32, NUMBER_TYPE_INT16 = 33, NUMBER_TYPE_INT32 = 34, NUMBER_TYPE_INT64 = 35, NUMBER_TYPE_UINT8 = 37,
    NUMBER_TYPE_UINT16 = 38, NUMBER_TYPE_UINT32 = 39, NUMBER_TYPE_UINT64 = 40, NUMBER_TYPE_FLOAT16 = 42, NUMBER_TYPE_FLOAT32 = 43,
    NUMBER_TYPE_FLOAT64 = 44
  }
  enum Format {
    DEFAULT_FORMAT = -1, NCHW = 0, NHWC = 1, NHWC4 = 2, HWKC = 3, HWCK = 4, KCHW = 5, CKHW = 6, KHWC = 7, CHWK = 8, HW = 9, HW4 = 10, NC = 11,
    NC4 = 12, NC4HW4 = 13, NCDHW = 15, NWC = 16, NCW = 17
  }
}

export default mindSporeLite;
