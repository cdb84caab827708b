"""Records what torch, transformers and PEFT compute, for the parity tests.

    python test/parity/record.py test/fixtures/parity

Inputs and weights are not stored: both sides draw them from the same hash of a name (test/fixtures/parity/numbers.ts).
"""
import json
import math
import sys

import numpy as np
import peft
import torch
import torch.nn.functional as F
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, get_cosine_schedule_with_warmup

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "test/fixtures/parity"
VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
torch.set_num_threads(1)
torch.manual_seed(0)


def fnv1a(name):
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def uniform(name, shape, low=-1.0, high=1.0):
    """Number i of stream `name`: MurmurHash3's finalizer of a Weyl sequence, 24 bits, scaled in single precision."""
    n = int(np.prod(shape)) if shape else 1
    with np.errstate(over="ignore"):
        x = np.arange(n, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(fnv1a(name))
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13)
        x *= np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    unit = (x >> np.uint32(8)).astype(np.float64) * 2.0**-24
    return torch.from_numpy((low + (high - low) * unit).astype(np.float32).reshape(shape))


def numbers(tensor):
    return [float(f"{x:.9g}") for x in tensor.detach().double().flatten().tolist()]


# ---------------------------------------------------------------------------------------------- gradients


def rotary(x, positions, cos, sin):
    d = cos.shape[-1]
    b, t, width = x.shape
    x = x.reshape(b, t, width // (2 * d), 2, d)
    c, s = cos[positions][:, :, None], sin[positions][:, :, None]
    return torch.stack([x[..., 0, :] * c - x[..., 1, :] * s, x[..., 1, :] * c + x[..., 0, :] * s], 3).reshape(b, t, width)


def rotary_part(x, positions, cos, sin, heads):
    """Of each head only the first values, twice the width of the tables, are turned."""
    b, t, width = x.shape
    parts = x.reshape(b, t, heads, width // heads).split([2 * cos.shape[-1], width // heads - 2 * cos.shape[-1]], -1)
    turned = rotary(parts[0].reshape(b, t, -1), positions, cos, sin).reshape(parts[0].shape)
    return torch.cat([turned, parts[1]], -1).reshape(x.shape)


def seen_in(segments, window=None):
    t = segments.shape[1]
    causal = torch.tril(torch.ones(t, t, dtype=torch.bool))
    if window:
        causal = causal & ~torch.tril(causal, -window)
    return causal & (segments[:, :, None] == segments[:, None, :])


def attention(q, k, v, segments, window=None):
    keys, values = (x[:, :, None].expand(-1, -1, q.shape[2], -1, -1) for x in (k, v))
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=seen_in(segments, window)[:, None, None])


def capped_attention(q, k, v, segments, cap, scale, window=None):
    scores = cap * torch.tanh(q @ k[:, :, None].transpose(-1, -2) * scale / cap)
    return scores.masked_fill(~seen_in(segments, window)[:, None, None], -torch.inf).softmax(-1) @ v[:, :, None]


def rms_norm(x, w):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * w


def quantized_weight(name, bits):
    """(5, 48) in blocks of 16, at 4 bits with zero points between codes."""
    n, k, b = torch.arange(5)[:, None], torch.arange(48)[None], torch.arange(3)[None]
    codes, zeros = (n * 71 + k * 53 + 3) % 2**bits, (n * 31 + b * 17 + 5) % 2**bits + (0.25 if bits == 4 else 0)
    scales = uniform(f"{name}/scales", [5, 3])
    return (codes - zeros.repeat_interleave(16, 1)) * scales.repeat_interleave(16, 1)


SEGMENTS = torch.tensor([[1, 1, 1, 2, 2, 0, 0], [1, 2, 2, 2, 2, 2, 2]])
POSITIONS = torch.tensor([[0, 1, 2, 0, 1], [3, 4, 5, 6, 7]])
ANGLES = torch.arange(8)[:, None] * torch.tensor([1.0, 0.1])[None]
INDICES = torch.tensor([3, 0, 3, 1])
CONDITION = torch.tensor([[True, False, True], [False, False, True]])

POSITIVE = (0.5, 2.0)
# name: (input shapes, function); a name that ends in `+` draws inputs in POSITIVE
CASES = {
    "add": ([[2, 3], [3]], lambda a, b: a + b),
    "sub": ([[2, 3], [2, 1]], lambda a, b: a - b),
    "mul": ([[2, 3], [2, 1]], lambda a, b: a * b),
    "mul by itself": ([[4]], lambda a: a * a),
    "div+": ([[2, 3], [3]], lambda a, b: a / b),
    "neg": ([[3]], lambda a: -a),
    "exp": ([[3]], torch.exp),
    "log+": ([[3]], torch.log),
    "sqrt+": ([[3]], torch.sqrt),
    "pow+": ([[3]], lambda a: a**2.5),
    "reciprocal+": ([[3]], torch.reciprocal),
    "sigmoid": ([[3]], torch.sigmoid),
    "tanh": ([[3]], torch.tanh),
    "identity": ([[3]], lambda a: a * 1),
    "cast": ([[3]], lambda a: a.double().float()),
    "where": ([[2, 3], [3]], lambda a, b: torch.where(CONDITION, a, b)),
    "matmul": ([[2, 3, 4], [2, 4, 5]], lambda a, b: a @ b),
    "matmul broadcast": ([[2, 3, 4], [4, 5]], lambda a, b: a @ b),
    "fused matmul": ([[2, 3, 4], [2, 4, 5]], lambda a, b: 0.5 * a @ b),
    "fused matmul, A transposed": ([[4, 3], [4, 5]], lambda a, b: 0.5 * a.T @ b),
    "fused matmul, B transposed": ([[3, 4], [5, 4]], lambda a, b: 0.5 * a @ b.T),
    "fused matmul, both transposed": ([[4, 3], [5, 4]], lambda a, b: 0.5 * a.T @ b.T),
    "gemm": ([[3, 4], [5, 4], [3, 5]], lambda a, b, c: 2 * a @ b.T + c),
    "gemm with a bias": ([[3, 4], [4, 5], [5]], lambda a, b, c: a @ b + c),
    "reshape": ([[2, 6]], lambda a: a.reshape(3, 4)),
    "transpose": ([[2, 3, 4]], lambda a: a.permute(2, 0, 1)),
    "slice": ([[2, 5]], lambda a: a[:, 1:3]),
    "split": ([[2, 5]], lambda a: a[:, 3:] * a[:, :2]),
    "concat": ([[2, 2], [2, 3]], lambda a, b: torch.cat([a, b], 1)),
    "expand": ([[2, 1]], lambda a: a.expand(2, 3)),
    "gather": ([[4, 3]], lambda a: a[INDICES]),
    "gather elements": ([[4, 4]], lambda a: a.gather(1, INDICES[:, None])),
    "reduce sum": ([[2, 3, 4]], lambda a: a.sum((0, 2), keepdim=True)),
    "reduce sum, axes gone": ([[2, 3, 4]], lambda a: a.sum((0, 2))),
    "reduce mean": ([[2, 3]], lambda a: a.mean(1, keepdim=True)),
    "reduce sum of squares": ([[2, 3]], lambda a: a.pow(2).sum(1, keepdim=True)),
    "quantized linear, 4 bits": ([[3, 48]], lambda a: a @ quantized_weight("quantized linear, 4 bits", 4).T),
    "quantized linear, 8 bits": ([[3, 48]], lambda a: a @ quantized_weight("quantized linear, 8 bits", 8).T),
    "softmax": ([[2, 5]], lambda a: a.softmax(-1)),
    "softmax on the first axis": ([[3, 2]], lambda a: a.softmax(0)),
    "rms norm": ([[3, 8], [8]], rms_norm),
    "silu": ([[5]], F.silu),
    "gelu by tanh": ([[5]], lambda a: F.gelu(a, approximate="tanh")),
    "rotary embedding": ([[2, 5, 8]], lambda a: rotary(a, POSITIONS, ANGLES.cos(), ANGLES.sin())),
    "rotary embedding of a part": ([[2, 5, 12]], lambda a: rotary_part(a, POSITIONS, ANGLES.cos(), ANGLES.sin(), 2)),
    "attention": ([[2, 2, 3, 7, 4], [2, 2, 7, 4], [2, 2, 7, 4]], lambda q, k, v: attention(q, k, v, SEGMENTS)),
    "attention in a window": ([[2, 2, 3, 7, 4], [2, 2, 7, 4], [2, 2, 7, 4]], lambda q, k, v: attention(q, k, v, SEGMENTS, 3)),
    "capped attention": ([[2, 2, 3, 7, 4], [2, 2, 7, 4], [2, 2, 7, 4]], lambda q, k, v: capped_attention(q, k, v, SEGMENTS, 0.5, 0.8)),
    "capped attention in a window": ([[2, 2, 3, 7, 4], [2, 2, 7, 4], [2, 2, 7, 4]], lambda q, k, v: capped_attention(q, k, v, SEGMENTS, 0.5, 0.8, 2)),
    "capped cross-entropy": ([[4, 3], [6, 3]], lambda h, w: F.cross_entropy(0.7 * torch.tanh(h @ w.detach().T / 0.7), INDICES, reduction="sum")),
    "cross-entropy of a trained head": ([[4, 3], [6, 3]], lambda h, w: F.cross_entropy(h @ w.T, INDICES, reduction="sum")),
    "capped and smoothed cross-entropy of a trained head": ([[4, 3], [6, 3]], lambda h, w: F.cross_entropy(0.7 * torch.tanh(h @ w.T / 0.7), INDICES, reduction="sum", label_smoothing=0.1)),
    "cross-entropy": ([[4, 3], [6, 3]], lambda h, w: F.cross_entropy(h @ w.detach().T, INDICES, reduction="sum")),
}
FROZEN = {"cross-entropy": [1], "capped cross-entropy": [1]}


def record_gradients():
    cases = []
    for name, (shapes, function) in CASES.items():
        bounds = POSITIVE if name.endswith("+") else (-1.0, 1.0)
        inputs = [uniform(f"{name}/{i}", shape, *bounds).requires_grad_() for i, shape in enumerate(shapes)]
        output = function(*inputs)
        (output * uniform(f"{name}/d", list(output.shape))).sum().backward()
        frozen = FROZEN.get(name, [])
        cases.append({
            "name": name,
            "inputs": shapes,
            "outputShape": list(output.shape),
            "output": numbers(output),
            "gradients": [None if i in frozen else numbers(x.grad) for i, x in enumerate(inputs)],
        })
    return cases


# ---------------------------------------------------------------------------------------------- training

VOCAB, LENGTH, BATCH = 64, 32, 4
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def make_model(name, *, tied, kv_heads, targets, rank, alpha):
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=len(kv_heads), num_attention_heads=4,
        num_key_value_heads=kv_heads[0], head_dim=8, rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        max_position_embeddings=64, tie_word_embeddings=tied, attention_dropout=0.0, attn_implementation="eager",
    )
    model = LlamaForCausalLM(config)
    for layer, kv in zip(model.model.layers, kv_heads):  # as DeciLM has them
        attention = layer.self_attn
        attention.num_key_value_groups = 4 // kv
        attention.k_proj = torch.nn.Linear(32, kv * 8, bias=False)
        attention.v_proj = torch.nn.Linear(32, kv * 8, bias=False)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.copy_(uniform(f"{name}/{key}", list(parameter.shape), 0.8, 1.2))
            else:
                bound = 3.0 / math.sqrt(parameter.shape[1])
                parameter.copy_(uniform(f"{name}/{key}", list(parameter.shape), -bound, bound))
    lora = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, lora_dropout=0.0, task_type="CAUSAL_LM")
    model = get_peft_model(model, lora)
    with torch.no_grad():
        for key, parameter in adapter(model).items():
            if ".lora_A." in key:
                bound = 1.0 / math.sqrt(parameter.shape[1])
                parameter.copy_(uniform(f"{name}/{key}", list(parameter.shape), -bound, bound))
    return model.train()


def adapter(model):
    return {key.replace(".default", ""): p for key, p in model.named_parameters() if p.requires_grad}


def tokens_of(name, step):
    """BATCH documents of different lengths; the first third of each is its prompt."""
    lengths = (uniform(f"{name}/lengths/{step}", [BATCH], 8, LENGTH + 1)).floor().long().clamp(max=LENGTH).tolist()
    tokens = uniform(f"{name}/tokens/{step}", [BATCH, LENGTH], 0, VOCAB).floor().long().clamp(max=VOCAB - 1)
    return lengths, tokens


def loss_sum(model, lengths, tokens):
    mask = torch.arange(LENGTH)[None] < torch.tensor(lengths)[:, None]
    prompt = torch.arange(LENGTH)[None] < (torch.tensor(lengths)[:, None] // 3)
    labels = torch.where(mask & ~prompt, tokens, -100)
    labels[:, 0] = -100
    logits = model(input_ids=tokens, attention_mask=mask.long()).logits.float()
    total = F.cross_entropy(logits[:, :-1].reshape(-1, VOCAB), labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum")
    return total, int((labels[:, 1:] != -100).sum())


def record_training(name, *, steps, warmup, max_norm, lr, micro, **shape):
    model = make_model(name, **shape)
    parameters = list(adapter(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    schedule = get_cosine_schedule_with_warmup(optimizer, warmup, steps)
    curve, first_gradients = [], None
    for step in range(steps):
        lengths, tokens = tokens_of(name, step % 2)
        sums = [loss_sum(model, lengths[i : i + micro], tokens[i : i + micro]) for i in range(0, BATCH, micro)]
        targets = sum(count for _, count in sums)
        loss = sum(total for total, _ in sums) / targets
        loss.backward()
        if step == 2:  # by then B is not zero, so A has gradients too
            first_gradients = {k: p.grad.clone() for k, p in adapter(model).items() if "layers.1." in k}
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        curve.append({"loss": loss.item(), "gradientNorm": norm.item(), "learningRate": schedule.get_last_lr()[0], "targets": targets})
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    last = {k: numbers(p) for k, p in adapter(model).items() if "layers.0." in k and "_proj.lora_B" in k}
    return {
        "name": name, "steps": steps, "warmup": warmup, "maxGradientNorm": max_norm, "learningRate": lr,
        "tied": shape["tied"], "kvHeads": shape["kv_heads"], "rank": shape["rank"], "alpha": shape["alpha"],
        "targetModules": shape["targets"], "curve": curve,
        "gradientsAtStep2": {k: numbers(g) for k, g in first_gradients.items()},
        "adapterAfter": last,
    }


def write(file, value):
    with open(f"{FOLDER}/{file}", "w") as out:
        json.dump({"versions": VERSIONS, **value}, out)
        out.write("\n")


if __name__ == "__main__":
    write("gradients.json", {"cases": record_gradients()})
    write("training.json", {
        "vocabulary": VOCAB, "length": LENGTH, "batch": BATCH,
        "runs": [
            record_training("tied", tied=True, kv_heads=[2, 2, 2], targets=TARGETS, rank=4, alpha=8, steps=20, warmup=3, max_norm=2.0, lr=1e-2, micro=2),
            record_training("untied", tied=False, kv_heads=[1, 4, 2], targets=["q_proj", "v_proj", "down_proj"], rank=2, alpha=2, steps=8, warmup=2, max_norm=1.0, lr=1e-2, micro=4),
        ],
    })
