"""report.py DIR: writes report.md and report.html of a run from results.tsv, profile.tsv and run.json in DIR."""
import json
import os
import sys

import report_html
import report_markdown
import results
import roofline
from engines import PEERS, TITLES
from machine import Machine
from wording import thread_text


class Report:
    """All that the pages show, whatever their form."""

    def __init__(self, directory):
        with open(os.path.join(directory, "run.json")) as file:
            self.run = json.load(file)
        self.comparisons = results.compare(results.read(os.path.join(directory, "results.tsv")))
        self.standings = results.standings(self.comparisons)
        self.profiles = roofline.read(os.path.join(directory, "profile.tsv"))
        # By the number of threads.
        self.machines = {int(threads): Machine.of(values) for threads, values in self.run["machines"].items()}
        self.threads = sorted({c.threads for c in self.comparisons})
        versions = self.run["versions"]
        self.engines = [e for e in TITLES if e in versions]
        self.titles = {e: "%s %s" % (TITLES[e], versions[e]) if e != "ours" else versions[e] for e in self.engines}
        self.missing = [TITLES[e] for e in PEERS if e not in versions]

    def conditions(self):
        """Sentences about how it was measured."""
        run = self.run
        lines = ["%s, %d processors, %s." % (run["cpu"], run["processors"], run["date"]),
                 "%d round%s, in each a fresh process per engine, the engines in turn; the median of the rounds' medians."
                 % (run["rounds"], "s" * (run["rounds"] != 1)),
                 "%g s of timed runs per process, after a quarter of that to warm up." % run["seconds"],
                 "The processes measured had %s." % ("priority (nice -20)" if run["preferred"] else "no priority over others"),
                 "Engines: %s." % ", ".join(self.titles.values())]
        if self.missing:
            lines.append("Not installed: %s." % ", ".join(self.missing))
        return lines

    def roofs(self):
        """Per number of threads a sentence with the machine's peaks."""
        lines = []
        for threads, m in sorted(self.machines.items()):
            integer = ", %.0f G int8 operations/s" % (m.int8 / 1e9) if m.int8 else ""
            reads = ", ".join("%s %.0f GB/s" % (name, rate / 1e9) for name, _, rate in m.levels)
            lines.append("%s: %.0f GFLOP/s%s; reading from %s." % (thread_text(threads), m.flops / 1e9, integer, reads))
        return lines

    def standing_name(self, standing):
        return TITLES[standing.engine] if standing.engine else "the best peer"

    def refusals(self):
        """[(engine, reason, [models])]; that an engine reads another format is no news."""
        reasons = {}
        for c in self.comparisons:
            for engine, result in c.results.items():
                if result.error and not result.error.startswith("there is no "):
                    models = reasons.setdefault((TITLES[engine], result.error), [])
                    if c.model not in models:
                        models.append(c.model)
        return [(engine, reason, models) for (engine, reason), models in sorted(reasons.items())]


def write(directory):
    report = Report(directory)
    for name, module in (("report.md", report_markdown), ("report.html", report_html)):
        with open(os.path.join(directory, name), "w") as file:
            file.write(module.page(report))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(sys.argv[1])
