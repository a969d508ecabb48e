#!/usr/bin/env python3
"""make_onnx.py WEIGHTS.safetensors MODEL.onnx: writes all-MiniLM-L6-v2 as an ONNX model.

The package has the weights only. The network around them is that of BERT (Devlin et al., 2018), with what sentence embeddings add to it:
the mean over a sentence's words, of length 1.

    input_ids [sentences, words] int32        numbers of words and parts of words, at most 512
    attention_mask [sentences, words] float   1 for each of them, 0 for what fills a sentence up to the length of others
    embedding [sentences, 384] float          their scalar product says how close two sentences are
"""

import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12


def read_safetensors(path: str) -> dict[str, np.ndarray]:
    """A length of eight bytes, that much JSON which says where each tensor is, and the tensors."""
    with open(path, "rb") as file:
        content = file.read()
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(content[start + begin:start + end], "<f4").reshape(entry["shape"])
    return tensors


class Builder:
    """The nodes and constants of a graph. Each node is named after what it computes."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights = weights
        self.nodes = []
        self.constants = []

    def constant(self, name: str, value: np.ndarray) -> str:
        if all(constant.name != name for constant in self.constants):
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def node(self, operator: str, inputs: list[str], name: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def linear(self, x: str, layer: str) -> str:
        matrix = self.constant(f"{layer}.weight", self.weights[f"{layer}.weight"].T)
        return self.node("Add", [self.node("MatMul", [x, matrix], f"{layer}/product"), self.weight(f"{layer}.bias")], layer)

    def normalize(self, x: str, layer: str) -> str:
        return self.node("LayerNormalization", [x, self.weight(f"{layer}.weight"), self.weight(f"{layer}.bias")], layer, axis=-1, epsilon=EPSILON)

    def heads(self, x: str, name: str, order: list[int]) -> str:
        shape = self.constant("heads", np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
        return self.node("Transpose", [self.node("Reshape", [x, shape], f"{name}/heads"), ], f"{name}/order", perm=order)

    def attention(self, x: str, hidden: str, layer: str) -> str:
        query = self.heads(self.linear(x, f"{layer}.self.query"), f"{layer}/query", [0, 2, 1, 3])
        key = self.heads(self.linear(x, f"{layer}.self.key"), f"{layer}/key", [0, 2, 3, 1])
        value = self.heads(self.linear(x, f"{layer}.self.value"), f"{layer}/value", [0, 2, 1, 3])
        scale = self.constant("scale", np.float32((WIDTH // HEADS) ** -0.5))
        scores = self.node("Mul", [self.node("MatMul", [query, key], f"{layer}/scores"), scale], f"{layer}/scaled")
        shares = self.node("Softmax", [self.node("Add", [scores, hidden], f"{layer}/masked")], f"{layer}/shares", axis=-1)
        mixed = self.node("Transpose", [self.node("MatMul", [shares, value], f"{layer}/mixed")], f"{layer}/joined", perm=[0, 2, 1, 3])
        joined = self.node("Reshape", [mixed, self.constant("width", np.array([0, 0, WIDTH], np.int64))], f"{layer}/result")
        return self.linear(joined, f"{layer}.output.dense")

    def layer(self, x: str, hidden: str, layer: str) -> str:
        attention = self.attention(x, hidden, f"{layer}.attention")
        x = self.normalize(self.node("Add", [attention, x], f"{layer}/attended"), f"{layer}.attention.output.LayerNorm")
        wide = self.node("Gelu", [self.linear(x, f"{layer}.intermediate.dense")], f"{layer}/gelu")
        return self.normalize(self.node("Add", [self.linear(wide, f"{layer}.output.dense"), x], f"{layer}/fed"), f"{layer}.output.LayerNorm")

    def embeddings(self) -> str:
        words = self.node("Gather", [self.weight("embeddings.word_embeddings.weight"), "input_ids"], "words", axis=0)
        # All words are of the first of BERT's two sentences.
        place = self.weights["embeddings.position_embeddings.weight"] + self.weights["embeddings.token_type_embeddings.weight"][0]
        length = self.node("Shape", ["input_ids"], "length", start=1, end=2)
        first, axis = self.constant("zero", np.array([0], np.int64)), self.constant("zero", np.array([0], np.int64))
        places = self.node("Slice", [self.constant("place", place), first, length, axis], "places")
        return self.normalize(self.node("Add", [words, places], "embedded"), "embeddings.LayerNorm")

    def model(self) -> onnx.ModelProto:
        one = self.constant("one", np.float32(1))
        row = self.node("Unsqueeze", ["attention_mask", self.constant("row", np.array([1, 2], np.int64))], "mask/row")
        # Far below every score: softmax makes 0 of it.
        hidden = self.node("Mul", [self.node("Sub", [row, one], "mask/hidden"), self.constant("far", np.float32(1e4))], "mask")
        x = self.embeddings()
        for i in range(LAYERS):
            x = self.layer(x, hidden, f"encoder.layer.{i}")
        words = self.constant("words axis", np.array([1], np.int64))
        mask = self.node("Unsqueeze", ["attention_mask", self.constant("last axis", np.array([2], np.int64))], "mask/column")
        total = self.node("ReduceSum", [self.node("Mul", [x, mask], "pool/masked"), words], "pool/sum", keepdims=0)
        mean = self.node("Div", [total, self.node("ReduceSum", [mask, words], "pool/count", keepdims=0)], "pool/mean")
        self.node("LpNormalization", [mean], "embedding", axis=-1, p=2)
        inputs = [
            helper.make_tensor_value_info("input_ids", TensorProto.INT32, ["sentences", "words"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.FLOAT, ["sentences", "words"]),
        ]
        outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["sentences", WIDTH])]
        graph = helper.make_graph(self.nodes, "all-MiniLM-L6-v2", inputs, outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model = Builder(read_safetensors(sys.argv[1])).model()
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[2])
