import CKernels
import Graph
import System

/// How two operands broadcast to a result, as loops.
///
/// Adjacent dimensions in which both operands behave alike are merged, so that most pairs of shapes end as one of: both
/// contiguous (one loop), one a scalar, one a vector along the last dimension (rows x inner), one a column. The innermost
/// merged dimension is `inner` with steps 0 or 1; the others are counted by ``rows(_:_:_:)``.
struct BroadcastPlan {
  private(set) var inner = 1
  private(set) var aStep = 0
  private(set) var bStep = 0
  /// Product of the outer dimensions.
  private(set) var rows = 1
  private var rank = 0
  /// Outer dimensions and strides, innermost first.
  private var dims = InlineArray<8, Int>(repeating: 1)
  private var aStrides = InlineArray<8, Int>(repeating: 0)
  private var bStrides = InlineArray<8, Int>(repeating: 0)
  private var rowsPerTask = 1
  private var piecesPerRow = 1

  /// Both shapes must broadcast to `out`, which has at most 8 dimensions. Of an empty result, whose other dimensions may be
  /// any, nothing but the plan's existence is useful: hence the wrapping products.
  init(_ a: Shape, _ b: Shape, to out: Shape) {
    var aStride = 1, bStride = 1
    var groups = 0
    var lastPattern = -1
    var axis = out.rank - 1
    while axis >= 0 {
      let n = out[axis]
      let aAxis = axis - (out.rank - a.rank), bAxis = axis - (out.rank - b.rank)
      let aFull = aAxis >= 0 && a[aAxis] == n, bFull = bAxis >= 0 && b[bAxis] == n
      axis -= 1
      if n == 1 { continue }
      let pattern = (aFull ? 1 : 0) + (bFull ? 2 : 0)
      if pattern == lastPattern {
        if groups == 1 { inner &*= n } else { dims[rank - 1] &*= n }
      } else if groups == 0 {
        inner = n
        aStep = aFull ? 1 : 0
        bStep = bFull ? 1 : 0
        groups = 1
      } else {
        dims[rank] = n
        aStrides[rank] = aFull ? aStride : 0
        bStrides[rank] = bFull ? bStride : 0
        rank += 1
        groups += 1
      }
      lastPattern = pattern
      if aFull { aStride &*= n }
      if bFull { bStride &*= n }
    }
    var i = 0
    while i < rank {
      rows &*= dims[i]
      i += 1
    }
    rowsPerTask = Elementwise.rowsPerTask(inner)
    piecesPerRow = max(1, inner / Elementwise.grain + (inner % Elementwise.grain > 0 ? 1 : 0))
  }

  var tasks: Int { piecesPerRow > 1 ? rows * piecesPerRow : (rows + rowsPerTask - 1) / rowsPerTask }

  /// The right operand is one vector of `inner` elements that repeats for each of `vectorRows` rows in turn, while the left
  /// one is contiguous.
  var vectorRows: Int { rank > 0 && aStep == 1 && bStep == 1 && bStrides[0] == 0 && aStrides[0] == inner ? dims[0] : 0 }

  /// Offsets of both operands in row `row`.
  func offsets(_ row: Int) -> (a: Int, b: Int) {
    var rest = row, a = 0, b = 0, d = 0
    while d < rank {
      let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: dims[d])
      a += remainder * aStrides[d]
      b += remainder * bStrides[d]
      rest = quotient
      d += 1
    }
    return (a, b)
  }

  /// The rows of task `index`, when rows are not cut.
  func rowRange(_ index: Int) -> Range<Int> { index * rowsPerTask..<min(rows, (index + 1) * rowsPerTask) }

  /// Calls `body(offset in a, offset in b, offset in the result, elements)` for every contiguous run of task `index`.
  @inline(__always)
  func forEachRun(_ index: Int, _ body: (Int, Int, Int, Int) -> Void) {
    if piecesPerRow > 1 {
      let (row, piece) = index.quotientAndRemainder(dividingBy: piecesPerRow)
      let start = piece * Elementwise.grain
      let (a, b) = offsets(row)
      body(a + start * aStep, b + start * bStep, row * inner + start, min(Elementwise.grain, inner - start))
      return
    }
    let range = rowRange(index)
    if range.isEmpty { return }
    var counter = InlineArray<8, Int>(repeating: 0)
    var rest = range.lowerBound, d = 0
    while d < rank {
      counter[d] = rest % dims[d]
      rest /= dims[d]
      d += 1
    }
    var (a, b) = offsets(range.lowerBound)
    var row = range.lowerBound
    while true {
      body(a, b, row * inner, inner)
      row += 1
      if row == range.upperBound { return }
      d = 0
      while d < rank {
        counter[d] += 1
        a += aStrides[d]
        b += bStrides[d]
        if counter[d] < dims[d] { break }
        a -= aStrides[d] * dims[d]
        b -= bStrides[d] * dims[d]
        counter[d] = 0
        d += 1
      }
    }
  }
}

extension Operator {
  /// The common shape of inputs 0 and 1.
  func broadcastOfInputs() throws(EngineError) -> Shape {
    guard let shape = broadcastShape(inputs[0].shape, inputs[1].shape) else {
      throw EngineError(
        .inferError, "the shapes of input 0 (\(inputs[0])) and input 1 (\(inputs[1])) do not broadcast")
    }
    return shape
  }

  /// The format of a result of two operands: that of the one with the higher rank, of input 1 when input 0 is a constant.
  var binaryFormat: Format {
    inputs[0].isConstant || inputs[1].shape.rank > inputs[0].shape.rank ? inputs[1].format : inputs[0].format
  }

  /// The type in which inputs 0 and 1 meet: their common type, where float16 constants count as float32.
  func operandType() throws(EngineError) -> DataType {
    let a = inputs[0].type == .float16 && inputs[0].isConstant ? .float32 : inputs[0].type
    let b = inputs[1].type == .float16 && inputs[1].isConstant ? .float32 : inputs[1].type
    if a != b {
      throw EngineError(
        .notSupported, "input 0 (\(inputs[0])) and input 1 (\(inputs[1])) must have the same type")
    }
    return a
  }
}
