"""Writes what the local model runs from: its published weights in 8 bits as a graph of fused operators, into a cache.

    python -m rag.embeddings.graph MODEL_FOLDER TARGET

Run as a program of its own by `local`, so that the memory it takes is given back. The target then holds
`encoder.onnx` with `encoder.weights`, the tables `words.f32` (30,522 × 384) and `positions.f32` (256 × 384), and
`tokenizer.json`. The tables stay out of the graph because the runtime would hold all of them in memory.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from safetensors import safe_open

from rag.embeddings import eightbit

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the published model
LAYERS, HEADS, WIDTH, MAX_TOKENS = 6, 12, 384, 256
EPSILON = 1e-12
FUSED = "com.microsoft"  # the runtime's own operators: QAttention, MatMulIntegerToFloat, BiasGelu
INLINE_BYTES = 4_096  # smaller tensors stay in the graph's own file

Array = eightbit.Array
Limits = tuple[float, float]


class WrongWeights(Exception):
    """The weights are not those of the published model. Install requirements-local.txt again."""


class Encoder:
    """Builds the graph: (batch, tokens, 384) summed embeddings and (batch,) lengths → (batch, tokens, 384) states."""

    def __init__(self, file: Path, weights: BinaryIO) -> None:
        self._tensors = safe_open(file, "numpy")
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def tensor(self, name: str) -> Array:
        array: Array = self._tensors.get_tensor(name)  # type: ignore[no-untyped-call]
        return array

    def model(self) -> onnx.ModelProto:
        norm = "embeddings.LayerNorm"
        states = self._node("LayerNormalization", ["embedded", *self._norm(norm)], domain="", axis=-1, epsilon=EPSILON)
        for layer in range(LAYERS):
            states = self._layer(f"encoder.layer.{layer}", states, norm)
            norm = f"encoder.layer.{layer}.output.LayerNorm"
        self._nodes[-1].output[0] = "states"
        inputs = [
            helper.make_tensor_value_info("embedded", onnx.TensorProto.FLOAT, ["batch", "tokens", WIDTH]),
            helper.make_tensor_value_info("lengths", onnx.TensorProto.INT32, ["batch"]),
        ]
        outputs = [helper.make_tensor_value_info("states", onnx.TensorProto.FLOAT, ["batch", "tokens", WIDTH])]
        graph = helper.make_graph(self._nodes, "encoder", inputs, outputs, self._constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def _layer(self, name: str, states: str, norm: str) -> str:
        """`norm`: the normalization that `states` come from."""
        attended = self._attention(f"{name}.attention.self", states, norm)
        attended = self._linear(f"{name}.attention.output.dense", attended, eightbit.ATTENDED)
        states = self._add_and_norm(f"{name}.attention.output", attended, states)
        spread, factors = self._spread(states, f"{name}.attention.output.LayerNorm")
        wide = self._linear(f"{name}.intermediate.dense", spread, eightbit.NORMED, factors[:, None], biased=False)
        wide = self._node("BiasGelu", [wide, self._named(f"{name}.intermediate.dense.bias")])
        narrow = self._linear(f"{name}.output.dense", wide, eightbit.ACTIVATED)
        return self._add_and_norm(f"{name}.output", narrow, states)

    def _attention(self, name: str, states: str, norm: str) -> str:
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        joined = np.concatenate([self._matrix(part) for part in parts], axis=1)
        bias = self._constant(f"{name}.bias", np.concatenate([self.tensor(f"{part}.bias") for part in parts]))
        spread, factors = self._spread(states, norm)
        weights, scales, zeros = self._rounded(name, joined * factors[:, None])
        steps, scale, zero = self._steps(name, spread, eightbit.NORMED)
        return self._node("QAttention", [steps, weights, bias, scale, scales, "lengths", zero, zeros], num_heads=HEADS)

    def _linear(
        self, name: str, inputs: str, limits: Limits, factors: Array | float = 1.0, *, biased: bool = True
    ) -> str:
        """`factors`: what `inputs` were divided by, a column."""
        matrix = self._matrix(name) * factors
        loud = eightbit.loud(matrix)
        apart = self._apart(name, inputs, matrix, loud)
        matrix[loud] = 0
        weights, scales, zeros = self._rounded(name, matrix)
        steps, scale, zero = self._steps(name, inputs, limits)
        bias = [self._named(f"{name}.bias")] if biased else []
        output = self._node("MatMulIntegerToFloat", [steps, weights, scale, scales, zero, zeros, *bias])
        return self._node("Add", [output, apart], domain="") if apart else output

    def _apart(self, name: str, inputs: str, matrix: Array, rows: NDArray[np.int64]) -> str:
        """What a few of the inputs add to the outputs, in full precision; "" for none."""
        if not len(rows):
            return ""
        chosen = self._node("Gather", [inputs, self._constant(f"{name}.rows", rows)], domain="", axis=-1)
        return self._node("MatMul", [chosen, self._constant(f"{name}.apart", matrix[rows])], domain="")

    def _add_and_norm(self, name: str, branch: str, states: str) -> str:
        # One operator does both, eight times slower than these two.
        added = self._node("Add", [branch, states], domain="")
        norm = self._norm(f"{name}.LayerNorm")
        return self._node("LayerNormalization", [added, *norm], domain="", axis=-1, epsilon=EPSILON)

    def _spread(self, states: str, norm: str) -> tuple[str, Array]:
        factors = eightbit.spread(self.tensor(f"{norm}.weight"), self.tensor(f"{norm}.bias"))
        return self._node("Mul", [states, self._constant(f"{norm}.spread", 1 / factors)], domain=""), factors

    def _steps(self, name: str, inputs: str, limits: Limits) -> tuple[str, str, str]:
        """`inputs` as integers, their scale and their zero."""
        size, middle = eightbit.step(limits)
        scale = self._constant(f"{name}.input.scale", np.asarray(size))
        zero = self._constant(f"{name}.input.zero", np.asarray(middle))
        return self._node("QuantizeLinear", [inputs, scale, zero], domain=""), scale, zero

    def _rounded(self, name: str, matrix: Array) -> tuple[str, str, str]:
        """Weights as integers, their scales and their zeros."""
        weights, scales = eightbit.rounded(matrix)
        kept, scaled = self._constant(f"{name}.weight", weights), self._constant(f"{name}.scales", scales)
        return kept, scaled, self._constant(f"{name}.zeros", np.zeros(len(scales), np.int8))

    def _matrix(self, name: str) -> Array:
        return self.tensor(f"{name}.weight").T.copy()  # torch keeps (outputs, inputs), the operators want the reverse

    def _norm(self, name: str) -> list[str]:
        return [self._named(f"{name}.weight"), self._named(f"{name}.bias")]

    def _named(self, name: str) -> str:
        return self._constant(name, self.tensor(name))

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        if array.nbytes <= INLINE_BYTES:
            self._constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
            return name
        self._weights.write(b"\0" * (-self._weights.tell() % 64))  # where vector instructions like to read
        place = {"location": "encoder.weights", "offset": self._weights.tell(), "length": array.nbytes}
        self._weights.write(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        kind, external = helper.np_dtype_to_tensor_dtype(array.dtype), onnx.TensorProto.EXTERNAL
        tensor = onnx.TensorProto(name=name, data_type=kind, dims=array.shape, data_location=external)
        tensor.external_data.extend(
            onnx.StringStringEntryProto(key=key, value=str(value)) for key, value in place.items()
        )
        self._constants.append(tensor)
        return name

    def _node(self, operator: str, inputs: Sequence[str], *, domain: str = FUSED, **attributes: Any) -> str:
        output = f"{operator}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output


def write(model: Path, target: Path) -> None:
    """Fill `target`, which appears whole or not at all. Another process that does the same at once does no harm."""
    source = model / "model.safetensors"
    with source.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != WEIGHTS_SHA256:
            raise WrongWeights(f"{WrongWeights.__doc__} ({source})")
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
    try:
        _fill(building, model)
        building.chmod(0o755)
        building.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _fill(folder: Path, model: Path) -> None:
    with (folder / "encoder.weights").open("wb") as weights:
        encoder = Encoder(model / "model.safetensors", weights)
        graph = encoder.model()
    (folder / "encoder.onnx").write_bytes(graph.SerializeToString())
    part = "embeddings.{}_embeddings.weight"
    encoder.tensor(part.format("word")).astype("<f4", copy=False).tofile(folder / "words.f32")
    # Every text is of the first of the two token types, which is therefore part of the position.
    positions = encoder.tensor(part.format("position"))[:MAX_TOKENS] + encoder.tensor(part.format("token_type"))[0]
    positions.astype("<f4", copy=False).tofile(folder / "positions.f32")
    shutil.copyfile(model / "tokenizer.json", folder / "tokenizer.json")
    for file in folder.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())  # a power cut must not leave a folder that looks complete


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
