import ConverterCore
import Graph

/// Values for the inputs of a model: from files, or random.
enum InputData {
  /// Reads a NumPy file (`.npy`) or raw elements of the input's type.
  static func read(_ path: String, for input: Tensor) throws(EngineError) -> TensorValue {
    let file = try InputFile.open(path)
    if path.hasSuffix(".npy") {
      do throws(EngineError) { return try NumPyFile.parse(file.bytes) } catch { throw error.adding(path) }
    }
    guard input.type.size > 0 else { throw EngineError(.notSupported, "\(path): input \(input) takes no elements") }
    if input.shape.isKnown && file.bytes.count != input.byteCount {
      throw EngineError(.inputParameterInvalid, "\(path) has \(file.bytes.count) bytes; input \(input) needs \(input.byteCount)")
    }
    return TensorValue(type: input.type, dims: input.shape.dims, bytes: [UInt8](file.bytes))
  }

  /// The same numbers for the same seed and position: floats from -1 to 1, whole numbers from 0 to 9 (quantised ones from all of
  /// their range), booleans.
  static func random(_ input: Tensor, seed: UInt64, position: Int) throws(EngineError) -> TensorValue {
    guard input.type.size > 0, let count = input.shape.checkedCount, count <= 1 << 32 else {
      throw EngineError(.inputParameterInvalid, "input \(input) cannot be filled with random numbers; give its value with --input")
    }
    var generator = SplitMix(state: seed &+ UInt64(position) &* 0x1234_5678_9ABC_DEF1)
    var values = [Double]()
    values.reserveCapacity(count)
    for _ in 0..<count {
      let bits = generator.next()
      let unit = Double(bits >> 11) / Double(1 << 53)
      switch input.type {
      case .float16, .float32, .float64: values.append(2 * unit - 1)
      case .bool: values.append(unit < 0.5 ? 0 : 1)
      case .int8 where !input.quantParams.isEmpty: values.append(Double(Int(unit * 256) - 128))
      case .uint8 where !input.quantParams.isEmpty: values.append(Double(Int(unit * 256)))
      default: values.append(Double(Int(unit * 10)))
      }
    }
    return TensorValue(type: input.type, dims: input.shape.dims, bytes: TensorValue.encoded(values, input.type))
  }

  /// Vigna's SplitMix64.
  private struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }
}

/// NumPy's `.npy` format, versions 1 to 3: row-major arrays of numbers, little-endian.
enum NumPyFile {
  static func parse(_ bytes: UnsafeRawBufferPointer) throws(EngineError) -> TensorValue {
    let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    guard bytes.count >= 12, bytes.prefix(6).elementsEqual(magic) else {
      throw EngineError(.graphFileError, "not a NumPy file: expected \\x93NUMPY at its start")
    }
    let wide = bytes[6] >= 2
    let start = wide ? 12 : 10
    let length =
      wide ? Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
      : Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
    guard length <= bytes.count - start else { throw EngineError(.graphFileError, "the NumPy file ends inside its header") }
    let header = String(decoding: bytes[start..<start + length], as: UTF8.self)
    guard let descr = quoted(header, "descr"), let type = types[descr] else {
      throw EngineError(.notSupported, "NumPy type \(quoted(header, "descr") ?? "not stated"); expected one of \(types.keys.sorted().joined(separator: ", "))")
    }
    if header.contains("'fortran_order': True") {
      throw EngineError(.notSupported, "the array is in Fortran order; save it with numpy.ascontiguousarray")
    }
    guard let dims = shape(header), let count = Shape(dims).checkedCount else {
      throw EngineError(.graphFileError, "the NumPy header states no shape")
    }
    guard dims.count <= Shape.maximumRank, bytes.count - start - length == count * type.size else {
      throw EngineError(
        .graphFileError, "\(bytes.count - start - length) bytes of elements; \(type.name) \(Shape(dims)) needs \(count * type.size)")
    }
    return TensorValue(type: type, dims: dims, bytes: [UInt8](bytes[(start + length)...]))
  }

  private static var types: [String: DataType] {
    [
      "<f4": .float32, "<f2": .float16, "<f8": .float64, "|i1": .int8, "|u1": .uint8, "|b1": .bool, "<i2": .int16, "<u2": .uint16,
      "<i4": .int32, "<u4": .uint32, "<i8": .int64, "<u8": .uint64,
    ]
  }

  private static func quoted(_ header: String, _ key: String) -> String? {
    guard let at = find("'\(key)':", in: header) else { return nil }
    let parts = header[at...].split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count > 1 ? String(parts[1]) : nil
  }

  private static func shape(_ header: String) -> [Int]? {
    guard let at = find("'shape':", in: header), let open = header[at...].firstIndex(of: "("),
      let close = header[open...].firstIndex(of: ")")
    else { return nil }
    var dims = [Int]()
    for word in header[header.index(after: open)..<close].split(separator: ",") {
      let digits = word.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let d = Int(digits), d >= 0 else { return nil }
      dims.append(d)
    }
    return dims
  }

  /// The position after `text`.
  private static func find(_ text: String, in header: String) -> String.Index? {
    var rest = header[...]
    while !rest.isEmpty {
      if rest.hasPrefix(text) { return rest.index(rest.startIndex, offsetBy: text.count) }
      rest = rest.dropFirst()
    }
    return nil
  }
}
