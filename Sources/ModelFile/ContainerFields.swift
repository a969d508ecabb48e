// Field ids of the container tables in the `.ms` schema.

public enum MetaGraphField {
  public static let name = 0
  public static let version = 1
  public static let fmkType = 2
  public static let inputIndex = 3
  public static let outputIndex = 4
  public static let nodes = 6
  public static let allTensors = 7
  public static let subGraph = 8
  /// obfMetaData ([uint8]) in the upstream schema, encrypt (bool) in OpenHarmony's from 4.1 on.
  public static let obfuscationOrEncrypt = 10
  /// OpenHarmony only.
  public static let obfuscation = 11
  /// OpenHarmony only.
  public static let decryptTable = 12
}

public enum SubGraphField {
  public static let name = 0
  public static let inputIndices = 1
  public static let outputIndices = 2
  public static let nodeIndices = 3
  public static let tensorIndices = 4
}

public enum NodeField {
  public static let name = 0
  public static let primitive = 2
  public static let fmkType = 2
  public static let inputIndex = 3
  public static let outputIndex = 4
  public static let quantType = 5
}

public enum PrimitiveField {
  public static let kind = 0
  public static let value = 1
}

public enum TensorField {
  public static let nodeType = 0
  public static let dataType = 1
  public static let dims = 2
  public static let format = 3
  public static let data = 6
  public static let quantParams = 7
  public static let quantClusters = 8
  public static let name = 9
  public static let enableHuffmanCode = 10
  public static let compression = 11
  public static let externalData = 12
}

public enum QuantField {
  public static let scale = 0
  public static let zeroPoint = 1
  public static let numBits = 5
  public static let inited = 6
  public static let varCorr = 7
  public static let meanCorr = 8
  public static let dstDtype = 9
  public static let roundType = 10
  public static let multiplier = 11
}

public enum ExternalField {
  public static let location = 1
  public static let offset = 2
  public static let length = 3
}

/// Vec and Vec2D.
public enum VectorField {
  public static let data = 0
}

/// Attribute: a named byte string.
public enum NamedField {
  public static let name = 0
  public static let data = 1
}
