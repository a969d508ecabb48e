import Graph

/// An operator that moves bytes of one quantised input to outputs with other quantization parameters: the bytes are moved, then
/// each is replaced by the one that stands for the same real number.
final class RequantizedOperator: Operator {
  private let mover: Operator
  private let source: Int
  /// Per output, 256 bytes; empty where nothing changes.
  private var tables: [[UInt8]] = []

  /// `source`: the input whose elements the outputs have.
  static func make(_ node: Node, _ source: Int, _ plain: OperatorFactory) throws(EngineError) -> Operator {
    let op = try RequantizedOperator(node, try plain(node), source)
    try op.fillTables()
    return op
  }

  private init(_ node: Node, _ mover: Operator, _ source: Int) throws(EngineError) {
    self.mover = mover
    self.source = source
    try super.init(node)
  }

  private func fillTables() throws(EngineError) {
    let from = try requireQuantization(input: source)
    for i in 0..<outputs.count {
      if outputs[i].quantParams.isEmpty {
        tables.append([])
        continue
      }
      let to = try requireQuantization(output: i, type: inputs[source].type)
      tables.append(from.isLike(to) ? [] : from.requantization(to: to))
    }
  }

  override func infer() throws(EngineError) { try mover.infer() }

  override var inPlaceInputs: [Int] { mover.inPlaceInputs }
  override var isPure: Bool { mover.isPure }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try mover.prepare(context)
    workspaceBytes = mover.workspaceBytes
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    try mover.run(context)
    for i in 0..<outputs.count {
      // Positions and other results keep their values.
      if let y = outputs[i].data, outputs[i].type == inputs[source].type, !tables[i].isEmpty {
        context.map(y, y, outputs[i].count, tables[i])
      }
    }
  }
}
