"""Records learning-rate factors of transformers' schedules, for test/unit/trainer-image/optim/schedule.test.ts.

    python test/parity/record_schedule.py test/fixtures/parity
"""
import json
import sys

import torch
import transformers
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_cosine_with_min_lr_schedule_with_warmup,
    get_linear_schedule_with_warmup,
    get_wsd_schedule,
)

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "test/fixtures/parity"
RATE, TOTAL, WARMUP, DECAY = 0.002, 40, 6, 10


def rates(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    schedule = make(optimizer)
    found = []
    for _ in range(TOTAL + 3):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return found


def case(type, warmup, make, minimum=0.0, decay=None):
    return {"type": type, "warmupSteps": warmup, "minFraction": minimum, "decaySteps": decay, "rates": rates(make)}


CASES = [
    case("Constant", WARMUP, lambda o: get_constant_schedule_with_warmup(o, WARMUP)),
    case("Linear", WARMUP, lambda o: get_linear_schedule_with_warmup(o, WARMUP, TOTAL)),
    case("Cosine", WARMUP, lambda o: get_cosine_schedule_with_warmup(o, WARMUP, TOTAL)),
    case("Cosine", WARMUP, lambda o: get_cosine_with_min_lr_schedule_with_warmup(o, WARMUP, TOTAL, min_lr_rate=0.1), 0.1),
    case("Cosine", 0, lambda o: get_cosine_with_min_lr_schedule_with_warmup(o, 0, TOTAL, min_lr_rate=0.25), 0.25),
    case("WarmupStableDecay", WARMUP, lambda o: get_wsd_schedule(o, WARMUP, DECAY, TOTAL), 0.0, DECAY),
    case("WarmupStableDecay", WARMUP, lambda o: get_wsd_schedule(o, WARMUP, DECAY, TOTAL, min_lr_ratio=0.1), 0.1, DECAY),
    case("WarmupStableDecay", 0, lambda o: get_wsd_schedule(o, 0, TOTAL, TOTAL, min_lr_ratio=0.5), 0.5, TOTAL),
    case("WarmupStableDecay", WARMUP, lambda o: get_wsd_schedule(o, WARMUP, 0, TOTAL), 0.0, 0),
]

with open(f"{FOLDER}/schedules.json", "w") as out:
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    json.dump({"versions": versions, "learningRate": RATE, "totalSteps": TOTAL, "cases": CASES}, out)
    out.write("\n")
