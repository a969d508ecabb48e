import CMindSpore
import CSystem
import Graph
import Runtime
import Synchronization
import System

/// Binding memory to a session, running it, and taking the results. Inputs are read and outputs written in place where alignment
/// allows and nothing overlaps; the session keeps no pointer of the caller's afterwards.
extension ModelObject {
  /// Runs with ``boundInputs`` and ``boundOutputs``.
  func run(_ before: OH_AI_KernelCallBack?, _ after: OH_AI_KernelCallBack?) throws(EngineError) {
    guard let session else { return }
    countUses(1)
    defer {
      countUses(-1)
      unbind(session)
    }
    try bindInputs(session)
    // From here on the session may write over the last run's results.
    dropResults()
    try bindOutputs(session)
    var observer: CallbackObserver?
    if before != nil || after != nil {
      if callbacks == nil { callbacks = CallbackObserver() }
      observer = callbacks
      observer?.start(before, after)
    }
    if let training { try training.run(observer: observer) } else { try session.run(observer: observer) }
    // A device that failed leaves a graph made anew.
    takeGraph(session)
    reportNotices(function: "OH_AI_ModelPredict")
    if let observer, observer.hasRefused {
      warn("a callback returned false; the run went on", function: "OH_AI_ModelPredict")
    }
    try takeResults()
  }

  private func countUses(_ change: Int) {
    for tensor in boundInputs { tensor?.uses.wrappingAdd(change, ordering: .acquiringAndReleasing) }
    for tensor in boundOutputs { tensor?.uses.wrappingAdd(change, ordering: .acquiringAndReleasing) }
  }

  private func unbind(_ session: Session) {
    var i = 0
    while i < boundInputs.count {
      session.bindInput(i, nil)
      i += 1
    }
    i = 0
    while i < boundOutputs.count {
      session.bindOutput(i, nil)
      i += 1
    }
  }

  private func bindInputs(_ session: Session) throws(EngineError) {
    var i = 0
    while i < boundInputs.count {
      let bytes = graphInputs[i].byteCount
      guard let data = boundInputs[i]?.currentData else {
        throw EngineError(.inputTensorError, "input \(i) has no data; expected \(graphInputs[i])")
      }
      if isAligned(data, graphInputs[i]) && !isResult(data, bytes) {
        session.bindInput(i, data)
      } else {
        if (staging[i]?.count ?? -1) < bytes { staging[i] = Buffer(count: bytes) }
        guard let copy = staging[i] else { throw EngineError(.outOfMemory, "no memory for a copy of input \(i)") }
        memcpy(copy.base, data, bytes)
        session.bindInput(i, copy.base)
      }
      i += 1
    }
  }

  private func isAligned(_ data: UnsafeMutableRawPointer, _ value: Tensor) -> Bool {
    UInt(bitPattern: data) % UInt(max(value.type.size, 1)) == 0
  }

  /// The memory is a result of the last run, which the next one may overwrite at any time.
  private func isResult(_ data: UnsafeMutableRawPointer, _ bytes: Int) -> Bool {
    guard let outputs else { return false }
    for tensor in outputs.tensors where tensor.storage == .session {
      if overlaps(data, bytes, tensor.data, tensor.capacity) { return true }
    }
    return false
  }

  private func overlaps(_ a: UnsafeMutableRawPointer, _ m: Int, _ b: UnsafeMutableRawPointer?, _ n: Int) -> Bool {
    guard let b else { return false }
    let (x, y) = (UInt(bitPattern: a), UInt(bitPattern: b))
    return x < y ? y &- x < UInt(max(m, 0)) : x &- y < UInt(max(n, 0))
  }

  private func isInputMemory(_ data: UnsafeMutableRawPointer, _ bytes: Int) -> Bool {
    var i = 0
    while i < boundInputs.count {
      if overlaps(data, bytes, boundInputs[i]?.data, graphInputs[i].byteCount) { return true }
      i += 1
    }
    return false
  }

  private func bindOutputs(_ session: Session) throws(EngineError) {
    guard let outputs else { return }
    var i = 0
    while i < boundOutputs.count {
      let value = graphOutputs[i]
      copiesOutput[i] = false
      if let tensor = boundOutputs[i] {
        let isOwn = tensor === outputs.tensors[i]
        if !isOwn {
          if tensor.type != OH_AI_DataType(engine: value.type) {
            throw EngineError(.error, "output \(i) has type \(tensor.type.rawValue); expected \(value)")
          }
          // Another session's result is not ours to write to.
          if tensor.storage == .session { tensor.dropData() }
          _ = tensor.mutableData()
        }
        // A buffer of its own from before the shape changed.
        if isOwn && tensor.storage == .own && value.shape.isKnown && tensor.capacity < value.byteCount { tensor.dropData() }
        if isOwn && tensor.storage == .none {
          session.bindOutput(i, nil)
        } else if value.shape.isKnown && session.usesBinding(ofOutput: i) {
          try checkRoom(tensor, value, i)
          if let data = tensor.data, isAligned(data, value), !isInputMemory(data, value.byteCount) {
            session.bindOutput(i, data)
          } else {
            session.bindOutput(i, nil)
            copiesOutput[i] = true
          }
        } else {
          session.bindOutput(i, nil)
          copiesOutput[i] = true
        }
      }
      i += 1
    }
  }

  private func checkRoom(_ tensor: TensorObject, _ value: Tensor, _ index: Int) throws(EngineError) {
    if tensor.capacity < value.byteCount {
      throw EngineError(
        .error, "output \(index) has room for \(tensor.capacity) bytes; expected \(value.byteCount) for \(value)")
    }
  }

  private func takeResults() throws(EngineError) {
    guard let outputs else { return }
    var i = 0
    while i < boundOutputs.count {
      let value = graphOutputs[i]
      let bytes = value.byteCount
      if let tensor = boundOutputs[i] {
        if copiesOutput[i] {
          try checkRoom(tensor, value, i)
          if bytes > 0, let source = value.data, let target = tensor.data { memmove(target, source, bytes) }
        } else if tensor.storage == .none {
          tensor.show(bytes > 0 ? value.data : nil, bytes: bytes)
        }
        if tensor === outputs.tensors[i] {
          tensor.type = OH_AI_DataType(engine: value.type)
          tensor.setShape(value.shape)
        } else if tensor.dataSize != bytes {
          tensor.setShape(value.shape)
        }
      }
      i += 1
    }
  }

  func dropResults() {
    guard let outputs else { return }
    for tensor in outputs.tensors where tensor.storage == .session { tensor.dropData() }
  }
}
