import Graph

/// A self-contained SVG of a model's graphs.
enum GraphSVG {
  private static let boxWidth = 196.0
  private static let titleHeight = 17.0
  private static let lineHeight = 13.0
  private static let layerGap = 34.0
  private static let margin = 24.0
  private static let widest = 1700.0

  static func draw(_ pictures: [GraphPicture], title: String) -> String {
    var body = ""
    var left = margin, top = 74.0
    var right = 0.0, height = 0.0
    for picture in pictures {
      var (text, width, bottom) = draw(picture, left, top)
      // Subgraphs stand beside each other while there is room, and then below.
      if left > margin && left + width > widest {
        left = margin
        top = height + 2 * margin
        (text, width, bottom) = draw(picture, left, top)
      }
      body += text
      right = max(right, left + width)
      left += width + 3 * margin
      height = max(height, bottom)
    }
    let families = OperatorFamily.allCases.filter { f in pictures.contains { $0.boxes.contains { $0.family == f } } }
    let width = max(right + margin, legendWidth(families) + 2 * margin, 30 + 9 * Double(title.count))
    var out = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(n(width))" height="\(n(height + margin))" viewBox="0 0 \(n(width)) \(n(height + margin))" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="10.5">
      <style>\(style)</style>
      <rect class="page" width="100%" height="100%"/>
      <text class="head" x="\(n(margin))" y="28">\(title.escapedXML)</text>

      """
    out += legend(families) + body
    return out + "</svg>\n"
  }

  private static var style: String {
    var light = ".page{fill:#fff}.head{font-size:15px;font-weight:600;fill:#1c1e22}.sub{font-weight:600;fill:#4a4d55;font-size:12px}text{fill:#2b2d33}"
    light += ".t{font-weight:600;font-size:12px}.s{fill:#5b5e68}.e{fill:none;stroke:#9a9da8;stroke-width:1.2}.l{fill:#6a6d78;font-size:10px}.h{fill:#9a9da8}"
    light += ".b{stroke-width:1.2}.io{fill:#fff;stroke:#2b2d33}.l{paint-order:stroke;stroke:#fff;stroke-width:3px}"
    var dark = ".page{fill:#16181d}.head{fill:#f0f1f4}.sub{fill:#b9bcc6}text{fill:#e4e6eb}.s{fill:#a9acb7}.e{stroke:#6d707b}.l{fill:#a3a6b1;stroke:#16181d}.h{fill:#6d707b}.io{fill:#16181d;stroke:#e4e6eb}"
    for family in OperatorFamily.allCases {
      let c = family.colours
      light += ".\(family.style){fill:\(c.fill);stroke:\(c.line)}"
      dark += ".\(family.style){fill:\(c.darkFill);stroke:\(c.darkLine)}"
    }
    return light + "@media (prefers-color-scheme:dark){\(dark)}"
  }

  private static func n(_ value: Double) -> String { Units.fixed(value, 1) }

  private static func legendWidth(_ families: [OperatorFamily]) -> Double {
    families.reduce(0) { $0 + 30 + 6.3 * Double($1.rawValue.count) }
  }

  private static func legend(_ families: [OperatorFamily]) -> String {
    var out = ""
    var at = margin
    for family in families {
      out += "<rect class=\"b \(family.style)\" x=\"\(n(at))\" y=\"40\" width=\"12\" height=\"12\" rx=\"3\"/><text class=\"s\" x=\"\(n(at + 17))\" y=\"50\">\(family.rawValue)</text>\n"
      at += 30 + 6.3 * Double(family.rawValue.count)
    }
    return out
  }

  /// The drawing, its width, and where it ends below.
  private static func draw(_ picture: GraphPicture, _ left: Double, _ top: Double) -> (String, Double, Double) {
    let layout = LayeredLayout(
      widths: picture.boxes.map { _ in boxWidth }, edges: picture.links.map { LayeredLayout.Edge(from: $0.from, to: $0.to) }, gap: 22)
    // Each layer is as high as its highest box.
    var heights = [Double](repeating: 0, count: layout.layerCount)
    for (i, box) in picture.boxes.enumerated() { heights[layout.layer[i]] = max(heights[layout.layer[i]], height(box)) }
    var tops = [Double]()
    var y = top + 20
    for h in heights {
      tops.append(y)
      y += h + layerGap
    }
    var out = "<text class=\"sub\" x=\"\(n(left))\" y=\"\(n(top + 4))\">\(TextTable.shortened(picture.title, 60).escapedXML)</text>\n"
    var labels = ""
    for (e, link) in picture.links.enumerated() {
      let from = layout.layer[link.from], to = layout.layer[link.to]
      var points = [(left + layout.x[link.from], tops[from] + height(picture.boxes[link.from]))]
      for (k, bend) in layout.bends[e].enumerated() {
        let layer = from + 1 + k
        points.append((left + bend, tops[layer]))
        points.append((left + bend, tops[layer] + heights[layer]))
      }
      points.append((left + layout.x[link.to], tops[to] - 3))
      out += "<path class=\"e\" d=\"\(path(points))\"><title>\(link.tensor.escapedXML)</title></path>"
      out += "<path class=\"h\" d=\"M\(n(points[points.count - 1].0 - 3.5)) \(n(tops[to] - 6))h7l-3.5 6z\"/>\n"
      if !link.label.isEmpty {
        labels += "<text class=\"l\" x=\"\(n(points[0].0 + 5))\" y=\"\(n(points[0].1 + 12))\">\(link.label.escapedXML)</text>\n"
      }
    }
    for (i, box) in picture.boxes.enumerated() { out += draw(box, left + layout.x[i] - boxWidth / 2, tops[layout.layer[i]]) }
    return (out + labels, max(layout.width, 7 * Double(min(picture.title.count, 60))), y - layerGap)
  }

  private static func height(_ box: GraphPicture.Box) -> Double { titleHeight + 7 + lineHeight * Double(box.lines.count) }

  private static func path(_ points: [(Double, Double)]) -> String {
    var out = "M\(n(points[0].0)) \(n(points[0].1))"
    for i in 1..<points.count {
      let (x0, y0) = points[i - 1], (x1, y1) = points[i]
      if x0 == x1 {
        out += "L\(n(x1)) \(n(y1))"
      } else {
        let middle = (y0 + y1) / 2
        out += "C\(n(x0)) \(n(middle)) \(n(x1)) \(n(middle)) \(n(x1)) \(n(y1))"
      }
    }
    return out
  }

  private static func draw(_ box: GraphPicture.Box, _ x: Double, _ y: Double) -> String {
    let style = box.family?.style ?? "io"
    var out = "<g><title>\(box.details.escapedXML)</title><rect class=\"b \(style)\" x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(boxWidth))\" height=\"\(n(height(box)))\" rx=\"\(box.family == nil ? 12 : 5)\"/>"
    let centre = x + boxWidth / 2
    out += "<text class=\"t\" x=\"\(n(centre))\" y=\"\(n(y + 15))\" text-anchor=\"middle\">\(box.title.escapedXML)</text>"
    for (i, line) in box.lines.enumerated() {
      let text = TextTable.shortened(line, 31).escapedXML
      out += "<text class=\"s\" x=\"\(n(centre))\" y=\"\(n(y + titleHeight + 11 + lineHeight * Double(i)))\" text-anchor=\"middle\">\(text)</text>"
    }
    return out + "</g>\n"
  }
}

/// The same graphs for Graphviz.
enum GraphDOT {
  static func write(_ pictures: [GraphPicture], title: String) -> String {
    var out = "digraph model {\n  label=\(quoted(title)); labelloc=t; fontname=\"Helvetica\";\n"
    out += "  node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", fontsize=10]; edge [fontname=\"Helvetica\", fontsize=9, color=\"#80828c\"];\n"
    for (g, picture) in pictures.enumerated() {
      out += "  subgraph cluster_\(g) {\n    label=\(quoted(picture.title)); color=\"#c0c2ca\";\n"
      for (i, box) in picture.boxes.enumerated() {
        let colours = box.family?.colours
        let label = ([box.title] + box.lines).joined(separator: "\n")
        out += "    g\(g)n\(i) [label=\(quoted(label)), fillcolor=\"\(colours?.fill ?? "#ffffff")\", color=\"\(colours?.line ?? "#2b2d33")\"\(box.family == nil ? ", shape=oval" : "")];\n"
      }
      for link in picture.links {
        out += "    g\(g)n\(link.from) -> g\(g)n\(link.to)\(link.label.isEmpty ? "" : " [label=\(quoted(link.label))]");\n"
      }
      out += "  }\n"
    }
    return out + "}\n"
  }

  private static func quoted(_ text: String) -> String {
    var out = "\""
    for c in text {
      switch c {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      default: out.append(c)
      }
    }
    return out + "\""
  }
}

extension Inspection {
  /// The graphs as a picture: SVG, or Graphviz text for names that end with ".dot".
  public func picture(for path: String) -> String {
    let pictures = graphs.enumerated().map { GraphPicture($0.element.graph, index: $0.offset) }
    let name = model.path.split(separator: "/").last.map(String.init) ?? model.path
    return path.hasSuffix(".dot") ? GraphDOT.write(pictures, title: name) : GraphSVG.draw(pictures, title: name)
  }
}
