"""bench.py: our engine and the installed peers on a folder of models; see docs/performance.md. Writes results.tsv, profile.tsv,
run.json, report.md and report.html."""
import argparse
import datetime
import json
import os
import sys

import machine
import models
import report
import results
import roofline
from engines import TITLES
from measure import prefer
from runner import Runner
from wording import milliseconds, thread_text

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments():
    parser = argparse.ArgumentParser(description="Compares engines on models.")
    parser.add_argument("--models", default=os.path.join(ROOT, "Tests/Models"), help="NAME/model.{ms,tflite,onnx}, NAME.{ms,tflite,onnx}")
    parser.add_argument("--peers", default="", help="where install_peers.sh has put them; without it, ours runs alone")
    parser.add_argument("--output", default=os.path.join(ROOT, "build/bench"))
    parser.add_argument("--library", default=os.path.join(ROOT, "build/lib/libmslite.so"))
    parser.add_argument("--tools", default=os.path.join(ROOT, "build/bin"), help="folder of converter_lite and mslite")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, separated by commas or blanks")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="of timed runs per process")
    parser.add_argument("--only", default="", help="models whose name contains this")
    options = parser.parse_args()
    try:
        options.threads = sorted({int(t) for t in options.threads.replace(",", " ").split()})
    except ValueError:
        parser.error("--threads=%s: numbers are expected" % options.threads)
    if not options.threads or options.threads[0] < 1 or options.rounds < 1 or options.seconds <= 0:
        parser.error("--threads, --rounds and --seconds must be positive")
    for path, what in ((options.models, "--models"), (options.library, "--library"), (options.peers or ROOT, "--peers"),
                       (os.path.join(options.tools, "mslite"), "--tools")):
        if not os.path.exists(path):
            parser.error("%s: there is no %s" % (what, path))
    return options


def progress(comparison):
    times = ["%s %s" % (TITLES[e], milliseconds(r.median_ms)) for e, r in comparison.results.items() if not r.error]
    ratio = comparison.ratio()
    print("%-34s %-9s  %s%s" % (comparison.model, thread_text(comparison.threads), ", ".join(times) or "no engine runs it",
                                "; ours / best peer %.2f" % ratio if ratio else ""), flush=True)


def main():
    options = arguments()
    chosen = [m for m in models.find(options.models) if options.only in m.name]
    if not chosen:
        sys.exit("bench: no model of %s has a name with \"%s\"" % (options.models, options.only))
    os.makedirs(options.output, exist_ok=True)
    tool, library = os.path.join(options.tools, "mslite"), os.path.abspath(options.library)
    machines = {threads: machine.measure(options.output, threads) for threads in options.threads}
    runner = Runner(library, options.peers, options.seconds)
    name, processors = machine.cpu()
    run = {"date": datetime.date.today().isoformat(), "cpu": name, "processors": processors, "rounds": options.rounds,
           "seconds": options.seconds, "preferred": runner.preferred, "versions": runner.versions,
           "machines": {str(threads): m.values() for threads, m in machines.items()}}
    with open(os.path.join(options.output, "run.json"), "w") as file:
        json.dump(run, file, indent=1)

    converters = models.converters(os.path.join(options.tools, "converter_lite"), options.peers, os.path.join(options.output, "converted"))
    profiles = []
    with open(os.path.join(options.output, "results.tsv"), "w") as table:
        table.write("\t".join(results.FIELDS) + "\n")
        for model in chosen:
            for threads in options.threads:
                rows, shapes, file = runner.rounds(model, threads, options.rounds, converters)
                for row in rows:
                    results.write_row(table, row)
                table.flush()
                comparison = results.compare(rows)[0]
                progress(comparison)
                ours = comparison.ran("ours")
                if ours and threads == options.threads[0]:
                    loops = max(5, min(1000, int(1e3 * options.seconds / ours.median_ms)))
                    try:
                        profiles.append(roofline.profile(tool, library, model.name, file, shapes, threads, loops, prefer))
                    except roofline.Refused as reason:
                        print("%s has no profile: %s" % (model.name, reason), file=sys.stderr)
    roofline.write(os.path.join(options.output, "profile.tsv"), profiles)
    report.write(options.output)
    print("%s/report.md, report.html, results.tsv, profile.tsv" % os.path.relpath(options.output))


if __name__ == "__main__":
    main()
