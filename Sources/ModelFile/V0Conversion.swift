import FlatBuffers
import Graph
import System

/// Turns one node of a file of release 1.0 into what later releases write: the primitive has another number and other attributes,
/// and some attributes are constant inputs now.
struct V0Conversion {
  /// The node so far. An operator without a counterpart gets the negative of its old number for a kind.
  private(set) var node: NodeRecord
  private var constants: [(name: String, type: DataType, dims: [Int32], words: [UInt32])] = []
  /// Constant inputs met in the table, added or not.
  private var constantPosition = 0

  /// `table` is the node's.
  init(_ table: Table) throws(FlatBufferError) {
    node = try NodeRecord(table, OperatorKind(rawValue: 0), Attributes())
  }

  /// The name of the operator that `kind` stands for; nil for kinds that have a counterpart.
  static func lostOperator(_ kind: OperatorKind) -> String? {
    guard kind.rawValue < 0, let fields = SchemaFields(V0Conversion.table, -kind.rawValue) else { return nil }
    return String(decoding: fields.primitive, as: UTF8.self)
  }

  static func format(_ format: Int32) -> Int32 { format == 100 ? Format.nc4hw4.rawValue : format }

  /// `table` is the node's, `tensors` are the model's.
  mutating func convert(_ table: Table, _ tensors: [TensorRecord]) throws(FlatBufferError) {
    let (primitive, number) = try NodeRecord.primitive(table)
    guard var fields = SchemaFields(V0Conversion.table, number) else {
      throw FlatBufferError(offset: primitive.position, expected: "one of the 204 primitives of the old format")
    }
    guard let mark = fields.primitive.firstIndex(of: UInt8(ascii: ">")) else {
      node.kind = OperatorKind(rawValue: -number)
      return
    }
    var at = mark + 1
    node.kind = OperatorKind(rawValue: Int32(V0Conversion.integer(fields.primitive, &at)))
    if let value = try primitive.table(PrimitiveField.value) {
      var id = 0
      while let field = fields.next() {
        try convert(field, PrimitiveAttribute(table: value, id: id, type: field.type))
        id += 1
      }
      try adjust(number, value, tensors)
    }
    addPermutation(number)
  }

  /// A field of an old primitive.
  private struct PrimitiveAttribute {
    let table: Table
    let id: Int
    let type: PrimitiveSchema.FieldType
  }

  private mutating func convert(_ field: SchemaFields.Field, _ source: PrimitiveAttribute) throws(FlatBufferError) {
    let rule = field.rule
    if rule.isEmpty { return }
    var at = 0
    var fallback = 0.0
    if rule[0] == UInt8(ascii: "=") {
      at = 1
      fallback = V0Conversion.decimal(rule, &at)
    }
    var value = try Attributes.value(source.type, source.table, source.id)
    if value == nil {
      switch source.type {
      case .bool: value = .bool(fallback != 0)
      case .float32: value = .float(fallback)
      case .int8, .int32, .int64: value = .int(Int64(fallback))
      default: break
      }
    }
    let mark = rule[at]
    at += 1
    if mark == UInt8(ascii: ">") {
      let id = V0Conversion.integer(rule, &at)
      set(id, value, rule, at)
    } else {
      addConstant(field.name, value, always: mark == UInt8(ascii: "!"))
    }
  }

  /// Enters `value` as attribute `id` in the way that the rest of the rule says.
  private mutating func set(_ id: Int, _ value: AttributeValue?, _ rule: UnsafeBufferPointer<UInt8>, _ at: Int) {
    guard let value else { return }
    guard at < rule.count else {
      node.attributes[id] = value
      return
    }
    switch (rule[at], value) {
    case (UInt8(ascii: "p"), .int(let mode)): node.attributes[id] = .int(mode == 1 || mode == 2 ? mode : 0)
    case (UInt8(ascii: "a"), .int(let activation)): node.attributes[id] = .int(activation == 1 || activation == 3 ? activation : 0)
    // 19 was no activation in particular; now it is GELU.
    case (UInt8(ascii: "A"), .int(let activation)): node.attributes[id] = .int(activation == 19 ? 21 : activation)
    case (UInt8(ascii: "f"), .int(let format)):
      node.attributes[id] = .int(Int64(V0Conversion.format(Int32(truncatingIfNeeded: format))))
    case (UInt8(ascii: "v"), .ints(let list)):
      var pairs = [[Int64]]()
      for i in 0..<list.count / 2 { pairs.append([list[2 * i], list[2 * i + 1]]) }
      node.attributes[id] = .ints2D(pairs)
    case (UInt8(ascii: "."), .int(let element)):
      var list = [Int64]()
      if case .ints(let known) = node.attributes[id] { list = known }
      let position = Int(rule[at + 1]) - 48
      while list.count <= position { list.append(0) }
      list[position] = element
      node.attributes[id] = .ints(list)
    case (UInt8(ascii: "."), .float(let element)):
      var list = node.attributes.floats(id)
      let position = Int(rule[at + 1]) - 48
      while list.count <= position { list.append(0) }
      list[position] = Float(element)
      node.attributes[id] = .floats(list)
    default: break
    }
  }

  /// What no single field says.
  private mutating func adjust(_ number: Int32, _ table: Table, _ tensors: [TensorRecord]) throws(FlatBufferError) {
    switch number {
    case 8:  // Pooling
      if try table.int8(1) == 1 { node.kind = .avgPoolFusion }
    case 10, 11:  // DepthwiseConv2D, DeDepthwiseConv2D: as many groups as input channels
      let base = number == 10 ? 7 : 8
      let multiplier = Int64(max(try table.int32(2) ?? 1, 1))
      var channels = Int64(try table.int32(1) ?? 0)
      // Converters have left the number out. The weights are [channels x multiplier, h, w, 1], transposed [channels, h, w, multiplier].
      if channels <= 0, node.inputs.count > 1, let first = V0Conversion.firstDimension(node.inputs[1], tensors) {
        channels = number == 10 ? first / multiplier : first
      }
      node.attributes[base] = .int(channels)
      node.attributes[base + 1] = .int(channels)
      node.attributes[base + 2] = .int(channels * multiplier)
    case 12:  // Resize
      let mode: Int64
      switch try table.int8(6) ?? 0 {
      case 0: mode = try table.bool(4) == true ? 1 : 0
      case 5: mode = 1
      case 1, 2, 3: mode = 2
      default: mode = 0
      }
      node.attributes[5] = .int(mode)
    case 78:  // Lrn: the window's size for its radius, and alpha for the whole window
      let size = max(try table.int32(3) ?? 0, 1)
      node.attributes[0] = .int(Int64(size / 2))
      node.attributes[2] = .float(Double(node.attributes.float(2)) / Double(size))
    case 98:  // L2Norm
      node.attributes[1] = .float(Double(max(node.attributes.float(1), 1e-6)))
    case 174:  // LayerNorm: over as many dimensions at the end as the list has
      let rank = Int64(try table.int32s(0)?.count ?? 0)
      node.attributes[0] = .int(-rank)
      node.attributes[3] = .int(-rank)
    case 204:  // GeLU
      node.attributes[0] = .int(19)
    default: break
    }
  }

  private static func firstDimension(_ index: UInt32, _ tensors: [TensorRecord]) -> Int64? {
    guard Int(index) < tensors.count, let first = tensors[Int(index)].dims.first else { return nil }
    return Int64(first)
  }

  /// Nchw2Nhwc and Nhwc2Nchw are transpositions now.
  private mutating func addPermutation(_ number: Int32) {
    if number == 45 { addConstant("perm", .ints([0, 2, 3, 1])) }
    if number == 46 { addConstant("perm", .ints([0, 3, 1, 2])) }
  }

  private mutating func addConstant(_ name: StaticString, _ value: AttributeValue) {
    addConstant(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value, always: false)
  }

  /// Appends an input with an attribute's value. The node may have some of these inputs already, the first of them first.
  private mutating func addConstant(_ name: UnsafeBufferPointer<UInt8>, _ value: AttributeValue?, always: Bool) {
    constantPosition += 1
    guard let value, always || node.inputs.count + constants.count == constantPosition else { return }
    var words = [UInt32]()
    var dims = [Int32]()
    var type = DataType.int32
    switch value {
    case .int(let v): words = [V0Conversion.word(v)]
    case .float(let v):
      words = [Float(v).bitPattern]
      type = .float32
    case .ints(let list):
      for v in list { words.append(V0Conversion.word(v)) }
      dims = [Int32(truncatingIfNeeded: words.count)]
    case .floats(let list):
      for v in list { words.append(v.bitPattern) }
      dims = [Int32(truncatingIfNeeded: words.count)]
      type = .float32
    default: return
    }
    constants.append(("\(node.name)/\(String(decoding: name, as: UTF8.self))", type, dims, words))
  }

  /// Saturated to 32 bits.
  private static func word(_ value: Int64) -> UInt32 { UInt32(bitPattern: Int32(clamping: value)) }

  /// Gives the model the node's new constants and the node the places where they are.
  mutating func addConstants(to model: inout ModelRecord, _ file: FlatBuffer) throws(FlatBufferError) {
    for constant in constants {
      try file.charge(4 * constant.words.count, at: node.position)
      guard let buffer = Buffer(count: 4 * constant.words.count) else {
        throw FlatBufferError(offset: node.position, expected: "memory for its constants")
      }
      for i in 0..<constant.words.count { buffer.base.storeBytes(of: constant.words[i], toByteOffset: 4 * i, as: UInt32.self) }
      node.inputs.append(UInt32(truncatingIfNeeded: model.tensors.count))
      model.tensors.append(TensorRecord(constant.name, constant.type, dims: constant.dims, buffer, position: node.position))
    }
  }

  // MARK: numbers of the table

  private static func integer(_ text: UnsafeBufferPointer<UInt8>, _ at: inout Int) -> Int {
    var value = 0
    while at < text.count, text[at] >= 48, text[at] <= 57 {
      value = value * 10 + Int(text[at]) - 48
      at += 1
    }
    return value
  }

  private static func decimal(_ text: UnsafeBufferPointer<UInt8>, _ at: inout Int) -> Double {
    let isNegative = text[at] == UInt8(ascii: "-")
    if isNegative { at += 1 }
    var value = Double(integer(text, &at))
    if at < text.count, text[at] == UInt8(ascii: ".") {
      let start = at + 1
      at = start
      var scale = 1.0
      let digits = integer(text, &at)
      for _ in start..<at { scale *= 10 }
      value += Double(digits) / scale
    }
    return isNegative ? -value : value
  }
}
