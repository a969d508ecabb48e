import CNNRt
import CSystem
import Graph
import KernelSelection
import Operators
import System

/// Moves what a device can run of a graph to the device: a node of kind ``OperatorKind/deviceSubgraph`` stands for each part.
public final class DeviceBuild {
  private let graph: Graph
  private let kernels: KernelPointer
  private let settings: NNRtSettings
  private let library: NNRtLibrary
  private let device: NNRtDevice
  private let state: DeviceState
  /// What went otherwise than the caller has asked for.
  public private(set) var notices: [String] = []
  private var tensors: [DeviceTensor?]

  /// Parts with less work stay on the CPU, which is done before a device has been woken up: see ``Partition/work(_:)``.
  static let minimumWork: Double = {
    guard let value = getenv("MSLITE_NNRT_MINIMUM_WORK") else { return 100_000 }
    return Double(max(0, atoll(value)))
  }()

  private init(
    _ graph: Graph, _ kernels: KernelPointer, _ settings: NNRtSettings, _ library: NNRtLibrary, _ device: NNRtDevice, _ state: DeviceState
  ) {
    self.graph = graph
    self.kernels = kernels
    self.settings = settings
    self.library = library
    self.device = device
    self.state = state
    tensors = [DeviceTensor?](repeating: nil, count: graph.tensors.count)
  }

  /// A device that the settings name: its runtime, and itself. nil where there is none and the CPU may stand in; `notice` says so.
  public static func find(
    _ settings: NNRtSettings, notice: (String) -> Void
  ) throws(EngineError) -> (library: NNRtLibrary, device: NNRtDevice)? {
    let devices = NNRtDevice.all
    guard let library = NNRtLibrary.shared, let first = devices.first else {
      let reason = NNRtLibrary.reason.isEmpty ? "there is none on this machine" : "there is none on this machine: \(NNRtLibrary.reason)"
      let failure = EngineError(.error, "no NNRt device has the id \(UInt(bitPattern: settings.deviceID)), \(reason)")
      if !settings.allowsCPU { throw failure }
      notice("\(failure.message); the model runs on the CPU")
      return nil
    }
    _ = try DeviceProgram.cacheVersion(settings)
    if let path = settings.value("CachePath") {
      let folder = path + [0]
      let exists = folder.withUnsafeBytes { mssys_is_directory($0.baseAddress?.assumingMemoryBound(to: CChar.self)) != 0 }
      if !exists { throw EngineError(.error, "the extension CachePath names \"\(NNRtSettings.text(path))\", which is not a directory") }
    }
    if settings.deviceID == 0 { return (library, first) }
    for device in devices where device.id == settings.deviceID { return (library, device) }
    throw EngineError(.error, "no NNRt device has the id \(UInt(bitPattern: settings.deviceID)); the first one, \(first.text), has \(UInt(bitPattern: first.id))")
  }

  /// Changes `graph`, whose shapes are known and whose constants are computed. Where the CPU may stand in, failures of the device leave
  /// nodes as they are. The notices say what could not be done.
  public static func apply(
    to graph: Graph, kernels: KernelPointer, _ settings: NNRtSettings, _ found: (library: NNRtLibrary, device: NNRtDevice),
    _ state: DeviceState
  ) throws(EngineError) -> [String] {
    graph.renumber()
    let build = DeviceBuild(graph, kernels, settings, found.library, found.device, state)
    do throws(EngineError) {
      if try !build.takeOfflineModel() { try build.run() }
    } catch { throw error.adding("NNRt device \(found.device.text)") }
    return build.notices
  }

  private func note(_ error: EngineError, _ what: String) {
    notices.append("NNRt device \(device.text): \(error.message); \(what)")
  }

  // MARK: parts

  private func run() throws(EngineError) {
    var operations = [[DeviceOperation]?]()
    let translation = Translation(kernels: kernels)
    for node in graph.nodes { operations.append(translation.operations(for: node)) }
    if !settings.allowsCPU { try refuse(operations.map { $0 != nil }, "is not an operation of the Neural Network Runtime as it stands") }
    let (isAvailable, query) = try ask(&operations)
    if !settings.allowsCPU { try refuse(isAvailable, "is not supported by the device") }
    var isOnDevice = isAvailable
    let partition = choose(&isOnDevice)
    var whole: DeviceModel?
    if let query, partition.programs.count == 1 {
      var isAll = true
      for i in 0..<isOnDevice.count where isOnDevice[i] != (operations[i] != nil) { isAll = false }
      if isAll { whole = query }
    }
    // nil: the part's nodes stay.
    var made = [Node?]()
    for (part, members) in partition.programs.enumerated() {
      do throws(EngineError) {
        made.append(try compile(members, operations, part, whole))
      } catch {
        if !settings.allowsCPU { throw error }
        note(error, "\(members.count) nodes from \(graph.nodes[members[0]]) on run on the CPU")
        made.append(nil)
        // A device that hangs does so again.
        if error.code == .operatorFailed {
          while made.count < partition.programs.count { made.append(nil) }
          break
        }
      }
    }
    var nodes = [Node]()
    for item in partition.order {
      switch item {
      case .node(let i): nodes.append(graph.nodes[i])
      case .program(let part):
        if let node = made[part] { nodes.append(node) } else { for i in partition.programs[part] { nodes.append(graph.nodes[i]) } }
      }
    }
    graph.nodes = nodes
  }

  /// Where no CPU may help, every node must be the device's.
  private func refuse(_ isPossible: [Bool], _ reason: StaticString) throws(EngineError) {
    var list = "", count = 0
    for (i, node) in graph.nodes.enumerated() where !isPossible[i] {
      count += 1
      if count <= 20 { list += "\(list.isEmpty ? "" : ", ")\(node.text)" }
    }
    if count > 0 {
      throw EngineError(
        .error, "\(count) of \(graph.nodes.count) nodes cannot run there, and the context lists no CPU: \(list) \(reason)")
    }
  }

  /// Which nodes the device supports, and the model of all that could be asked about.
  private func ask(_ operations: inout [[DeviceOperation]?]) throws(EngineError) -> ([Bool], DeviceModel?) {
    let none = [Bool](repeating: false, count: graph.nodes.count)
    var attempts = 0
    while true {
      var members = [Int]()
      for i in 0..<operations.count where operations[i] != nil { members.append(i) }
      if members.isEmpty { return (none, nil) }
      let lists = members.map { operations[$0] ?? [] }
      var total = 0
      for list in lists { total += list.count }
      do throws(EngineError) {
        let (model, refusal) = try DeviceModel.make(
          library, tensorCount: graph.tensors.count, lists, Partition.border(graph, members))
        if let refusal {
          forget(members[refusal.node], refusal.code, &operations)
          attempts += 1
          if attempts <= DeviceBuild.attemptLimit { continue }
          throw EngineError(.error, "the runtime refuses too many operations")
        }
        let job = DeviceQuery(library, device.id, model, operationCount: total)
        try state.run(job, what: "a query", milliseconds: DeviceThread.buildTimeout)
        if let failure = job.failure { throw failure }
        var isAvailable = none
        var position = 0
        for (k, list) in lists.enumerated() {
          isAvailable[members[k]] = true
          for _ in list {
            if !job.isAvailable[position] { isAvailable[members[k]] = false }
            position += 1
          }
        }
        return (isAvailable, model)
      } catch {
        if !settings.allowsCPU { throw error }
        note(error, "the model runs on the CPU")
        return (none, nil)
      }
    }
  }

  /// The runtime does not accept an operation: neither that node is asked about again, nor, where an older runtime does not know the
  /// operator, others like it.
  private func forget(_ node: Int, _ code: UInt32, _ operations: inout [[DeviceOperation]?]) {
    operations[node] = nil
    if code <= DeviceBuild.firstOperators { return }
    for i in 0..<operations.count where operations[i]?.contains(where: { $0.code == code }) ?? false { operations[i] = nil }
  }

  /// Operators up to this number came with the first version of the interface.
  private static let firstOperators: UInt32 = 56
  private static let attemptLimit = 100

  /// Takes from the device what is not worth the way.
  private func choose(_ isOnDevice: inout [Bool]) -> Partition {
    while true {
      let partition = Partition(graph, isOnDevice)
      if !settings.allowsCPU || partition.programs.count == partition.order.count { return partition }
      var isChanged = false
      for members in partition.programs {
        var work = 0.0
        for i in members { work += Partition.work(graph.nodes[i]) }
        if work >= DeviceBuild.minimumWork { continue }
        isChanged = true
        for i in members { isOnDevice[i] = false }
      }
      if !isChanged { return partition }
    }
  }

  /// The node that stands for a part of the graph.
  private func compile(
    _ members: [Int], _ operations: [[DeviceOperation]?], _ part: Int, _ whole: DeviceModel?
  ) throws(EngineError) -> Node {
    let border = Partition.border(graph, members)
    let model: DeviceModel
    if let whole { model = whole } else {
      let (made, refusal) = try DeviceModel.make(
        library, tensorCount: graph.tensors.count, members.map { operations[$0] ?? [] }, border)
      if let refusal { throw EngineError(.error, "OH_NNModel_AddOperation refuses operation \(refusal.code), which it took before") }
      model = made
    }
    let program = try compile(.model(model), part, border)
    var names = ""
    for i in members { names += "\(names.isEmpty ? "" : ", ")\(graph.nodes[i].name)" }
    return try stand(for: program, border, "\(device.text): \(names)")
  }

  private func compile(
    _ source: DeviceProgram.Source, _ part: Int, _ border: (inputs: [Tensor], outputs: [Tensor])
  ) throws(EngineError) -> DeviceProgram {
    let job = DeviceCompilation(library, device.id, settings, part, source, border)
    try state.run(job, what: "a compilation", milliseconds: DeviceThread.buildTimeout)
    if let failure = job.plainFailure { note(failure, "compiled without the half precision, performance, priority and cache that were asked for") }
    guard let program = job.program else { throw job.failure ?? NNRtError.refused("OH_NNCompilation_Build", nil) }
    return program
  }

  private func stand(
    for program: DeviceProgram, _ border: (inputs: [Tensor], outputs: [Tensor]), _ name: String
  ) throws(EngineError) -> Node {
    var inputs = [DeviceTensor](), outputs = [DeviceTensor]()
    for t in border.inputs { inputs.append(try memory(of: t)) }
    for t in border.outputs { outputs.append(try memory(of: t)) }
    program.bind(inputs, outputs)
    let node = Node(name: name, kind: .deviceSubgraph, inputs: border.inputs, outputs: border.outputs)
    node.source = DeviceSubgraph(program, state, border, inputs: inputs, outputs: outputs)
    return node
  }

  /// Programs that read and compute a value have it at one place.
  private func memory(of t: Tensor) throws(EngineError) -> DeviceTensor {
    if let known = tensors[t.index] { return known }
    let made = try DeviceTensor.make(library, device: device.id, t)
    tensors[t.index] = made
    return made
  }

  // MARK: offline models

  /// The node and the bytes of a graph that is one node of type ThirdPartyModel: a model that only the device's driver understands.
  static func offlineModel(_ graph: Graph) -> (node: Node, blob: Tensor, bytes: UnsafeRawBufferPointer)? {
    guard graph.nodes.count == 1, let node = graph.nodes.first, node.kind == .custom, let type = node.attributes.string(0),
      type.utf8.elementsEqual("ThirdPartyModel".utf8), let blob = node.inputs.last, blob.isConstant, let data = blob.data
    else { return nil }
    return (node, blob, UnsafeRawBufferPointer(start: data, count: blob.byteCount))
  }

  /// See ``offlineModel(_:)``: such a graph is not to be optimised.
  public static func isOffline(_ graph: Graph) -> Bool { offlineModel(graph) != nil }

  /// False: it is no offline model.
  private func takeOfflineModel() throws(EngineError) -> Bool {
    guard let (node, blob, bytes) = DeviceBuild.offlineModel(graph) else { return false }
    let border = (inputs: Array(node.inputs.dropLast()), outputs: node.outputs)
    for t in border.inputs + border.outputs where !t.fitsDevice { throw EngineError(.error, "\(node): \(t) has no size that is known") }
    let program = try compile(.offline(bytes, owner: blob.owner), 0, border)
    graph.nodes = [try stand(for: program, border, "\(device.text): \(node.name)")]
    return true
  }
}

/// Asks which operations of a model a device supports.
private final class DeviceQuery: DeviceJob {
  private let library: NNRtLibrary
  private let device: Int
  private let model: DeviceModel
  private let operationCount: Int
  private(set) var failure: EngineError?
  /// By operation.
  private(set) var isAvailable: [Bool] = []

  init(_ library: NNRtLibrary, _ device: Int, _ model: DeviceModel, operationCount: Int) {
    self.library = library
    self.device = device
    self.model = model
    self.operationCount = operationCount
  }

  override func perform() {
    var answers: UnsafePointer<Bool>?
    var count: UInt32 = 0
    let code = library.functions.availableOperations(model.handle, device, &answers, &count)
    if code != OH_NN_SUCCESS {
      failure = NNRtError.refused("OH_NNModel_GetAvailableOperations", code)
    } else if let answers, Int(count) == operationCount {
      // Bytes: what is neither 0 nor 1 would be no Bool.
      let bytes = UnsafeRawPointer(answers)
      for k in 0..<operationCount { isAvailable.append(bytes.load(fromByteOffset: k, as: UInt8.self) == 1) }
    } else {
      failure = EngineError(.error, "OH_NNModel_GetAvailableOperations gave \(count) answers for \(operationCount) operations")
    }
  }
}

/// Compiles a part. What it reads is its own: the caller may have given up waiting.
private final class DeviceCompilation: DeviceJob {
  private let library: NNRtLibrary
  private let device: Int
  private let settings: NNRtSettings
  private let part: Int
  private let source: DeviceProgram.Source
  private let inputCount: Int
  private let outputShapes: [Shape]
  private(set) var program: DeviceProgram?
  private(set) var failure: EngineError?
  /// Why it was done again without settings that not every device has.
  private(set) var plainFailure: EngineError?

  init(
    _ library: NNRtLibrary, _ device: Int, _ settings: NNRtSettings, _ part: Int, _ source: DeviceProgram.Source,
    _ border: (inputs: [Tensor], outputs: [Tensor])
  ) {
    self.library = library
    self.device = device
    self.settings = settings
    self.part = part
    self.source = source
    inputCount = border.inputs.count
    outputShapes = border.outputs.map { $0.shape }
  }

  override func perform() {
    do throws(EngineError) {
      do throws(EngineError) { program = try make(plain: false) } catch {
        let hasWishes = settings.float16 || settings.performance != 0 || settings.priority != 0 || settings.value("CachePath") != nil
        if !hasWishes { throw error }
        program = try make(plain: true)
        plainFailure = error
      }
    } catch { failure = error }
  }

  private func make(plain: Bool) throws(EngineError) -> DeviceProgram {
    try DeviceProgram.make(
      library, source, device: device, settings, part: part, inputCount: inputCount, outputShapes, plain: plain)
  }
}
