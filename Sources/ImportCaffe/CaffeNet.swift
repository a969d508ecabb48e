import Graph
import SwiftProtobuf

/// One layer, of either of Caffe's two formats.
struct CaffeLayer {
  var name: String
  var type: String
  var bottoms: [String]
  var tops: [String]
  var parameters: Caffe_LayerParameter

  /// What a layer of type Input declares.
  func declaredInputs() throws(EngineError) -> [(name: String, dims: [Int])] {
    let shapes = parameters.inputParam.shape
    if shapes.count > 1 && shapes.count != tops.count {
      throw EngineError(
        .formatError, "layer \"\(name)\" has \(tops.count) tops and \(shapes.count) shapes; as many or one are accepted")
    }
    var inputs: [(name: String, dims: [Int])] = []
    for (i, top) in tops.enumerated() {
      // Without a shape the caller has to give one.
      let shape = shapes.isEmpty ? [] : shapes[shapes.count == 1 ? 0 : i].dim
      inputs.append((top, shape.map { Int($0) }))
    }
    return inputs
  }
}

/// A net as it is in use: phase TEST, layers for training left out.
struct CaffeNet {
  var name = ""
  /// Inputs that the net declares without a layer.
  var inputs: [(name: String, dims: [Int])] = []
  var layers: [CaffeLayer] = []

  /// Reads the text form. Fields that the importer does not know are skipped: they concern training, or engines of Caffe's own.
  static func parse(_ bytes: UnsafeRawBufferPointer) throws(EngineError) -> CaffeNet {
    let text = String(decoding: bytes, as: UTF8.self)
    var options = TextFormatDecodingOptions()
    options.ignoreUnknownFields = true
    let message: Caffe_NetParameter
    do {
      message = try Caffe_NetParameter(textFormatString: text, options: options)
    } catch {
      throw EngineError(.graphFileError, "is no net in protobuf text form (\(reason(error)))")
    }
    return try CaffeNet(message)
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? TextFormatDecodingError else { return "\(error)" }
    switch error {
    case .malformedNumber: return "a number cannot be read"
    case .trailingGarbage: return "something stands behind its end"
    case .truncated: return "it ends within a field"
    case .invalidUTF8: return "a string is not UTF-8"
    case .schemaMismatch: return "a value has not its field's type"
    case .unrecognizedEnumValue: return "an enumeration has no such value"
    case .messageDepthLimit: return "messages are nested too deeply"
    default: return "a field cannot be read"
    }
  }

  private init(_ message: Caffe_NetParameter) throws(EngineError) {
    name = message.name
    for (i, name) in message.input.enumerated() {
      if i < message.inputShape.count {
        inputs.append((name, message.inputShape[i].dim.map { Int($0) }))
      } else if 4 * i + 4 <= message.inputDim.count {
        inputs.append((name, message.inputDim[4 * i..<4 * i + 4].map { Int($0) }))
      } else {
        inputs.append((name, []))
      }
    }
    if !message.layer.isEmpty && !message.layers.isEmpty {
      throw EngineError(.formatError, "has both \"layer\" and \"layers\": two formats in one net")
    }
    for layer in message.layer where Self.isIncluded(layer.include, layer.exclude, message.state) {
      layers.append(
        CaffeLayer(name: layer.name, type: layer.type, bottoms: layer.bottom, tops: layer.top, parameters: layer))
    }
    for layer in message.layers where Self.isIncluded(layer.include, layer.exclude, message.state) {
      if layer.hasLayer {
        throw EngineError(
          .notSupported,
          "layer \"\(layer.layer.name)\" has the format of 2013 (V0); Caffe's upgrade_net_proto_text brings the net up to date")
      }
      layers.append(layer.upgraded)
    }
  }

  /// Whether a layer is there in phase TEST: one of its `include` rules is met, or, when it has none, no `exclude` rule is.
  private static func isIncluded(
    _ include: [Caffe_NetStateRule], _ exclude: [Caffe_NetStateRule], _ state: Caffe_NetState
  ) -> Bool {
    include.isEmpty ? !exclude.contains { meets($0, state) } : include.contains { meets($0, state) }
  }

  private static func meets(_ rule: Caffe_NetStateRule, _ state: Caffe_NetState) -> Bool {
    if rule.hasPhase && rule.phase != .test { return false }
    if rule.hasMinLevel && state.level < rule.minLevel { return false }
    if rule.hasMaxLevel && state.level > rule.maxLevel { return false }
    return rule.stage.allSatisfy { state.stage.contains($0) } && !rule.notStage.contains { state.stage.contains($0) }
  }
}

extension Caffe_V1LayerParameter {
  /// The same layer in the later format.
  var upgraded: CaffeLayer {
    var new = Caffe_LayerParameter()
    if hasConcatParam { new.concatParam = concatParam }
    if hasConvolutionParam { new.convolutionParam = convolutionParam }
    if hasInnerProductParam { new.innerProductParam = innerProductParam }
    if hasLrnParam { new.lrnParam = lrnParam }
    if hasPoolingParam { new.poolingParam = poolingParam }
    if hasPowerParam { new.powerParam = powerParam }
    if hasArgmaxParam { new.argmaxParam = argmaxParam }
    if hasEltwiseParam { new.eltwiseParam = eltwiseParam }
    if hasThresholdParam { new.thresholdParam = thresholdParam }
    if hasDropoutParam { new.dropoutParam = dropoutParam }
    if hasReluParam { new.reluParam = reluParam }
    if hasSliceParam { new.sliceParam = sliceParam }
    if hasMvnParam { new.mvnParam = mvnParam }
    if hasSoftmaxParam { new.softmaxParam = softmaxParam }
    if hasExpParam { new.expParam = expParam }
    return CaffeLayer(name: name, type: Self.typeName(type), bottoms: bottom, tops: top, parameters: new)
  }

  private static func typeName(_ type: LayerType) -> String {
    switch type {
    case .none: return ""
    case .accuracy: return "Accuracy"
    case .bnll: return "BNLL"
    case .concat: return "Concat"
    case .convolution: return "Convolution"
    case .data: return "Data"
    case .dropout: return "Dropout"
    case .euclideanLoss: return "EuclideanLoss"
    case .flatten: return "Flatten"
    case .hdf5Data: return "HDF5Data"
    case .hdf5Output: return "HDF5Output"
    case .im2Col: return "Im2col"
    case .imageData: return "ImageData"
    case .infogainLoss: return "InfogainLoss"
    case .innerProduct: return "InnerProduct"
    case .lrn: return "LRN"
    case .multinomialLogisticLoss: return "MultinomialLogisticLoss"
    case .pooling: return "Pooling"
    case .relu: return "ReLU"
    case .sigmoid: return "Sigmoid"
    case .softmax: return "Softmax"
    case .softmaxLoss: return "SoftmaxWithLoss"
    case .split: return "Split"
    case .tanh: return "TanH"
    case .windowData: return "WindowData"
    case .eltwise: return "Eltwise"
    case .power: return "Power"
    case .sigmoidCrossEntropyLoss: return "SigmoidCrossEntropyLoss"
    case .hingeLoss: return "HingeLoss"
    case .memoryData: return "MemoryData"
    case .argmax: return "ArgMax"
    case .threshold: return "Threshold"
    case .dummyData: return "DummyData"
    case .slice: return "Slice"
    case .mvn: return "MVN"
    case .absval: return "AbsVal"
    case .silence: return "Silence"
    case .contrastiveLoss: return "ContrastiveLoss"
    case .exp: return "Exp"
    case .deconvolution: return "Deconvolution"
    }
  }
}
