"""The work of decode-work.ts with transformers, and its protocol: a batch of answers for each line of standard input.

    python decode_peer.py BATCH NEW_TOKENS THREADS
"""
import json
import resource
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

PROMPT_TOKENS = 64
batch, new_tokens, threads = map(int, sys.argv[1:4])
torch.set_num_threads(threads)
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
    num_key_value_heads=3, rms_norm_eps=1e-5, max_position_embeddings=8192, tie_word_embeddings=True,
    rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
)
model = LlamaForCausalLM(config).eval()
rows, columns = torch.arange(batch)[:, None], torch.arange(PROMPT_TOKENS)[None]
tokens = (rows * 104729 + columns * 7919 + 13) % 49152
for _ in sys.stdin:
    start = time.perf_counter()
    with torch.inference_mode():
        model.generate(
            input_ids=tokens, attention_mask=torch.ones_like(tokens), do_sample=False, pad_token_id=0,
            min_new_tokens=new_tokens, max_new_tokens=new_tokens,
        )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak}), flush=True)
