"""Records PEFT LoRA runs on weights rounded to 4 and 8 bits, for the parity tests of QLoRA.

    python test/parity/record_quantized.py test/fixtures/parity

What is recorded is the training, not the rounding: the rounded weights are Attune's own, printed by
test/fixtures/parity/print-rounded-weights.ts.
"""
import base64
import json
import subprocess

import numpy as np
import torch

import record

make_model = record.make_model


def rounded(run):
    command = ["npx", "node", "test/fixtures/parity/print-rounded-weights.ts", json.dumps(run)]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return {name: np.frombuffer(base64.b64decode(data), np.float32) for name, data in json.loads(printed).items()}


def record_run(quantization, **shape):
    weights = rounded({"name": shape["name"], "kvHeads": shape["kv_heads"], "tied": shape["tied"], **quantization})

    def make(name, **options):
        model = make_model(name, **options)
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                data = weights.pop(key.removeprefix("base_model.model.").replace(".base_layer", ""), None)
                if data is not None:
                    parameter.copy_(torch.from_numpy(data.copy()).reshape(parameter.shape))
        assert not weights, f"no such weights: {list(weights)}"
        return model

    record.make_model = make
    return {**record.record_training(**shape), **quantization}


SHAPE = {"targets": record.TARGETS, "rank": 4, "steps": 10, "warmup": 2, "max_norm": 1.0, "lr": 1e-2, "micro": 4}
# 48 inputs are three blocks of 16: an odd number
record.write("quantized.json", {"runs": [
    record_run({"bits": 4, "blockSize": 16}, name="4 bits", tied=True, kv_heads=[2, 4], alpha=8, **SHAPE),
    record_run({"bits": 8, "blockSize": 16}, name="8 bits", tied=False, kv_heads=[1, 2], alpha=4, **SHAPE),
]})
