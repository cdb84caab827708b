"""Records torch's cross-entropy with smoothed labels and its gradients, for test/parity/label-smoothing.test.ts.

    python test/parity/record_label_smoothing.py test/fixtures/parity
"""
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "test/fixtures/parity"
TARGETS = [3, 0, 9, 3, 6]
HIDDEN, VOCABULARY = 8, 10


def fnv1a(name):
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def uniform(name, shape):
    """As in record.py."""
    with np.errstate(over="ignore"):
        x = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(fnv1a(name))
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13)
        x *= np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    unit = (x >> np.uint32(8)).astype(np.float64) * 2.0**-24
    return torch.from_numpy((2.0 * unit - 1.0).astype(np.float32).reshape(shape))


def numbers(tensor):
    return [float(f"{x:.9g}") for x in tensor.detach().double().flatten().tolist()]


def case(smoothing, cap):
    hidden = (4 * uniform("hidden", [len(TARGETS), HIDDEN])).requires_grad_()
    weight = uniform("weight", [VOCABULARY, HIDDEN]).requires_grad_()
    logits = hidden @ weight.T
    if cap is not None:
        logits = cap * torch.tanh(logits / cap)
    loss = F.cross_entropy(logits, torch.tensor(TARGETS), reduction="sum", label_smoothing=smoothing)
    loss.backward()
    return {
        "smoothing": smoothing,
        "softcap": cap,
        "loss": loss.item(),
        "hidden": numbers(hidden.grad),
        "weight": numbers(weight.grad),
    }


torch.set_num_threads(1)
cases = [case(smoothing, cap) for smoothing in (0.0, 0.1, 0.5) for cap in (None, 3.0)]
with open(f"{FOLDER}/label-smoothing.json", "w") as out:
    value = {"versions": {"torch": torch.__version__}, "targets": TARGETS, "hidden": HIDDEN, "vocabulary": VOCABULARY}
    json.dump({**value, "cases": cases}, out)
    out.write("\n")
