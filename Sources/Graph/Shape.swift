/// The dimensions of a tensor, outermost first. -1 is a dimension that is not known yet. At most ``maximumRank``.
public struct Shape {
  public static let maximumRank = 8
  public var dims: [Int]

  public init(_ dims: [Int]) { self.dims = dims }
  public init() { dims = [] }

  public var rank: Int { dims.count }
  public subscript(_ axis: Int) -> Int {
    get { dims[axis] }
    set { dims[axis] = newValue }
  }

  /// No dimension is unknown.
  public var isKnown: Bool {
    for d in dims where d < 0 { return false }
    return true
  }

  /// Product of the dimensions (1 for rank 0); nil when a dimension is unknown or the product of those that are not 0 does not fit
  /// 2^47, so that byte sizes and offsets computed from it, or from some of the dimensions, never overflow.
  public var checkedCount: Int? {
    @export(interface) get {
      var n = 1
      var isEmpty = false
      for d in dims {
        if d < 0 { return nil }
        if d == 0 {
          isEmpty = true
          continue
        }
        let (product, overflow) = n.multipliedReportingOverflow(by: d)
        if overflow || product > 1 << 47 { return nil }
        n = product
      }
      return isEmpty ? 0 : n
    }
  }

  /// Number of elements of a known shape. (0 when it is unknown; use ``checkedCount`` on shapes from outside.)
  public var count: Int { checkedCount ?? 0 }

  /// Product of the dimensions in `range`. (Wraps for shapes that have no ``checkedCount``.)
  @export(interface)
  public func product(_ range: Range<Int>) -> Int {
    var n = 1
    for i in range { n = n &* dims[i] }
    return n
  }

  /// Row-major strides in elements.
  public var strides: [Int] {
    @export(interface) get {
      var s = [Int](repeating: 1, count: dims.count)
      var i = dims.count - 2
      while i >= 0 {
        s[i] = s[i + 1] &* dims[i + 1]
        i -= 1
      }
      return s
    }
  }

  /// `axis` counted from the end when negative; nil when it lies outside the rank.
  @export(interface)
  public func axis(_ axis: Int) -> Int? {
    let a = axis < 0 ? axis + rank : axis
    return a >= 0 && a < rank ? a : nil
  }

  /// "[1, 224, 224, 3]"
  public var text: String {
    @export(interface) get {
      var s = "["
      var first = true
      for d in dims {
        if !first { s += ", " }
        s += "\(d)"
        first = false
      }
      return s + "]"
    }
  }
}

extension Shape: Equatable {
  public static func == (a: Shape, b: Shape) -> Bool {
    if a.dims.count != b.dims.count { return false }
    var i = 0
    while i < a.dims.count {
      if a.dims[i] != b.dims[i] { return false }
      i += 1
    }
    return true
  }
}
