"""How long a control step takes with the default settings (encode, choose the subgoal, plan): one world, one core.

    python benchmarks/planning.py [CHECKPOINT] [key=value ...]

Without a checkpoint: a world model of the default size that has learned nothing, and 256 landmarks; the time hardly
depends on what was learned. Shows random play in the world to each planner and prints one JSON line last:
`step_ms` and `model_calls` (predictor steps per control step) are the hierarchy's, `planners` has them for all.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from envs import make_world
from envs.world import World
from housecat.evaluation.episodes import Bench, generator_of
from housecat.evaluation.timing import Recording, time_steps
from housecat.runs import trained, wiring
from housecat.runs.training import make_method
from housecat.settings.config import load_config
from housecat.settings.schema import PLANNERS, Config
from planners.subgoals.landmarks import build_landmarks
from worldmodel import checkpoint
from worldmodel.distances.critics import KINDS

STEPS = 60
LANDMARKS = 256


def fresh_checkpoint(folder: Path, world: World, config: Config) -> None:
    """Writes a world model of the configured size with its first weights, and landmarks at random places."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    plan = wiring.training_plan(config, world.scene.frame_size, world.scene.action_dim)
    model = make_method(plan).model.eval().requires_grad_(False)
    states = np.stack([world.sample_state(rng) for _ in range(LANDMARKS)])
    frames = torch.from_numpy(np.stack([world.frame(state=state) for state in states]))
    latents = model.still(frames)
    network = KINDS[plan.critic.kind].network
    distance = network(model.latent, plan.critic.width, plan.critic.longest, torch.float32).eval().requires_grad_(False)
    distance.fit_whitening(latents)
    graph = build_landmarks(latents, torch.from_numpy(states), distance, config.graph.max_edge)
    tensors = {"latents": graph.latents, "steps": graph.steps, "edges": graph.edges, "states": graph.states}
    checkpoint.save(folder, plan.method, plan.settings, model, distance, tensors, {"world": world.spec_dict})


def random_play(world: World, steps: int) -> Recording:
    """What the camera sees while nobody steers, and a goal."""
    play = world.play(np.random.default_rng(0))
    frames = [world.reset(seed=0)[0]]
    goal = world.frame(state=world.sample_state(np.random.default_rng(1)))
    for _ in range(steps - 1):
        frames.append(world.step(play.act(world.state()))[0])
    return Recording(goal, frames)


def measure(bench: Bench, planner: str, recording: Recording) -> dict[str, object]:
    """Milliseconds of a control step, and predictor steps in it."""
    player = bench.make_agent(planner, None, [generator_of(0, 0)])
    found = time_steps(player, [recording])
    calls = 0 if player.last_plan is None else player.last_plan.calls
    return {"step_ms": {"median": round(found.median, 2), "p95": round(found.p95, 2)}, "model_calls": calls}


def main() -> None:
    """Takes well under a minute."""
    folders = [argument for argument in sys.argv[1:] if "=" not in argument]
    config = load_config([argument for argument in sys.argv[1:] if "=" in argument])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(folders[0] if folders else temporary) / ("" if folders else "model")
        spec = wiring.trained_world(folder) if folders else wiring.world_spec(config)
        world = make_world(spec)
        if not folders:
            fresh_checkpoint(folder, world, config)
        bench = trained.BenchSetup(spec, folder, config)()
    recording = random_play(world, STEPS)
    found = {name: measure(bench, name, recording) for name in PLANNERS}
    for name, numbers in found.items():
        print(f"{name:14} {numbers}")
    print(json.dumps({**found["hierarchy"], "world": world.name, "planners": found}))


if __name__ == "__main__":
    main()
