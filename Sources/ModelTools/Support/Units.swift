import Foundation
import Graph

/// Numbers for people.
enum Units {
  /// "1.5 MiB"
  static func bytes(_ n: Int) -> String { scaled(Double(n), 1024, ["B", "KiB", "MiB", "GiB", "TiB"]) }

  /// "1.5 M"; decimal steps.
  static func count(_ n: Double) -> String { scaled(n, 1000, ["", "k", "M", "G", "T", "P"]) }

  private static func scaled(_ value: Double, _ step: Double, _ units: [String]) -> String {
    var v = value
    var i = 0
    while abs(v) >= step && i < units.count - 1 {
      v /= step
      i += 1
    }
    let number = i == 0 ? fixed(v, 0) : fixed(v, v >= 100 ? 0 : v >= 10 ? 1 : 2)
    return units[i].isEmpty ? number : "\(number) \(units[i])"
  }

  static func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

  /// "1.234e-05", or "0".
  static func scientific(_ value: Double) -> String { value == 0 ? "0" : String(format: "%.3e", value) }

  static func percent(_ part: Double, of whole: Double) -> String { whole > 0 ? fixed(100 * part / whole, 1) + " %" : "-" }

  /// "1x224x224x3", "?" for open dimensions, "scalar" for none.
  static func shape(_ dims: [Int]) -> String {
    dims.isEmpty ? "scalar" : dims.map { $0 < 0 ? "?" : "\($0)" }.joined(separator: "x")
  }

  static func format(_ format: Format) -> String { "\(format)".uppercased() }
}
