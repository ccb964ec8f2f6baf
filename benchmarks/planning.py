"""How long a control step takes with the default settings (encode, choose the subgoal, plan): one world, one core.

    python benchmarks/planning.py [CHECKPOINT] [steps=60] [landmarks=256] [key=value ...]

Without a checkpoint: a world model of the default size that has learned nothing; the time hardly depends on what was
learned. Shows so many steps of random play in the world to each of `evaluate.planners`; `model_calls` are predictor
steps in a control step.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from benchmarks.record import RESULTS, sizes, write
from envs import make_world
from envs.world import World
from housecat.evaluation.episodes import Bench, generator_of
from housecat.evaluation.timing import Recording, time_steps
from housecat.runs import trained, wiring
from housecat.runs.training import make_method
from housecat.settings.config import load_config
from housecat.settings.schema import Config
from planners.subgoals.landmarks import build_landmarks
from worldmodel import checkpoint
from worldmodel.distances.critics import KINDS


def fresh_checkpoint(folder: Path, world: World, config: Config, landmarks: int) -> None:
    """Writes a world model of the configured size with its first weights, and landmarks at random places."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    plan = wiring.training_plan(config, world.scene.frame_size, world.scene.action_dim)
    model = make_method(plan).model.eval().requires_grad_(False)
    states = np.stack([world.sample_state(rng) for _ in range(landmarks)])
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


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes well under a minute."""
    size, others = sizes(arguments, steps=60, landmarks=256)
    folders = [argument for argument in others if "=" not in argument]
    config = load_config([argument for argument in others if "=" in argument])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(folders[0] if folders else temporary) / ("" if folders else "model")
        spec = wiring.trained_world(folder) if folders else wiring.world_spec(config)
        world = make_world(spec)
        if not folders:
            fresh_checkpoint(folder, world, config, size["landmarks"])
        bench = trained.BenchSetup(spec, folder, config)()
    recording = random_play(world, size["steps"])
    found = {name: measure(bench, name, recording) for name in config.evaluate.planners}
    for name, numbers in found.items():
        print(f"{name:14} {numbers}")
    write("planning", {"world": world.name, "planners": found}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
