"""Writes small models of every source format, one file each, for mutate_importer and the fuzzers of the importers.

    importer_corpus.py FOLDER [LIMIT]

FOLDER gets TFLITE, ONNX, CAFFE, TF and MINDIR. LIMIT: at most that many models of each, spread evenly over all; none: all of them.
Needs numpy and onnx. A CAFFE file is the network's text, a byte 0x1E, and the weights.
"""
import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "Tests", "Converter"))
MODELS = os.path.join(ROOT, "Tests", "Models")
LARGEST = 1 << 18


def read(*path):
    with open(os.path.join(MODELS, *path), "rb") as file:
        return file.read()


def tflite():
    import tflite_operators
    for name, entry in tflite_operators.models().items():
        yield name, entry["model"]
    for name in sorted(os.listdir(os.path.join(MODELS, "single_op_tflite"))):
        if name.endswith(".tflite"):
            yield name, read("single_op_tflite", name)


def onnx():
    import numpy as np
    import onnx_node_tests
    for case in onnx_node_tests.collect():
        yield case.name, case.model.SerializeToString()
        if case.data_sets and all(isinstance(x, np.ndarray) for x in case.data_sets[0][0]):
            yield case.name + "_constants", onnx_node_tests.with_constants(case.model, case.data_sets[0][0]).SerializeToString()
    yield "mtcnn_pnet", read("mtcnn_pnet", "model.onnx")


def caffe():
    import caffe_models as m
    for make in (m.convolutions, m.poolings, m.normalisations, m.functions, m.shapes, m.reductions, m.nets):
        make()
    for name, _, text, weights, _, form, v1, _ in m.CASES:
        yield name, text.encode() + b"\x1e" + m.ref.caffemodel(weights, form, v1)


def tf():
    import tensorflow_models
    for name, entry in tensorflow_models.cases().items():
        yield name, entry["graph"].tobytes()


def mindir():
    import mindir_models as m
    for make in (m.mathematics, m.windows, m.arrays, m.functions):
        make()
    for name, data, _, _ in m.CASES:
        yield name, data
    for name in sorted(os.listdir(os.path.join(MODELS, "mindir"))):
        if name.endswith(".mindir"):
            yield name, read("mindir", name)


def main(folder, limit):
    for make in (tflite, onnx, caffe, tf, mindir):
        target = os.path.join(folder, make.__name__.upper())
        os.makedirs(target, exist_ok=True)
        models = [(name, data) for name, data in make() if len(data) <= LARGEST]
        if limit:
            models = models[::max(1, len(models) // limit)][:limit]
        for i, (_, data) in enumerate(models):
            with open(os.path.join(target, "%04d" % i), "wb") as file:
                file.write(data)
        print("%s: %d models, %d bytes" % (make.__name__, len(models), sum(len(data) for _, data in models)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
