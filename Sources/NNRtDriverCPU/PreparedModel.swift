import CNeuralNetworkRuntime
import CSystem
import Graph
import Runtime
import System

/// A compiled model: its graphs, and sessions that run them.
final class PreparedModel {
  /// As the model came: graph 0 is the main one. Sessions run copies, which share the constants.
  let graphs: [Graph]
  private var options: SessionOptions
  /// Sessions for different shapes of the inputs, the last used first.
  private var sessions: [Session] = []
  private let sessionLimit: Int
  private var infos: (inputs: UnsafeMutablePointer<NNRt_TensorInfo>, outputs: UnsafeMutablePointer<NNRt_TensorInfo>)? = nil

  /// How many sets of shapes keep a session of their own. Each has its own packed weights, so that models with more than
  /// `smallWeights` bytes of constants have one session, which is planned again when the shapes change.
  private static let shapesKept = 4
  private static let smallWeights = 8 << 20

  var inputCount: Int { graphs[0].inputs.count }
  var outputCount: Int { graphs[0].outputs.count }

  private init(_ graphs: [Graph], _ options: SessionOptions) {
    self.graphs = graphs
    self.options = options
    var bytes = 0
    for graph in graphs { for t in graph.tensors where t.isConstant { bytes += t.byteCount } }
    sessionLimit = bytes <= Self.smallWeights ? Self.shapesKept : 1
  }

  deinit {
    guard let infos else { return }
    for i in 0..<inputCount { free(UnsafeMutableRawPointer(mutating: infos.inputs[i].name)) }
    for i in 0..<outputCount { free(UnsafeMutableRawPointer(mutating: infos.outputs[i].name)) }
    infos.inputs.deallocate()
    infos.outputs.deallocate()
  }

  static func make(_ graphs: [Graph], _ config: NNRt_Config) throws(EngineError) -> PreparedModel {
    guard graphs.first != nil else { throw EngineError(.error, "a model of no graphs") }
    let model = PreparedModel(graphs, options(config))
    model.sessions.append(try model.open())
    return model
  }

  private func open() throws(EngineError) -> Session { try Session.open(graphs.map { $0.copy() }, options: options) }

  // MARK: settings

  /// Threads by performance mode, as far as there are processors: LOW 1, MEDIUM and no choice 2, HIGH 4, EXTREME all.
  private static func options(_ config: NNRt_Config) -> SessionOptions {
    var options = SessionOptions()
    let processors = Int(mssys_cpu_count())
    switch config.performanceMode {
    case OH_NN_PERFORMANCE_LOW: options.threads = 1
    case OH_NN_PERFORMANCE_HIGH: options.threads = min(4, processors)
    case OH_NN_PERFORMANCE_EXTREME: options.threads = processors
    default: options.threads = min(2, processors)
    }
    options.float16 = config.float16
    return options
  }

  /// Takes another performance mode. The half-precision setting stays.
  func reconfigure(_ config: NNRt_Config) throws(EngineError) {
    let before = options
    let threads = Self.options(config).threads
    if threads == before.threads { return }
    options.threads = threads
    do throws(EngineError) { sessions = [try open()] } catch {
      options = before
      throw error
    }
  }

  // MARK: running

  /// Runs once. False: an output has too little room; all have the shapes of their results and no data.
  func run(
    _ inputs: UnsafeBufferPointer<NNRt_IOTensor>, _ outputs: UnsafeMutableBufferPointer<NNRt_IOTensor>
  ) throws(EngineError) -> Bool {
    if inputs.count != inputCount || outputs.count != outputCount {
      throw EngineError(
        .parameterInvalid,
        "\(inputs.count) inputs and \(outputs.count) outputs; the model has \(inputCount) and \(outputCount)")
    }
    let session = try self.session(for: inputs)
    var hasRoom = true
    var isDynamic = false
    for (i, t) in session.outputs.enumerated() {
      try check(outputs[i], t, "output", i)
      if !session.usesBinding(ofOutput: i) {
        isDynamic = true
      } else if t.byteCount > outputs[i].byteSize {
        hasRoom = false
      }
    }
    if !hasRoom && !isDynamic {
      writeShapes(session, outputs)
      return false
    }
    var i = 0
    while i < inputs.count {
      session.bindInput(i, try address(inputs[i], session.inputs[i], i))
      i += 1
    }
    for i in 0..<outputs.count {
      session.bindOutput(i, isPlaceOfResult(i, session.outputs[i], inputs, outputs) ? outputs[i].data : nil)
    }
    defer { copies.removeAll(keepingCapacity: true) }
    try session.run(observer: nil)
    return try deliver(session, outputs)
  }

  /// Copies results that lie elsewhere, and writes all shapes.
  private func deliver(_ session: Session, _ outputs: UnsafeMutableBufferPointer<NNRt_IOTensor>) throws(EngineError) -> Bool {
    var hasRoom = true
    for (i, t) in session.outputs.enumerated() {
      try check(outputs[i], t, "output", i)
      if t.byteCount > outputs[i].byteSize { hasRoom = false }
    }
    writeShapes(session, outputs)
    if !hasRoom { return false }
    for (i, t) in session.outputs.enumerated() {
      guard let to = outputs[i].data, let from = t.data, UnsafeMutableRawPointer(to) != from else { continue }
      memmove(to, from, t.byteCount)
    }
    return true
  }

  /// The shapes are those that the model declares where these have as many elements: one number may be a scalar or a list.
  private func writeShapes(_ session: Session, _ outputs: UnsafeMutableBufferPointer<NNRt_IOTensor>) {
    for (i, t) in session.outputs.enumerated() {
      let declared = graphs[0].outputs[i].shape
      let shape = declared.checkedCount == t.shape.checkedCount && declared.isKnown ? declared : t.shape
      outputs[i].dimensionCount = UInt32(shape.rank)
      shape.write(&outputs[i].dimensions)
    }
  }

  private func check(_ given: NNRt_IOTensor, _ t: Tensor, _ place: StaticString, _ i: Int) throws(EngineError) {
    if t.type.runtimeNumber != given.dataType.rawValue {
      throw EngineError(.parameterInvalid, "\(place) \(i) has the data type \(given.dataType.rawValue); \(t) is \(t.type.runtimeNumber)")
    }
    if given.data == nil { throw EngineError(.nullPointer, "\(place) \(i) has no data") }
  }

  /// Inputs that do not lie at a multiple of their element size.
  private var copies: [Buffer] = []

  private func address(_ given: NNRt_IOTensor, _ t: Tensor, _ i: Int) throws(EngineError) -> UnsafeMutableRawPointer {
    try check(given, t, "input", i)
    guard let data = given.data, t.byteCount <= given.byteSize else {
      throw EngineError(.parameterInvalid, "input \(i) has \(given.byteSize) bytes; \(t) has \(t.byteCount)")
    }
    if isAligned(data, t) { return data }
    guard let copy = Buffer(count: t.byteCount) else { throw EngineError(.outOfMemory, "no memory for input \(i)") }
    copy.base.copyMemory(from: data, byteCount: t.byteCount)
    copies.append(copy)
    return copy.base
  }

  private func isAligned(_ data: UnsafeRawPointer, _ t: Tensor) -> Bool { UInt(bitPattern: data) % UInt(max(t.type.size, 1)) == 0 }

  /// The run can write output `i` to where the caller wants it: there is room, and nothing else of the run lies there.
  private func isPlaceOfResult(
    _ i: Int, _ t: Tensor, _ inputs: UnsafeBufferPointer<NNRt_IOTensor>, _ outputs: UnsafeMutableBufferPointer<NNRt_IOTensor>
  ) -> Bool {
    guard let data = outputs[i].data, outputs[i].byteSize >= t.byteCount, isAligned(data, t) else { return false }
    let start = UInt(bitPattern: data), end = start &+ UInt(t.byteCount)
    func overlaps(_ other: NNRt_IOTensor) -> Bool {
      let first = UInt(bitPattern: other.data)
      return first < end && start < first &+ UInt(other.byteSize)
    }
    for other in inputs where overlaps(other) { return false }
    for k in 0..<outputs.count where k != i && overlaps(outputs[k]) { return false }
    return true
  }

  // MARK: shapes

  /// A session that is planned for the inputs' shapes.
  private func session(for inputs: UnsafeBufferPointer<NNRt_IOTensor>) throws(EngineError) -> Session {
    var i = 0
    while i < sessions.count {
      if fits(sessions[i], inputs) {
        if i > 0 { sessions.swapAt(0, i) }
        return sessions[0]
      }
      i += 1
    }
    var shapes = [[Int]]()
    for input in inputs {
      var dims = [Int]()
      while dims.count < min(Int(input.dimensionCount), Int(NNRT_MAX_DIMENSIONS)) { dims.append(input.dimension(dims.count)) }
      shapes.append(dims)
    }
    // The first session may not have any shapes yet.
    let isNew = sessions.count < sessionLimit && isPlanned(sessions[0])
    let session = isNew ? try open() : sessions[sessions.count - 1]
    try session.resize(shapes)
    if isNew { sessions.insert(session, at: 0) } else { sessions.swapAt(0, sessions.count - 1) }
    return sessions[0]
  }

  private func isPlanned(_ session: Session) -> Bool {
    for t in session.inputs where !t.shape.isKnown { return false }
    return true
  }

  private func fits(_ session: Session, _ inputs: UnsafeBufferPointer<NNRt_IOTensor>) -> Bool {
    for (i, t) in session.inputs.enumerated() {
      if t.shape.rank != Int(inputs[i].dimensionCount) { return false }
      for axis in 0..<t.shape.rank where t.shape[axis] != inputs[i].dimension(axis) { return false }
    }
    return true
  }

  /// The sizes that input `i` may have.
  func range(
    ofInput i: Int, count: Int, _ minimum: UnsafeMutablePointer<UInt32>, _ maximum: UnsafeMutablePointer<UInt32>
  ) throws(EngineError) {
    guard i < inputCount, graphs[0].inputs[i].shape.rank == count else {
      throw EngineError(.parameterInvalid, "there is no input \(i) of \(count) dimensions")
    }
    for (axis, size) in graphs[0].inputs[i].shape.dims.enumerated() {
      minimum[axis] = size < 0 ? 1 : UInt32(size)
      maximum[axis] = size < 0 ? UInt32(Int32.max) : UInt32(size)
    }
  }

  // MARK: description

  /// The inputs and outputs, valid as long as the model.
  func description() -> (inputs: UnsafePointer<NNRt_TensorInfo>, outputs: UnsafePointer<NNRt_TensorInfo>) {
    let known = infos ?? (describe(graphs[0].inputs, sessions[0].inputs), describe(graphs[0].outputs, sessions[0].outputs))
    infos = known
    return (UnsafePointer(known.inputs), UnsafePointer(known.outputs))
  }

  private func describe(_ tensors: [Tensor], _ planned: [Tensor]) -> UnsafeMutablePointer<NNRt_TensorInfo> {
    let list = UnsafeMutablePointer<NNRt_TensorInfo>.allocate(capacity: max(tensors.count, 1))
    for (i, t) in tensors.enumerated() {
      (list + i).initialize(to: NNRt_TensorInfo())
      var name = Array(t.name.utf8)
      name.append(0)
      list[i].name = name.withUnsafeBytes { UnsafePointer(strdup($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self))) }
      list[i].dataType = OH_NN_DataType(planned[i].type.runtimeNumber)
      list[i].format = t.format == .nchw ? OH_NN_FORMAT_NCHW : OH_NN_FORMAT_NHWC
      let shape = planned[i].shape
      list[i].dimensionCount = UInt32(shape.rank)
      shape.write(&list[i].dimensions)
    }
    return list
  }
}

extension NNRt_IOTensor {
  /// Size `axis`, below NNRT_MAX_DIMENSIONS.
  func dimension(_ axis: Int) -> Int {
    withUnsafeBytes(of: dimensions) { Int($0.load(fromByteOffset: 4 * axis, as: Int32.self)) }
  }
}

extension Shape {
  /// Writes the sizes into an array of C, which has room for NNRT_MAX_DIMENSIONS.
  func write<Dimensions>(_ target: inout Dimensions) {
    withUnsafeMutableBytes(of: &target) { bytes in
      for axis in 0..<rank { bytes.storeBytes(of: Int32(truncatingIfNeeded: dims[axis]), toByteOffset: 4 * axis, as: Int32.self) }
    }
  }
}
