#!/usr/bin/env python3
"""operators.py COVERAGE [--check]: writes docs/operators.md, or with --check says what is wrong with it.

COVERAGE is what the operator tests have recorded (Tests/OperatorTests/OperatorCoverage.swift). The data types of the table are those
that a test has run, so the page cannot promise what is not tested. --check ends with a line "N passed, N failed": one check per
operator (it is described, tested, and tested with every combination of types that it accepts), and one for the page itself.
"""
import os
import re
import sys
from collections import defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMA = os.path.join(HERE, "../Sources/ModelFile/PrimitiveSchemaTable.swift")
PAGE = os.path.join(HERE, "operators.md")
GROUPS = ["convolution", "matrix", "recurrent", "elementwise", "comparison", "normalisation", "pooling", "reduction", "layout", "index",
          "search", "shape", "type", "fill", "quantisation", "control", "detection", "audio", "random", "text", "sparse", "training", "other"]
TYPE_ORDER = ["float32", "float16", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool", "string",
              "tensor_list"]

def schema():
    """Attribute names and types of each primitive, in the order of the format's numbers."""
    with open(SCHEMA, encoding="utf-8") as f:
        text = f.read()
    text = text[text.index("= [", text.index("static let table")) + 3:]
    entries = re.findall(r'"""\n(.*?)\n\s*"""|"([^"\n]*)"', text, re.S)
    table = {}
    for block, line in entries:
        words = re.sub(r"\\\n\s*", "", block or line).split()
        table[words[0]] = [w.split(":") for w in words[1:]]
    return table


def descriptions():
    rows = {}
    with open(os.path.join(HERE, "operators.tsv"), encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#"):
                fields = line.rstrip("\n").split("\t")
                rows[fields[0]] = fields[1:]
    return rows


def coverage(path):
    found = {"ran": defaultdict(set), "accepts": defaultdict(set), "registered": defaultdict(set)}
    with open(path, encoding="utf-8") as f:
        for line in f:
            what, kind, *types = line.split()
            found[what][kind].add(tuple(types[0].split(",")) if types else ())
    return found


def types(combinations):
    """Types of each input, as text; equal sets of neighbouring inputs are given once."""
    columns = []
    for position in range(max(map(len, combinations), default=0)):
        names = {c[position] for c in combinations if position < len(c)}
        columns.append(", ".join(sorted(names, key=TYPE_ORDER.index)).replace("_", " "))
    out = []
    for text in columns:
        if not out or out[-1] != text:
            out.append(text)
    return "; ".join(out)


def page(table, rows, found):
    lines = ["# Operators", "",
             "What the CPU runs, made by `docs/operators.py` from `docs/operators.tsv` and from what the tests of the operators have run:",
             "a data type is listed when a test has run the operator with it. Types are given input by input, separated by semicolons,",
             "where they differ. Attributes are the format's, in its order. int8 and uint8 stand for quantised values wherever the",
             "operator computes, and for plain bytes where it only moves them. A question mark marks what may be missing.", ""]
    customs = sorted(k for k in found["ran"] if k.startswith("Custom:"))
    for group in GROUPS:
        members = sorted(k for k, r in rows.items() if r[0] == group and k in found["registered"])
        if not members:
            continue
        lines += [f"## {group.capitalize()}", "", "| operator | inputs | result | attributes | data types |", "|---|---|---|---|---|"]
        for kind in members:
            _, inputs, formula, remark = (rows[kind] + [""] * 4)[:4]
            text = formula.replace("|", "\\|") + (f" ({remark})" if remark else "")
            attributes = ", ".join(name for name, _ in table[kind]) or "–"
            combinations = set().union(*[found["ran"][k] for k in customs]) if kind == "Custom" else found["ran"][kind]
            lines.append(f"| {kind} | {inputs.replace('|', chr(92) + '|')} | {text} | {attributes} | {types(combinations)} |")
        lines.append("")
    if customs:
        lines += ["Built-in types of Custom nodes: " + ", ".join(k[len("Custom:"):] or '(none)' for k in customs) + ".", ""]
    refused = [k for k in table if k not in found["registered"]]
    lines += ["## Refused", "", "These primitives of the format have no operator here; building a model that holds one fails and names the nodes.",
              "", ", ".join(sorted(refused)) + ".", ""]
    with open(os.path.join(HERE, "operators-notes.md"), encoding="utf-8") as f:
        lines.append(f.read().rstrip("\n"))
    return "\n".join(lines) + "\n"


# What Tensor.knownIntegers reads. One function reads the shapes, axes and the like of all operators, and its own test covers its types;
# of an input that goes through it, int32 is enough.
PARAMETER = {"bool", "int8", "uint8", "int32", "uint32", "int64", "float32"}


def untested(ran, accepted):
    """The types of each input that are accepted but have not run, as text."""
    out = []
    for position in range(max(map(len, ran | accepted))):
        have = {c[position] for c in ran if position < len(c)}
        wanted = have | {c[position] for c in accepted if position < len(c)}
        if wanted == PARAMETER and "int32" in have and position > 0:
            continue
        if wanted - have:
            out.append(f"input {position} of {', '.join(sorted(wanted - have))}")
    return "; ".join(out)


def check(table, rows, found, text):
    failures, count = [], 0
    for kind in sorted(set(found["registered"]) | set(rows)):
        count += 1
        if kind not in table:
            failures.append(f"{kind}: is in operators.tsv but not in the format")
        elif kind not in found["registered"]:
            failures.append(f"{kind}: is in operators.tsv, but the library does not have it")
        elif kind not in rows:
            failures.append(f"{kind}: is not described in operators.tsv")
        elif kind == "Custom":
            pass
        elif not found["ran"][kind]:
            failures.append(f"{kind}: no test runs it")
        else:
            missing = untested(found["ran"][kind], found["accepts"][kind])
            if missing:
                failures.append(f"{kind}: accepts {missing}, which no test runs")
    count += 1
    with open(PAGE, encoding="utf-8") as f:
        if f.read() != text:
            failures.append("docs/operators.md is not what docs/operators.py makes of the tests; run it without --check")
    for failure in failures:
        print("FAIL", failure)
    print(f"{count - len(failures)} passed, {len(failures)} failed")
    return not failures


def main():
    table, rows, found = schema(), descriptions(), coverage(sys.argv[1])
    text = page(table, rows, found)
    if "--check" in sys.argv[2:]:
        sys.exit(0 if check(table, rows, found, text) else 1)
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
