"""Writes tiny models of every architecture as GGUF the way llama.cpp's convert_hf_to_gguf.py does.

    pip install gguf
    python test/parity/record_gguf_models.py

Weights follow from their Hugging Face names (`values`), so that only the GGUF files and the config.json that they
were made from are kept; the test computes the weights again.
"""
import base64
import gzip
import importlib.metadata
import json
import math
import pathlib
import tempfile

import gguf
import numpy as np

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "parity"
VERSIONS = {name: importlib.metadata.version(name) for name in ["gguf", "numpy"]}
VOCAB, HIDDEN, INNER, HEADS, KV, POSITIONS = 12, 16, 24, 4, 2, 64


def values(name, shape):
    start = sum(name.encode()) % 97
    flat = [((i * 37 + start) % 241 - 120) / 64 for i in range(math.prod(shape))]
    return np.array(flat, np.float32).reshape(shape)


def config(model_type, architecture, layers=2, **more):
    common = dict(
        vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=INNER, num_hidden_layers=layers, num_attention_heads=HEADS,
        num_key_value_heads=KV, max_position_embeddings=POSITIONS, rms_norm_eps=1e-5, rope_theta=5000.0, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False)
    return {"model_type": model_type, "architectures": [architecture], **common, **more}


LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
SHORT, LONG = [1.0, 1.25], [2.0, 4.0]
CONFIGS = {
    "llama": config("llama", "LlamaForCausalLM", attention_bias=True, rope_theta=500000.0, max_position_embeddings=131072, rope_scaling=LLAMA3, head_dim=8),
    "linear": config("llama", "LlamaForCausalLM", rope_scaling=dict(type="linear", factor=4.0)),
    "deci": config("deci", "DeciLMForCausalLM", layers=3, num_key_value_heads_per_layer=[4, 1, 2]),
    "qwen2": config("qwen2", "Qwen2ForCausalLM", tie_word_embeddings=True),
    "qwen3": config("qwen3", "Qwen3ForCausalLM", head_dim=8),
    "smollm3": config("smollm3", "SmolLM3ForCausalLM", layers=5, tie_word_embeddings=True),
    "gemma2": config(
        "gemma2", "Gemma2ForCausalLM", tie_word_embeddings=True, head_dim=8, query_pre_attn_scalar=8, rope_theta=10000.0, sliding_window=16,
        attn_logit_softcapping=50.0, final_logit_softcapping=30.0, hidden_activation="gelu_pytorch_tanh"),
    "gemma3": config(
        "gemma3_text", "Gemma3ForCausalLM", layers=7, tie_word_embeddings=True, head_dim=8, query_pre_attn_scalar=8, rope_theta=1000000.0,
        rope_local_base_freq=10000.0, sliding_window=16, sliding_window_pattern=6, rope_scaling=dict(rope_type="linear", factor=8.0), hidden_activation="gelu_pytorch_tanh"),
    "phi3": config(
        "phi3", "Phi3ForCausalLM", original_max_position_embeddings=16, sliding_window=20, pad_token_id=0,
        rope_scaling=dict(type="longrope", short_factor=SHORT, long_factor=LONG)),
    "phi4": config("phi3", "Phi3ForCausalLM", original_max_position_embeddings=POSITIONS, sliding_window=None, partial_rotary_factor=0.5, pad_token_id=0, head_dim=8, num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True),
}


def tensors(c):
    """Hugging Face's names and shapes (transformers, modeling_*.py)."""
    kind, d = c["model_type"], c.get("head_dim", c["hidden_size"] // c["num_attention_heads"])
    heads, hidden, inner = c["num_attention_heads"], c["hidden_size"], c["intermediate_size"]
    yield "model.embed_tokens.weight", (c["vocab_size"], hidden)
    yield "model.norm.weight", (hidden,)
    if not c["tie_word_embeddings"]:
        yield "lm_head.weight", (c["vocab_size"], hidden)
    for i in range(c["num_hidden_layers"]):
        kv = c.get("num_key_value_heads_per_layer", [c["num_key_value_heads"]] * c["num_hidden_layers"])[i]
        at = f"model.layers.{i}"
        norms = ["input_layernorm", "post_attention_layernorm"]
        if kind.startswith("gemma"):
            norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
        for norm in norms:
            yield f"{at}.{norm}.weight", (hidden,)
        if kind in ("qwen3", "gemma3_text"):
            yield f"{at}.self_attn.q_norm.weight", (d,)
            yield f"{at}.self_attn.k_norm.weight", (d,)
        linears = {"self_attn.q_proj": (heads * d, hidden), "self_attn.k_proj": (kv * d, hidden), "self_attn.v_proj": (kv * d, hidden), "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden)}
        if kind == "phi3":
            linears = {"self_attn.qkv_proj": ((heads + 2 * kv) * d, hidden), "mlp.gate_up_proj": (2 * inner, hidden)}
        linears |= {"self_attn.o_proj": (hidden, heads * d), "mlp.down_proj": (hidden, inner)}
        for name, shape in linears.items():
            yield f"{at}.{name}.weight", shape
            biased = c.get("attention_bias") and "self_attn" in name
            if biased or kind == "qwen2" and name[-6:] in ("q_proj", "k_proj", "v_proj"):
                yield f"{at}.{name}.bias", shape[:1]


def permute(rows, d):
    """convert_hf_to_gguf.py, LlamaModel.permute, for heads of d rows"""
    heads = rows.shape[0] // d
    return rows.reshape(heads, 2, d // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def write(key, c, path):
    kind = c["model_type"]
    arch = {"gemma3_text": "gemma3"}.get(kind, kind)
    d = c.get("head_dim", c["hidden_size"] // c["num_attention_heads"])
    writer = gguf.GGUFWriter(path, arch)
    writer.add_block_count(c["num_hidden_layers"])
    writer.add_context_length(c["max_position_embeddings"])
    writer.add_embedding_length(c["hidden_size"])
    writer.add_feed_forward_length(c["intermediate_size"])
    writer.add_head_count(c["num_attention_heads"])
    writer.add_head_count_kv(c.get("num_key_value_heads_per_layer", c["num_key_value_heads"]))
    writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
    if kind != "gemma2":
        writer.add_rope_freq_base(c["rope_theta"])
    if "head_dim" in c:
        writer.add_key_length(d)
        writer.add_value_length(d)
    if arch in ("llama", "deci", "smollm3"):
        writer.add_vocab_size(c["vocab_size"])
        writer.add_rope_dimension_count(d)
    if arch == "phi3":
        writer.add_rope_dimension_count(int(d * c.get("partial_rotary_factor", 1)))
        writer.add_rope_scaling_orig_ctx_len(c["original_max_position_embeddings"])
    if arch.startswith("gemma") or arch == "phi3":
        writer.add_sliding_window(c["sliding_window"] or 0)
    if kind == "gemma2":
        writer.add_attn_logit_softcapping(c["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(c["final_logit_softcapping"])
    scaling = c.get("rope_scaling", {})
    if scaling.get("type", scaling.get("rope_type")) == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(scaling["factor"])
    if scaling.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(c, d))
    if scaling.get("type") == "longrope":
        original = c["original_max_position_embeddings"]
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(c["max_position_embeddings"] / original) / math.log(original)))
        writer.add_tensor("rope_factors_long.weight", np.array(LONG, np.float32))
        writer.add_tensor("rope_factors_short.weight", np.array(SHORT, np.float32))
    writer.add_token_list([f"t{i}" for i in range(c["vocab_size"])])
    writer.add_bos_token_id(c["bos_token_id"])
    writer.add_eos_token_id(c["eos_token_id"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH_NAMES and {v: k for k, v in gguf.MODEL_ARCH_NAMES.items()}[arch], c["num_hidden_layers"])
    for name, shape in tensors(c):
        data = values(name, shape)
        if arch in ("llama", "deci", "smollm3") and name.rsplit(".", 1)[0].endswith(("q_proj", "k_proj")):
            data = permute(data, d)
        if arch.startswith("gemma") and name.endswith("norm.weight"):
            data = data + 1
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama3_factors(c, d):
    s = c["rope_scaling"]
    factors = []
    for i in range(0, d, 2):
        wavelength = 2 * math.pi * c["rope_theta"] ** (i / d)
        low, high = (s["original_max_position_embeddings"] / s[key] for key in ("low_freq_factor", "high_freq_factor"))
        if wavelength < high:
            factors.append(1)
        elif wavelength > low:
            factors.append(s["factor"])
        else:
            smooth = (s["original_max_position_embeddings"] / wavelength - s["low_freq_factor"]) / (s["high_freq_factor"] - s["low_freq_factor"])
            factors.append(1 / ((1 - smooth) / s["factor"] + smooth))
    return np.array(factors, np.float32)


def main():
    cases = {}
    with tempfile.TemporaryDirectory() as folder:
        for key, c in CONFIGS.items():
            path = pathlib.Path(folder) / f"{key}.gguf"
            write(key, c, path)
            cases[key] = {"config": c, "gguf": base64.b64encode(path.read_bytes()).decode()}
    text = json.dumps({"versions": VERSIONS, "cases": cases}, separators=(",", ":"))
    (FIXTURES / "gguf-models.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(len(text), (FIXTURES / "gguf-models.json.gz").stat().st_size)


if __name__ == "__main__":
    main()
