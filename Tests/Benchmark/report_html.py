"""The report as one HTML page without other files: bars for each model, all nodes of the profiles."""
import html

from engines import TITLES
from wording import ROOF, milliseconds, optional, percent, short, thread_text

# Longer bars are cut, or one slow engine would hide how the others compare.
LONGEST = 5
# Of a card's drawing, in pixels.
WIDTH, LABEL, VALUE, ROW, BAR = 420, 104, 76, 20, 13

STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --text: #1f2328; --quiet: #656d76; --line: #d8dee4; --card: #f6f8fa;
  --ours: #0969da; --peer: #a5adb8; --ahead: #1a7f37; --behind: #bc4c00; }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --text: #e6edf3; --quiet: #8d96a0; --line: #30363d; --card: #161b22;
  --ours: #4493f8; --peer: #57606a; --ahead: #3fb950; --behind: #db8b42; } }
body { background: var(--page); color: var(--text); font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1360px;
  padding: 16px 24px; }
h2 { border-bottom: 1px solid var(--line); margin-top: 36px; padding-bottom: 4px; }
ul { padding-left: 20px; }
.cards { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(430px, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; }
.card h3 { align-items: baseline; display: flex; font-size: 15px; justify-content: space-between; margin: 0 0 6px;
  overflow-wrap: anywhere; }
.ahead { color: var(--ahead); } .behind { color: var(--behind); }
svg { display: block; height: auto; width: 100%; }
svg text { fill: var(--text); font: 12px system-ui, sans-serif; } svg .quiet { fill: var(--quiet); }
.ours { fill: var(--ours); } .peer { fill: var(--peer); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 3px 10px; text-align: left; } th { color: var(--quiet); font-weight: 600; }
.number { text-align: right; white-space: nowrap; } .best { font-weight: 700; }
summary { cursor: pointer; padding: 4px 0; }
.roof { background: linear-gradient(to right, var(--ours) calc(var(--share) * 1%), var(--line) 0); border-radius: 2px;
  display: inline-block; height: 9px; margin-right: 8px; width: 90px; }
"""


def escape(value):
    return html.escape(str(value))


def table(head, rows):
    """`head`: [(title, is a number)]; cells are HTML."""
    kind = ["" if not number else ' class="number"' for _, number in head]
    out = "".join("<th%s>%s</th>" % (k, escape(title)) for k, (title, _) in zip(kind, head))
    lines = ["<tr>%s</tr>" % "".join("<td%s>%s</td>" % (k, cell) for k, cell in zip(kind, row)) for row in rows]
    return '<div class="wide"><table><thead><tr>%s</tr></thead><tbody>%s</tbody></table></div>' % (out, "\n".join(lines))


def items(lines):
    return "<ul>%s</ul>" % "".join("<li>%s</li>" % escape(line) for line in lines)


def bars(values, title):
    """`values`: [(label, value, class)]. Bars of their lengths, the text of each behind it."""
    limit = min(max(v for _, v, _ in values), LONGEST * min(v for _, v, _ in values))
    room = WIDTH - LABEL - VALUE
    parts = []
    for i, (label, value, kind) in enumerate(values):
        y = i * ROW
        length = max(1.0, room * min(value, limit) / limit)
        cut = value > limit
        parts.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (LABEL - 8, y + 14, escape(label)))
        parts.append('<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>' % (kind, LABEL, y + 3, length, BAR))
        if cut:
            # A gap that says that the bar goes on.
            parts.append('<path d="M%.1f %d l5 -%d h4 l-5 %d z" fill="var(--card)"/>' % (LABEL + length - 22, y + 3 + BAR, BAR, BAR))
        parts.append('<text class="quiet" x="%.1f" y="%d">%s ms</text>' % (LABEL + length + 6, y + 14, milliseconds(value)))
    return '<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>' % (WIDTH, ROW * len(values), escape(title), "".join(parts))


def ratio_text(ratio):
    if ratio is None:
        return ""
    return '<span class="%s">%.2f</span>' % ("ahead" if ratio <= 1 else "behind", ratio)


def _card(comparison):
    ran = [(TITLES[e], r.median_ms, "ours" if e == "ours" else "peer") for e, r in comparison.results.items() if not r.error]
    if not ran:
        return ""
    ran.sort(key=lambda bar: bar[1])
    title = "%s, %s" % (comparison.model, thread_text(comparison.threads))
    return '<div class="card"><h3><span>%s</span>%s</h3>%s</div>' % (
        escape(comparison.model), ratio_text(comparison.ratio()), bars(ran, title))


def _standings(report):
    rows = [[thread_text(s.threads), escape(report.standing_name(s)), "%d" % s.count, ratio_text(s.mean), "%d" % s.ahead,
             "%s %s" % (ratio_text(s.worst), escape(s.worst_model))] for s in report.standings]
    return table([("", False), ("against", False), ("models", True), ("ours / theirs, geometric mean", True), ("ahead", True),
                  ("worst", False)], rows)


def _numbers(report, threads, text, key):
    """One cell per model and engine; `key` says which is the best."""
    rows = []
    for c in report.comparisons:
        if c.threads == threads:
            ran = [e for e in report.engines if c.ran(e)]
            best = min(ran, key=lambda e: key(c.ran(e)), default=None)
            cells = []
            for e in report.engines:
                cells.append('<span%s>%s</span>' % (' class="best"' if e == best else "", text(c.ran(e))) if e in ran else "")
            rows.append([escape(c.model)] + cells)
    return table([("model", False)] + [(TITLES[e], True) for e in report.engines], rows)


def _profile(report, profile):
    machine = report.machines[profile.threads]
    rows = []
    for n in profile.slowest():
        share = n.share(machine)
        name = escape(short(n.name))
        if len(n.name) > len(short(n.name)):
            name = '<span title="%s">%s</span>' % (escape(n.name), name)
        roof = '<span class="roof" style="--share:%.0f"></span>%s' % (min(100, 100 * share), percent(share)) if share is not None else ""
        rows.append([name, escape(n.type), escape(n.output), escape(n.arithmetic or "integers"), escape(n.method), "%.4f" % n.time_ms,
                     percent(n.time_ms / profile.time_ms), optional(n.gigaflops), optional(n.gigabytes), roof])
    share = profile.share(machine)
    head = "%s: %s ms in %d nodes%s; %s" % (
        profile.model, milliseconds(profile.time_ms), len(profile.nodes), ", %s of the roof" % percent(share) if share else "",
        ", ".join("%s %s" % (t, percent(ms / profile.time_ms)) for t, _, ms in profile.types()[:3]))
    return "<details><summary>%s</summary>%s</details>" % (
        escape(head),
        table([("node", False), ("type", False), ("output", False), ("arithmetic", False), ("algorithm", False), ("ms", True), ("of the time", True),
               ("GFLOP/s", True), ("GB/s", True), ("of the roof", True)], rows))


def page(report):
    first = report.threads[0]
    parts = ["<h1>Benchmark</h1>", items(report.conditions())]
    if report.standings:
        parts += ["<h2>Where we stand</h2><p>Ratios of times: below 1 we are faster.</p>", _standings(report)]
    for threads in report.threads:
        cards = "".join(_card(c) for c in report.comparisons if c.threads == threads)
        parts += ["<h2>Per inference, %s</h2><p>In the corner our time by the best peer's. Bars of more than %d times the shortest are "
                  "cut.</p>" % (thread_text(threads), LONGEST), '<div class="cards">%s</div>' % cards]
    parts += ["<h2>Load time, ms, %s</h2><p>From the file to a model that is ready for its input.</p>" % thread_text(first),
              _numbers(report, first, lambda r: milliseconds(r.load_ms), lambda r: r.load_ms),
              "<h2>First inference, ms, %s</h2><p>Some engines do here what others do when they load.</p>" % thread_text(first),
              _numbers(report, first, lambda r: milliseconds(r.first_ms), lambda r: r.first_ms),
              "<h2>Memory, MiB, %s</h2><p>By how much the process's largest resident size has grown from before the load to after the last "
              "run: neither the interpreter nor the engine's code is in it.</p>" % thread_text(first),
              _numbers(report, first, lambda r: "%.1f" % r.peak_mib, lambda r: r.peak_mib)]
    refusals = report.refusals()
    if refusals:
        parts += ["<h2>What did not run</h2>",
                  table([("engine", False), ("says", False), ("models", False)],
                        [[escape(e), escape(why), escape(", ".join(m))] for e, why, m in refusals])]
    if report.profiles:
        parts += ["<h2>Where our time goes</h2><p>%s</p>" % escape(ROOF), items(report.roofs())]
        parts += [_profile(report, p) for p in report.profiles if p.nodes]
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            "<title>Benchmark</title><style>%s</style></head><body>\n%s\n</body></html>\n") % (STYLE, "\n".join(parts))
