// What a text for the user can name besides numbers and strings.

extension Message.StringInterpolation {
  @export(interface)
  public mutating func appendInterpolation(_ tensor: Tensor) { appendInterpolation(tensor.text) }
  @export(interface)
  public mutating func appendInterpolation(_ node: Node) { appendInterpolation(node.text) }
  @export(interface)
  public mutating func appendInterpolation(_ shape: Shape) { appendInterpolation(shape.text) }
}
