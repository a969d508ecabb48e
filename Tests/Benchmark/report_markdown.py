"""The report as Markdown: what fits into a terminal or a merge request."""
from engines import TITLES
from wording import ROOF, milliseconds, optional, percent, short, thread_text

# Nodes per model; all are in the HTML page.
SLOWEST = 5


def table(head, rows):
    """`head`: [(title, right-aligned)]"""
    lines = ["| " + " | ".join(title for title, _ in head) + " |",
             "|" + "|".join("---:" if right else "---" for _, right in head) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _standings(report):
    rows = [[thread_text(s.threads), report.standing_name(s), "%d" % s.count, "%.3f" % s.mean, "%d" % s.ahead,
             "%.2f (%s)" % (s.worst, s.worst_model)] for s in report.standings]
    return table([("", False), ("against", False), ("models", True), ("ours / theirs, geometric mean", True), ("ahead", True),
                  ("worst", False)], rows)


def _times(report, threads):
    rows = []
    for c in report.comparisons:
        if c.threads != threads:
            continue
        ran = {e: r for e, r in c.results.items() if not r.error}
        fastest = min(ran, key=lambda e: ran[e].median_ms, default=None)
        cells = []
        for engine in report.engines:
            text = milliseconds(ran[engine].median_ms) if engine in ran else "-"
            cells.append("**%s**" % text if engine == fastest else text)
        rows.append([c.model] + cells + [optional(c.ratio(), "%.2f")])
    return table([("model", False)] + [(TITLES[e], True) for e in report.engines] + [("ours / best peer", True)], rows)


def _loads(report, threads):
    rows = []
    for c in report.comparisons:
        if c.threads == threads:
            cells = []
            for engine in report.engines:
                r = c.ran(engine)
                cells.append("%s / %.1f" % (milliseconds(r.load_ms), r.peak_mib) if r else "-")
            rows.append([c.model] + cells)
    return table([("model", False)] + [(TITLES[e], True) for e in report.engines], rows)


def _profile(report, profile):
    machine = report.machines[profile.threads]
    rows = [[short(n.name), n.type, n.output, milliseconds(n.time_ms), percent(n.time_ms / profile.time_ms), optional(n.gigaflops),
             optional(n.gigabytes), percent(n.share(machine))] for n in profile.slowest()[:SLOWEST]]
    types = ", ".join("%s %s" % (t, percent(ms / profile.time_ms)) for t, _, ms in profile.types()[:4])
    share = profile.share(machine)
    return "### %s: %s ms%s\n\nBy type: %s.\n\n%s" % (
        profile.model, milliseconds(profile.time_ms), ", %s of the roof" % percent(share) if share else "", types,
        table([("node", False), ("type", False), ("output", False), ("ms", True), ("of the time", True), ("GFLOP/s", True), ("GB/s", True),
               ("of the roof", True)], rows))


def page(report):
    parts = ["# Benchmark\n", "\n".join("- " + line for line in report.conditions()) + "\n"]
    if report.standings:
        parts += ["## Where we stand\n", "Below 1 we are faster.\n", _standings(report)]
    for threads in report.threads:
        parts += ["## Milliseconds per inference, %s\n" % thread_text(threads), _times(report, threads)]
    parts += ["## Load time in ms / memory in MiB, %s\n" % thread_text(report.threads[0]),
              "From the file to a model that is ready for its input; the growth of the process's largest resident size from before "
              "the load to after the last run, without the interpreter and the engine's code.\n", _loads(report, report.threads[0])]
    refusals = report.refusals()
    if refusals:
        parts += ["## What did not run\n",
                  table([("engine", False), ("says", False), ("models", False)], [[e, why, ", ".join(m)] for e, why, m in refusals])]
    if report.profiles:
        parts += ["## Where our time goes\n",
                  ROOF + "\n",
                  "\n".join("- " + line for line in report.roofs()) + "\n"]
        parts += [_profile(report, p) for p in report.profiles if p.nodes]
    return "\n".join(parts)
