import ConverterCore
import Foundation
import Graph
import ModelFile
import Runtime
import System

/// Runs a model that is being converted in the engine and shows tensors inside it.
final class GraphRunner {
  private let session: Session
  private let position: [ObjectIdentifier: Int]
  private var buffers: [Buffer] = []

  /// `observed`: variables of the main graph that its nodes make, whose values are wanted.
  convenience init(_ model: ModelBuilder, observing observed: [Tensor]) throws(EngineError) {
    try self.init(model.graphs.map { $0.graph }, observing: observed)
  }

  init(_ graphs: [Graph], observing observed: [Tensor]) throws(EngineError) {
    let main = graphs[0]
    let outputs = main.outputs
    main.outputs = observed
    defer { main.outputs = outputs }
    var position: [ObjectIdentifier: Int] = [:]
    for (i, t) in observed.enumerated() { position[ObjectIdentifier(t)] = i }
    self.position = position
    let bytes = try ModelWriter.write(ModelContent(graphs: graphs, framework: 3))
    var options = SessionOptions()
    options.threads = ProcessInfo.processInfo.activeProcessorCount
    let opened: Result<Session, EngineError> = bytes.withUnsafeBytes { bytes in
      do throws(EngineError) {
        return .success(try Session.open(ModelSource(bytes: bytes, directory: nil), options: options))
      } catch { return .failure(error.adding("preparing the model for a run")) }
    }
    session = try opened.get()
  }

  /// Runs with one value per input of the graph.
  func run(_ values: [CalibrationValue]) throws(EngineError) {
    let shapes = values.map { $0.shape }
    if session.inputs.map({ $0.shape.dims }) != shapes { try session.resize(shapes) }
    buffers = []
    for (i, value) in values.enumerated() {
      guard value.bytes.count == session.inputs[i].byteCount, let buffer = Buffer(count: max(1, value.bytes.count)) else {
        throw EngineError(.inputParameterInvalid, "\(value.bytes.count) bytes for input \(session.inputs[i])")
      }
      value.bytes.withUnsafeBytes { if let base = $0.baseAddress { buffer.base.copyMemory(from: base, byteCount: $0.count) } }
      buffers.append(buffer)
      session.bindInput(i, buffer.base)
    }
    try session.run(observer: nil)
  }

  /// An observed tensor as it is after the last run; its memory is the session's until the next one.
  func result(_ tensor: Tensor) -> Tensor? { position[ObjectIdentifier(tensor)].map { session.outputs[$0] } }

  /// The real numbers that an observed tensor holds.
  func floats(_ tensor: Tensor) -> UnsafeBufferPointer<Float> {
    guard let t = result(tensor), t.type == .float32, let data = t.data else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(start: data.assumingMemoryBound(to: Float.self), count: t.count)
  }
}
