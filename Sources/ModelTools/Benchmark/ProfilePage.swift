import Graph
import Runtime

/// The profile as one page of HTML that needs nothing else: style and script are in it, pictures are inline SVG.
extension BenchmarkReport {
  public func page() -> String {
    let m = measurement
    var body = "<header><h1>\(name.escapedXML)</h1><p class=\"quiet\">\(m.version.escapedXML) · \(options.threads) thread\(options.threads == 1 ? "" : "s") · \(options.half ? "half precision allowed" : "float32") · \(m.runs.count) runs after \(options.warmUps) warm-up runs</p></header>\n"
    body += cards()
    if m.runs.count > 1 { body += section("Runs", "Each bar is one run, in order; the line is the mean.", ProfilePictures.runs(m)) }
    body += section("Operator types", nil, typeBars())
    body += section(
      "Timeline of one run", "The fastest of the observed runs, as callbacks before and after each operator see it. Point at a bar for its operator.",
      ProfilePictures.timeline(m))
    if let memory = plan?.memory, !memory.values.isEmpty {
      body += section(
        "Memory plan",
        "Each box is a value in the arena of \(Units.bytes(memory.arenaBytes)): across, the operators during which it is needed; upwards, its bytes. The line is what is alive at a time.",
        ProfilePictures.memory(memory, plan?.makers ?? []))
    } else if let planProblem {
      body += section("Memory plan", "Not known: \(planProblem)", "")
    }
    body += section("Operators", nil, operatorTable())
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Profile of \(name.escapedXML)</title><style>\(ProfilePage.style)</style></head>
      <body><main>
      \(body)</main><script>\(ProfilePage.script)</script></body></html>

      """
  }

  private var name: String { options.model.split(separator: "/").last.map(String.init) ?? options.model }

  private func section(_ title: String, _ note: String?, _ content: String) -> String {
    "<section><h2>\(title)</h2>\(note.map { "<p class=\"quiet\">\($0.escapedXML)</p>" } ?? "")\n\(content)</section>\n"
  }

  private func ms(_ nanoseconds: Double) -> String {
    let v = nanoseconds / 1e6
    return Units.fixed(v, v < 10 ? 3 : v < 100 ? 2 : 1) + " ms"
  }

  private func cards() -> String {
    let m = measurement
    let flops = rows.reduce(0.0) { $0 + Double($1.cost?.flops ?? 0) * Double($1.calls) / Double(max(m.profiledRuns, 1)) }
    var cards: [(String, String, String)] = [
      ("mean", ms(m.mean), "± \(ms(m.deviation))"), ("median", ms(m.percentile(0.5)), "p90 \(ms(m.percentile(0.9)))"),
      ("fastest", ms(m.percentile(0)), "slowest \(ms(m.percentile(1)))"), ("load and build", ms(m.prepare), ""),
    ]
    if flops > 0, m.mean > 0 { cards.append(("arithmetic", "\(Units.fixed(flops / m.mean, 1)) GFLOP/s", "\(Units.count(flops))FLOP a run")) }
    cards.append(("process memory", Units.bytes(m.residentPeak), "\(Units.bytes(max(0, m.residentPeak - m.residentBefore))) for engine and model"))
    if let memory = plan?.memory {
      cards.append(("arena", Units.bytes(memory.arenaBytes), "scratch \(Units.bytes(memory.workspaceBytes)), outputs \(Units.bytes(memory.outputBytes))"))
    }
    return "<div class=\"cards\">"
      + cards.map { "<div class=\"card\"><span>\($0.0)</span><b>\($0.1)</b><small>\($0.2)</small></div>" }.joined() + "</div>\n"
  }

  private func typeBars() -> String {
    var out = "<div class=\"bars\">"
    let longest = types.first?.time ?? 1
    for t in types {
      let style = OperatorFamily.of(t.kind).style
      out += "<span>\(t.kind.escapedXML)</span><div class=\"track\"><i class=\"\(style)\" style=\"width:\(Units.fixed(max(0.2, 100 * t.time / max(longest, 1e-9)), 2))%\"></i></div>"
      out += "<span class=\"num\">\(Units.fixed(t.time / 1e3, 3)) ms</span><span class=\"num\">\(Units.fixed(100 * t.share, 1)) %</span><span class=\"num quiet\">\(t.count) node\(t.count == 1 ? "" : "s")</span>"
    }
    return out + "</div>\n"
  }

  private func operatorTable() -> String {
    var out = "<input id=\"filter\" type=\"search\" placeholder=\"Filter by name or type\" aria-label=\"Filter\"><div class=\"scroll\"><table id=\"ops\"><thead><tr>"
    let columns = ["#", "operator", "name", "output", "time µs", "share", "calls", "GFLOP/s", "GB/s", "arithmetic", "algorithm"]
    for (i, c) in columns.enumerated() {
      let isText = i == 1 || i == 2 || i == 3 || i >= 9
      out += "<th\(isText ? "" : " class=\"num\"")><button type=\"button\">\(c)</button></th>"
    }
    out += "</tr></thead><tbody>\n"
    func cell(_ value: Double?, _ text: String) -> String { "<td class=\"num\" data-v=\"\(value.map { "\($0)" } ?? "-1")\">\(text)</td>" }
    for (i, row) in rows.enumerated() {
      let style = OperatorFamily.of(row.kind).style
      out += "<tr>" + cell(Double(i), "\(i)") + "<td><i class=\"dot \(style)\"></i>\(row.kind.escapedXML)</td>"
      out += "<td class=\"name\" title=\"\(row.name.escapedXML)\">\(TextTable.shortened(row.name, 56).escapedXML)</td><td>\(row.output.isEmpty ? "" : Units.shape(row.output))</td>"
      out += cell(row.time, Units.fixed(row.time, 1))
      out += "<td class=\"num share\" data-v=\"\(row.share)\"><i style=\"width:\(Units.fixed(100 * row.share / max(rows.map { $0.share }.max() ?? 1, 1e-9), 1))%\"></i><span>\(Units.fixed(100 * row.share, 1)) %</span></td>"
      out += cell(Double(row.calls), "\(row.calls)") + cell(row.gigaflops, row.gigaflops.map { Units.fixed($0, 1) } ?? "")
      out += cell(row.gigabytes, row.gigabytes.map { Units.fixed($0, 1) } ?? "") + "<td>\(row.arithmetic.escapedXML)</td>"
      out += "<td>\(row.method.escapedXML)</td></tr>\n"
    }
    return out + "</tbody></table></div>\n"
  }
}

enum ProfilePage {
  static var style: String {
    var out = """
      :root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#22252b;--quiet:#666b77;--line:#e1e3e9;--accent:#3b78c4;--grid:#e7e9ee}
      @media(prefers-color-scheme:dark){:root{--page:#14161a;--card:#1d2026;--text:#e6e8ec;--quiet:#9a9fac;--line:#2e323b;--accent:#6ea8f0;--grid:#2a2e36}}
      *{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--text);font:14px/1.45 system-ui,"DejaVu Sans",sans-serif}
      main{max-width:1240px;margin:0 auto;padding:24px 20px 60px}h1{font-size:22px;margin:0;overflow-wrap:anywhere}h2{font-size:16px;margin:0 0 4px}
      p{margin:2px 0 10px}.quiet,small{color:var(--quiet)}section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin-top:16px}
      .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:12px;margin-top:16px}
      .card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 14px;display:flex;flex-direction:column}
      .card span{color:var(--quiet);font-size:12px}.card b{font-size:18px;font-weight:600;white-space:nowrap}.card small{font-size:11.5px;min-height:1.4em}
      .bars{display:grid;grid-template-columns:max-content 1fr max-content max-content max-content;gap:5px 14px;align-items:center}
      .track{background:var(--grid);border-radius:4px;height:14px}.track i{display:block;height:14px;border-radius:4px;border:1px solid}
      .num{text-align:right;font-variant-numeric:tabular-nums}svg{display:block;width:100%;height:auto}svg text{fill:var(--quiet);font-size:11px}
      svg .grid{stroke:var(--grid)}svg .axis{stroke:var(--quiet)}svg .alive{fill:none;stroke:var(--text);stroke-width:1.4;stroke-dasharray:4 3}svg .name{fill:var(--text);font-size:10.5px}
      svg .run{fill:var(--accent)}svg .mean{stroke:var(--text);stroke-dasharray:4 3}svg rect.v{stroke-width:.8}
      input{font:inherit;color:inherit;background:var(--page);border:1px solid var(--line);border-radius:6px;padding:5px 10px;width:280px;max-width:100%;margin-bottom:10px}
      .scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:12.5px}th,td{padding:4px 8px;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
      th.num,td.num{text-align:right}th button{all:unset;cursor:pointer;color:var(--quiet);font-weight:600}th button:focus-visible{outline:2px solid var(--accent)}
      th.up button::after{content:" ▲"}th.down button::after{content:" ▼"}tbody tr:hover{background:var(--grid)}
      .dot{display:inline-block;width:10px;height:10px;border-radius:3px;border:1px solid;margin-right:7px}.share{position:relative;min-width:90px}
      .share i{position:absolute;right:0;top:3px;bottom:3px;background:var(--accent);opacity:.22;border-radius:3px}.share span{position:relative}

      """
    var dark = ""
    for family in OperatorFamily.allCases {
      let c = family.colours
      out += ".\(family.style){background:\(c.fill);fill:\(c.fill);stroke:\(c.line);border-color:\(c.line)!important}"
      dark += ".\(family.style){background:\(c.darkFill);fill:\(c.darkFill);stroke:\(c.darkLine);border-color:\(c.darkLine)!important}"
    }
    return out + "@media(prefers-color-scheme:dark){\(dark)}"
  }

  static let script = """
    (function(){var t=document.getElementById('ops');if(!t)return;var b=t.tBodies[0],h=t.tHead.rows[0].cells,rows=[].slice.call(b.rows);
    function v(r,i){var c=r.cells[i],d=c.getAttribute('data-v');return d===null?c.textContent.toLowerCase():parseFloat(d)}
    [].forEach.call(h,function(c,i){c.firstChild.addEventListener('click',function(){var num=rows.length&&rows[0].cells[i].hasAttribute('data-v');
    var down=c.className.indexOf('down')<0&&(num||c.className.indexOf('up')>=0);if(num&&i===0&&!/up|down/.test(c.className))down=false;
    [].forEach.call(h,function(o){o.className=o.className.replace(/ ?(up|down)/g,'')});c.className+=down?' down':' up';
    rows.sort(function(x,y){var a=v(x,i),z=v(y,i);return(a<z?-1:a>z?1:0)*(down?-1:1)}).forEach(function(r){b.appendChild(r)})})});
    document.getElementById('filter').addEventListener('input',function(){var q=this.value.toLowerCase();
    rows.forEach(function(r){r.style.display=r.textContent.toLowerCase().indexOf(q)<0?'none':''})})})();
    """
}
