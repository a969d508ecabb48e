import ConverterCore
import Graph

/// One function (or the main graph) while its nodes are imported: what its names stand for.
final class MindScope {
  let file: MindModel
  let function: MindFunction
  let b: GraphBuilder
  /// The scope that this function is copied into; nil for a graph of its own.
  let parent: MindScope?
  private var values: [String: MindValue] = [:]
  private var resultNames: [ObjectIdentifier: String] = [:]
  /// Keeps the keys of the tables alive.
  private var retained: [Tensor] = []
  private let layouts: ParameterLayouts
  private let depth: Int

  init(_ file: MindModel, _ function: MindFunction, _ b: GraphBuilder, parent: MindScope?) {
    self.file = file
    self.function = function
    self.b = b
    self.parent = parent
    depth = (parent?.depth ?? 0) + 1
    layouts = parent?.layouts ?? ParameterLayouts()
  }

  var isTraining: Bool { file.isTraining }

  // MARK: names

  func find(_ name: String) -> MindValue? {
    var scope: MindScope? = self
    while let s = scope {
      if let value = s.values[name] { return value }
      scope = s.parent
    }
    return file.functions[name].map { .closure($0, []) }
  }

  /// A name without that of its graph in front.
  private func short(_ name: String) -> String {
    let prefix = function.name + ":"
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
  }

  private func keep(_ tensor: Tensor, _ name: String) {
    if resultNames.updateValue(name, forKey: ObjectIdentifier(tensor)) == nil { retained.append(tensor) }
  }

  /// The name of an output: that of the node that has made it.
  func outputName(_ tensor: Tensor) -> String { resultNames[ObjectIdentifier(tensor)] ?? tensor.name }

  // MARK: inputs, parameters, outputs

  /// The inputs of the main graph.
  func addInputs() throws(EngineError) {
    let shapes = b.model.options.inputShapes
    let names = function.proto.input.map { short($0.name) }
    for name in shapes.keys.sorted() where !names.contains(name) {
      throw EngineError(
        .inputParameterInvalid,
        "no input is named \"\(name)\"; there are \(names.map { "\"\($0)\"" }.joined(separator: ", "))")
    }
    for (input, name) in zip(function.proto.input, names) {
      guard let proto = input.tensor.first else {
        // An input without a tensor is a token for the order of side effects.
        values[input.name] = .nothing
        continue
      }
      let type = try MindType.checked(proto.dataType, of: name)
      values[input.name] = .tensor(b.input(name, type, shapes[name] ?? MindShape(proto).dims))
    }
  }

  /// The weights. In a training graph those of convolutions are stored as the operators want them.
  func addParameters() throws(EngineError) {
    if isTraining { layouts.find(function.proto, file.primitives) }
    for proto in function.proto.parameter where values[proto.name] == nil {
      let name = proto.refKey.isEmpty ? short(proto.name) : proto.refKey
      var tensor = try file.tensors.constant(b, proto, name: name)
      if isTraining {
        if layouts.isKernel(proto.name), tensor.shape.rank == 4 {
          let stored = try b.transpose(tensor, [0, 2, 3, 1])
          stored.name = name
          stored.format = .khwc
          tensor = stored
          layouts.noteKernel(tensor)
        }
        layouts.noteParameter(tensor)
      }
      values[proto.name] = .tensor(tensor)
    }
  }

  /// The tensors that the function returns.
  func outputs() -> [Tensor] {
    var all = [Tensor]()
    for output in function.proto.output {
      guard let value = find(output.name) else {
        b.report.add(
          EngineError(.graphFileError, "output \"\(short(output.name))\" of graph \"\(function.name)\" is made by no node"))
        continue
      }
      do throws(EngineError) {
        for t in try flat(value) { all.append(try layouts.isKernel(t) ? plain(t) : t) }
      } catch { b.report.add(error, node: short(output.name)) }
    }
    return all
  }

  // MARK: values as tensors

  /// A value as one tensor; numbers and tuples of numbers become constants.
  func tensor(_ value: MindValue) throws(EngineError) -> Tensor {
    switch value {
    case .tensor(let t): return t
    case .integer(let v): return b.constant(ints: [v], dims: [])
    case .real(let v): return b.constant(floats: [Float(v)], dims: [])
    case .boolean(let v): return b.constant(bools: [v], dims: [])
    case .tuple(let list):
      if let integers = value.integers { return b.constant(ints: integers) }
      let reals = list.compactMap { $0.number }
      if reals.count == list.count { return b.constant(floats: reals.map { Float($0) }) }
      throw EngineError(.notSupported, "a tuple of tensors cannot be used as one tensor")
    case .text, .nothing, .closure, .choice: throw EngineError(.formatError, "an operand is no tensor")
    }
  }

  /// All tensors of a value, in order.
  func flat(_ value: MindValue) throws(EngineError) -> [Tensor] {
    if case .nothing = value { return [] }
    guard case .tuple(let list) = value else { return [try tensor(value)] }
    var all = [Tensor]()
    for v in list { all += try flat(v) }
    return all
  }

  /// A stored convolution kernel [O, h, w, I] as the file has it, [O, I, h, w].
  func plain(_ kernel: Tensor) throws(EngineError) -> Tensor {
    guard layouts.isKernel(kernel) else { return kernel }
    if let known = layouts.plain(kernel) { return known }
    let view = b.append(.transpose, [:], [kernel, b.constant(ints: [0, 3, 1, 2])], 1)[0]
    let d = kernel.shape.dims
    b.declare(view, [d[0], d[3], d[1], d[2]], type: kernel.type)
    layouts.setPlain(kernel, view)
    return view
  }

  func isStoredKernel(_ tensor: Tensor) -> Bool { layouts.isKernel(tensor) }
  func isParameter(_ tensor: Tensor) -> Bool { layouts.isParameter(tensor) }

  // MARK: functions

  /// Gives the function's inputs new graph inputs like the tensors in `arguments`.
  func bind(_ arguments: [MindValue], _ caller: MindScope) throws(EngineError) {
    guard arguments.count >= function.proto.input.count else {
      throw EngineError(
        .formatError, "function \"\(function.name)\" takes \(function.proto.input.count) arguments; \(arguments.count) are given")
    }
    for (input, value) in zip(function.proto.input, arguments) {
      values[input.name] = try mirrored(value, name: short(input.name), caller)
    }
  }

  private func mirrored(_ value: MindValue, name: String, _ caller: MindScope) throws(EngineError) -> MindValue {
    switch value {
    case .tuple(let list):
      var inner = [MindValue]()
      for (i, v) in list.enumerated() { inner.append(try mirrored(v, name: "\(name)_\(i)", caller)) }
      return .tuple(inner)
    case .nothing, .closure, .text, .choice:
      if value.holdsTensors { throw EngineError(.notSupported, "a function with arguments is passed to a function that is not inlined") }
      return value
    default: return .tensor(b.input(like: try caller.tensor(value), of: caller.b, name: name))
    }
  }

  /// Makes a value from around the function known in it. True when it has become an input.
  func capture(_ name: String, _ value: MindValue, _ caller: MindScope) -> Bool {
    guard case .tensor(let outer) = value else {
      // What consists of tensors around the function stays unknown in it.
      if !value.holdsTensors { values[name] = value }
      return false
    }
    if outer.isConstant {
      values[name] = .tensor(b.constant(copying: outer))
      return false
    }
    values[name] = .tensor(b.input(like: outer, of: caller.b, name: outer.name))
    return true
  }

  /// What the function returns for `arguments`, its nodes copied into the caller's graph.
  private func inlined(_ callee: MindFunction, _ arguments: [MindValue]) throws(EngineError) -> MindValue {
    guard depth < 64 else { throw EngineError(.notSupported, "functions are nested more than 64 deep") }
    try file.spend(callee.proto.node.count + 1)
    let scope = MindScope(file, callee, b, parent: self)
    guard arguments.count >= callee.proto.input.count else {
      throw EngineError(
        .formatError, "function \"\(callee.name)\" takes \(callee.proto.input.count) arguments; \(arguments.count) are given")
    }
    for (input, value) in zip(callee.proto.input, arguments) { scope.values[input.name] = value }
    try scope.addParameters()
    scope.importNodes()
    var results = [MindValue]()
    for output in callee.proto.output {
      guard let value = scope.find(output.name) else {
        throw EngineError(.graphFileError, "output \"\(output.name)\" of function \"\(callee.name)\" is made by no node")
      }
      results.append(value)
    }
    for t in scope.retained { keep(t, scope.outputName(t)) }
    return results.count == 1 ? results[0] : .tuple(results)
  }

  /// The result of calling `callee`, of the types and shapes that the file states.
  func call(_ callee: MindValue, _ arguments: [MindValue], _ results: [MindShape], isTuple: Bool) throws(EngineError) -> MindValue {
    switch callee {
    case .closure(let function, let first):
      if !file.references.isRecursive(function) { return try inlined(function, first + arguments) }
      return try invoke(try handle(function, first + arguments), results, isTuple: isTuple)
    case .choice(let selector, let choices):
      if selector.isConstant, let value = selector.knownIntegers()?.first {
        // Switch takes its first choice for true, SwitchLayer counts them.
        let index = selector.type == .bool ? (value != 0 ? 0 : 1) : value < 0 ? value + choices.count : value
        guard choices.indices.contains(index) else { throw EngineError(.formatError, "there is no choice \(index) of \(choices.count)") }
        return try call(choices[index], arguments, results, isTuple: isTuple)
      }
      var operands = [selector]
      for choice in choices {
        guard case .closure(let function, let first) = choice else {
          throw EngineError(.notSupported, "a choice between values that are no functions cannot be called")
        }
        operands.append(try handle(function, first + arguments))
      }
      let chosen = b.append(selector.type == .bool ? .switch : .switchLayer, [:], operands, 1)[0]
      return try invoke(chosen, results, isTuple: isTuple)
    default: throw EngineError(.formatError, "what is called is no function")
    }
  }

  private func handle(_ function: MindFunction, _ arguments: [MindValue]) throws(EngineError) -> Tensor {
    let subgraph = try file.subgraph(function, arguments, self)
    var tensors = [Tensor]()
    for (_, value) in zip(function.proto.input, arguments) {
      if case .closure = value { continue }
      if case .choice = value { continue }
      if case .text = value { continue }
      tensors += try flat(value)
    }
    for name in subgraph.captured {
      guard let value = find(name), case .tensor(let t) = value else {
        throw EngineError(.notSupported, "\"\(name)\", which function \"\(function.name)\" takes from around it, is not known here")
      }
      tensors.append(t)
    }
    return b.append(.partialFusion, ["sub_graph_index": .number(subgraph.b.index)], tensors, 1)[0]
  }

  private func invoke(_ handle: Tensor, _ results: [MindShape], isTuple: Bool) throws(EngineError) -> MindValue {
    let outputs = b.append(.call, ["is_tail_call": false], [handle], max(results.count, 1))
    for (t, shape) in zip(outputs, results) { b.declare(t, shape.dims, type: shape.type) }
    let values = outputs.map { MindValue.tensor($0) }
    return isTuple || values.count > 1 ? .tuple(values) : values[0]
  }

  // MARK: nodes

  func importNodes() {
    for node in function.proto.node { importNode(node) }
  }

  private func importNode(_ proto: MindIr_NodeProto) {
    var type = proto.opType
    var attributes = [MindIr_AttributeProto]()
    var callee: MindValue? = nil
    if type.hasPrefix("REF::") {
      let name = String(type.dropFirst(5))
      if let primitive = file.primitives[name] {
        type = primitive.opType
        attributes = primitive.attribute
      } else {
        callee = find(name)
        type = callee == nil ? name : "Call"
      }
    }
    let name = proto.domain.isEmpty ? short(proto.name) : proto.domain
    var inputs = [MindValue]()
    var missing: String? = nil
    for input in proto.input {
      if let value = find(input) { inputs.append(value) } else { missing = input; inputs.append(.nothing) }
    }
    let node = MindNode(self, name: name, type: type, stated: proto.attribute, attributes: attributes, inputs: inputs)
    var result: MindValue? = nil
    let made = b.importNode(name, type: type, inputs: inputs.compactMap { if case .tensor(let t) = $0 { t } else { nil } }, outputs: 0) {
      () throws(EngineError) -> [Tensor] in
      if let missing { throw EngineError(.graphFileError, "input \"\(short(missing))\" is made by no node before this one") }
      if let callee {
        result = try call(callee, inputs, node.results, isTuple: node.isTuple)
        return []
      }
      if let value = try StructurePrimitives.value(node) {
        result = value
        return []
      }
      let before = b.graph.nodes.count
      let tensors = try node.imported()
      if type != "Transpose" { giveName(name, after: before) }
      for (i, t) in tensors.enumerated() where !t.isConstant { keep(t, i == 0 ? name : "\(name):\(i)") }
      let values = tensors.map { MindValue.tensor($0) }
      result = node.isTuple || values.count > 1 ? .tuple(values) : values.first ?? .nothing
      return tensors
    }
    // After a problem a stand-in takes the result's place.
    let standIn = made.first.map { t in
      node.isTuple ? MindValue.tuple(node.results.map { _ in .tensor(t) }) : .tensor(t)
    }
    for output in proto.output { values[output] = result ?? standIn ?? .nothing }
  }

  /// Of the nodes from `start` on, the first that is not a change of layout gets the source node's name.
  private func giveName(_ name: String, after start: Int) {
    guard start < b.graph.nodes.count else { return }
    let added = b.graph.nodes[start...]
    guard let first = added.first, first.kind == .transpose, let main = added.first(where: { $0.kind != .transpose }) else { return }
    swap(&first.name, &main.name)
    guard let a = first.outputs.first, let c = main.outputs.first else { return }
    swap(&a.name, &c.name)
  }
}
