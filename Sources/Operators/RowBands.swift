/// How an operator's output depends on its input row by row, where it can compute some rows of its one image by themselves: NHWC,
/// float32.
public struct RowBands {
  /// Rows of the output, and floats of each.
  public let rows: Int, rowFloats: Int
  /// Rows of the input, and floats of each.
  public let inRows: Int, inRowFloats: Int
  /// Output row y needs the input rows from y * stride - pad on, `reach` of them, as far as they are inside the image.
  public let stride: Int, pad: Int, reach: Int
  /// A band begins at a multiple of this, and ends at one or with the image.
  public let step: Int
  /// Bytes of scratch that a worker needs.
  public let scratchBytes: Int

  public init(
    rows: Int, rowFloats: Int, inRows: Int, inRowFloats: Int, stride: Int, pad: Int, reach: Int, step: Int = 1, scratchBytes: Int = 0
  ) {
    self.rows = rows
    self.rowFloats = rowFloats
    self.inRows = inRows
    self.inRowFloats = inRowFloats
    self.stride = stride
    self.pad = pad
    self.reach = reach
    self.step = step
    self.scratchBytes = scratchBytes
  }

  /// The input rows that output rows `first`..<`last` read.
  public func inputRows(_ first: Int, _ last: Int) -> (first: Int, last: Int) {
    let low = max(0, min(inRows, first * stride - pad))
    return (low, max(low, min(inRows, (last - 1) * stride - pad + reach)))
  }

  /// Row y, moved to where a band may begin or end.
  public func roundedDown(_ y: Int) -> Int { y / step * step }
  public func roundedUp(_ y: Int) -> Int { min((y + step - 1) / step * step, rows) }
}
