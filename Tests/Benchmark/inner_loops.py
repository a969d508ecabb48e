#!/usr/bin/env python3
"""What bounds the innermost loops of the kernels: llvm-mca's throughput of each, beside the core's arithmetic peak.

    inner_loops.py [--objects build/obj/aarch64] [--cores cortex-a55,neoverse-n1,neoverse-n2] [--markdown] [--show KERNEL]

The objects are those of `make aarch64`, or of `make` (--objects build/obj/x86_64). Fails when a kernel is not found or its loop has
less arithmetic than it should have, which is what a loop that the compiler does not unroll any more looks like. Of a loop with
branches inside all instructions are counted. Arithmetic is multiply-adds, dot products, and additions and multiplications of floats.

llvm-mca takes every load from the first-level cache and every loop for endless: a loop of few rounds, whose chains of multiply-adds
overlap with those of the next tile, is faster than "latency" says.
"""
import argparse
import collections
import os
import re
import shutil
import subprocess
import sys

ROUNDS = 200

# (title, module, function, arithmetic instructions that a round has at least). Swift writes the generic parameter N as "$N-1_".
# Functions whose title ends in STRAIGHT are judged by their longest run of instructions without branches.
STRAIGHT = ", a tile"
AARCH64 = [
    ("float tile 8 x 2 vectors", "Kernels", r"4TileO3run.*FZ\$7_", 64),
    ("float tile 4 x 2 vectors", "Kernels", r"4TileO3run.*FZ\$3_", 32),
    ("float tile 8 x 1 vector", "Kernels", r"NarrowTile.*FZ\$7_", 32),
    ("float row x 8 vectors", "Kernels", r"RowTile33.*Tf4", 8),
    ("float dot products", "Kernels", r"4Dots33.*FZ\$[37]_", 4),
    ("Winograd input" + STRAIGHT, "Kernels", r"14transformInput", 78),
    ("Winograd output" + STRAIGHT, "Kernels", r"15transformOutput", 30),
    ("depthwise 3 x 3", "Kernels", r"DepthwiseTileO5cover.*FZ\$[37]__\$2_\$0_", 24),
    ("depthwise 3 x 3, stride 2", "Kernels", r"DepthwiseTileO5cover.*FZ\$[37]__\$2_\$1_", 24),
    ("depthwise 5 x 5", "Kernels", r"DepthwiseTileO5cover.*FZ\$[37]__\$4_\$0_", 40),
    ("depthwise 5 x 5, stride 2", "Kernels", r"DepthwiseTileO5cover.*FZ\$[37]__\$4_\$1_", 40),
    ("depthwise, any kernel", "Kernels", r"DepthwiseLayerV5pixel", 4),
    ("LSTM step", "Kernels", r"8lstmStep", 80),
    ("softmax, exp", "Kernels", r"7softmaxyy", 28),
    ("bytes, sdot", "Int8KernelsDot", r"4TileO3run.*FZ\$7_", 64),
    ("bytes, smlal", "Int8Kernels", r"4TileO3run.*FZ\$7_", 128),
    ("bytes, depthwise, sdot", "Int8KernelsDot", r"9depthwiseyy.*tF$", 2),
    ("bytes, depthwise, smlal", "Int8Kernels", r"9depthwiseyy.*tF$", 2),
    ("float16 tile 8 x 2 vectors", "KernelsHalf", r"4Tile33.*FZ\$7_", 128),
    ("float16 row x 8 vectors", "KernelsHalf", r"0B3Row33.*FZ$", 64),
]
X86_64 = [
    ("float tile, AVX-512, 12 x 2 vectors", "KernelsAVX512", r"4TileO3run.*FZ\$11_", 24),
    ("float tile, AVX2, 6 x 2 vectors", "KernelsAVX2", r"4TileO3run.*FZ\$5_", 12),
    ("depthwise 3 x 3, AVX-512", "KernelsAVX512", r"DepthwiseTileO5cover.*FZ\$3__\$2_\$0_", 12),
    ("depthwise 3 x 3, AVX2", "KernelsAVX2", r"DepthwiseTileO5cover.*FZ\$3__\$2_\$0_", 12),
    ("depthwise 5 x 5, stride 2, AVX-512", "KernelsAVX512", r"DepthwiseTileO5cover.*FZ\$3__\$4_\$1_", 20),
    ("depthwise 5 x 5, stride 2, AVX2", "KernelsAVX2", r"DepthwiseTileO5cover.*FZ\$3__\$4_\$1_", 20),
    ("bytes, VNNI", "Int8KernelsVNNI", r"4TileO3run.*FZ\$11_", 24),
    ("bytes, AVX2", "Int8KernelsAVX2", r"4TileO3run.*FZ\$5_", 12),
]


class Machine:
    """An instruction set: its kernels, and how its instructions read."""

    def __init__(self, kernels, triple, features, cores, arithmetic, load, vector_move):
        self.kernels, self.triple, self.features, self.cores = kernels, triple, features, cores
        self.arithmetic, self.load, self.vector_move = [re.compile(r) for r in (arithmetic, load, vector_move)]


MACHINES = {
    "aarch64": Machine(
        AARCH64, "aarch64", "+dotprod,+fullfp16", "cortex-a55,neoverse-n1,neoverse-n2", r"f(ml[as]|add|sub|mul)\s+v|sdot\b|[su]mlal2?\b", r"ldu?r\b|ldp\b|ld1",
        r"dup\b|ext\b|mov\s+v|fmov\s+v"),
    "x86_64": Machine(
        X86_64, "x86_64", "", "icelake-server", r"vfn?madd\w*p[sh]|v(add|sub|mul)ps|vpdpbusd|vpmaddwd", r"v?mov\w*\s+[^%]*\(|vbroadcast\w*\s+[^%]*\(",
        r"vperm|vpshuf|vunpck|vpunpck|vmovap[sd]\s+%"),
}

# What the models leave out. Software optimization guides of the Cortex-A55 (an operation on 128 bits takes both of the 64-bit
# units, so one starts per cycle; the model starts two of floats) and of the Neoverse N1 and N2 (instructions decoded per cycle, which the
# models take for the micro-operations dispatched).
MOST_PER_CYCLE = {"CortexA55": 1.0}
DECODED = {"N1": 4, "N2": 5}


class Instruction:
    def __init__(self, address, text):
        self.address, self.text, self.relocated = address, text, False

    @property
    def name(self):
        return self.text.split()[0]

    @property
    def target(self):
        """Where it branches to within its function."""
        if self.relocated or not re.match(r"(b|b\.\w+|cbn?z|tbn?z|j\w+)\s", self.text):
            return None
        found = re.search(r"0x([0-9a-f]+)(\s+<|$)", self.text)
        return int(found[1], 16) if found else None

    @property
    def falls_through(self):
        return not re.match(r"(b|br|ret|brk|jmpq?|retq?|ud2)\b(?!\.)", self.text)


def functions(objdump, machine, file):
    """{name: [Instruction]}. Every function has a section of its own."""
    text = subprocess.run(
        [objdump, "-d", "-r", "--no-show-raw-insn", "--mattr=" + machine.features, file], check=True, capture_output=True, text=True).stdout
    result, body = {}, []
    for line in text.splitlines():
        section = re.match(r"Disassembly of section \.text\.?(.*):$", line)
        found = re.match(r"\s*([0-9a-f]+):\s+(\S.*)", line)
        if section:
            body = result.setdefault(section[1], [])
        elif found and found[2].startswith("R_"):
            body[-1].relocated = True
        elif found:
            # llvm-mca reads assembly text: without the symbols in angle brackets and comments.
            body.append(Instruction(int(found[1], 16), re.sub(r"\s*(<.*|//.*|# .*)$", "", found[2].replace("\t", " ")).strip()))
    return result


def inner_loops(body):
    """The natural loops that contain no other: lists of instructions."""
    place = {x.address: i for i, x in enumerate(body)}
    starts = {0} | {place[x.target] for x in body if x.target in place}
    starts |= {i + 1 for i, x in enumerate(body) if (x.target is not None or not x.falls_through) and i + 1 < len(body)}
    starts = sorted(starts)
    ends = dict(zip(starts, starts[1:] + [len(body)]))
    after = {}
    for s in starts:
        last = body[ends[s] - 1]
        after[s] = [place[last.target]] if last.target in place else []
        if last.falls_through and ends[s] in ends:
            after[s].append(ends[s])
    before = collections.defaultdict(list)
    for s in starts:
        for t in after[s]:
            before[t].append(s)

    # Depth first; an edge back to a block on the path closes a loop. Cases of jump tables are reached from nowhere: roots, too.
    loops, state = {}, {}
    for root in starts:
        if root in state:
            continue
        state[root], path = "open", [(root, iter(after[root]))]
        while path:
            block, rest = path[-1]
            following = next(rest, None)
            if following is None:
                state[block] = "done"
                path.pop()
            elif state.get(following) == "open":
                members, todo = loops.setdefault(following, {following}), [block]
                while todo:
                    b = todo.pop()
                    if b not in members:
                        members.add(b)
                        todo += before[b]
            elif following not in state:
                state[following] = "open"
                path.append((following, iter(after[following])))
    return [[x for b in sorted(members) for x in body[b:ends[b]]]
            for header, members in loops.items() if not any(h in members for h in loops if h != header)]


def straight_runs(body):
    """The runs of instructions between branches and places that are branched to."""
    targets, run, runs = {x.target for x in body}, [], []
    for x in body:
        if x.address in targets:
            runs.append(run)
            run = []
        if x.target is None and x.falls_through:
            run.append(x)
        else:
            runs.append(run)
            run = []
    return runs + [run]


class Loop:
    """A kernel's innermost loop."""

    def __init__(self, title, instructions, machine):
        self.title, self.instructions = title, instructions
        self.arithmetic = [x for x in instructions if machine.arithmetic.match(x.text)]
        self.loads = sum(bool(machine.load.match(x.text)) for x in instructions)
        self.moves = sum(bool(machine.vector_move.match(x.text)) for x in instructions)


def find(objdump, machine, objects):
    loops, missing, files = [], [], {}
    for title, module, pattern, least in machine.kernels:
        file = os.path.join(objects, module + ".o")
        if file not in files:
            files[file] = functions(objdump, machine, file) if os.path.exists(file) else {}
        found = [Loop(title, x, machine) for name, body in files[file].items() if re.search(pattern, name)
                 for x in (straight_runs if title.endswith(STRAIGHT) else inner_loops)(body)]
        # The whole vectors' loop, not the remainder's, which calls for its loads.
        found = [x for x in found if not any(re.match(r"bl|call", i.text) for i in x.instructions)]
        best = max(found, key=lambda x: (len(x.arithmetic), -len(x.instructions)), default=None)
        if best is None or len(best.arithmetic) < least:
            missing.append("%s: %s in %s.o" % (
                title, "no loop" if best is None else "%d arithmetic instructions, not %d," % (len(best.arithmetic), least), module))
        if best is not None:
            loops.append(best)
    return loops, missing


class Prediction:
    def __init__(self, cycles, micro_operations, width, pressures):
        self.cycles, self.micro_operations, self.width, self.pressures = cycles, micro_operations, width, pressures


def mca(program, machine, core, lines):
    done = subprocess.run(
        [program, "-mtriple=" + machine.triple, "-mcpu=" + core, "-mattr=" + machine.features, "-iterations=%d" % ROUNDS,
         "-instruction-info=0"], input="\n".join(lines) + "\n", capture_output=True, text=True)
    if done.returncode:
        sys.exit("%s -mcpu=%s: %s" % (program, core, done.stderr.strip()))
    number = lambda name: float(re.search(name + r":\s+([\d.]+)", done.stdout)[1])
    names = dict(re.findall(r"^\[([\d.]+)\]\s+- (\w+)", done.stdout, re.M))
    head, values = re.search(r"pressure per iteration:\n(.*)\n(.*)", done.stdout).groups()
    pressures = dict(zip(re.findall(r"[\d.]+", head), (0.0 if v == "-" else float(v) for v in values.split())))
    return Prediction(number("Total Cycles") / ROUNDS, number("Total uOps") / ROUNDS, number("Dispatch Width"), {
        "%s%s" % (names[k], k[k.index("."):] if "." in k else ""): v for k, v in pressures.items()})


class Core:
    def __init__(self, program, machine, name):
        self.program, self.machine, self.name, self.rates = program, machine, name, {}
        probe = mca(program, machine, name, ["nop"])
        prefix = os.path.commonprefix(list(probe.pressures))
        # "CortexA55Unit", "N1Unit".
        self.model = re.sub(r"(Unit|Port|UnitV?)?$", "", prefix) or name

    def rate(self, x):
        """How many of an arithmetic instruction the core starts per cycle, by independent ones."""
        shape = re.search(r"v\d+(\.\d+\w)|([xyz]mm)\d+$", x.text)
        kind = x.name + (shape[1] or " " + shape[2])
        if kind not in self.rates:
            if self.machine.triple == "aarch64":
                lines = [re.sub(r"v\d+", "v%d" % i, re.sub(r"v\d+", "v15", x.text), count=1) for i in list(range(15)) + [16]]
            else:
                text = re.sub(r"[-\w]*\([^)]*\)(\{\w+\})?", "%" + shape[2] + "15", x.text)
                lines = [re.sub(r"mm\d+$", "mm%d" % i, re.sub(r"mm\d+", "mm15", text)) for i in range(14)]
            rate = round(len(lines) / mca(self.program, self.machine, self.name, lines).cycles, 1)
            self.rates[kind] = min(rate, MOST_PER_CYCLE.get(self.model, rate))
        return self.rates[kind]

    def judge(self, loop):
        """(cycles per round, share of the arithmetic peak, what limits)"""
        p = mca(self.program, self.machine, self.name, [re.sub(r"0x[0-9a-f]+$", "0", x.text) if x.target is not None else x.text
                                                        for x in loop.instructions])
        peak = sum(1 / self.rate(x) for x in loop.arithmetic)
        decoded = len(loop.instructions) / DECODED.get(self.model, p.width)
        unit, pressure = max(p.pressures.items(), key=lambda x: x[1])
        bounds = [(peak, "arithmetic"), (pressure, unit.replace(self.model, "").replace("Unit", "")), (decoded, "decoding"),
                  (p.micro_operations / p.width, "issue")]
        cycles = max([p.cycles] + [b for b, _ in bounds])
        # The first that is within a twentieth, else the chains between instructions.
        limit = next((name for b, name in bounds if b >= cycles / 1.05), "latency")
        return cycles, peak / cycles, limit


def table(loops, cores, markdown):
    heads = ["kernel", "instr.", "arith.", "loads", "moves"]
    for c in cores:
        heads += [c.name + " cycles", "of peak", "limit"]
    rows = []
    for x in loops:
        row = [x.title] + [str(v) for v in (len(x.instructions), len(x.arithmetic), x.loads, x.moves)]
        for c in cores:
            cycles, share, limit = c.judge(x)
            row += ["%.1f" % cycles, "%.0f %%" % (100 * share), limit]
        rows.append(row)
    if markdown:
        return "\n".join(["| " + " | ".join(r) + " |" for r in [heads, ["---"] + ["--:" if h != "limit" else "---" for h in heads[1:]]] + rows])
    widths = [max(len(r[i]) for r in [heads] + rows) for i in range(len(heads))]
    return "\n".join("  ".join(v.ljust(w) if i == 0 or heads[i] == "limit" else v.rjust(w) for i, (v, w) in enumerate(zip(r, widths)))
                     for r in [heads] + rows)


def tool(name):
    """The newest version of an LLVM program: LLVM 14 has no models of its own for the Neoverse cores."""
    versions = [name + "-%d" % v for v in range(30, 13, -1)]
    return os.environ.get(name.upper().replace("-", "_")) or next((p for p in map(shutil.which, versions + [name]) if p), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--objects", default="build/obj/aarch64", help="the folder of the modules' objects")
    parser.add_argument("--cores", help="llvm-mca's names, separated by commas")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--show", metavar="KERNEL", help="print the loops whose titles contain this")
    arguments = parser.parse_args()
    objdump, program = tool("llvm-objdump"), tool("llvm-mca")
    if not objdump or not program:
        sys.exit("llvm-objdump and llvm-mca are needed: apt-get install llvm; LLVM_OBJDUMP and LLVM_MCA may name them")
    machine = MACHINES[os.path.basename(os.path.normpath(arguments.objects))]
    loops, missing = find(objdump, machine, arguments.objects)
    if arguments.show:
        for x in loops:
            if arguments.show in x.title:
                print("# " + x.title, *(i.text for i in x.instructions), sep="\n")
    else:
        cores = [Core(program, machine, c) for c in (arguments.cores or machine.cores).split(",")]
        print(table(loops, cores, arguments.markdown))
        for c in cores:
            print("%s: model %s, per cycle %s" % (c.name, c.model, ", ".join("%g %s" % (v, k) for k, v in sorted(c.rates.items()))))
    for x in missing:
        print("FAIL " + x)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
