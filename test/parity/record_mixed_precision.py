"""Records how far torch's own mixed precision is from float32 on the models of record_architectures.py.

    python test/parity/record_mixed_precision.py test/fixtures/parity

Of each family and type: the relative error of the loss, and that of the LoRA gradients as one vector, under torch.autocast.
"""
import torch

from record import write
from record_architectures import CASES, LLAMA, PHI, adapted, adapter, documents, draw, loss_of, make

TYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
SCALE = 64.0


def gradients_of(model, tokens, half=None):
    with torch.autocast("cpu", dtype=half, enabled=half is not None):
        loss = loss_of(model, tokens)
    (loss * SCALE).backward()
    gradients = torch.cat([p.grad.flatten().double() for p in adapter(model).values()]) / SCALE
    model.zero_grad()
    return loss.item(), gradients


def record(name):
    model_type, settings, lengths, _ = CASES[name]
    model = make(model_type, settings)
    draw(model, name, model_type)
    tokens = documents(name, lengths)
    tuned = adapted(model, name, PHI if model_type == "phi3" else LLAMA)
    loss, gradients = gradients_of(tuned, tokens)
    found = {}
    for half, dtype in TYPES.items():
        other, rounded = gradients_of(tuned, tokens, dtype)
        found[half] = {"loss": abs(other - loss) / loss, "gradients": ((rounded - gradients).norm() / gradients.norm()).item()}
    return {"name": name, **found}


write("mixed-precision.json", {"cases": [record(name) for name in CASES]})
