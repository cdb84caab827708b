"""Records a small random model of each family: logits, greedy tokens and LoRA gradients of transformers and PEFT.

    python test/parity/record_architectures.py test/fixtures/parity

Weights, adapters and tokens are not stored: both sides draw them from the hash of a name (test/fixtures/parity/numbers.ts).
Stored are the configuration as transformers saves it, the names and shapes of its tensors, and what comes out.
"""
import base64
import json
import math

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from record import uniform, write

VOCAB, RANK, ALPHA, NEW_TOKENS = 64, 2, 4, 12
LLAMA = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PHI = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
COMMON = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=256, attention_dropout=0.0, pad_token_id=None, bos_token_id=None, eos_token_id=None)
ROPE = {"rope_type": "default", "rope_theta": 10000.0}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
LONG = {"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "original_max_position_embeddings": 64,
        "short_factor": [1.0, 1.5, 2.0, 3.0], "long_factor": [2.0, 3.0, 4.0, 6.0]}
BY_KIND = {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}, "sliding_attention": ROPE}
# name: (model type, what differs, lengths of the documents of one row, its length)
CASES = {
    "llama": ("llama", dict(rope_parameters=LLAMA3, head_dim=16), [13, 8], 24),
    "llama-biases": ("llama", dict(rope_parameters={**ROPE, "rope_type": "linear", "factor": 4.0}, attention_bias=True, mlp_bias=True), [13, 8], 24),
    "mistral": ("mistral", dict(rope_parameters=ROPE, head_dim=16, sliding_window=20), [150, 33], 192),
    "qwen2": ("qwen2", dict(rope_parameters=ROPE, use_sliding_window=True, sliding_window=5, max_window_layers=1, tie_word_embeddings=True), [13, 8], 24),
    "qwen3": ("qwen3", dict(rope_parameters=ROPE, head_dim=16), [13, 8], 24),
    "smollm3": ("smollm3", dict(rope_parameters=ROPE, no_rope_layer_interval=2, num_attention_heads=2, num_key_value_heads=1), [13, 8], 24),
    "gemma2": ("gemma2", dict(rope_parameters=ROPE, head_dim=12, sliding_window=5, attn_logit_softcapping=2.0, final_logit_softcapping=3.0, query_pre_attn_scalar=20, tie_word_embeddings=False), [13, 8], 24),
    "gemma3": ("gemma3_text", dict(rope_parameters=BY_KIND, head_dim=16, sliding_window=20, layer_types=["sliding_attention", "sliding_attention", "full_attention"], query_pre_attn_scalar=16), [150, 33], 192),
    "phi3": ("phi3", dict(rope_parameters=LONG, original_max_position_embeddings=64, num_attention_heads=2, num_key_value_heads=1, sliding_window=7), [13, 8], 24),
}


def pack(tensor):
    return base64.b64encode(tensor.detach().float().contiguous().numpy().astype("<f4").tobytes()).decode()


def is_of_one(name, model_type):
    """Gemma's norms hold what is added to 1."""
    return model_type.startswith("gemma") and "norm" in name


def is_scaled(name, model_type):
    """Gemma's embeddings are multiplied; small ones leave the layers a say in what comes out."""
    return model_type.startswith("gemma") and "embed" in name


def draw(model, name, model_type):
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            shape = list(parameter.shape)
            if parameter.dim() > 1:
                bound = (0.3 if is_scaled(key, model_type) else 3.0) / math.sqrt(shape[1])
            elif key.endswith(".bias"):
                bound = 0.5
            else:
                bound = 0.2
            middle = 1.0 if parameter.dim() == 1 and not key.endswith(".bias") and not is_of_one(key, model_type) else 0.0
            parameter.copy_(uniform(f"{name}/{key}", shape, middle - bound, middle + bound))


def make(model_type, settings):
    config = CONFIG_MAPPING[model_type](**{**COMMON, **settings})
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    model.generation_config = None
    return model


def with_kv_heads(model, counts):
    """As DeciLM has them, for which transformers has no model."""
    size = model.config.head_dim
    for layer, count in zip(model.model.layers, counts):
        attention = layer.self_attn
        attention.num_key_value_groups = model.config.num_attention_heads // count
        attention.k_proj = torch.nn.Linear(model.config.hidden_size, count * size, bias=False)
        attention.v_proj = torch.nn.Linear(model.config.hidden_size, count * size, bias=False)
    return model


def repeat_kv_heads(source, target):
    """The same model with as many KV heads in each layer as heads."""
    target.load_state_dict({k: v for k, v in source.state_dict().items() if ".k_proj." not in k and ".v_proj." not in k}, strict=False)
    size = source.config.head_dim
    for theirs, ours in zip(source.model.layers, target.model.layers):
        for name in ["k_proj", "v_proj"]:
            weight = getattr(theirs.self_attn, name).weight
            heads = weight.reshape(-1, size, weight.shape[1]).repeat_interleave(theirs.self_attn.num_key_value_groups, 0)
            getattr(ours.self_attn, name).weight.data.copy_(heads.reshape(-1, weight.shape[1]))
    return target


def documents(name, lengths):
    return [uniform(f"{name}/tokens/{i}", [n], 0, VOCAB).floor().long().clamp(max=VOCAB - 1) for i, n in enumerate(lengths)]


def adapted(model, name, targets):
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets, lora_dropout=0.0, task_type="CAUSAL_LM")
    model = get_peft_model(model, config)
    with torch.no_grad():
        for key, parameter in adapter(model).items():
            bound = 1.0 / math.sqrt(parameter.shape[1]) if ".lora_A." in key else 0.3
            parameter.copy_(uniform(f"{name}/{key}", list(parameter.shape), -bound, bound))
    return model


def adapter(model):
    return {key.replace(".default", ""): p for key, p in model.named_parameters() if p.requires_grad}


def greedy(model, prompt):
    tokens = prompt.tolist()
    for _ in range(NEW_TOKENS):
        tokens.append(int(model(input_ids=torch.tensor([tokens])).logits[0, -1].argmax()))
    return tokens[len(prompt):]


def logits_of(model, documents):
    """Every document by itself; of long ones every eighth position."""
    return [model(input_ids=tokens[None]).logits[0][:: 8 if len(tokens) > 24 else 1] for tokens in documents]


def loss_of(model, documents):
    """Mean over all tokens but the first of each document."""
    total = sum(F.cross_entropy(model(input_ids=t[None]).logits[0, :-1], t[1:], reduction="sum") for t in documents)
    return total / sum(len(t) - 1 for t in documents)


def whole_gradients(name, model, documents):
    """Of each weight the length of its gradient, and the product with a vector that is drawn from its name."""
    loss = loss_of(model, documents)
    loss.backward()
    gradients = {key: p.grad.double() for key, p in model.named_parameters()}
    model.zero_grad()
    products = {key: (g * uniform(f"{name}/{key}/d", list(g.shape)).double()).sum().item() for key, g in gradients.items()}
    return loss.item(), {key: [g.norm().item(), products[key]] for key, g in gradients.items()}


def record(name, model, model_type, lengths, row, targets, config, stream=None):
    stream = stream or name
    tokens = documents(stream, lengths)
    prompts = [tokens[0][:9], tokens[1][:3]] if row < 100 else [tokens[0][:40], tokens[1][:9]]
    with torch.no_grad():
        logits = logits_of(model, tokens)
        base = [greedy(model, prompt) for prompt in prompts]
    tensors = {key: list(p.shape) for key, p in model.named_parameters()}
    base_loss, whole = whole_gradients(stream, model, tokens)
    tuned = adapted(model, stream, targets)
    loss = loss_of(tuned, tokens)
    loss.backward()
    gradients = {key: pack(p.grad) for key, p in adapter(tuned).items()}
    with torch.no_grad():
        answers = [greedy(tuned, prompt) for prompt in prompts]
    return {
        "name": name, "stream": stream, "config": config, "tensors": tensors, "targetModules": targets, "documents": lengths, "rowLength": row,
        "prompts": [len(p) for p in prompts], "logits": [pack(l) for l in logits], "loss": loss.item(), "gradients": gradients, "baseLoss": base_loss, "wholeGradients": whole,
        "greedy": {"base": base, "tuned": answers},
    }


def config_of(model):
    return {k: v for k, v in json.loads(model.config.to_json_string(use_diff=True)).items()} | {"architectures": [type(model).__name__]}


def record_family(name):
    model_type, settings, lengths, row = CASES[name]
    model = make(model_type, settings)
    draw(model, name, model_type)
    return record(name, model, model_type, lengths, row, PHI if model_type == "phi3" else LLAMA, config_of(model))


def record_decilm():
    counts = [4, 1, 2]
    settings = dict(rope_parameters=ROPE, head_dim=16, num_key_value_heads=4)
    model = with_kv_heads(make("llama", settings), counts)
    draw(model, "decilm", "llama")
    config = {**config_of(model), "architectures": ["DeciLMForCausalLM"], "num_key_value_heads_per_layer": counts}
    uniform_model = repeat_kv_heads(model, make("llama", settings))
    tensors = {key: list(p.shape) for key, p in model.named_parameters()}
    rest = [target for target in LLAMA if target not in ("k_proj", "v_proj")]
    same = record("decilm-repeated", uniform_model, "llama", [13, 8], 24, rest, config, "decilm")
    return [record("decilm", model, "llama", [13, 8], 24, LLAMA, config), {**same, "tensors": tensors}]


if __name__ == "__main__":
    cases = [record_family(name) for name in CASES] + record_decilm()
    write("architectures.json", {"vocabulary": VOCAB, "rank": RANK, "alpha": ALPHA, "newTokens": NEW_TOKENS, "cases": cases})
