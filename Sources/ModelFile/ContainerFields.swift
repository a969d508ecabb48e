// Field ids of the container tables in the `.ms` schema.

enum MetaGraphField {
  static let name = 0
  static let version = 1
  static let fmkType = 2
  static let inputIndex = 3
  static let outputIndex = 4
  static let nodes = 6
  static let allTensors = 7
  static let subGraph = 8
  /// obfMetaData ([uint8]) in the upstream schema, encrypt (bool) in OpenHarmony's from 4.1 on.
  static let obfuscationOrEncrypt = 10
  /// OpenHarmony only.
  static let obfuscation = 11
  /// OpenHarmony only.
  static let decryptTable = 12
}

enum SubGraphField {
  static let name = 0
  static let inputIndices = 1
  static let outputIndices = 2
  static let nodeIndices = 3
  static let tensorIndices = 4
}

enum NodeField {
  static let name = 0
  static let primitive = 2
  static let fmkType = 2
  static let inputIndex = 3
  static let outputIndex = 4
  static let quantType = 5
}

enum PrimitiveField {
  static let kind = 0
  static let value = 1
}

enum TensorField {
  static let nodeType = 0
  static let dataType = 1
  static let dims = 2
  static let format = 3
  static let data = 6
  static let quantParams = 7
  static let quantClusters = 8
  static let name = 9
  static let enableHuffmanCode = 10
  static let compression = 11
  static let externalData = 12
}

enum QuantField {
  static let scale = 0
  static let zeroPoint = 1
  static let numBits = 5
  static let inited = 6
  static let varCorr = 7
  static let meanCorr = 8
  static let roundType = 10
  static let multiplier = 11
}

enum ExternalField {
  static let location = 1
  static let offset = 2
  static let length = 3
}

/// Vec and Vec2D.
enum VectorField {
  static let data = 0
}

/// Attribute: a named byte string.
enum NamedField {
  static let name = 0
  static let data = 1
}
