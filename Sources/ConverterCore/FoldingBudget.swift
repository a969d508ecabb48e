/// How much memory a conversion spends on constants that are not in the file but follow from it. A few bytes of a file can stand for a
/// great many (a tile, a grid of positions), as often as it has nodes; what the budget does not allow is left to the run.
public final class FoldingBudget {
  private var left = 1 << 29
  /// A constant that an importer needs was too large: there is no point in importing more.
  public internal(set) var isOverdrawn = false
  /// Shape arithmetic goes on when nothing is left.
  private static let free = 1 << 12

  /// Values of a file may be converted and reordered several times.
  func extend(byValues bytes: Int) { left += 16 * bytes }

  /// Whether a constant of so many bytes may be made.
  public func take(_ bytes: Int) -> Bool {
    if bytes <= FoldingBudget.free { return true }
    if bytes > left { return false }
    left -= bytes
    return true
  }
}
