import Graph
import Operators
import System

/// What a model file turned out to hold.
public enum OpenedModel {
  case inference(Session)
  case training(TrainingSession)
}

/// A weight's new value.
public struct WeightChange {
  /// One of ``TrainingSession/weights``.
  public let weight: Tensor
  /// Another one than the weight has now is taken over.
  public let shape: Shape
  /// `shape.count` numbers; nil: the present ones, repeated or cut to fit the shape.
  public let values: UnsafeRawPointer?

  public init(weight: Tensor, shape: Shape, values: UnsafeRawPointer?) {
    self.weight = weight
    self.shape = shape
    self.values = values
  }
}

/// A model that is trained: the whole graph, run step by step, and the part that predicts, which is a session of its own on the same
/// weights. Not thread-safe; see the C API's busy flag.
///
/// Weights that a step changes lie in memory of the training session; all others stay where the model has them. The predicting part is
/// optimised like any model for inference, with weights folded and packed. It is made anew when the weights have changed and it is
/// wanted again.
public final class TrainingSession {
  let parts: TrainingGraph
  /// By tensor of ``parts``' graph: the memory of constants that lie in the training session's own.
  private var memory: [Buffer?]
  /// Replaced memory, to which callers may have pointers.
  private var retired: [Buffer] = []
  private let trainingEnvironment: BuildEnvironment
  let evaluationEnvironment: BuildEnvironment
  /// The whole graph.
  public private(set) var training: Session {
    didSet { optimizers = TrainingSession.optimizers(of: training) }
  }
  /// The optimisers of ``training``.
  private var optimizers: [OptimizerOperator]
  /// The part that predicts.
  public private(set) var evaluation: Session
  /// Weights have changed since ``evaluation`` was made.
  private var isStale = false
  public private(set) var isTraining = false

  /// A learning rate that was set for all optimisers.
  private var rate: Float?
  private var batch: VirtualBatch?

  private struct VirtualBatch {
    let multiplier: Int
    /// As the caller gave them; below 0: derived.
    var rate: Float
    let momentum: Float
    /// Steps since the last update.
    var steps = 0
    /// By optimiser: the rate without virtual batches; nil where it is not known before a run.
    var rates: [Float?] = []
    /// By operator: the statistics' momentum without virtual batches.
    var momenta: [Float?] = []
    /// Assignments, such as those of Adam's powers, that belong to an update.
    var assignments: [Step] = []
  }

  /// What a run runs.
  public var current: Session { isTraining ? training : evaluation }

  private var graph: Graph { parts.graph }

  /// How MindSpore's networks with a loss call it.
  public static var defaultLossNames: [[UInt8]] { [Array("loss_fct".utf8), Array("_loss_fn".utf8)] }

  /// Opens a model; one without optimisers becomes a session for inference. `lossNames`: parts of the names of the nodes that belong
  /// to a loss.
  @export(interface)
  public static func open(
    _ source: ModelSource, options: SessionOptions, lossNames: [[UInt8]]
  ) throws(EngineError) -> OpenedModel {
    let description = try source.read()
    guard description.embeddedModel == nil, let parts = try TrainingGraph.make(description.mainGraph, lossNames: lossNames) else {
      return .inference(try Session.make(description, options))
    }
    if description.graphs.count > 1 {
      throw EngineError(.notSupported, "the training graph calls subgraphs; graphs without control flow can be trained")
    }
    return .training(try make(parts, options))
  }

  private static func make(_ parts: TrainingGraph, _ options: SessionOptions) throws(EngineError) -> TrainingSession {
    var memory = [Buffer?](repeating: nil, count: parts.graph.tensors.count)
    for (i, t) in parts.graph.tensors.enumerated() where parts.isUpdated[i] { memory[i] = try ownMemory(t) }
    let training = BuildEnvironment(options, trains: parts.isNeeded(for: parts.evaluationOutputs))
    let evaluation = BuildEnvironment(options, pool: training.pool)
    return TrainingSession(
      parts, memory, training, evaluation, try trainingSession(parts, memory, training), try evaluationSession(parts, evaluation))
  }

  private init(
    _ parts: TrainingGraph, _ memory: [Buffer?], _ trainingEnvironment: BuildEnvironment,
    _ evaluationEnvironment: BuildEnvironment, _ training: Session, _ evaluation: Session
  ) {
    self.parts = parts
    self.memory = memory
    self.trainingEnvironment = trainingEnvironment
    self.evaluationEnvironment = evaluationEnvironment
    self.training = training
    self.evaluation = evaluation
    optimizers = TrainingSession.optimizers(of: training)
  }

  /// Moves a constant to memory of its own.
  private static func ownMemory(_ t: Tensor) throws(EngineError) -> Buffer {
    guard let buffer = Buffer(count: t.byteCount) else { throw EngineError(.outOfMemory, "no memory for the weight \(t)") }
    if let data = t.data { buffer.base.copyMemory(from: data, byteCount: t.byteCount) }
    t.setConstant(buffer.base, owner: buffer)
    return buffer
  }

  private static func trainingSession(
    _ parts: TrainingGraph, _ memory: [Buffer?], _ environment: BuildEnvironment
  ) throws(EngineError) -> Session {
    let graph = parts.graph.copy()
    for i in 0..<graph.tensors.count where parts.isUpdated[i] {
      if let buffer = memory[i] { graph.tensors[i].setWeight(buffer.base, owner: buffer) }
    }
    graph.outputs = parts.trainingOutputs.map { graph.tensors[$0.index] }
    return try Session.make([graph], environment)
  }

  private static func evaluationSession(_ parts: TrainingGraph, _ environment: BuildEnvironment) throws(EngineError) -> Session {
    try Session.make([parts.inference(parts.evaluationOutputs)], environment)
  }

  // MARK: running

  /// Chooses what runs. On failure, for lack of memory, the mode stays.
  @export(interface)
  public func setTraining(_ trains: Bool) throws(EngineError) {
    if !trains { try refreshEvaluation() }
    isTraining = trains
  }

  private func refreshEvaluation() throws(EngineError) {
    if !isStale { return }
    evaluation = try TrainingSession.evaluationSession(parts, evaluationEnvironment)
    isStale = false
  }

  /// A training step, or a prediction.
  @export(interface)
  public func run(observer: RunObserver?) throws(EngineError) {
    if !isTraining { return try evaluation.run(observer: observer) }
    isStale = true
    guard var batch else { return try training.run(observer: observer) }
    let isLast = batch.steps + 1 == batch.multiplier
    for step in batch.assignments { step.action = isLast ? .run : .skip }
    try training.run(observer: observer)
    batch.steps += 1
    if isLast {
      batch.steps = 0
      try applyGradients(batch)
    }
    self.batch = batch
  }

  /// See ``Session/resize(_:)``; both parts are planned for the new shapes, or neither.
  @export(interface)
  public func resize(_ shapes: [[Int]]) throws(EngineError) {
    let before = graph.inputs.map { $0.shape.dims }
    try training.resize(shapes)
    if !isStale {
      do throws(EngineError) {
        try evaluation.resize(shapes)
      } catch {
        try? training.resize(before)
        throw error
      }
    }
    for (i, dims) in shapes.enumerated() { graph.inputs[i].shape = Shape(dims) }
  }

  // MARK: optimisers

  private var operators: [Operator] { training.main.steps.map { $0.op } }

  private static func optimizers(of session: Session) -> [OptimizerOperator] {
    var list = [OptimizerOperator]()
    for step in session.main.steps { if let optimizer = step.op.optimizer { list.append(optimizer) } }
    return list
  }

  /// The first optimiser's; setting it sets all.
  ///
  /// (Kept out of other modules: in Embedded Swift 6.3 those that see operators inside of them make stubs for their methods, which do
  /// not link.)
  public var learningRate: Float {
    @export(interface) get { optimizers.first?.learningRate ?? 0 }
    @export(interface) set {
      rate = newValue
      batch?.rate = newValue
      for optimizer in optimizers { optimizer.learningRate = newValue }
    }
  }

  /// From now on `multiplier` steps make one update of the weights; 1 or less: every step updates them. `rate` and `momentum` (of running
  /// statistics) below 0 stand for the present ones divided by `multiplier`.
  ///
  /// A derived rate means the gradients' mean, with the model's own rate: the update is that of one large batch, with every optimiser.
  /// A given one multiplies their sum.
  @export(interface)
  public func setVirtualBatch(_ multiplier: Int, rate: Float, momentum: Float) throws(EngineError) {
    try endVirtualBatch()
    if multiplier <= 1 { return }
    batch = VirtualBatch(multiplier: multiplier, rate: rate, momentum: momentum)
    do throws(EngineError) { try beginVirtualBatch() } catch {
      try? endVirtualBatch()
      throw error
    }
  }

  private func endVirtualBatch() throws(EngineError) {
    guard let old = batch else { return }
    batch = nil
    for (i, optimizer) in optimizers.enumerated() {
      try optimizer.setMode(.update)
      if let rate { optimizer.learningRate = rate } else if i < old.rates.count { optimizer.restoreLearningRate() }
    }
    for step in old.assignments { step.action = .run }
    for (i, op) in operators.enumerated() where i < old.momenta.count {
      if let momentum = old.momenta[i] { op.statisticsMomentum = momentum }
    }
  }

  /// Tells the operators of ``training`` of ``batch``.
  private func beginVirtualBatch() throws(EngineError) {
    guard var batch else { return }
    batch.steps = 0
    batch.rates = []
    batch.momenta = []
    let share = 1 / Float(batch.multiplier)
    for optimizer in optimizers {
      try optimizer.setMode(.accumulate)
      let isKnown = rate != nil || optimizer.inputs[optimizer.rateInput].hasKnownValue
      let own = optimizer.learningRate
      batch.rates.append(isKnown ? own : nil)
      if batch.rate >= 0 { optimizer.learningRate = batch.rate } else if isKnown { optimizer.learningRate = own * share }
    }
    for op in operators {
      let own = op.statisticsMomentum
      batch.momenta.append(own)
      if let own { op.statisticsMomentum = batch.momentum < 0 ? own * share : batch.momentum }
    }
    batch.assignments = assignments
    self.batch = batch
  }

  /// Assignments whose results only show that they are done.
  private var assignments: [Step] {
    var isRead = [Bool](repeating: false, count: training.main.graph.tensors.count)
    for step in training.main.steps { for t in step.node.inputs { isRead[t.index] = true } }
    var list = [Step]()
    for step in training.main.steps where step.node.kind == .assign || step.node.kind == .assignAdd {
      if step.action == .run && !step.node.outputs.contains(where: { isRead[$0.index] }) { list.append(step) }
    }
    return list
  }

  private func applyGradients(_ batch: VirtualBatch) throws(EngineError) {
    let context = training.executor.context
    for (i, optimizer) in optimizers.enumerated() {
      if batch.rate >= 0 {
        try optimizer.applyAccumulated(context, scale: 1)
        continue
      }
      let shown = optimizer.learningRate
      if let own = batch.rates[i] { optimizer.learningRate = own }
      try optimizer.applyAccumulated(context)
      if batch.rates[i] != nil { optimizer.learningRate = shown }
    }
  }

  // MARK: weights

  /// The float32 constants of the model: weights, and what optimisers keep of them.
  public var weights: [Tensor] {
    @export(interface) get { floatConstants }
  }

  private var floatConstants: [Tensor] {
    var list = [Tensor]()
    for t in graph.tensors where t.isConstant && t.type == .float32 && t.data != nil { list.append(t) }
    return list
  }

  /// ``weights`` in memory that may be written to, where they may be in the model's file.
  @export(interface)
  public func writableWeights() throws(EngineError) -> [Tensor] {
    let list = weights
    for t in list where memory[t.index] == nil { memory[t.index] = try TrainingSession.ownMemory(t) }
    return list
  }

  /// Changes weights: all of them, or on failure none.
  @export(interface)
  public func update(_ changes: [WeightChange]) throws(EngineError) {
    // A step reads the weights that it updates where they are; of all others it may have made what it likes.
    var keepsTraining = true
    // New values first, in case they are other weights' memory; then the old ones, for weights that keep their memory.
    var values = [Buffer]()
    for change in changes {
      if change.weight.shape != change.shape || !parts.isUpdated[change.weight.index] { keepsTraining = false }
      values.append(try TrainingSession.values(change))
    }
    var before = [(shape: Shape, data: UnsafeMutableRawPointer?, owner: AnyObject?, memory: Buffer?)]()
    for (i, change) in changes.enumerated() {
      let t = change.weight
      before.append((t.shape, t.data, t.owner, memory[t.index]))
      if t.shape == change.shape, let own = memory[t.index] {
        TrainingSession.swapContents(own, values[i])
      } else {
        t.shape = change.shape
        t.setConstant(values[i].base, owner: values[i])
        memory[t.index] = values[i]
      }
    }
    do throws(EngineError) {
      let evaluation = isTraining ? nil : try TrainingSession.evaluationSession(parts, evaluationEnvironment)
      if !keepsTraining {
        let old = training
        training = try TrainingSession.trainingSession(parts, memory, trainingEnvironment)
        do throws(EngineError) { try configure() } catch {
          training = old
          throw error
        }
      }
      if let evaluation { self.evaluation = evaluation }
      isStale = isTraining
    } catch {
      for (i, change) in changes.enumerated().reversed() {
        let t = change.weight, old = before[i]
        if let own = old.memory, memory[t.index] === own {
          TrainingSession.swapContents(own, values[i])
        } else {
          t.shape = old.shape
          if let data = old.data { t.setConstant(data, owner: old.owner) }
          memory[t.index] = old.memory
        }
      }
      throw error
    }
    for (i, change) in changes.enumerated() {
      if let old = before[i].memory, memory[change.weight.index] !== old { retired.append(old) }
    }
  }

  private static func swapContents(_ a: Buffer, _ b: Buffer) {
    let x = a.base.assumingMemoryBound(to: Float.self), y = b.base.assumingMemoryBound(to: Float.self)
    for i in 0..<min(a.count, b.count) / 4 { swap(&x[i], &y[i]) }
  }

  /// Brings new operators up to what was set.
  private func configure() throws(EngineError) {
    if let rate { for optimizer in optimizers { optimizer.learningRate = rate } }
    if batch != nil { try beginVirtualBatch() }
  }

  private static func values(_ change: WeightChange) throws(EngineError) -> Buffer {
    guard let count = change.shape.checkedCount, let buffer = Buffer(count: count * 4) else {
      throw EngineError(.outOfMemory, "no memory for \(change.shape) values of the weight \(change.weight)")
    }
    if let values = change.values {
      buffer.base.copyMemory(from: values, byteCount: count * 4)
    } else if let old = change.weight.data, change.weight.count > 0 {
      var i = 0
      while i < count {
        let n = min(change.weight.count, count - i)
        (buffer.base + i * 4).copyMemory(from: old, byteCount: n * 4)
        i += n
      }
    }
    return buffer
  }
}
