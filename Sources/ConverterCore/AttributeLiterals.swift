import Graph
import ModelFile

// Attributes are written as literals in the importers: ["kernel_size": [3, 3], "group": 1, "pad_mode": .number(mode)].

extension AttributeValue: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByStringLiteral,
  ExpressibleByArrayLiteral
{
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .float(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral elements: Int64...) { self = .ints(elements) }

  public static func number(_ value: Int) -> AttributeValue { .int(Int64(value)) }
  public static func list(_ values: [Int]) -> AttributeValue { .ints(values.map { Int64($0) }) }
  public static func rows(_ values: [[Int]]) -> AttributeValue { .ints2D(values.map { $0.map { Int64($0) } }) }
}

extension Attributes {
  /// Attributes by the names of the `.ms` schema. A name that the primitive does not have is a mistake of the importer's author.
  public init(_ kind: OperatorKind, _ values: [String: AttributeValue]) {
    self.init()
    for (name, value) in values.sorted(by: { $0.key < $1.key }) { self[Attributes.id(kind, name)] = value }
  }

  /// The field number of an attribute, by its name in the `.ms` schema.
  public static func id(_ kind: OperatorKind, _ name: String) -> Int {
    for id in 0..<PrimitiveSchema.fieldCount(kind) where PrimitiveSchema.fieldName(kind, id) == name { return id }
    preconditionFailure("\(kind.name) has no attribute \(name)")
  }
}

extension Node {
  /// An attribute by its name in the `.ms` schema.
  public subscript(_ name: String) -> AttributeValue? {
    get { attributes[Attributes.id(kind, name)] }
    set { attributes[Attributes.id(kind, name)] = newValue }
  }
}
