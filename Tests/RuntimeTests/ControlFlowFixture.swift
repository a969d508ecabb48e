import FlatBuffers
import Foundation
import Graph
import ModelFile
import Runtime
import Testing

/// Writes models of several subgraphs, node by node.
final class ControlModel {
  private var tensors: [TableBuilder] = []
  private var nodes: [TableBuilder] = []
  private(set) var parts: [Part] = []

  /// A subgraph under construction.
  final class Part {
    let name: String
    fileprivate unowned let model: ControlModel
    var inputs: [UInt32] = [], outputs: [UInt32] = []
    fileprivate var nodes: [UInt32] = []

    fileprivate init(_ name: String, _ model: ControlModel) {
      self.name = name
      self.model = model
    }

    func input(_ dims: [Int32]?, _ type: DataType = .float32) -> UInt32 {
      let t = model.variable(dims, type)
      inputs.append(t)
      return t
    }

    /// A node with results of the given types.
    func nodes(_ kind: OperatorKind, _ operands: [UInt32], _ types: [DataType], _ attributes: TableBuilder = TableBuilder()) -> [UInt32] {
      let results = types.map { model.variable([-1], $0) }
      nodes.append(UInt32(model.nodes.count))
      model.nodes.append(
        node("\(kind.name)\(model.nodes.count)", kind: UInt8(kind.rawValue), attributes: attributes, inputs: operands, outputs: results))
      return results
    }

    func op(_ kind: OperatorKind, _ operands: [UInt32], _ type: DataType = .float32, _ attributes: TableBuilder = TableBuilder()) -> UInt32 {
      nodes(kind, operands, [type], attributes)[0]
    }

    func partial(_ number: Int, _ arguments: [UInt32]) -> UInt32 {
      op(.partialFusion, arguments, .float32, TableBuilder().set(0, .int64(Int64(number))))
    }

    func call(_ handle: UInt32, _ types: [DataType] = [.float32]) -> [UInt32] { nodes(.call, [handle], types) }

    /// Ends the subgraph with a call whose results are its own, in the form that the converter writes: one output.
    func end(_ handle: UInt32) { outputs = call(handle) }
  }

  func part(_ name: String) -> Part {
    let part = Part(name, self)
    parts.append(part)
    return part
  }

  func variable(_ dims: [Int32]?, _ type: DataType = .float32) -> UInt32 {
    // A list's description: the element type, nothing else.
    let list: [UInt8]? = type == .tensorList ? littleEndian([Int32(43), 0, -1]) : nil
    tensors.append(tensor("t\(tensors.count)", dims: dims, type: type.rawValue, data: list))
    return UInt32(tensors.count - 1)
  }

  func floats(_ values: [Float], _ dims: [Int32]? = nil) -> UInt32 {
    tensors.append(constantTable("c\(tensors.count)", dims, .float32, littleEndian(values.map(\.bitPattern))))
    return UInt32(tensors.count - 1)
  }

  func ints(_ values: [Int32], _ dims: [Int32]? = nil) -> UInt32 {
    tensors.append(constantTable("c\(tensors.count)", dims, .int32, littleEndian(values)))
    return UInt32(tensors.count - 1)
  }

  func flag(_ value: Bool) -> UInt32 {
    tensors.append(constantTable("c\(tensors.count)", nil, .bool, [value ? 1 : 0]))
    return UInt32(tensors.count - 1)
  }

  private func constantTable(_ name: String, _ dims: [Int32]?, _ type: DataType, _ data: [UInt8]) -> TableBuilder {
    RuntimeTests.constant(name, dims: dims, type: type.rawValue, data: data)
  }

  /// The file. `outputs`: the model's; without them the main graph's. Where MSLITE_OPERATOR_MODELS names a folder, the file is
  /// written there too, for the fuzzers.
  func bytes(outputs: [UInt32]? = nil, isForFuzzing: Bool = true) -> [UInt8] {
    let bytes = content(outputs)
    if isForFuzzing, let folder = getenv("MSLITE_OPERATOR_MODELS") {
      let number = bytes.reduce(UInt32(0)) { $0 &* 31 &+ UInt32($1) }
      try? Data(bytes).write(to: URL(fileURLWithPath: "\(String(cString: folder))/control-\(number).ms"))
    }
    return bytes
  }

  private func content(_ outputs: [UInt32]?) -> [UInt8] {
    file(
      metaGraph(
        tensors: tensors, nodes: nodes, inputs: parts[0].inputs, outputs: outputs ?? parts[0].outputs,
        subgraphs: parts.map {
          subgraph($0.name, inputs: $0.inputs, outputs: $0.outputs, nodes: $0.nodes, tensors: $0.inputs + $0.outputs)
        }))
  }
}

/// A built model and the memory of its inputs.
final class ControlRun {
  let session: Session
  private var memory: [UnsafeMutableRawPointer?] = []

  init(_ model: [UInt8], threads: Int = 1) throws {
    let owner = ModelBytes(model)
    var options = SessionOptions()
    options.threads = threads
    session = try Session.open(bytes: owner.bytes, options: options)
  }

  deinit { for m in memory { m?.deallocate() } }

  func run(_ inputs: [[UInt8]], observer: RunObserver? = nil) throws {
    for m in memory { m?.deallocate() }
    memory = []
    for (i, bytes) in inputs.enumerated() {
      #expect(bytes.count == session.inputs[i].byteCount)
      let m = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 64)
      for (k, b) in bytes.enumerated() { m.storeBytes(of: b, toByteOffset: k, as: UInt8.self) }
      memory.append(m)
      session.bindInput(i, m)
    }
    try session.run(observer: observer)
  }

  func output<T: BitwiseCopyable>(_ index: Int = 0, _: T.Type) -> [T] {
    let t = session.outputs[index]
    return (0..<t.count).map { t.data!.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self) }
  }

  /// Runs on float inputs and gives output 0.
  func floats(_ inputs: [Float]..., observer: RunObserver? = nil) throws -> [Float] {
    try run(inputs.map { littleEndian($0.map(\.bitPattern)) }, observer: observer)
    return output(0, Float.self)
  }
}

/// The text of the failure to build or run; "ran" when there is none.
func controlFailure(_ model: [UInt8], _ inputs: [[Float]]) -> String {
  do {
    let run = try ControlRun(model)
    do {
      try run.run(inputs.map { littleEndian($0.map(\.bitPattern)) })
      return "ran"
    } catch let e as EngineError { return "run: " + e.message }
  } catch let e as EngineError { return "build: " + e.message } catch { return "\(error)" }
}
