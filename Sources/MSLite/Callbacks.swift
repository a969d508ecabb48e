import CMindSpore
import CSystem
import Graph
import Runtime

/// What a caller's function sees of one operator. Strings and lists stay in place from run to run; the tensors have data only
/// while a function is being called.
private final class CallbackEntry {
  let node: Node
  let name: UnsafeMutablePointer<CChar>?
  let kind: UnsafeMutablePointer<CChar>?
  let inputs: TensorList?
  let outputs: TensorList?

  init(_ node: Node) {
    self.node = node
    name = cString(node.name)
    kind = cString(node.kind.name)
    inputs = TensorList(node.inputs, model: callbackOwner, allocator: nil)
    outputs = TensorList(node.outputs, model: callbackOwner, allocator: nil)
  }

  deinit {
    free(name)
    free(kind)
  }

  /// false when the function returned false.
  func call(_ function: OH_AI_KernelCallBack) -> Bool {
    guard let name, let kind, let inputs, let outputs else { return true }
    attach(inputs, node.inputs)
    attach(outputs, node.outputs)
    let result = function(inputs.array, outputs.array, OH_AI_CallBackParam(node_name: name, node_type: kind))
    detach(inputs)
    detach(outputs)
    return result
  }

  private func attach(_ list: TensorList, _ values: [Tensor]) {
    var i = 0
    while i < min(list.tensors.count, values.count) {
      list.tensors[i].describe(values[i])
      list.tensors[i].borrow(values[i].data, bytes: values[i].byteCount)
      i += 1
    }
  }

  private func detach(_ list: TensorList) {
    for tensor in list.tensors { tensor.dropData() }
  }
}

/// Owner of a callback's tensors, which are not the caller's to destroy; no model has this handle.
private var callbackOwner: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 1) }

/// Calls a C program's functions before and after every operator. What it shows of an operator is made once and kept.
final class CallbackObserver: RunObserver {
  private var entries: [CallbackEntry] = []
  private static let maximumEntries = 10_000
  /// Where the next operator's entry is if the order is that of the last run.
  private var position = 0
  private var beforeFunction: OH_AI_KernelCallBack?
  private var afterFunction: OH_AI_KernelCallBack?
  private(set) var hasRefused = false

  func start(_ before: OH_AI_KernelCallBack?, _ after: OH_AI_KernelCallBack?) {
    beforeFunction = before
    afterFunction = after
    position = 0
    hasRefused = false
  }

  override func before(_ node: Node) {
    guard let beforeFunction else { return }
    if !entry(node).call(beforeFunction) { hasRefused = true }
  }

  override func after(_ node: Node) {
    if let afterFunction, !entry(node).call(afterFunction) { hasRefused = true }
    position += 1
  }

  private func entry(_ node: Node) -> CallbackEntry {
    if position < entries.count && entries[position].node === node { return entries[position] }
    // Loops run their operators again, and branches pass some over.
    for entry in entries where entry.node === node { return entry }
    // Recursion makes new nodes in every run.
    if entries.count >= CallbackObserver.maximumEntries { entries.removeAll() }
    let entry = CallbackEntry(node)
    entries.insert(entry, at: min(position, entries.count))
    return entry
  }
}
