import Graph
import Runtime

/// The pictures of the profile page, as inline SVG of a fixed coordinate width that the page scales.
enum ProfilePictures {
  private static let width = 1160.0
  /// About the width of a letter in a wide font.
  private static let letter = 7.3

  private static func n(_ v: Double) -> String { Units.fixed(v, 2) }

  private static func svg(_ height: Double, _ label: String, _ content: String) -> String {
    "<svg viewBox=\"0 0 \(n(width)) \(n(height))\" role=\"img\" aria-label=\"\(label)\">\n\(content)</svg>\n"
  }

  /// About `count` round numbers from 0 to `end`.
  private static func ticks(_ end: Double, _ count: Double) -> [Double] {
    guard end > 0, end.isFinite else { return [0] }
    var step = 1.0
    while step * 10 < end / count { step *= 10 }
    while step > end / count { step /= 10 }
    for factor in [1.0, 2, 5, 10] where end / (step * factor) <= count {
      step *= factor
      break
    }
    return Array(stride(from: 0, through: end, by: step))
  }

  // MARK: runs

  static func runs(_ m: Measurement) -> String {
    let height = 110.0, left = 56.0, bottom = 16.0
    let slowest = max(m.runs.max() ?? 1, 1)
    // Many runs share a bar, which shows the slowest of them.
    let bars = min(m.runs.count, 400)
    let pitch = (width - left) / Double(bars)
    var out = axis(slowest / 1e6, height - bottom, left, " ms")
    for b in 0..<bars {
      let range = (b * m.runs.count / bars)..<max((b + 1) * m.runs.count / bars, b * m.runs.count / bars + 1)
      let worst = m.runs[range].max() ?? 0
      let h = (height - bottom) * worst / slowest
      let label = range.count == 1 ? "run \(range.lowerBound + 1)" : "runs \(range.lowerBound + 1) to \(range.upperBound)"
      out += "<rect class=\"run\" x=\"\(n(left + pitch * Double(b) + min(1, pitch * 0.1)))\" y=\"\(n(height - bottom - h))\" width=\"\(n(min(40, pitch * 0.8)))\" height=\"\(n(h))\" rx=\"1.5\"><title>\(label): \(Units.fixed(worst / 1e6, 3)) ms</title></rect>\n"
    }
    let y = (height - bottom) * (1 - m.mean / slowest)
    out += "<line class=\"mean\" x1=\"\(n(left))\" x2=\"\(n(width))\" y1=\"\(n(y))\" y2=\"\(n(y))\"/>"
    return svg(height, "time of each run", out)
  }

  /// Lines and labels of a vertical axis from 0 to `end` over `height`.
  private static func axis(_ end: Double, _ height: Double, _ left: Double, _ unit: String) -> String {
    var out = ""
    for t in ticks(end, max(2, height / 40)) {
      let y = height * (1 - t / end)
      out += "<line class=\"grid\" x1=\"\(n(left))\" x2=\"\(n(width))\" y1=\"\(n(y))\" y2=\"\(n(y))\"/>"
      out += "<text x=\"\(n(left - 6))\" y=\"\(n(max(y + 4, 9)))\" text-anchor=\"end\">\(number(t))\(unit)</text>\n"
    }
    return out
  }

  private static func number(_ v: Double) -> String {
    for digits in 0...3 where abs(v - (Double(Units.fixed(v, digits)) ?? v)) < 1e-6 { return Units.fixed(v, digits) }
    return Units.scientific(v)
  }

  // MARK: timeline

  /// One lane per level: the run in a row, then the same run cut into lines where single operators become visible.
  static func timeline(_ m: Measurement) -> String {
    guard m.timelineEnd > 0, !m.timeline.isEmpty else { return "<p class=\"quiet\">Nothing was recorded.</p>" }
    let lines = max(1, min(6, Int((Double(m.timeline.count) / 24).rounded(.up))))
    let perLine = m.timelineEnd / Double(lines)
    let lane = 46.0, gap = 26.0
    var out = ""
    for line in 0..<lines {
      let start = perLine * Double(line), end = start + perLine
      let top = (lane + gap) * Double(line)
      let scale = width / perLine
      for t in ticks(m.timelineEnd / 1e3, 10 * Double(lines)) where t * 1e3 >= start && t * 1e3 < end {
        let x = (t * 1e3 - start) * scale
        out += "<line class=\"grid\" x1=\"\(n(x))\" x2=\"\(n(x))\" y1=\"\(n(top))\" y2=\"\(n(top + lane + 6))\"/>"
        out += "<text x=\"\(n(min(x + 2, width - 50)))\" y=\"\(n(top + lane + 14))\">\(number(t)) µs</text>\n"
      }
      for span in m.timeline where span.end > start && span.start < end {
        let x0 = max(span.start - start, 0) * scale, x1 = min(span.end - start, perLine) * scale
        let w = max(x1 - x0, 0.3)
        out += "<g><title>\(span.kind.escapedXML) \(span.name.escapedXML)&#10;\(Units.fixed((span.end - span.start) / 1e3, 1)) µs, from \(Units.fixed(span.start / 1e3, 1)) µs</title>"
        out += "<rect class=\"v \(OperatorFamily.of(span.kind).style)\" x=\"\(n(x0))\" y=\"\(n(top))\" width=\"\(n(w))\" height=\"\(n(lane))\" rx=\"\(w > 4 ? 2 : 0)\"/>"
        let room = Int((w - 6) / letter)
        if room >= 4 {
          out += "<text class=\"name\" x=\"\(n(x0 + 4))\" y=\"\(n(top + 19))\">\(TextTable.shortened(span.kind, room).escapedXML)</text>"
          out += "<text x=\"\(n(x0 + 4))\" y=\"\(n(top + 35))\">\(TextTable.shortened(span.name, room).escapedXML)</text>"
        }
        out += "</g>\n"
      }
    }
    return svg((lane + gap) * Double(lines), "operators of one run", out) + legend(m.timeline.map { $0.kind })
  }

  private static func legend(_ kinds: [String]) -> String {
    let used = Set(kinds.map { OperatorFamily.of($0) })
    let items = OperatorFamily.allCases.filter { used.contains($0) }
    return "<p class=\"quiet\">" + items.map { "<i class=\"dot \($0.style)\"></i>\($0.rawValue) &nbsp; " }.joined() + "</p>\n"
  }

  // MARK: memory

  static func memory(_ memory: MemoryUse, _ makers: [String]) -> String {
    let height = 320.0, left = 66.0, bottom = 30.0
    let bytes = Double(max(memory.arenaBytes, 1)), steps = Double(max(memory.stepCount, 1))
    let unit: (value: Double, name: String) = memory.arenaBytes >= 1 << 20 ? (1_048_576, " MiB") : memory.arenaBytes >= 1 << 10 ? (1024, " KiB") : (1, " B")
    let plot = height - bottom
    var out = axis(bytes / unit.value, plot, left, unit.name)
    let across = (width - left) / steps
    for (i, v) in memory.values.enumerated() {
      let kind = i < makers.count ? makers[i] : ""
      let x = left + across * Double(v.firstStep), w = across * Double(v.lastStep - v.firstStep + 1)
      let h = max(plot * Double(v.bytes) / bytes, 0.4)
      let y = plot * (1 - Double(v.offset) / bytes) - h
      let details = "\(v.tensor.name)\n\(v.tensor.type.name) \(Units.shape(v.tensor.shape.dims)), \(Units.bytes(v.bytes)) at \(v.offset)\nmade by \(kind), operators \(v.firstStep) to \(v.lastStep)"
      out += "<g><title>\(details.escapedXML)</title><rect class=\"v \(OperatorFamily.of(kind).style)\" x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(w))\" height=\"\(n(h))\"/>"
      let room = Int((w - 6) / letter)
      if room >= 5, h >= 14 {
        out += "<text class=\"name\" x=\"\(n(x + 4))\" y=\"\(n(y + h / 2 + 4))\">\(TextTable.shortened(v.tensor.name, room).escapedXML)</text>"
      }
      out += "</g>\n"
    }
    out += "<path class=\"alive\" d=\"\(alive(memory, left, across, plot / bytes, plot))\"/>"
    for t in ticks(steps, 12) where t < steps && t == t.rounded() {
      out += "<text x=\"\(n(left + across * t + 2))\" y=\"\(n(plot + 14))\">\(Units.fixed(t, 0))</text>"
    }
    out += "<text x=\"\(n(left))\" y=\"\(n(height - 2))\">operator</text>"
    return svg(height, "memory plan", out)
  }

  /// The sum of the values that are alive at each step.
  private static func alive(_ memory: MemoryUse, _ left: Double, _ across: Double, _ scale: Double, _ plot: Double) -> String {
    var changes = [Int](repeating: 0, count: memory.stepCount + 1)
    for v in memory.values where v.firstStep >= 0 && v.lastStep < memory.stepCount {
      changes[v.firstStep] += v.bytes
      changes[v.lastStep + 1] -= v.bytes
    }
    var sum = 0
    var path = ""
    for s in 0..<memory.stepCount {
      sum += changes[s]
      let y = plot - Double(sum) * scale
      path += "\(s == 0 ? "M" : "L")\(n(left + across * Double(s))) \(n(y))H\(n(left + across * Double(s + 1)))"
    }
    return path
  }
}
