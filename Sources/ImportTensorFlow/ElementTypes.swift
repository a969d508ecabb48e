import ConverterCore
import Graph

/// TensorFlow's element types in terms of the engine's.
enum ElementTypes {
  /// The engine's type for a type of the file, before 64-bit types are narrowed; nil when it has none. bfloat16 values are widened
  /// to float32. Reference types count as what they refer to.
  static func dataType(_ type: Tensorflow_DataType) -> DataType? {
    switch Tensorflow_DataType(rawValue: type.rawValue > 100 ? type.rawValue - 100 : type.rawValue) ?? .dtInvalid {
    case .dtFloat, .dtBfloat16: return .float32
    case .dtDouble: return .float64
    case .dtHalf: return .float16
    case .dtInt8, .dtQint8: return .int8
    case .dtUint8, .dtQuint8: return .uint8
    case .dtInt16, .dtQint16: return .int16
    case .dtUint16, .dtQuint16: return .uint16
    case .dtInt32, .dtQint32: return .int32
    case .dtUint32: return .uint32
    case .dtInt64: return .int64
    case .dtUint64: return .uint64
    case .dtBool: return .bool
    case .dtString: return .string
    default: return nil
    }
  }

  /// The type's name in error texts.
  static func name(_ type: Tensorflow_DataType) -> String {
    switch type {
    case .dtComplex64: return "complex64"
    case .dtComplex128: return "complex128"
    case .dtResource: return "resource"
    case .dtVariant: return "variant"
    default: return dataType(type)?.name ?? "number \(type.rawValue)"
    }
  }

  /// The engine's type; throws when it has none. `what` names the value in the error.
  static func required(_ type: Tensorflow_DataType, _ what: String) throws(EngineError) -> DataType {
    guard let known = dataType(type) else {
      throw EngineError(.notSupported, "\(what) has elements of type \(name(type)), which the engine cannot hold")
    }
    return known
  }
}

extension Tensorflow_TensorShapeProto {
  /// The dimensions, -1 where open; nil when the rank is not known.
  func dims(_ what: String) throws(EngineError) -> [Int]? {
    if unknownRank { return nil }
    guard dim.count <= Shape.maximumRank else {
      throw EngineError(.notSupported, "\(what) has rank \(dim.count); at most \(Shape.maximumRank) is possible")
    }
    var dims = [Int]()
    for d in dim {
      guard d.size >= -1 && d.size <= Int64(Int32.max) else { throw EngineError(.formatError, "\(what) has the dimension \(d.size)") }
      dims.append(Int(d.size))
    }
    return dims
  }
}
