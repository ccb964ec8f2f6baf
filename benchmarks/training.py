"""How fast the default world model trains: whole updates (encoder, rollout, losses, optimiser) on random 64x64 frames.

Prints one JSON line last. `frames_per_second` counts each camera frame of a clip once, however many contexts it is part
of; `share_of_product` is the arithmetic done in a second over what a large matrix product in the same precision reaches
in this run: on a processor without bf16 units a bf16 product is slower than fp32, and a share of that says nothing.
"""

import json
import time
from dataclasses import replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from housecat.runs.estimate import seconds_per_update, stages_of
from housecat.runs.training import make_method
from housecat.runs.wiring import training_plan
from housecat.settings.config import load_config
from worldmodel.training import learn

SECONDS = 20.0
MATRIX = 2048


def product_speed(precision: torch.dtype) -> float:
    """Floating-point operations a second of a large matrix product, best of five."""
    left, right = (torch.randn(MATRIX, MATRIX).to(precision) for _ in range(2))
    best = 0.0
    for _ in range(5):
        began = time.perf_counter()
        left @ right
        best = max(best, 2 * MATRIX**3 / (time.perf_counter() - began))
    return best


def main() -> None:
    """Runs for about half a minute."""
    plan = training_plan(load_config([]), action_dim=2, frame_size=64)
    torch.manual_seed(0)
    method = make_method(plan)
    stage = next(one for one in stages_of(plan, method) if one.name == "train")
    with FlopCounterMode(display=False) as counter:
        learn(replace(stage, updates=1))
    product = product_speed(plan.precision)
    per_second = 1 / seconds_per_update(stage, SECONDS)
    result = {
        "frames_per_second": round(per_second * plan.train.batch * (plan.train.length + method.model.context - 1)),
        "latents_per_second": round(per_second * plan.train.batch * plan.train.length),
        "share_of_product": round(counter.get_total_flops() * per_second / product, 3),
        "product_gflops": round(product / 1e9),
        "precision": str(plan.precision).removeprefix("torch."),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
