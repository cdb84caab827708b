"""GSM8K problems through TRL's SFTTrainer at its defaults, one epoch, LoRA rank 16; prints the training's seconds as JSON.

    python trl_peer.py MODEL_FOLDER TRAIN_JSONL THREADS SCRATCH

Needs trl and gguf beside torch, transformers and PEFT. The folder holds model.gguf.
"""
import json
import os
import resource
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

folder, train, threads, scratch = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(threads)
read = AutoModelForCausalLM.from_pretrained(folder, gguf_file="model.gguf")
# what is read from a GGUF file counts as quantized, which transformers does not train, though its weights are float32
config = type(read.config)(**{key: value for key, value in read.config.to_dict().items() if key != "quantization_config"})
model = type(read)(config)
model.load_state_dict(read.state_dict())
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file="model.gguf")
problems = [json.loads(line) for line in Path(train).read_text().splitlines() if line]
examples = Dataset.from_list([
    {"prompt": [{"role": "user", "content": p["question"]}], "completion": [{"role": "assistant", "content": p["answer"]}]}
    for p in problems
])
trainer = SFTTrainer(
    model=model,
    processing_class=tokenizer,
    train_dataset=examples,
    args=SFTConfig(output_dir=scratch, num_train_epochs=1, report_to="none", save_strategy="no", use_cpu=True),
    peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
)
result = trainer.train()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": result.metrics["train_runtime"], "peakBytes": peak, "steps": result.global_step}))
