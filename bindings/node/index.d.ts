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
    /**
     * The same on this thread, which waits: without the way to another thread and back, which is longer than a small model's run. For
     * workers and programs that have nothing else to do. (Not in OpenHarmony.)
     */
    predictSync(inputs: MSTensor[]): MSTensor[];
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

/**
 * Pictures for vision models: decoding, geometry, colours, a model's input, drawing. Formulas are in include/mslite/image.h. Wrong arguments
 * throw a TypeError with code 401; what the library refuses throws an Error with its text and status. (Not in OpenHarmony.)
 */
export namespace image {
  /** The order of a pixel's channels. NV12 and NV21: Y, then rows of U and V in turn. */
  type Format = 'gray' | 'rgb' | 'bgr' | 'rgba' | 'nv12' | 'nv21';
  type Interpolation = 'nearest' | 'bilinear' | 'bicubic' | 'area';
  /** What lies outside: `value`, aaa|abcd|ddd, cba|abcd|dcb, dcb|abcd|cba. */
  type Border = 'constant' | 'replicate' | 'reflect' | 'reflect_101';
  /** A number for all channels, or one for each in the picture's order and range. */
  type Color = number | ArrayLike<number>;

  /** A picture; one may be written by hand around data that are there, such as a camera's frame. */
  interface Picture<Data = Uint8Array | Uint8ClampedArray | Float32Array> {
    /** Rows from the top. Buffers are Uint8Arrays. */
    data: Data;
    width: number;
    height: number;
    format: Format;
    /** Bytes from one row to the next; those of a row without. */
    stride?: number;
  }
  interface Out {
    /** A picture of the result's size, format and type, which is written and returned; without, the result is a new one. */
    out?: Picture;
  }
  interface Resampling extends Out {
    /** 'bilinear' by default. */
    interpolation?: Interpolation;
  }
  interface Filling extends Out {
    /** 'constant' by default. */
    border?: Border;
    /** For 'constant'; zeros by default. */
    value?: Color;
  }

  /** Decodes a PNG or JPEG file to 'gray', 'rgb' (default), 'bgr' or 'rgba'. */
  function read(path: string, format?: Format): Picture<Uint8Array>;
  function decode(file: mindSporeLite.Bytes, format?: Format): Picture<Uint8Array>;
  /** Of bytes; an existing file is replaced. */
  function writePng(picture: Picture, path: string): void;
  /** A Buffer. */
  function encodePng(picture: Picture): Uint8Array;

  /** Another format, of bytes. */
  function convert(picture: Picture, format: Format, options?: Out): Picture;
  function resize(picture: Picture, width: number, height: number, options?: Resampling): Picture;
  /** The part whose upper left pixel is (x, y); it must lie inside. */
  function crop(picture: Picture, x: number, y: number, width: number, height: number, options?: Out): Picture;
  /** Adds pixels on each side. */
  function pad(picture: Picture, left: number, top: number, right: number, bottom: number, options?: Filling): Picture;
  /** Turns clockwise by any number of quarters. */
  function rotate90(picture: Picture, quarterTurns: number, options?: Out): Picture;
  /** Turns clockwise around the middle; the result has the picture's size unless another one is given. */
  function rotate(picture: Picture, degrees: number, options?: Resampling & Filling & { width?: number; height?: number }): Picture;
  /** Where a picture is: x in the destination = x in the source * scale + left. */
  interface Letterbox {
    picture: Picture;
    scale: number;
    left: number;
    top: number;
    width: number;
    height: number;
  }
  /** Resizes by the largest scale with which the picture fits, in the middle, and fills the rest. */
  function letterbox(picture: Picture, width: number, height: number, options?: Out & { value?: Color }): Letterbox;
  /** The matrix, two rows of three numbers, brings places of the source to places of the result. 'nearest' or 'bilinear'. */
  function warpAffine(
    picture: Picture, matrix: ArrayLike<number>, width: number, height: number, options?: Resampling & Filling): Picture;
  /** The same with three rows of three: a place is divided by the third row's product. */
  function warpPerspective(
    picture: Picture, matrix: ArrayLike<number>, width: number, height: number, options?: Resampling & Filling): Picture;
  /** The matrix for warpPerspective that brings four points to four others; x and y in turn. */
  function perspectiveMatrix(source: ArrayLike<number>, destination: ArrayLike<number>): number[];

  interface Normalization {
    /** 1 by default; 1 / 255 brings bytes to 0...1. */
    scale?: number;
    mean?: Color;
    deviation?: Color;
    /** 'hwc' by default. */
    layout?: 'hwc' | 'chw';
    /** The tensor's channels; the picture's by default. */
    order?: Format;
    /** Written and returned; a tensor of a model as well, which saves `setData`'s copy. */
    out?: Float32Array | mindSporeLite.MSTensor;
  }
  /** (pixel * scale - mean) / deviation, of bytes. */
  function normalize(picture: Picture, options: Normalization & { out: mindSporeLite.MSTensor }): mindSporeLite.MSTensor;
  function normalize(picture: Picture, options?: Normalization & { out?: Float32Array }): Float32Array;

  interface Suppression {
    /** One each; one class without. */
    classes?: Int32Array;
    /** Boxes whose score is not above it are dropped; 0 by default. */
    scoreThreshold?: number;
    /** How much two boxes of a class may overlap, intersection over union; 0.5 by default. */
    iouThreshold?: number;
    /** How many to keep at most. */
    capacity?: number;
  }
  /** Indices of the boxes to keep, best first. boxes: left, top, right, bottom, ... */
  function suppressBoxes(boxes: Float32Array, scores: Float32Array, options?: Suppression): Int32Array;

  /** left, top, right, bottom */
  type Box = ArrayLike<number> & Iterable<number>;
  /** A box that is turned about its middle (x, y), clockwise by radians. */
  interface RotatedBox {
    x: number;
    y: number;
    width: number;
    height: number;
    angle: number;
  }
  /** What two boxes share, of their union: 0...1. */
  function overlap(a: Box, b: Box): number;
  /** Where the part (u, v) of a turned box lies: (0, 0) is its upper left corner, (1, 1) its lower right one. */
  function placeIn(box: RotatedBox, u: number, v: number): [number, number];
  /** What lies in a turned box, upright and scaled (bilinear by default) to a size. */
  function cut(picture: Picture, box: RotatedBox, width: number, height: number, options?: Resampling & Filling): Picture;
  /** Places of a letterbox in its source; x and y in turn. */
  function toSource(placement: Letterbox, numbers: ArrayLike<number>): number[];

  /** Drawing changes the picture; what lies outside is cut off. The ends are included. */
  function drawLine(picture: Picture, x0: number, y0: number, x1: number, y1: number, color: Color, thickness?: number): void;
  /** thickness: of the frame, inwards; 0 fills the box. */
  function drawBox(picture: Picture, x: number, y: number, width: number, height: number, color: Color, thickness?: number): void;
  /** Lays a colour over the picture, where and as much as a grey mask of the same size says. */
  function drawMask(picture: Picture, mask: Picture, color: Color, opacity?: number): void;
  /** Its upper left pixel is (x, y). A line feed starts a new line; characters outside of ASCII are boxes. */
  function drawText(picture: Picture, x: number, y: number, text: string, color: Color, scale?: number): void;
  /** A disc around the pixel that a place lies in; a diameter of 3 by default. */
  function drawPoint(picture: Picture, x: number, y: number, color: Color, diameter?: number): void;
  /** A box with a line of text on a bar of its colour: over its upper edge, or below that where there is no room. scale: 2 by default. */
  function drawLabel(picture: Picture, box: Box, text: string, color: Color, textColor?: Color, scale?: number): void;
  /** Pixels of a letter's cell at scale 1. */
  const FONT_WIDTH: number;
  const FONT_HEIGHT: number;
}

export default mindSporeLite;
