import ArgumentParser

/// The original's options, `--name=value` or `--name value`. Values are read as text and checked in ``Settings``, so that everything
/// that is wrong is said at once.
struct Arguments: ParsableArguments {
  @Option(name: .customLong("fmk"), help: ArgumentHelp("Source format: TF, TFLITE, CAFFE, ONNX, MINDIR, MSLITE or THIRDPARTY; told by the file's suffix if left out.", valueName: "format"))
  var framework: String?

  @Option(name: .customLong("modelFile"), help: ArgumentHelp("The model to convert.", valueName: "path"))
  var modelFile: String?

  @Option(name: .customLong("weightFile"), help: ArgumentHelp("The weights of a Caffe model (.caffemodel).", valueName: "path"))
  var weightFile: String?

  @Option(name: .customLong("outputFile"), help: ArgumentHelp("The file to write; .ms is appended.", valueName: "path"))
  var outputFile: String?

  @Option(name: .customLong("configFile"), help: ArgumentHelp("Quantisation, fusions to leave out, third-party models.", valueName: "path"))
  var configFile: String?

  @Option(name: .customLong("fp16"), help: ArgumentHelp("Store float32 weights as float16.", valueName: "on|off"))
  var fp16 = "off"

  @Option(name: .customLong("trainModel"), help: ArgumentHelp("Keep the training graph (MINDIR), or make one: config section [training].", valueName: "true|false"))
  var trainModel = "false"

  @Option(name: .customLong("inputShape"), help: ArgumentHelp("Fixed input shapes in the source's layout, such as \"x:1,3,224,224;y:1,10\".", valueName: "shapes"))
  var inputShape: String?

  @Option(name: .customLong("inputDataFormat"), help: ArgumentHelp("Layout of four-dimensional inputs.", valueName: "NHWC|NCHW"))
  var inputDataFormat = "NHWC"

  @Option(name: .customLong("outputDataFormat"), help: ArgumentHelp("Layout of four-dimensional outputs; the source's if left out.", valueName: "NHWC|NCHW"))
  var outputDataFormat: String?

  @Option(name: .customLong("inputDataType"), help: ArgumentHelp("FLOAT, FLOAT16, INT8, UINT8, INT32, INT64 or DEFAULT (quantised inputs are FLOAT).", valueName: "type"))
  var inputDataType = "DEFAULT"

  @Option(name: .customLong("outputDataType"), help: ArgumentHelp("FLOAT, FLOAT16, INT8, UINT8, INT32, INT64 or DEFAULT (quantised outputs are FLOAT).", valueName: "type"))
  var outputDataType = "DEFAULT"

  @Option(name: .customLong("decryptKey"), help: ArgumentHelp("Key of an encrypted MindIR model.", valueName: "hex"))
  var decryptKey: String?

  @Option(name: .customLong("decryptMode"), help: ArgumentHelp("How the MindIR model is encrypted.", valueName: "AES-GCM|AES-CBC"))
  var decryptMode = "AES-GCM"

  @Option(name: .customLong("encryption"), help: ArgumentHelp("Encrypt the written file with AES-GCM.", valueName: "true|false"))
  var encryption = "false"

  @Option(name: .customLong("encryptKey"), help: ArgumentHelp("16-byte key for --encryption.", valueName: "hex"))
  var encryptKey: String?

  @Option(name: .customLong("infer"), help: ArgumentHelp("Run the converted model once, with random inputs.", valueName: "true|false"))
  var infer = "false"

  @Option(name: .customLong("saveType"), help: ArgumentHelp("What to write; MINDIR_LITE is a .ms file.", valueName: "type"))
  var saveType = "MINDIR_LITE"

  @Option(name: .customLong("optimize"), help: ArgumentHelp("general, or none: leave fusions to the engine that loads the file.", valueName: "level"))
  var optimize = "general"

  @Option(name: .customLong("optimizeTransformer"), help: ArgumentHelp("Accepted for compatibility; the CPU runs attention as plain operators.", valueName: "true|false"))
  var optimizeTransformer = "false"

  @Option(name: .customLong("device"), help: ArgumentHelp("Accepted when empty: no file is made for one device.", valueName: "name"))
  var device = ""

  @Flag(name: .customLong("check"), help: "List everything that keeps the model from being converted, and write nothing.")
  var check = false

  @Flag(name: .customLong("quiet"), help: "No summary.")
  var quiet = false
}
