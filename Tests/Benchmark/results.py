"""What was measured, one line per run of an engine, and the numbers that the reports show of it."""
import collections
import math
import statistics

from engines import PEERS

FIELDS = ["model", "threads", "engine", "round", "median_ms", "min_ms", "runs", "load_ms", "first_ms", "peak_kib", "error"]
_NUMBERS = {"threads": int, "round": int, "median_ms": float, "min_ms": float, "runs": int, "load_ms": float, "first_ms": float,
            "peak_kib": int}


def write_row(file, row):
    values = [row.get(field, "") for field in FIELDS]
    file.write("\t".join(("%.6g" % v if isinstance(v, float) else str(v)).replace("\t", " ") for v in values) + "\n")


def read(path):
    with open(path) as file:
        fields = file.readline().rstrip("\n").split("\t")
        if fields != FIELDS:
            raise ValueError("%s has the columns %s; %s are expected" % (path, fields, FIELDS))
        rows = []
        for line in file:
            row = dict(zip(fields, line.rstrip("\n").split("\t")))
            rows.append({key: _NUMBERS.get(key, str)(value) for key, value in row.items() if value})
        return rows


class Result:
    """One engine on one model: medians over the rounds."""

    def __init__(self, rows):
        failed = [r["error"] for r in rows if "error" in r]
        self.error = failed[0] if failed else None
        if not failed:
            middle = lambda field: statistics.median(r[field] for r in rows)  # noqa: E731
            self.median_ms, self.load_ms, self.first_ms = middle("median_ms"), middle("load_ms"), middle("first_ms")
            self.peak_mib = middle("peak_kib") / 1024


class Comparison:
    """All engines on one model with one number of threads."""

    def __init__(self, model, threads, results):
        self.model = model
        self.threads = threads
        # By engine, in the order of the file.
        self.results = results

    def ran(self, engine):
        """The result of an engine that has one."""
        result = self.results.get(engine)
        return result if result and not result.error else None

    @property
    def peers(self):
        return {e: r for e, r in self.results.items() if e != "ours" and not r.error}

    @property
    def best_peer(self):
        return min(self.peers, key=lambda e: self.peers[e].median_ms, default=None)

    def ratio(self, engine=None):
        """Our time by that of an engine, or of the best peer; None when one of them has none."""
        ours, other = self.ran("ours"), self.ran(engine or self.best_peer)
        return ours.median_ms / other.median_ms if ours and other else None


def compare(rows):
    """A Comparison for each model and number of threads, in the order of the rows."""
    groups = collections.OrderedDict()
    for row in rows:
        groups.setdefault((row["model"], row["threads"]), collections.OrderedDict()).setdefault(row["engine"], []).append(row)
    return [Comparison(model, threads, collections.OrderedDict((e, Result(r)) for e, r in engines.items()))
            for (model, threads), engines in groups.items()]


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


Standing = collections.namedtuple("Standing", "threads engine count mean ahead worst worst_model")


def standings(comparisons):
    """Per number of threads: against the best peer (engine None), then against each peer, on the models that both have run."""
    lines = []
    for threads in sorted({c.threads for c in comparisons}):
        group = [c for c in comparisons if c.threads == threads]
        for engine in [None] + PEERS:
            pairs = [(c.ratio(engine), c.model) for c in group if c.ratio(engine)]
            if pairs:
                ratios = [ratio for ratio, _ in pairs]
                lines.append(Standing(threads, engine, len(pairs), geometric_mean(ratios), sum(r <= 1 for r in ratios), *max(pairs)))
    return lines
