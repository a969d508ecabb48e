import FlatBuffers
import Graph
import ModelFile

/// What a `.ms` file says of itself before anything is unpacked: its head, and how its constants are stored.
public struct StoredFile {
  /// "MSL2", or empty for files of release 1.0, which have none.
  public var identifier = ""
  /// The writer's version text.
  public var version = ""
  /// FmkType: the framework that the model came from.
  public var framework: Int32 = -1
  /// Constants in file order.
  public var constants: [Constant] = []

  public struct Constant {
    public var name: String
    public var typeID: Int32
    public var dims: [Int]
    /// Bytes in this file, or in the one that it names.
    public var bytes: Int
    /// WeightQuantCompressType.
    public var compression: Int32
    public var isHuffman: Bool
    /// Quantisation parameters: how many, and the bits that the first one states.
    public var parameters: Int
    public var bits: Int
    /// Clusters of k-means weights.
    public var clusters: Int
    /// The file that holds the bytes, when it is not this one.
    public var location: String?

    public var typeName: String { DataType(typeID: typeID)?.name ?? "type \(typeID)" }

    /// How the bytes are packed: "plain", "bit packing (5 bits)" and the like.
    public var packing: String {
      if isHuffman { return "Huffman" }
      switch compression {
      case 1: return "indexing (\(bits) bits)"
      case 2: return "sparse (\(bits) bits)"
      case 3, 6: return "FSE"
      case 5: return "FSE of integers"
      default:
        let stored = DataType(typeID: typeID).map { 8 * $0.size } ?? 0
        if parameters > 0 && (typeID == DataType.int8.rawValue || typeID == DataType.int16.rawValue) && bits > 0 && bits < stored
          && bytes < dims.reduce(1, { $0 &* max($1, 0) }) &* stored / 8
        {
          return "bit packing (\(bits) bits)"
        }
        return "plain"
      }
    }
  }

  /// The names of FmkType.
  public var frameworkName: String {
    let names = ["TensorFlow", "Caffe", "ONNX", "MindSpore", "TFLite", "PyTorch", "third party"]
    return framework >= 0 && framework < Int32(names.count) ? names[Int(framework)] : "not stated"
  }

  /// Reads a file that ``ModelReader`` has accepted.
  public init(_ bytes: UnsafeRawBufferPointer) throws(EngineError) {
    do throws(FlatBufferError) {
      let file = try FlatBuffer.open(bytes)
      if file.hasIdentifier("MSL2") { identifier = "MSL2" }
      let root = try file.root()
      version = try root.string(MetaGraphField.version) ?? ""
      framework = try root.int32(MetaGraphField.fmkType) ?? -1
      guard let tensors = try root.tables(MetaGraphField.allTensors) else { return }
      for i in 0..<tensors.count {
        if let constant = try Constant(tensors.table(i)) { constants.append(constant) }
      }
    } catch { throw EngineError(.graphFileError, Message(text: error.text)) }
  }
}

extension StoredFile.Constant {
  /// nil for tensors without data.
  fileprivate init?(_ table: Table) throws(FlatBufferError) {
    var stored = try table.bytes(TensorField.data)?.content.count ?? 0
    var place: String?
    if stored == 0, let list = try table.tables(TensorField.externalData), list.count > 0 {
      let entry = try list.table(0)
      place = try entry.string(ExternalField.location)
      stored = Int(try entry.int64(ExternalField.length) ?? 0)
    }
    if stored == 0 { return nil }
    bytes = stored
    location = place
    name = try table.string(TensorField.name) ?? ""
    typeID = try table.int32(TensorField.dataType) ?? 0
    dims = (try table.int32s(TensorField.dims) ?? []).map { Int($0) }
    compression = try table.int32(TensorField.compression) ?? 0
    isHuffman = try table.bool(TensorField.enableHuffmanCode) ?? false
    let list = try table.tables(TensorField.quantParams)
    parameters = list?.count ?? 0
    bits = 0
    if let list, list.count > 0 { bits = Int(try list.table(0).int32(QuantField.numBits) ?? 8) }
    clusters = try table.float32s(TensorField.quantClusters)?.count ?? 0
  }
}
