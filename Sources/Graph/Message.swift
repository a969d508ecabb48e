/// A text for the user, written as a string literal with interpolations.
///
/// Literals of type String put the code that joins the pieces at every place that has one; these only call the functions below,
/// which exist once.
public struct Message: ExpressibleByStringInterpolation {
  public let text: String

  public init(text: String) { self.text = text }
  @export(interface)
  public init(stringLiteral text: StaticString) { self.text = "\(text)" }
  public init(stringInterpolation pieces: StringInterpolation) { text = pieces.text }

  public struct StringInterpolation: StringInterpolationProtocol {
    var text: String

    public init(literalCapacity: Int, interpolationCount: Int) { text = "" }

    @export(interface)
    public mutating func appendLiteral(_ literal: StaticString) { text += "\(literal)" }
    public mutating func appendInterpolation(_ value: StaticString) { appendLiteral(value) }
    @export(interface)
    public mutating func appendInterpolation(_ value: String) { text += value }
    @export(interface)
    public mutating func appendInterpolation(_ value: Int) { text += "\(value)" }
    public mutating func appendInterpolation(_ value: Int32) { appendInterpolation(Int(value)) }
    public mutating func appendInterpolation(_ value: UInt32) { appendInterpolation(Int(value)) }
    public mutating func appendInterpolation(_ value: Int64) { appendInterpolation(Int(value)) }
    @export(interface)
    public mutating func appendInterpolation(_ value: UInt) { text += "\(value)" }
  }
}
