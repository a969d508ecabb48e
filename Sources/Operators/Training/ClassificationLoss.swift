import CKernels
import CSystem
import Graph
import System

/// Rows of log-probabilities, and what the losses of classes take from them.

/// -log softmax of rows, and gradients with respect to the logits.
private struct RowsJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let logits: UnsafePointer<Float>, targets: UnsafePointer<Float>?
  /// Takes the logarithms, then the gradient of each row: probabilities less targets.
  let gradient: UnsafeMutablePointer<Float>
  let loss: UnsafeMutablePointer<Float>?
  let rows: Int, n: Int, rowsPerTask: Int
  let wantsGradient: Bool

  func run(_ index: Int, worker: Int) {
    let first = index * rowsPerTask, last = min(rows, first + rowsPerTask), start = first * n, count = (last - first) * n
    let log = gradient + start
    kernels.pointee.softmax(logits + start, log, last - first, n, 1)
    if let targets, let loss {
      for r in first..<last {
        var sum = 0.0
        // A class of no weight may have the probability 0, whose logarithm is infinite.
        for i in r * n..<(r + 1) * n where targets[i] != 0 { sum -= Double(targets[i]) * Double(gradient[i]) }
        loss[r] = Float(sum)
      }
    }
    if !wantsGradient { return }
    kernels.pointee.unary(Int32(MS_UNARY_EXP.rawValue), log, log, count, 1, 0)
    guard let targets else { return }
    kernels.pointee.binary(
      Int32(MS_BINARY_SUB.rawValue), log, 1, targets + start, 1, log, count, Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
  }
}

/// SoftmaxCrossEntropyWithLogits (logits [B, C], targets [B, C]) -> loss [B, 1] [, gradients [B, C]], float32: the loss of a row is -sum t
/// log p, its gradient p - t, not divided by the batch. Attributes: none.
final class SoftmaxCrossEntropyOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...2)
    try requireType(0, .float32)
    try requireType(1, .float32)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...2)
    let x = inputs[0].shape
    if inputs[1].shape != x { throw EngineError(.inferError, "the targets (\(inputs[1])) must have the shape of the logits (\(inputs[0]))") }
    try setOutput(0, .float32, [x[0], 1])
    if outputs.count == 2 { try setOutput(1, .float32, x.dims) }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = outputs.count == 1 ? inputs[0].byteCount : 0
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let rows = inputs[0].shape[0], n = inputs[0].shape[1]
    if rows == 0 { return }
    if n == 0 { return outputs[0].floats.update(repeating: 0, count: rows) }
    let perTask = Elementwise.rowsPerTask(8 * n)
    let job = RowsJob(
      kernels: context.kernels, logits: inputs[0].floats, targets: inputs[1].floats,
      gradient: outputs.count == 2 ? outputs[1].floats : scratch(context), loss: outputs[0].floats, rows: rows, n: n, rowsPerTask: perTask,
      wantsGradient: outputs.count == 2)
    context.parallel((rows + perTask - 1) / perTask, job)
  }
}

// Attributes: 0 is_grad (false).

/// SparseSoftmaxCrossEntropyWithLogits (logits [B, C], labels [B] int32 or int64): the mean of -log p[label] over the batch, [1]; or with
/// is_grad its gradient (p - one-hot) / B. float32.
final class SparseSoftmaxCrossEntropyOperator: Operator {
  private let isGradient: Bool

  override init(_ node: Node) throws(EngineError) {
    isGradient = node.attributes.bool(0, false)
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .int32, .int64)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...2)
    try requireCount(1, inputs[0].shape[0], "a label for each row of the logits")
    try setOutput(0, .float32, isGradient ? inputs[0].shape.dims : [1])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) { workspaceBytes = isGradient ? 0 : inputs[0].byteCount }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let rows = inputs[0].shape[0], n = inputs[0].shape[1]
    if rows == 0 {
      if !isGradient { outputs[0].floats[0] = 0 }
      return
    }
    let labels = IndexList(inputs[1])
    for r in 0..<rows where labels[r] < 0 || labels[r] >= n {
      throw EngineError(.error, "label \(labels[r]) of row \(r) lies outside the \(n) classes of \(inputs[0])")
    }
    let values = isGradient ? outputs[0].floats : scratch(context)
    let perTask = Elementwise.rowsPerTask(8 * n)
    let job = RowsJob(
      kernels: context.kernels, logits: inputs[0].floats, targets: nil, gradient: values, loss: nil, rows: rows, n: n,
      rowsPerTask: perTask, wantsGradient: isGradient)
    context.parallel((rows + perTask - 1) / perTask, job)
    if isGradient {
      for r in 0..<rows { values[r * n + labels[r]] -= 1 }
      context.unary(FusedActivation(MS_UNARY_AFFINE, 1 / Float(rows)), values, values, rows * n)
    } else {
      var sum = 0.0
      for r in 0..<rows { sum -= Double(values[r * n + labels[r]]) }
      outputs[0].floats[0] = Float(sum / Double(rows))
    }
  }
}

/// Reduction numbers of the format's losses.
enum LossReduction {
  static let sum = 0, mean = 1, none = 2
}

// NLLLoss and NLLLossGrad. Attributes: 0 reduction (0 sum, 1 mean, 2 none).

/// NLLLoss (log-probabilities [B, C], labels [B], weights [C]) -> loss, total weight: -weight log p of each row's label, summed up, or
/// divided by the total weight. NLLLossGrad (log-probabilities, gradient of the loss, labels, weights, total weight). float32.
final class NLLLossOperator: Operator {
  private let reduction: Int
  private let isGradient: Bool

  override init(_ node: Node) throws(EngineError) {
    reduction = node.attributes.int(0, 0)
    isGradient = node.kind == .nllLossGrad
    try super.init(node)
    try requireInputs(isGradient ? 5...5 : 3...3)
    try requireOutputs(isGradient ? 1...1 : 1...2)
    for i in 0..<inputs.count { if i == labelInput { try requireType(i, .int32, .int64) } else { try requireType(i, .float32) } }
    if !(0...2).contains(reduction) { throw EngineError(.parameterInvalid, "reduction \(reduction); 0 to 2 are accepted") }
  }

  private var labelInput: Int { isGradient ? 2 : 1 }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...2)
    let x = inputs[0].shape
    try requireCount(labelInput, x[0], "a label for each row")
    try requireCount(labelInput + 1, x[1], "a weight for each class")
    if isGradient {
      try requireCount(1, reduction == LossReduction.none ? x[0] : 1, "as many as the loss")
      try requireCount(4, 1, "a number")
      return try setOutput(0, .float32, x.dims)
    }
    try setOutput(0, .float32, reduction == LossReduction.none ? [x[0]] : [])
    if outputs.count == 2 { try setOutput(1, .float32, []) }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let rows = inputs[0].shape[0], n = inputs[0].shape[1], y = outputs[0].data?.assumingMemoryBound(to: Float.self)
    if isGradient { fillElements(context, outputs[0].data, outputs[0].count, elementSize: 4, bits: 0) }
    var sum = 0.0, total = 0.0
    if rows > 0 {
      let labels = IndexList(inputs[labelInput])
      for r in 0..<rows {
        let label = labels[r]
        if label < 0 || label >= n { throw EngineError(.error, "label \(label) of row \(r) lies outside the \(n) classes of \(inputs[0])") }
        let weight = inputs[labelInput + 1].floats[label]
        if isGradient {
          let dy = inputs[1].floats[reduction == LossReduction.none ? r : 0]
          y?[r * n + label] = -dy * weight / (reduction == LossReduction.mean ? inputs[4].floats[0] : 1)
        } else {
          let loss = -weight * inputs[0].floats[r * n + label]
          if reduction == LossReduction.none { y?[r] = loss }
          sum += Double(loss)
          total += Double(weight)
        }
      }
    }
    if isGradient { return }
    if reduction != LossReduction.none { y?[0] = Float(reduction == LossReduction.mean ? sum / total : sum) }
    if outputs.count == 2 { outputs[1].floats[0] = Float(total) }
  }
}
