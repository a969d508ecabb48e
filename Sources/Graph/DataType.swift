/// Element types by their number in the `.ms` format (TypeId), which is also the number of `OH_AI_DataType`.
public enum DataType: Int32 {
  case unknown = 0
  case string = 12
  case tensorList = 17
  case bool = 30
  case int8 = 32
  case int16 = 33
  case int32 = 34
  case int64 = 35
  case uint8 = 37
  case uint16 = 38
  case uint32 = 39
  case uint64 = 40
  case float16 = 42
  case float32 = 43
  case float64 = 44

  /// The type for a TypeId found in a file: generic int, uint and float (31, 36, 41) are taken as their 32-bit forms.
  public init?(typeID: Int32) {
    switch typeID {
    case 31: self = .int32
    case 36: self = .uint32
    case 41: self = .float32
    default:
      guard let type = DataType(rawValue: typeID) else { return nil }
      self = type
    }
  }

  /// Bytes per element; 0 for types that have no fixed size.
  public var size: Int {
    switch self {
    case .unknown, .tensorList: return 0
    case .string, .bool, .int8, .uint8: return 1
    case .int16, .uint16, .float16: return 2
    case .int32, .uint32, .float32: return 4
    case .int64, .uint64, .float64: return 8
    }
  }

  public var name: String {
    @export(interface) get {
      switch self {
      case .unknown: return "unknown"
      case .string: return "string"
      case .tensorList: return "tensor list"
      case .bool: return "bool"
      case .int8: return "int8"
      case .int16: return "int16"
      case .int32: return "int32"
      case .int64: return "int64"
      case .uint8: return "uint8"
      case .uint16: return "uint16"
      case .uint32: return "uint32"
      case .uint64: return "uint64"
      case .float16: return "float16"
      case .float32: return "float32"
      case .float64: return "float64"
      }
    }
  }
}

/// Layout names by their number in the `.ms` format, which is also the number of `OH_AI_Format`.
public enum Format: Int32 {
  case nchw = 0, nhwc = 1, nhwc4 = 2, hwkc = 3, hwck = 4, kchw = 5, ckhw = 6, khwc = 7, chwk = 8
  case hw = 9, hw4 = 10, nc = 11, nc4 = 12, nc4hw4 = 13, ncdhw = 15, nwc = 16, ncw = 17, nc8hw8 = 18
}
