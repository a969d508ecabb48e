import ConverterCore
import Foundation
import Graph
import System

/// The samples that a model is calibrated with: for each of its inputs a directory of files, taken in the order of their names.
struct CalibrationData {
  private let settings: CalibrationSettings
  /// By input of the graph.
  private let files: [[String]]
  private let inputs: [Tensor]
  let count: Int

  static func open(_ settings: CalibrationSettings, _ graph: Graph, _ report: Report) throws(EngineError) -> CalibrationData {
    var files = [[String]]()
    let known = graph.inputs.map { "\"\($0.name)\"" }.joined(separator: ", ")
    for folder in settings.folders where !graph.inputs.contains(where: { $0.name == folder.input }) {
      throw EngineError(.inputParameterInvalid, "calibrate_path: the model has no input \"\(folder.input)\"; its inputs are \(known)")
    }
    for input in graph.inputs {
      guard let folder = settings.folders.first(where: { $0.input == input.name }) else {
        throw EngineError(.inputParameterInvalid, "calibrate_path names no directory for input \"\(input.name)\"")
      }
      files.append(try list(folder.path))
    }
    let least = files.map { $0.count }.min() ?? 0
    for (input, list) in zip(graph.inputs, files) where list.count != files[0].count {
      throw EngineError(
        .inputParameterInvalid,
        "calibrate_path: input \"\(input.name)\" has \(list.count) files, \"\(graph.inputs[0].name)\" has \(files[0].count); every sample needs one of each")
    }
    if least < settings.size { report.warn("calibrate_size=\(settings.size): only \(least) samples are there") }
    // As they are now: quantisation changes the graph's inputs.
    return CalibrationData(settings: settings, files: files, inputs: graph.inputs.map { $0.copy() }, count: min(least, settings.size))
  }

  private init(settings: CalibrationSettings, files: [[String]], inputs: [Tensor], count: Int) {
    self.settings = settings
    self.files = files
    self.inputs = inputs
    self.count = count
  }

  private static func list(_ directory: String) throws(EngineError) -> [String] {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: directory) } catch {
      throw EngineError(.inputParameterInvalid, Message(text: "calibrate_path: \(directory): \(error.localizedDescription)"))
    }
    var out = [String]()
    for name in names.sorted() where !name.hasPrefix(".") {
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: "\(directory)/\(name)", isDirectory: &isDirectory), !isDirectory.boolValue {
        out.append("\(directory)/\(name)")
      }
    }
    if out.isEmpty { throw EngineError(.inputParameterInvalid, "calibrate_path: \(directory) has no files") }
    return out
  }

  /// Sample `index`: the shape and the bytes of each input.
  func sample(_ index: Int) throws(EngineError) -> [CalibrationValue] {
    var out = [CalibrationValue]()
    for (input, list) in zip(inputs, files) {
      do throws(EngineError) {
        out.append(try read(list[index], for: input))
      } catch { throw error.adding(list[index]) }
    }
    return out
  }

  private func read(_ path: String, for input: Tensor) throws(EngineError) -> CalibrationValue {
    if settings.source == .pictures { return try PictureInput.read(path, settings, for: input) }
    let file = try InputFile.open(path)
    if path.hasSuffix(".npy") { return try ArrayFile.read(file.bytes, for: input) }
    guard input.shape.isKnown else {
      throw EngineError(
        .inputParameterInvalid, "the shape \(input.shape) of input \"\(input.name)\" is open: give --inputShape, or .npy files, which say theirs")
    }
    guard file.bytes.count == input.byteCount else {
      throw EngineError(
        .inputParameterInvalid,
        "has \(file.bytes.count) bytes; input \"\(input.name)\" \(input.type.name) \(input.shape) needs \(input.byteCount)")
    }
    return CalibrationValue(shape: input.shape.dims, bytes: [UInt8](file.bytes))
  }
}

struct CalibrationValue {
  var shape: [Int]
  /// Elements of the input's type, row-major.
  var bytes: [UInt8]

  init(shape: [Int], bytes: [UInt8]) {
    self.shape = shape
    self.bytes = bytes
  }

  /// Numbers as elements of `type`.
  init(shape: [Int], _ numbers: [Double], _ type: DataType) throws(EngineError) {
    self.shape = shape
    var out = ByteWriter()
    switch type {
    case .float32: for v in numbers { out.append(Float(v).bitPattern) }
    case .float16: for v in numbers { out.append(HalfFloat.bits(Float(v))) }
    case .int32: for v in numbers { out.append(Int32(clamping: Int64(max(-9e18, min(v, 9e18))))) }
    case .uint8, .bool: for v in numbers { out.append(UInt8(max(0, min(v, 255)))) }
    case .int8: for v in numbers { out.append(Int8(max(-128, min(v, 127)))) }
    default: throw EngineError(.notSupported, "calibration data for inputs of type \(type.name)")
    }
    bytes = out.bytes
  }
}

/// NumPy's .npy files: a magic number, a header that describes type and shape, the elements.
enum ArrayFile {
  static func read(_ bytes: UnsafeRawBufferPointer, for input: Tensor) throws(EngineError) -> CalibrationValue {
    guard bytes.count >= 10, bytes[0] == 0x93, String(decoding: bytes[1..<6], as: UTF8.self) == "NUMPY" else {
      throw EngineError(.inputParameterInvalid, "is not a .npy file")
    }
    let isLong = bytes[6] >= 2
    let start = isLong ? 12 : 10
    guard bytes.count >= start else { throw EngineError(.inputParameterInvalid, "ends inside the header") }
    let length = isLong
      ? Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
      : Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
    guard length <= bytes.count - start else { throw EngineError(.inputParameterInvalid, "ends inside the header") }
    let header = String(decoding: bytes[start..<start + length], as: UTF8.self)
    guard let code = quoted(header, after: "'descr':"), let tuple = between(header, after: "'shape':", "(", ")") else {
      throw EngineError(.inputParameterInvalid, "has a header without type and shape: \(header)")
    }
    if header.contains("'fortran_order': True") { throw EngineError(.inputParameterInvalid, "is in column-major order (fortran_order); row-major is needed") }
    var shape = [Int](), elements = 1
    for part in tuple.split(separator: ",") {
      let digits = part.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let d = Int(digits), d >= 0, d < 1 << 31 else { throw EngineError(.inputParameterInvalid, "has the shape (\(tuple))") }
      let (product, overflow) = elements.multipliedReportingOverflow(by: d)
      if overflow { throw EngineError(.inputParameterInvalid, "has the shape (\(tuple))") }
      elements = product
      shape.append(d)
    }
    let data = UnsafeRawBufferPointer(rebasing: bytes[(start + length)...])
    let sizes: [String: Int] = ["f4": 4, "f8": 8, "f2": 2, "i1": 1, "u1": 1, "i2": 2, "i4": 4, "i8": 8, "b1": 1]
    let type = String(code.suffix(2))
    guard !code.hasPrefix(">"), let size = sizes[type] else { throw EngineError(.notSupported, "has elements of type \"\(code)\"") }
    guard elements <= data.count / size else {
      throw EngineError(.inputParameterInvalid, "has \(data.count) bytes of elements; its shape (\(tuple)) needs more")
    }
    guard fits(shape, input.shape) else {
      throw EngineError(.inputParameterInvalid, "has the shape \(Shape(shape)); input \"\(input.name)\" has \(input.shape)")
    }
    let numbers = (0..<elements).map { number(data, $0, type) }
    return try CalibrationValue(shape: shape, numbers, input.type)
  }

  private static func number(_ data: UnsafeRawBufferPointer, _ i: Int, _ type: String) -> Double {
    switch type {
    case "f4": return Double(data.loadUnaligned(fromByteOffset: 4 * i, as: Float.self))
    case "f8": return data.loadUnaligned(fromByteOffset: 8 * i, as: Double.self)
    case "f2": return Double(HalfFloat.float(data.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)))
    case "i1": return Double(data.load(fromByteOffset: i, as: Int8.self))
    case "i2": return Double(data.loadUnaligned(fromByteOffset: 2 * i, as: Int16.self))
    case "i4": return Double(data.loadUnaligned(fromByteOffset: 4 * i, as: Int32.self))
    case "i8": return Double(data.loadUnaligned(fromByteOffset: 8 * i, as: Int64.self))
    default: return Double(data[i])
    }
  }

  /// Equal where the model's dimensions are known.
  private static func fits(_ shape: [Int], _ wanted: Shape) -> Bool {
    if shape.count != wanted.rank { return false }
    for (axis, d) in shape.enumerated() where wanted[axis] >= 0 && wanted[axis] != d { return false }
    return true
  }

  private static func quoted(_ text: String, after key: String) -> String? { between(text, after: key, "'", "'") }

  private static func between(_ text: String, after key: String, _ open: Character, _ close: Character) -> String? {
    guard let at = text.range(of: key), let from = text[at.upperBound...].firstIndex(of: open) else { return nil }
    let rest = text[text.index(after: from)...]
    guard let to = rest.firstIndex(of: close) else { return nil }
    return String(rest[..<to])
  }
}
