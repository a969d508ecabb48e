"""Branches and loops of ONNX models: at the end of a graph, in the middle, nested, in a row, in each other, and with outputs from before
and behind. Every model is run on both sides of its branches, against the reference evaluator of the `onnx` package; its file must have the
form that the original runtime takes: a branch's Call is the last node of its graph, gives the graph's outputs, and is marked as tail call;
behind a loop's Call there are nodes that make the outputs.
Ends with "N passed, N failed".

    control_flow.py [PART OF A NAME] [--keep DIR]

--keep: leaves the models and the converted files in DIR, and each model's inputs and outputs as NAME.npz: to try another runtime.
Needs numpy and onnx. Environment: see mslite.py; MSLITE_TOOL: path of mslite (default: build/bin/mslite).
"""
import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import mslite

TOOL = os.environ.get("MSLITE_TOOL", os.path.join(mslite.ROOT, "build/bin/mslite"))
INPUTS = [np.array(x, np.float32) for x in ([[1, 2, 3], [4, .5, .25]], [[.1, .2, .3], [.4, .5, .25]], [[-1, -2, -3], [-4, -5, -.25]], [[9, 9, 9], [9, 8, 7]])]
CONSTANTS = {"zero": np.float32(0), "one": np.float32(1), "two": np.float32(2), "ten": np.float32(10), "limit": np.float32(30),
             "trips": np.int64(20), "true": np.bool_(True), "matrix": (np.arange(9).reshape(3, 3) % 5 - 2).astype(np.float32) / 3}
MODELS = {}
numbers = itertools.count()


def value(name, kind=TensorProto.FLOAT, shape=(2, 3)):
    return helper.make_tensor_value_info(name, kind, shape)


def node(operator, *inputs, outputs=1, **attributes):
    """A node with new output names."""
    return helper.make_node(operator, inputs, ["t%d" % next(numbers) for _ in range(outputs)], **attributes)


class Body:
    """Nodes that are added one after another."""

    def __init__(self):
        self.nodes = []

    def add(self, operator, *inputs, **attributes):
        self.nodes.append(node(operator, *inputs, **attributes))
        names = list(self.nodes[-1].output)
        return names[0] if len(names) == 1 else names

    def above(self, x, limit):
        """Whether the sum of x is greater than `limit`."""
        return self.add("Greater", self.add("ReduceSum", x, keepdims=0), limit)

    def branch(self, condition, then, otherwise, outputs=1):
        """`then` and `otherwise` make the results from a body of their own."""
        return self.add("If", condition, then_branch=side(then), else_branch=side(otherwise), outputs=outputs)

    def either(self, x, limit="zero"):
        """x + 1 where its sum is greater than `limit`, otherwise 2 x."""
        return self.branch(self.above(x, limit), lambda b: b.add("Add", x, "one"), lambda b: b.add("Mul", x, "two"))

    def loop(self, x, step):
        """Repeats `step` until the sum is not less than `limit`."""
        body, names = Body(), ["t%d" % next(numbers) for _ in range(3)]
        result = step(body, names[2])
        go = body.add("Less", body.add("ReduceSum", result, keepdims=0), "limit")
        graph = helper.make_graph(
            body.nodes, "body", [value(names[0], TensorProto.INT64, []), value(names[1], TensorProto.BOOL, []), value(names[2])],
            [value(go, TensorProto.BOOL, []), value(result)])
        return self.add("Loop", "trips", "true", x, body=graph)


def side(make):
    body = Body()
    outputs = make(body)
    outputs = [outputs] if isinstance(outputs, str) else outputs
    return helper.make_graph(body.nodes, "side%d" % next(numbers), [], [value(y) for y in outputs])


def model(make):
    body = Body()
    outputs = make(body, "x")
    outputs = [outputs] if isinstance(outputs, str) else outputs
    graph = helper.make_graph(body.nodes, make.__name__, [value("x")], [value(y) for y in outputs],
                              [numpy_helper.from_array(v, k) for k, v in CONSTANTS.items()])
    MODELS[make.__name__] = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(MODELS[make.__name__])
    return make


@model
def branch_at_the_end(b, x):
    return b.either(x)


@model
def branch_in_the_middle(b, x):
    return b.add("Tanh", b.either(x))


@model
def values_around_a_branch(b, x):
    before = b.add("Tanh", x)
    return b.add("Mul", b.add("MatMul", b.either(before), "matrix"), before)


@model
def outputs_before_of_and_after(b, x):
    y, z = b.branch(b.above(x, "zero"), lambda b: [b.add("Add", x, "one"), b.add("Neg", x)], lambda b: [b.add("Mul", x, "two"), b.add("Abs", x)], 2)
    return [b.add("Tanh", x), y, b.add("Sin", z)]


@model
def a_side_that_does_nothing(b, x):
    return b.add("Tanh", b.branch(b.above(x, "zero"), lambda b: b.add("Identity", x), lambda b: b.add("Mul", x, "two")))


@model
def three_in_a_row(b, x):
    return b.add("Tanh", b.either(b.either(b.either(x), "ten"), "limit"))


@model
def two_that_do_not_depend_on_each_other(b, x):
    return b.add("Add", b.either(x), b.either(x, "ten"))


@model
def nested_in_the_middle(b, x):
    inner = lambda b: b.add("Tanh", b.either(x, "ten"))
    return b.add("Add", b.branch(b.above(x, "zero"), inner, lambda b: b.add("Mul", x, "two")), x)


@model
def nested_at_the_end(b, x):
    return b.branch(b.above(x, "zero"), lambda b: b.either(x, "ten"), lambda b: b.add("Mul", x, "two"))


@model
def nested_on_both_sides(b, x):
    y = b.branch(b.above(x, "zero"), lambda b: b.either(x, "ten"), lambda b: b.either(x, "one"))
    return b.add("Sin", b.either(y, "two"))


@model
def loop_at_the_end(b, x):
    return b.loop(x, lambda b, v: b.add("Add", v, "one"))


@model
def loop_with_other_outputs(b, x):
    y = b.loop(x, lambda b, v: b.add("Add", v, "one"))
    return [y, b.add("Tanh", x), b.add("Add", y, x)]


@model
def two_loops(b, x):
    y = b.add("Sin", b.loop(x, lambda b, v: b.add("Add", v, "one")))
    return b.add("Add", b.loop(y, lambda b, v: b.add("Add", b.add("Mul", v, "two"), "one")), x)


@model
def branch_in_a_loop(b, x):
    return b.add("Sin", b.loop(x, lambda b, v: b.add("Add", b.either(v, "ten"), "one")))


@model
def branch_that_ends_a_loop(b, x):
    return b.add("Add", b.either(b.loop(x, lambda b, v: b.add("Add", b.either(v, "ten"), "one"))), x)


@model
def loop_in_a_branch(b, x):
    inner = lambda b: b.loop(x, lambda b, v: b.add("Add", v, "one"))
    return b.add("Sin", b.branch(b.above(x, "zero"), inner, lambda b: b.add("Mul", x, "two")))


@model
def loop_in_a_loop(b, x):
    return b.add("Sin", b.loop(x, lambda b, v: b.add("Add", b.loop(v, lambda b, w: b.add("Add", w, "two")), x)))


def problem(path):
    """What is wrong with the form of the control flow of a file; None: nothing."""
    done = subprocess.run([TOOL, "inspect", "--format=json", path], capture_output=True, text=True)
    calls = 0
    for graph in json.loads(done.stdout)["graphs"]:
        for i, n in enumerate(graph["nodes"]):
            if n["operator"] == "Depend":
                return "a Depend in %s" % graph["name"]
            if n["operator"] != "Call":
                continue
            calls += 1
            outputs = [t["name"] for t in graph["outputs"]]
            if n["attributes"].get("is_tail_call", True):
                if i != len(graph["nodes"]) - 1 or [t["name"] for t in n["outputs"]] != outputs:
                    return "%s does not end with its tail call" % graph["name"]
                continue
            handle = next(m for m in graph["nodes"] if n["inputs"][0]["name"] in [t["name"] for t in m["outputs"]])
            if handle["operator"] != "PartialFusion":
                return "%s goes on from a branch" % graph["name"]
            behind = [t["name"] for m in graph["nodes"][i + 1:] for t in m["outputs"]]
            if not set(outputs) <= set(behind):
                return "%s has outputs that are made before its loop ends" % graph["name"]
    return None if calls else "no Call"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="?", default="")
    parser.add_argument("--keep", metavar="DIR")
    arguments = parser.parse_args()
    tally = mslite.Tally()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or scratch
        os.makedirs(folder, exist_ok=True)
        for name, content in MODELS.items():
            if arguments.part not in name:
                continue
            stem = os.path.join(folder, name)
            onnx.save(content, stem + ".onnx")
            reference, kept = ReferenceEvaluator(content), {}
            try:
                mslite.convert(stem + ".onnx", stem, "ONNX")
                tally.note(name + ": form", problem(stem + ".ms"))
                built = mslite.Model(stem + ".ms")
                for i, x in enumerate(INPUTS):
                    wanted, got = reference.run(None, {"x": x}), [y for _, y in built.run([x])]
                    kept.update({"x%d" % i: x, **{"y%d_%d" % (i, k): y for k, y in enumerate(wanted)}})
                    same = len(wanted) == len(got) and all(a.shape == b.shape and np.allclose(a, b, 1e-4, 1e-5) for a, b in zip(wanted, got))
                    tally.check("%s: input %d" % (name, i), same, "%s instead of %s" % (got, wanted))
            except mslite.Refused as error:
                tally.note(name, str(error))
            if arguments.keep:
                np.savez(stem + ".npz", **kept)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
