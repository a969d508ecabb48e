import Graph

/// A loop in TensorFlow's first form: Enter nodes take values in, a Merge of the entered and the next value stands for each
/// variable, a Switch at LoopCond leads it to the body or to its Exit.
struct LoopFrame {
  struct Variable {
    var enter: String
    var merge: String
    /// Input of the NextIteration: the variable's next value.
    var next: String
    var switches: [String]
  }
  var name: String
  var enters: [Tensorflow_NodeDef] = []
  var variables: [Variable] = []
  /// Enter nodes of values that no round changes.
  var invariants: [String] = []
  /// Input of LoopCond.
  var condition: String?
}

/// A choice in TensorFlow's first form: what two branches give, joined by a Merge.
struct BranchChoice {
  /// The condition, as the Switch nodes at the branches' beginnings name it.
  var condition: String
  /// The branches' results, as the Merge names them.
  var otherwise: String
  var then: String
  /// The Switch nodes at the beginnings, and placeholders that the branches use without one.
  var switches: [String]
  /// What the Switch nodes take in, and the placeholders.
  var captured: [String]
}

/// The control flow nodes of TensorFlow's first form among the nodes of a table.
final class ControlNodes {
  private let table: NodeTable
  private var frames: [LoopFrame] = []
  private var exits: [String: (frame: Int, variable: Int)] = [:]
  private var loopMerges: Set<String> = []
  private var loopSwitches: Set<String> = []
  private var choices: [String: BranchChoice?] = [:]
  /// Levels and nodes from which no way leads into a branch or loop that is still open.
  private var outsideNodes: Set<String> = []

  init(_ table: NodeTable) {
    self.table = table
    findLoops()
  }

  /// The node that an input names.
  private func source(_ input: String) -> Tensorflow_NodeDef? {
    guard let reference = try? table.parse(input.hasPrefix("^") ? String(input.dropFirst()) : input) else { return nil }
    return table[reference.node]
  }

  // MARK: loops

  func frame(ofExit name: String) -> LoopFrame? { exits[name].map { frames[$0.frame] } }

  func variable(ofExit name: String) -> Int? { exits[name]?.variable }

  private func findLoops() {
    var positions: [String: Int] = [:]
    var frameOfEnter: [String: Int] = [:]
    for node in table.nodes where (node.op == "Enter" || node.op == "RefEnter") && node.input.first.map({ !$0.hasPrefix("^") }) ?? false {
      let name = String(decoding: node.attr["frame_name"]?.s ?? .init(), as: UTF8.self)
      if positions[name] == nil {
        positions[name] = frames.count
        frames.append(LoopFrame(name: name))
      }
      guard let position = positions[name] else { continue }
      frames[position].enters.append(node)
      frameOfEnter[node.name] = position
    }
    if frames.isEmpty { return }
    // The variables, and by their Merge nodes what else belongs to them.
    var place: [String: (frame: Int, variable: Int)] = [:]
    var entered: Set<String> = []
    for node in table.nodes where node.op == "Merge" || node.op == "RefMerge" {
      let inputs = node.input.filter { !$0.hasPrefix("^") }
      let sources = inputs.compactMap { source($0) }
      guard sources.count == 2, let enter = sources.first(where: { frameOfEnter[$0.name] != nil }), let frame = frameOfEnter[enter.name],
        let iteration = sources.first(where: { $0.op == "NextIteration" || $0.op == "RefNextIteration" }), let next = iteration.input.first
      else { continue }
      place[node.name] = (frame, frames[frame].variables.count)
      loopMerges.insert(node.name)
      entered.insert(enter.name)
      frames[frame].variables.append(LoopFrame.Variable(enter: enter.name, merge: node.name, next: next, switches: []))
    }
    for node in table.nodes where (node.op == "Switch" || node.op == "RefSwitch") && node.input.count >= 2 {
      guard let merge = source(node.input[0]), let at = place[merge.name], let condition = source(node.input[1]), condition.op == "LoopCond"
      else { continue }
      loopSwitches.insert(node.name)
      frames[at.frame].variables[at.variable].switches.append(node.name)
      frames[at.frame].condition = condition.input.first
    }
    for node in table.nodes where (node.op == "Exit" || node.op == "RefExit") && !node.input.isEmpty {
      guard let leaving = source(node.input[0]), loopSwitches.contains(leaving.name), let first = leaving.input.first,
        let merge = source(first), let at = place[merge.name]
      else { continue }
      exits[node.name] = at
    }
    for i in frames.indices { frames[i].invariants = frames[i].enters.map { $0.name }.filter { !entered.contains($0) } }
  }

  /// Whether a node belongs to a branch or a loop: then nobody reads it because a value that is not needed comes out of it.
  func isInside(_ name: String) -> Bool {
    var pending = [(name: name, level: 0)]
    var seen: Set<String> = []
    while let (name, level) = pending.popLast() {
      let key = "\(level) \(name)"
      guard let node = table[name], level < 64, !outsideNodes.contains(key), seen.insert(key).inserted else { continue }
      var outside = level
      switch node.op {
      case "Exit", "RefExit": outside += 1
      case "Enter", "RefEnter": outside -= 1
      case "Merge", "RefMerge":
        if loopMerges.contains(name) { if level == 0 { return true } } else { outside += 1 }
      case "Switch", "RefSwitch":
        if level == 0 { return true }
        if !loopSwitches.contains(name) { outside -= 1 }
      default: break
      }
      if outside < 0 { return true }
      for input in node.input { if let next = source(input) { pending.append((next.name, outside)) } }
    }
    outsideNodes.formUnion(seen)
    return false
  }

  // MARK: branches

  /// The choice that a Merge ends; nil for a Merge of a loop and for one whose branches begin at no Switch.
  func choice(_ merge: String) throws(EngineError) -> BranchChoice? {
    if loopMerges.contains(merge) { return nil }
    if let known = choices[merge] { return known }
    let found = try find(merge)
    choices[merge] = found
    return found
  }

  private func find(_ name: String) throws(EngineError) -> BranchChoice? {
    guard let merge = table[name] else { return nil }
    let inputs = merge.input.filter { !$0.hasPrefix("^") }
    guard inputs.count == 2 else {
      throw EngineError(.notSupported, "node \"\(name)\" joins \(inputs.count) branches; 2 are possible")
    }
    var condition: String?
    var sides: [Int?] = [nil, nil]
    for (i, input) in inputs.enumerated() {
      guard let beginning = firstSwitch(behind: input) else { continue }
      sides[i] = beginning.output
      condition = condition ?? beginning.node.input[1]
    }
    guard let condition, let side = sides[0] ?? sides[1].map({ 1 - $0 }), side == 0 || side == 1, sides[1].map({ $0 == 1 - side }) ?? true
    else { return nil }
    var choice = BranchChoice(condition: condition, otherwise: inputs[side], then: inputs[1 - side], switches: [], captured: [])
    collect(inputs, condition, into: &choice)
    return choice
  }

  /// The Switch at which the branch with this result begins, and the output by which: branches inside are passed over.
  private func firstSwitch(behind input: String) -> (node: Tensorflow_NodeDef, output: Int)? {
    var pending = [(input: input, level: 0)]
    var seen: Set<String> = []
    while let (input, level) = pending.popLast() {
      let plain = input.hasPrefix("^") ? String(input.dropFirst()) : input
      guard let reference = try? table.parse(plain), let node = table[reference.node] else { continue }
      var inside = level
      if (node.op == "Switch" || node.op == "RefSwitch") && node.input.count >= 2 && !loopSwitches.contains(node.name) {
        if level == 0 {
          // A node that only waits for its branch waits for an Identity of one of the Switch's outputs.
          if !input.hasPrefix("^") { return (node, reference.output) }
          continue
        }
        inside -= 1
      } else if (node.op == "Merge" || node.op == "RefMerge") && !loopMerges.contains(node.name) {
        inside += 1
      }
      if !seen.insert("\(node.name) \(inside)").inserted || inside > 64 { continue }
      // Data before control: the end of the list is looked at first.
      for next in node.input where next.hasPrefix("^") { pending.append((next, inside)) }
      for next in node.input.reversed() where !next.hasPrefix("^") { pending.append((next, inside)) }
    }
    return nil
  }

  /// The Switch nodes on the condition that the branches' nodes go back to.
  private func collect(_ results: [String], _ condition: String, into choice: inout BranchChoice) {
    var pending = results
    var seen: Set<String> = []
    while let input = pending.popLast() {
      guard let reference = try? table.parse(input), let node = table[reference.node], seen.insert(node.name).inserted else { continue }
      if (node.op == "Switch" || node.op == "RefSwitch") && node.input.count >= 2 && node.input[1] == condition {
        choice.switches.append(node.name)
        choice.captured.append(node.input[0])
      } else if node.op.hasPrefix("Placeholder") {
        choice.switches.append(node.name)
        choice.captured.append(node.name)
      } else {
        pending += node.input.filter { !$0.hasPrefix("^") }
      }
    }
  }
}
