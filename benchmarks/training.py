"""How fast the default world model trains: whole updates (encoder, rollout, losses, optimiser) on random 64x64 frames.

    python benchmarks/training.py [seconds=20] [key=value ...]

`frames_per_second` counts each camera frame of a clip once, however many contexts it is part of;
`share_of_product` is the arithmetic done in a second over that of a large matrix product in the same precision
and in this run: on a processor without bf16 units a bf16 product is slower than fp32, and a share of that says nothing.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.record import RESULTS, sizes, write
from housecat.runs.estimate import seconds_per_update, stages_of
from housecat.runs.training import make_method
from housecat.runs.wiring import training_plan
from housecat.settings.config import load_config
from worldmodel.training import learn

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


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Runs for about half a minute."""
    size, settings = sizes(arguments, seconds=20)
    plan = training_plan(load_config(settings), action_dim=2, frame_size=64)
    torch.manual_seed(0)
    method = make_method(plan)
    stage = next(one for one in stages_of(plan, method) if one.name == "train")
    with FlopCounterMode(display=False) as counter:
        learn(replace(stage, updates=1))
    fastest = product_speed(plan.precision)
    per_second = 1 / seconds_per_update(stage, size["seconds"])
    found = {
        "frames_per_second": round(per_second * plan.train.batch * (plan.train.length + method.model.context - 1)),
        "latents_per_second": round(per_second * plan.train.batch * plan.train.length),
        "share_of_product": round(counter.get_total_flops() * per_second / fastest, 3),
        "product_gflops": round(fastest / 1e9),
        "precision": str(plan.precision).removeprefix("torch."),
        "threads": torch.get_num_threads(),
    }
    print(found)
    write("training", found, results)


if __name__ == "__main__":
    main(sys.argv[1:])
