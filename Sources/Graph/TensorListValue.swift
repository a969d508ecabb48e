/// One tensor of a ``TensorListValue``. Lists share items, so an item never changes while more than one list holds it.
public final class TensorListItem {
  public let type: DataType
  public let shape: Shape
  /// `shape.count` elements.
  public let data: UnsafeMutableRawPointer
  /// Keeps `data` alive.
  private let owner: AnyObject

  public init(type: DataType, shape: Shape, data: UnsafeMutableRawPointer, owner: AnyObject) {
    self.type = type
    self.shape = shape
    self.data = data
    self.owner = owner
  }

  public var byteCount: Int { shape.count * type.size }
}

/// The value of a tensor of type ``DataType/tensorList``, and what the handle of a TensorArray stands for.
public final class TensorListValue {
  /// `unknown` until the first item is set, when nothing else says it.
  public var elementType: DataType
  /// What is known of the items' shapes.
  public var elementShape: ElementShape
  /// nil where nothing has been set.
  public var items: [TensorListItem?]
  /// Items may be set behind the end.
  public var grows = false

  public init(elementType: DataType, elementShape: ElementShape, items: [TensorListItem?]) {
    self.elementType = elementType
    self.elementShape = elementShape
    self.items = items
  }

  /// The most items a list may have: more come from broken files.
  public static let maximumCount = 1 << 24

  /// A list of its own with the same items.
  public func copy() -> TensorListValue { TensorListValue(elementType: elementType, elementShape: elementShape, items: items) }
}

/// A shape in which any dimension, or all of it, may be open.
public struct ElementShape {
  /// Negative: open. nil: not even the rank is known.
  public private(set) var dims: [Int]?

  public init(_ dims: [Int]?) { self.dims = dims }

  /// Both at once; nil when they contradict each other. A single open dimension also stands for "any shape", as writers of
  /// both meanings use it.
  @export(interface)
  public func merged(with other: ElementShape) -> ElementShape? {
    guard let a = dims, !isAnything else { return other }
    guard let b = other.dims, !other.isAnything else { return self }
    if a.count != b.count { return nil }
    var out = a
    var i = 0
    while i < a.count {
      if a[i] >= 0 && b[i] >= 0 && a[i] != b[i] { return nil }
      if a[i] < 0 { out[i] = b[i] }
      i += 1
    }
    return ElementShape(out)
  }

  private var isAnything: Bool { dims.map { $0.count == 1 && $0[0] < 0 } ?? true }

  /// The shape, when no part of it is open.
  public var shape: Shape? {
    guard let dims else { return nil }
    let shape = Shape(dims)
    return shape.isKnown ? shape : nil
  }

  /// "[2, ?]"
  public var text: String {
    @export(interface) get {
      guard let dims else { return "of any rank" }
      var out = "["
      var i = 0
      while i < dims.count {
        out += (i > 0 ? ", " : "") + (dims[i] < 0 ? "?" : "\(dims[i])")
        i += 1
      }
      return out + "]"
    }
  }
}
