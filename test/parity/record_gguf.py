"""Records blocks of ggml's formats and what gguf-py decodes them to, for the tests of weights/dequantize.ts.

    pip install gguf
    python test/parity/record_gguf.py
"""
import importlib.metadata
import json
import pathlib

import gguf
import numpy as np

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "parity"
VERSIONS = {name: importlib.metadata.version(name) for name in ["gguf", "numpy"]}
BLOCKS = 4
# bytes of a block at which a float16 lies
SCALES = {
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
}


def record_blocks():
    rng = np.random.default_rng(11)
    cases = {}
    for name, scales in SCALES.items():
        kind = gguf.GGMLQuantizationType[name]
        _, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
        for at in scales:
            # scales of random bits would often not be finite
            blocks[:, at : at + 2] = rng.normal(size=(BLOCKS, 1)).astype(np.float16).view(np.uint8)
        values = gguf.quants.dequantize(blocks.reshape(1, -1), kind).astype(np.float32)
        cases[name] = {"bytes": blocks.tobytes().hex(), "values": values.tobytes().hex()}
    text = json.dumps({"versions": VERSIONS, "cases": cases}, separators=(",", ":"))
    (FIXTURES / "gguf-blocks.json").write_text(text + "\n")


if __name__ == "__main__":
    record_blocks()
