"""Records runs of PEFT's LoRA variants and of full fine-tuning, for the parity tests of the tuning methods.

    python test/parity/record_methods.py test/fixtures/parity
"""
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from peft.optimizers import create_loraplus_optimizer
from transformers import Trainer, get_cosine_schedule_with_warmup

import record

STEPS, WARMUP = 10, 2
ADAM = {"betas": (0.9, 0.999), "eps": 1e-8}
DECAY = 0.01


def name_of(key):
    """As it stands in PEFT's file."""
    for part in (".modules_to_save.default", ".default"):
        key = key.replace(part, "")
    return key.replace(".lora_magnitude_vector.weight", ".lora_magnitude_vector")


def trained(model):
    return {name_of(key): p for key, p in model.named_parameters() if p.requires_grad}


def make(name, lora, *, tied):
    record.LoraConfig = lambda **settings: LoraConfig(**{**settings, **(lora or {})})
    record.get_peft_model = get_peft_model if lora is not None else lambda model, _: model
    shape = {"tied": tied, "kv_heads": [2, 2], "targets": record.TARGETS, "rank": 4, "alpha": 8}
    adapter = record.adapter
    record.adapter = lambda model: {key: p for key, p in adapter(model).items() if ".lora_" in key}
    try:
        return record.make_model(name, **shape), shape
    finally:
        record.adapter = adapter


def optimizer_of(model, lr, ratio):
    if ratio is not None:
        return create_loraplus_optimizer(
            model, torch.optim.AdamW, lr=lr, loraplus_lr_ratio=ratio, loraplus_weight_decay=DECAY, **ADAM
        )
    decays = set(Trainer.get_decay_parameter_names(None, model))
    named = [(key, p) for key, p in model.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for key, p in named if key in decays], "weight_decay": DECAY},
        {"params": [p for key, p in named if key not in decays], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, **ADAM)


def record_run(name, method, lora, *, tied, lr, ratio=None, kept, max_norm=2.0):
    model, shape = make(name, lora, tied=tied)
    parameters = list(trained(model).values())
    optimizer = optimizer_of(model, lr, ratio)
    schedule = get_cosine_schedule_with_warmup(optimizer, WARMUP, STEPS)
    curve, gradients = [], {}
    for step in range(STEPS):
        lengths, tokens = record.tokens_of(name, step % 2)
        total, targets = record.loss_sum(model, lengths, tokens)
        (total / targets).backward()
        if step == 2:  # by then B is not zero, so A has gradients too
            gradients = {key: p.grad.clone() for key, p in trained(model).items() if any(part in key for part in kept)}
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        curve.append({
            "loss": (total / targets).item(), "gradientNorm": norm.item(),
            "learningRate": schedule.get_last_lr()[0], "targets": targets,
        })
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    after = {key: p for key, p in trained(model).items() if any(part in key for part in kept)}
    saved = get_peft_model_state_dict(model) if lora is not None else dict(model.named_parameters())
    return {
        "name": name, "method": method, "steps": STEPS, "warmup": WARMUP, "maxGradientNorm": max_norm, "learningRate": lr,
        "tied": tied, "kvHeads": shape["kv_heads"], "rank": shape["rank"], "alpha": shape["alpha"],
        "targetModules": shape["targets"], "curve": curve,
        "gradientsAtStep2": {key: record.numbers(g) for key, g in gradients.items()},
        "adapterAfter": {key: record.numbers(p) for key, p in after.items()},
        "saved": {key: list(value.shape) for key, value in saved.items()},
    }


PROJECTIONS = ["layers.1.self_attn.k_proj", "layers.0.mlp.down_proj"]
WHOLE = ["embed_tokens", "lm_head", "model.norm", "layers.1.input_layernorm", "layers.1.self_attn.k_proj"]

if __name__ == "__main__":
    record.write("methods.json", {"vocabulary": record.VOCAB, "length": record.LENGTH, "batch": record.BATCH, "runs": [
        record_run("rank-stabilized", {"variant": "RankStabilized"}, {"use_rslora": True}, tied=True, lr=1e-2, kept=PROJECTIONS),
        record_run("dora", {"variant": "DoRA"}, {"use_dora": True}, tied=True, lr=1e-2, kept=PROJECTIONS),
        record_run("lora-plus", {"bLearningRateRatio": 4}, {}, tied=True, lr=5e-3, ratio=4, kept=PROJECTIONS),
        record_run("saved", {"modulesToSave": ["embed_tokens", "lm_head", "model.norm"]},
                   {"modules_to_save": ["embed_tokens", "lm_head", "model.norm"]}, tied=False, lr=5e-3,
                   kept=["embed_tokens", "lm_head", "model.norm", *PROJECTIONS]),
        record_run("full-tied", {"type": "Full"}, None, tied=True, lr=2e-3, kept=WHOLE),
        record_run("full-untied", {"type": "Full"}, None, tied=False, lr=2e-3, kept=WHOLE),
    ]})
