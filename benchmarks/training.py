"""How fast the default world model trains: whole updates (encoder, rollout, losses, optimiser) on random 64x64 frames.

Prints one JSON line last. `frames_per_second` counts each camera frame of a clip once, however many contexts it is part
of; `share_of_bf16_peak` is the arithmetic done in a second over what a large bf16 matrix product reaches in this run.
"""

import json
import time
from types import SimpleNamespace

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from housecat.config import load_config
from housecat.train import make_method
from housecat.wiring import training_plan
from worldmodel.training import start, update

SECONDS = 20.0
MATRIX = 2048


def bf16_peak() -> float:
    """Floating-point operations a second of a large bf16 matrix product, best of five."""
    left, right = (torch.randn(MATRIX, MATRIX, dtype=torch.bfloat16) for _ in range(2))
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
    run = start(make_method(plan), plan.train)
    rng = np.random.default_rng(0)
    frames = plan.train.length + run.method.model.context - 1
    clips = SimpleNamespace(
        frames=rng.integers(0, 256, (plan.train.batch, frames, 64, 64, 3), dtype=np.uint8),
        actions=rng.uniform(-1, 1, (plan.train.batch, frames - 1, 2)).astype(np.float32),
        states=np.zeros((plan.train.batch, frames, 4)),
    )
    with FlopCounterMode(display=False) as counter:
        update(run, clips, plan.train)
    peak = bf16_peak()
    updates, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        update(run, clips, plan.train)
        updates += 1
    per_second = updates / (time.perf_counter() - began)
    result = {
        "frames_per_second": round(per_second * plan.train.batch * frames),
        "latents_per_second": round(per_second * plan.train.batch * plan.train.length),
        "share_of_bf16_peak": round(counter.get_total_flops() * per_second / peak, 3),
        "bf16_peak_gflops": round(peak / 1e9),
        "precision": str(plan.precision).removeprefix("torch."),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
