"""Where a model's time goes: the profile of our engine, operator by operator, and how close each is to what the machine can do.

The time and the number of operations and bytes are the `benchmark` tool's; bytes are those of inputs, weights and outputs, each
touched once. The roof is the larger of the time to compute and the time to read the bytes from the nearest cache that holds them.
Winograd's algorithm does with fewer operations than are counted, so a convolution may go through the roof.
"""
import json
import subprocess

FIELDS = ["model", "threads", "node", "type", "arithmetic", "algorithm", "chain", "output", "time_ms", "flops", "bytes"]


class Refused(Exception):
    """The tool has no profile for a model; the text says why."""


class Node:
    def __init__(self, name, type, arithmetic, algorithm, chain, output, time_ms, flops, bytes):
        self.name, self.type, self.arithmetic, self.output = name, type, arithmetic, output
        # How it computes; the number of the chain of layers that it runs in band by band, 0 for none.
        self.algorithm, self.chain = algorithm, chain
        # Per run of the model. None where shapes depend on the data.
        self.time_ms, self.flops, self.bytes = time_ms, flops, bytes

    @property
    def method(self):
        return ", ".join(([self.algorithm] if self.algorithm else []) + (["bands %d" % self.chain] if self.chain else []))

    @property
    def gigaflops(self):
        return self.flops / self.time_ms / 1e6 if self.flops and self.time_ms else None

    @property
    def gigabytes(self):
        return self.bytes / self.time_ms / 1e6 if self.bytes and self.time_ms else None

    def roof_ms(self, machine):
        if self.bytes is None:
            return None
        # The profile names the arithmetic of operators that have floats.
        return 1e3 * machine.shortest(self.flops, self.bytes, integer=not self.arithmetic)

    def share(self, machine):
        """Of the roof: 1 is as fast as the machine can be."""
        roof = self.roof_ms(machine)
        return roof / self.time_ms if roof is not None and self.time_ms else None


class Profile:
    def __init__(self, model, threads, nodes):
        self.model, self.threads, self.nodes = model, threads, nodes

    @property
    def time_ms(self):
        return sum(n.time_ms for n in self.nodes)

    def slowest(self):
        return sorted(self.nodes, key=lambda n: -n.time_ms)

    def share(self, machine):
        """Of all nodes with a roof together."""
        roofed = [n for n in self.nodes if n.bytes is not None]
        time = sum(n.time_ms for n in roofed)
        return sum(n.roof_ms(machine) for n in roofed) / time if time else None

    def types(self):
        """[(type, nodes, milliseconds)], the slowest first."""
        sums = {}
        for n in self.nodes:
            count, time = sums.get(n.type, (0, 0.0))
            sums[n.type] = (count + 1, time + n.time_ms)
        return sorted(((t, c, ms) for t, (c, ms) in sums.items()), key=lambda x: -x[2])


def profile(tool, library, model, file, shapes, threads, loops, prepare=None):
    """Runs `mslite benchmark`. `shapes` by the inputs' names, in their order; `prepare` is called in the child."""
    command = [tool, "benchmark", "--modelFile=" + file, "--library=" + library, "--numThreads=%d" % threads, "--loopCount=%d" % loops,
               "--timeProfiling", "--format=json"]
    # By position, since names may have colons. A scalar has no text.
    if shapes and all(shapes.values()):
        command.append("--inputShapes=" + ":".join(",".join(map(str, s)) for s in shapes.values()))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, errors="replace",
                          timeout=600, preexec_fn=prepare)
    if done.returncode:
        raise Refused((done.stderr.strip() or "mslite benchmark ended with %d" % done.returncode).splitlines()[-1])
    return parse(model, threads, json.loads(done.stdout), loops)


def parse(model, threads, report, loops):
    nodes = []
    for o in report.get("operators", []):
        # A node in a loop runs more than once; its counts are of one call.
        calls = o["calls"] / loops
        flops, size = (None if o[k] is None else round(o[k] * calls) for k in ("flops", "bytes"))
        nodes.append(Node(o["name"], o["type"], o["arithmetic"], o["algorithm"], o["chain"], "x".join(map(str, o["output"])),
                          o["time"] * calls, flops, size))
    return Profile(model, threads, nodes)


def write(path, profiles):
    with open(path, "w") as file:
        file.write("\t".join(FIELDS) + "\n")
        for p in profiles:
            for n in p.nodes:
                counts = ["" if v is None else str(v) for v in (n.flops, n.bytes)]
                row = [p.model, str(p.threads), n.name, n.type, n.arithmetic, n.algorithm, str(n.chain), n.output, "%.6g" % n.time_ms] + counts
                file.write("\t".join(v.replace("\t", " ").replace("\n", " ") for v in row) + "\n")


def read(path):
    profiles = {}
    with open(path) as file:
        fields = file.readline().rstrip("\n").split("\t")
        if fields != FIELDS:
            raise ValueError("%s has the columns %s; %s are expected" % (path, fields, FIELDS))
        for line in file:
            model, threads, name, kind, arithmetic, algorithm, chain, output, time, flops, size = line.rstrip("\n").split("\t")
            nodes = profiles.setdefault((model, int(threads)), Profile(model, int(threads), [])).nodes
            nodes.append(Node(name, kind, arithmetic, algorithm, int(chain), output, float(time), int(flops) if flops else None,
                              int(size) if size else None))
    return list(profiles.values())
