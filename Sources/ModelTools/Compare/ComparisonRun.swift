import Graph
import Runtime
import System

/// Keeps the values of some tensors of a run.
private final class Capture: RunObserver {
  /// By key (see ``TensorNames``), for each node that makes a tensor of that key: the values in the order they were computed.
  private var made: [String: [(node: String, values: [TensorValue])]] = [:]
  private let names: TensorNames
  /// A loop may compute a tensor very often; the first of its values are kept.
  private static let perTensor = 64

  init(_ names: TensorNames) {
    self.names = names
    super.init()
  }

  override func after(_ node: Node) {
    for t in node.outputs {
      guard let key = names.key(ofCandidate: t, node) else { continue }
      guard let at = made[key]?.firstIndex(where: { $0.node == node.name }) else {
        if let value = TensorValue(t) { made[key, default: []].append((node.name, [value])) }
        continue
      }
      if made[key]?[at].values.count ?? 0 < Capture.perTensor, let value = TensorValue(t) { made[key]?[at].values.append(value) }
    }
  }

  /// Of several tensors of one name the last is what the name stands for. By key.
  var values: [String: [TensorValue]] { made.compactMapValues { $0.last?.values } }
}

/// Compares the tensors of a run with those of an earlier one as they are computed.
private final class Judge: RunObserver {
  var rows: [Comparison.Row] = []
  /// Every tensor computed, in order, once.
  var computed: [String] = []
  private var known: Set<String> = []
  private var rowOf: [String: Int] = [:]
  private var seen: [String: Int] = [:]
  private let names: TensorNames
  private let candidate: [String: [TensorValue]]
  private let tolerance: Double

  init(_ candidate: [String: [TensorValue]], _ names: TensorNames, _ tolerance: Double) {
    self.candidate = candidate
    self.tolerance = tolerance
    self.names = names
    super.init()
  }

  override func after(_ node: Node) {
    for t in node.outputs {
      guard let (key, isInner) = names.key(ofReference: t, node) else { continue }
      if !isInner && known.insert(t.name).inserted { computed.append(t.name) }
      let occurrence = seen[key, default: 0]
      seen[key] = occurrence + 1
      guard let values = candidate[key], occurrence < values.count, let value = TensorValue(t) else { continue }
      judge(node.name, node.kind.name, t.name, value, values[occurrence])
    }
  }

  func judge(_ node: String, _ kind: String, _ tensor: String, _ value: TensorValue, _ other: TensorValue, isOutput: Bool = false) {
    var row = Comparison.Row(node: node, kind: kind, tensor: tensor, dims: value.dims, difference: Difference())
    row.isOutput = isOutput
    if let difference = Difference.between(value, other) {
      row.difference = difference
      if !(difference.relative <= tolerance), let sorted = Difference.ofSorted(value, other), sorted.relative <= tolerance {
        row.reordered = sorted
      }
    } else {
      row.mismatch = "\(Units.shape(value.dims)) against \(Units.shape(other.dims))"
    }
    guard let at = rowOf[tensor] else {
      rowOf[tensor] = rows.count
      rows.append(row)
      return
    }
    rows[at].occurrences += 1
    if !row.mismatch.isEmpty { rows[at].mismatch = row.mismatch }
    if row.difference.relative > rows[at].difference.relative {
      rows[at].difference = row.difference
      rows[at].reordered = row.reordered
    }
  }
}

/// Two models, ready to be run on the same inputs.
struct ComparisonRun {
  private let reference: LoadedModel
  private let candidate: LoadedModel
  private let referenceSession: Session
  private let candidateSession: Session
  private let request: Comparison.Request
  /// By input of the reference.
  private let values: [TensorValue]
  private let described: [String]

  init(
    _ reference: LoadedModel, _ candidate: LoadedModel, _ shapes: [String: [Int]], _ request: Comparison.Request
  ) throws(EngineError) {
    self.reference = reference
    self.candidate = candidate
    self.request = request
    // Every node as it is in the file.
    var plain = SessionOptions()
    plain.optimises = false
    plain.threads = request.threads
    do throws(EngineError) {
      referenceSession = try Session.open(reference.copies(), options: plain)
    } catch { throw error.adding(reference.path) }
    var optimised = SessionOptions()
    optimised.threads = request.threads
    do throws(EngineError) {
      candidateSession = try Session.open(candidate.copies(), options: optimised)
    } catch { throw error.adding(candidate.path) }
    guard referenceSession.inputs.count == candidateSession.inputs.count else {
      throw EngineError(
        .inputParameterInvalid,
        "\(reference.path) has \(referenceSession.inputs.count) inputs, \(candidate.path) has \(candidateSession.inputs.count)")
    }
    (values, described) = try ComparisonRun.makeInputs(referenceSession, shapes, request)
  }

  /// Sizes the reference and makes its inputs.
  private static func makeInputs(
    _ session: Session, _ shapes: [String: [Int]], _ request: Comparison.Request
  ) throws(EngineError) -> ([TensorValue], [String]) {
    let names = session.inputs.map { $0.name }
    for name in request.inputFiles.keys.sorted() + shapes.keys.sorted() where !name.isEmpty && !names.contains(name) {
      throw EngineError(.inputParameterInvalid, "no input is named \"\(name)\"; there are \(names.joined(separator: ", "))")
    }
    if request.inputFiles[""] != nil && names.count != 1 {
      throw EngineError(.inputParameterInvalid, "the model has \(names.count) inputs (\(names.joined(separator: ", "))); give files as name=file")
    }
    var given: [TensorValue?] = []
    var dims = [[Int]]()
    for t in session.inputs {
      var shape = shapes[t.name] ?? t.shape.dims
      if let path = request.inputFiles[t.name] ?? request.inputFiles[""] {
        let sized = Tensor(name: t.name, type: t.type, shape: Shape(shape))
        let value = try InputData.read(path, for: sized)
        if shapes[t.name] == nil { shape = value.dims }
        guard value.dims == shape else {
          throw EngineError(.inputParameterInvalid, "\(path) has the shape \(Shape(value.dims)), but \(Shape(shape)) was given for input \"\(t.name)\"")
        }
        given.append(value)
      } else {
        given.append(nil)
      }
      guard Shape(shape).isKnown else {
        throw EngineError(
          .inputParameterInvalid, "input \"\(t.name)\" has the open shape \(Shape(shape)); give its shape with --inputShape \"\(t.name):...\"")
      }
      dims.append(shape)
    }
    if zip(session.inputs, dims).contains(where: { $0.shape.dims != $1 }) { try session.resize(dims) }
    var values = [TensorValue](), described = [String]()
    for (i, t) in session.inputs.enumerated() {
      if let value = given[i] {
        values.append(value.converted(to: t.type, quantParams: t.quantParams))
        described.append("\(t.name): \(request.inputFiles[t.name] ?? request.inputFiles[""] ?? "")")
      } else {
        values.append(try InputData.random(t, seed: request.seed, position: i))
        described.append("\(t.name): random (seed \(request.seed))")
      }
      values[i].quantParams = t.quantParams
    }
    return (values, described)
  }

  /// Runs both and compares what they compute.
  func compare() throws(EngineError) -> Comparison {
    let names = TensorNames(reference: reference)
    let capture = Capture(names)
    let candidateOutputs = try runCandidate(capture)

    let judge = Judge(capture.values, names, request.tolerance)
    let buffers = values.map { Buffer(copying: $0.bytes) }
    for (i, buffer) in buffers.enumerated() {
      guard let buffer else { throw EngineError(.outOfMemory, "no memory for the inputs") }
      referenceSession.bindInput(i, buffer.base)
    }
    // The session has no more than the buffers' addresses, and its outputs may lie in them.
    try withExtendedLifetime(buffers) { () throws(EngineError) in
      do throws(EngineError) { try referenceSession.run(observer: judge) } catch { throw error.adding(reference.path) }
      compareOutputs(judge, candidateOutputs)
    }
    let matched = Set(judge.rows.map { $0.tensor })
    var rows = judge.rows
    func fails(_ row: Comparison.Row) -> Bool { !row.mismatch.isEmpty || !(row.difference.relative <= request.tolerance) }
    // Another order is right when everything after it agrees, and the first thing that went wrong otherwise.
    if !rows.contains(where: { fails($0) && ($0.reordered == nil || $0.isOutput) }) {
      for i in rows.indices { rows[i].difference = rows[i].reordered ?? rows[i].difference }
    }
    let failed = rows.filter(fails)
    return Comparison(
      reference: reference.path, candidate: candidate.path, tolerance: request.tolerance, rows: rows,
      unmatched: judge.computed.filter { !matched.contains($0) }, inputs: described,
      suspects: failed.first.map { suspects($0.tensor, agreeing: matched.subtracting(failed.map { $0.tensor })) } ?? [])
  }

  /// Runs the candidate on the same inputs, in its own layout and types, and gives its outputs.
  private func runCandidate(_ capture: Capture) throws(EngineError) -> [(name: String, value: TensorValue?)] {
    var inputs = [TensorValue]()
    for (i, target) in candidateSession.inputs.enumerated() {
      let at = referenceSession.inputs.firstIndex { $0.name == target.name } ?? i
      let source = referenceSession.inputs[at]
      guard let order = Layouts.inputOrder(source, target) else {
        throw EngineError(.inputParameterInvalid, "input \(source) does not fit \(target) of \(candidate.path)")
      }
      var value = values[at]
      if order != Array(0..<order.count) { value = value.transposed(order) }
      inputs.append(value.converted(to: target.type, quantParams: target.quantParams))
    }
    do throws(EngineError) {
      if zip(candidateSession.inputs, inputs).contains(where: { $0.shape.dims != $1.dims }) {
        try candidateSession.resize(inputs.map { $0.dims })
      }
      var kept = [Buffer]()
      for (i, value) in inputs.enumerated() {
        guard let buffer = Buffer(copying: value.bytes) else { throw EngineError(.outOfMemory, "no memory for the inputs") }
        kept.append(buffer)
        candidateSession.bindInput(i, buffer.base)
      }
      try candidateSession.run(observer: capture)
      return withExtendedLifetime(kept) { candidateSession.outputs.map { ($0.name, TensorValue($0)) } }
    } catch { throw error.adding(candidate.path) }
  }

  /// Outputs correspond by position where their names do not say it.
  private func compareOutputs(_ judge: Judge, _ outputs: [(name: String, value: TensorValue?)]) {
    for (i, t) in referenceSession.outputs.enumerated() {
      if let at = judge.rows.firstIndex(where: { $0.tensor == t.name }) {
        judge.rows[at].isOutput = true
        continue
      }
      let at = outputs.firstIndex { $0.name == t.name } ?? i
      guard at < outputs.count, let value = TensorValue(t), let other = outputs[at].value else { continue }
      let producer = reference.main.nodes.first { $0.outputs.contains { $0.name == t.name } }
      judge.judge(producer?.name ?? t.name, producer?.kind.name ?? "output", t.name, value, other, isOutput: true)
    }
  }

  /// The nodes whose results nobody could compare and that lead to `tensor`, and its own; those that agree end the search.
  private func suspects(_ tensor: String, agreeing: Set<String>) -> [String] {
    var producer: [String: Node] = [:]
    for graph in reference.graphs { for node in graph.nodes { for t in node.outputs { producer[t.name] = node } } }
    var found = [String]()
    var open = [tensor]
    var visited: Set<String> = [tensor]
    while let name = open.popLast(), found.count < 12 {
      guard let node = producer[name] else { continue }
      if !found.contains(node.text) { found.append(node.text) }
      for t in node.inputs where !t.isConstant && !agreeing.contains(t.name) && visited.insert(t.name).inserted { open.append(t.name) }
    }
    return found
  }
}

extension Buffer {
  /// A buffer with these bytes.
  convenience init?(copying bytes: [UInt8]) {
    self.init(count: bytes.count)
    bytes.withUnsafeBytes { if let source = $0.baseAddress { base.copyMemory(from: source, byteCount: $0.count) } }
  }
}
