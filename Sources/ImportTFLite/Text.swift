import ConverterCore
import Graph

extension OperatorTable {
  /// Operators on strings and tables, and custom ones.
  static let text: [String: OperatorEntry] = [
    "HASHTABLE_LOOKUP": OperatorEntry(.real) { (op) throws(EngineError) in
      try op.add(.hashtableLookup, [:], try op.allInputs(), outputs: 2)
    },
    "LSH_PROJECTION": .one(.real) { (op) throws(EngineError) in
      try op.add1(.lshProjection, ["type": .number(try op.options.byte(0))], try op.allInputs())
    },
    // Field ids: 0 length of the sequences, 1 greatest skip, 2 shorter ones too.
    "SKIP_GRAM": .one(.real) { (op) throws(EngineError) in
      try op.add1(
        .skipGram,
        [
          "include_all_grams": .bool(try op.options.bool(2)), "max_skip_size": .number(try op.options.int(1)),
          "ngram_size": .number(try op.options.int(0)),
        ], try op.allInputs())
    },
  ]

  /// Custom operators, by the name that the file gives them.
  static let custom: [String: OperatorEntry] = [
    "TFLite_Detection_PostProcess": OperatorEntry(.native(), detections),
    "Convolution2DTransposeBias": .one(.native(), transposedWithBias),
    "MaxPoolingWithArgmax2D": OperatorEntry(.real, maxPoolWithPositions),
    "MaxUnpooling2D": .one(.real, unpool),
    "AudioSpectrogram": .one(.real) { (op) throws(EngineError) in
      let map = try FlexMap(op.source.customOptions)
      return try op.add1(
        .audioSpectrogram,
        [
          "window_size": .number(try map.int("window_size")), "stride": .number(try map.int("stride")),
          "mag_square": .bool(try map.bool("magnitude_squared")),
        ], [try op.input(0)])
    },
    "Mfcc": .one(.real) { (op) throws(EngineError) in
      let map = try FlexMap(op.source.customOptions)
      return try op.add1(
        .mfcc,
        [
          "freq_upper_limit": .float(try map.float("upper_frequency_limit", 4000)),
          "freq_lower_limit": .float(try map.float("lower_frequency_limit", 20)),
          "filter_bank_channel_num": .number(try map.int("filterbank_channel_count", 40)),
          "dct_coeff_num": .number(try map.int("dct_coefficient_count", 13)),
        ], [try op.input(0), try op.input(1)])
    },
    "FlexRFFT": .one(.real) { (op) throws(EngineError) in
      try op.add1(.rfft, ["fft_length": .number(try op.integer(1, "the length"))], [try op.input(0)])
    },
    "FlexReal": .one(.real) { (op) throws(EngineError) in try op.add1(.fftReal, [:], [try op.input(0)]) },
    "FlexImag": .one(.real) { (op) throws(EngineError) in try op.add1(.fftImag, [:], [try op.input(0)]) },
    "Normalize": .one(.real) { (op) throws(EngineError) in try op.add1(.customNormalize, [:], try op.allInputs()) },
    "ExtractFeatures": OperatorEntry(.real) { (op) throws(EngineError) in
      try op.add(.customExtractFeatures, [:], try op.allInputs(), outputs: 2)
    },
    // The options are two numbers of 4 bytes: how many labels, and the smallest weight that counts.
    "Predict": OperatorEntry(.real) { (op) throws(EngineError) in
      guard let raw = op.source.customOptions, raw.count >= 8 else { throw EngineError(.graphFileError, "custom options of 8 bytes are needed") }
      let threshold = raw.loadUnaligned(fromByteOffset: 4, as: Float.self)
      return try op.add(
        .customPredict,
        [
          "output_num": .number(Int(Int32(littleEndian: raw.loadUnaligned(as: Int32.self)))),
          "weight_threshold": .float(Double(threshold)),
        ], try op.allInputs(), outputs: 2)
    },
  ]

  private static func detections(_ op: Operation) throws(EngineError) -> [Tensor] {
    let map = try FlexMap(op.source.customOptions)
    var scale = [Float]()
    // In the order of the format's attribute.
    for key in ["h_scale", "w_scale", "x_scale", "y_scale"] { scale.append(Float(try map.float(key))) }
    return try op.add(
      .detectionPostProcess,
      [
        "format": 1, "scale": .floats(scale), "nms_iou_threshold": .float(try map.float("nms_iou_threshold")),
        "nms_score_threshold": .float(try map.float("nms_score_threshold")),
        "max_detections": .number(try map.int("max_detections")),
        "detections_per_class": .number(try map.int("detections_per_class", 100)),
        "max_classes_per_detection": .number(try map.int("max_classes_per_detection")),
        "num_classes": .number(try map.int("num_classes")), "use_regular_nms": .bool(try map.bool("use_regular_nms")),
        "out_quantized": false,
      ], try op.allInputs(), outputs: 4)
  }

  /// MediaPipe's options are the C struct of a transposed convolution: padding (1 same, 2 valid), stride width, stride height.
  private static func mediaPipeNumbers(_ op: Operation, _ count: Int) throws(EngineError) -> [Int] {
    guard let raw = op.source.customOptions, raw.count >= 4 * count else {
      throw EngineError(.graphFileError, "custom options of \(4 * count) bytes are needed; there are \(op.source.customOptions?.count ?? 0)")
    }
    return (0..<count).map { Int(Int32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self))) }
  }

  /// Inputs: x, weights [O, h, w, I], bias.
  private static func transposedWithBias(_ op: Operation) throws(EngineError) -> Tensor {
    let n = try mediaPipeNumbers(op, 3)
    guard n[0] == 1 || n[0] == 2, n[1] > 0 && n[1] < 1 << 16, n[2] > 0 && n[2] < 1 << 16 else {
      throw EngineError(.graphFileError, "padding \(n[0]) and strides \(n[1]), \(n[2]) in the custom options")
    }
    return try transposed(
      op, try op.input(0), try op.input(1), try op.bias(2), stride: [n[2], n[1]], mode: n[0] == 1 ? padSame : padValid, size: nil,
      fused: 0)
  }

  /// MediaPipe's pooling options: padding, stride width and height, window width and height. Windows that do not overlap.
  private static func mediaPipeWindow(_ op: Operation) throws(EngineError) -> (height: Int, width: Int) {
    let n = try mediaPipeNumbers(op, 5)
    guard n[1] == n[3], n[2] == n[4], n[1] > 0, n[2] > 0, n[1] * n[2] <= 64 else {
      throw EngineError(.notSupported, "windows of \(n[4]) x \(n[3]) with strides \(n[2]), \(n[1]); windows that lie side by side are accepted")
    }
    return (n[2], n[1])
  }

  /// The greatest element of each window, and its position in the window, row by row, as a float.
  private static func maxPoolWithPositions(_ op: Operation) throws(EngineError) -> [Tensor] {
    let graph = op.graph, x = try op.input(0), dims = try graph.knownDims(of: x), (h, w) = try mediaPipeWindow(op)
    guard dims.count == 4, dims[1] % h == 0, dims[2] % w == 0 else { throw EngineError(.notSupported, "\(x) does not consist of whole windows") }
    let cells = try graph.reshape(x, [dims[0], dims[1] / h, h, dims[2] / w, w, dims[3]])
    let sorted = try graph.transpose(cells, [0, 1, 3, 5, 2, 4])
    let windows = try graph.reshape(sorted, [dims[0], dims[1] / h, dims[2] / w, dims[3], h * w])
    let best = try graph.add1(.reduceFusion, ["mode": 1, "keep_dims": false], [windows, graph.constant(ints: [4])])
    let position = try graph.add1(.argMaxFusion, ["axis": 4, "top_k": 1, "keep_dims": false, "out_max_value": false], [windows])
    return [best, try op.cast(position, .float32)]
  }

  /// Puts every element at its position in its window; the others are 0.
  private static func unpool(_ op: Operation) throws(EngineError) -> Tensor {
    let graph = op.graph, x = try op.input(0), dims = try graph.knownDims(of: x), (h, w) = try mediaPipeWindow(op)
    guard dims.count == 4 else { throw EngineError(.notSupported, "\(x) must have 4 dimensions") }
    let position = try op.cast(try op.input(1), .int32)
    let isThere = try graph.add1(
      .equal, [:], [try graph.add1(.expandDims, [:], [position, op.scalar(4)]), graph.constant(ints: Array(0..<h * w))])
    let filled = try graph.add1(
      .mulFusion, ["activation_type": 0], [try graph.add1(.expandDims, [:], [x, op.scalar(4)]), try op.cast(isThere, .float32)])
    let cells = try graph.reshape(filled, [dims[0], dims[1], dims[2], dims[3], h, w])
    return try graph.reshape(try graph.transpose(cells, [0, 1, 4, 2, 5, 3]), [dims[0], dims[1] * h, dims[2] * w, dims[3]])
  }
}
