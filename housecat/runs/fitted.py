"""What some players need that no planner does: policies, and a reader of states, fitted on a checkpoint's recordings.

They are kept in the folder of the evaluation, `fitted.safetensors`, and not in the checkpoint: nobody acts with them,
most trainings never need them, and checkpoints that were made without them can be judged all the same.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from envs.data.episodes import write_whole
from envs.data.store import EpisodeStore
from envs.registry import make_world
from envs.simulation.scene import Scene
from housecat.errors import UsageError
from housecat.players.reading import UPDATES as READING
from housecat.players.reading import StateReader, fit_reader
from housecat.runs.training import HELD_OUT, encode_recordings
from housecat.runs.wiring import check_world
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.files import require_plain, tensor_bytes
from worldmodel.model import LatentWorldModel
from worldmodel.policies.goal_policy import UPDATES, GoalPolicy, fit_policy
from worldmodel.streams import torch_stream

FILE = "fitted.safetensors"
NEED = {"cloning": "cloning", "inverse": "inverse", "true_distance": "reader", "true_dynamics": "reader"}  # by player
AHEAD = {"cloning": None, "inverse": 8}  # control steps to the goal at most; None: any
EPISODES = 1000  # recordings that they are fitted on, at most
READ = 12_000  # latents that a state is read off, half of them standing still
_FEWEST = round(1 / HELD_OUT)


class Fitted(nn.Module):
    """Some of "cloning", "inverse" and "reader", in `parts`; no state can be read where there is no `scene`."""

    def __init__(self, names: Iterable[str], latent: int, action: int, scene: Scene | None) -> None:
        super().__init__()
        self.parts = nn.ModuleDict()
        for name in names:
            if name != "reader":
                self.parts[name] = GoalPolicy(latent, action)
            elif scene is not None:
                self.parts[name] = StateReader.empty(latent, scene)


def needed(players: Iterable[str]) -> list[str]:
    """What has to be fitted for these players."""
    return sorted({NEED[name] for name in players if name in NEED})


def scene_of(spec: dict[str, Any]) -> Scene | None:
    """The scene of a world; None where none is known to us."""
    return None if spec["family"] in ("python", "recorded") else make_world(spec).scene


def fit(
    names: Iterable[str],
    model: LatentWorldModel,
    spec: dict[str, Any],
    data: Path,
    file: Path,
    seed: int,
    updates: int | None = None,
) -> None:
    """Fits the parts of these names on the recordings in `data`, and writes them to `file`.

    `updates`: None: as many as each is worth.

    Raises UsageError: the recordings are of another world or camera, too few, or do not know the states to be read.
    """
    store = EpisodeStore.open(data)
    check_world(str(data), store.world, spec)
    if store.manifest["camera"] != "train":
        raise UsageError(f"{data} has frames of another camera than models see: housecat rerender camera=train")
    store = store.at_least(model.context + 1)
    if len(store) < _FEWEST:
        raise UsageError(f"{data} has {len(store)} episodes that are long enough: at least {_FEWEST} are needed")
    scene = scene_of(spec) if store.manifest["states"] else None
    if "reader" in names and scene is None:
        raise UsageError(f"{data} does not know states, which true_distance and true_dynamics learn to read")
    latents, states = encode_recordings(model, store.split(max(HELD_OUT, 1 - EPISODES / len(store)))[0])
    fitted = Fitted([], model.latent, latents.actions.shape[1], scene)
    for name in names:
        if name == "reader":
            assert scene is not None
            fitted.parts[name] = _reader(latents, torch.from_numpy(states), scene, seed, updates or READING)
        else:
            fitted.parts[name] = fit_policy(latents, name, AHEAD[name], seed, updates or UPDATES)
    write_whole(file, tensor_bytes(fitted.state_dict()))


def _reader(latents: LatentEpisodes, states: Tensor, scene: Scene, seed: int, updates: int) -> StateReader:
    """Reads states off latents in motion, and off those of the same frames standing still."""
    generator = torch_stream(seed, "states that are read")
    rows = torch.randperm(len(states), generator=generator)[: READ // 2]
    at_rest = states[rows].clone()
    at_rest[:, scene.velocities] = 0.0
    here = rows.to(latents.moving.device)
    seen = torch.cat([latents.moving[here], latents.still[here]])
    return fit_reader(seen, torch.cat([states[rows], at_rest]), scene, generator, updates)


def load_fitted(file: Path | None, model: LatentWorldModel, spec: dict[str, Any]) -> Fitted:
    """What `fit` wrote, beside the model. Raises UsageError: it is not there, damaged, or of another model."""
    if file is None:
        raise UsageError(f"{', '.join(NEED)} are fitted on recordings first: let `housecat evaluate` play them")
    try:
        require_plain(file)
        weights = load_file(file)
        names = {name.split(".")[1] for name in weights} & set(NEED.values())
        fitted = Fitted(names, model.latent, len(model.action_low), scene_of(spec))
        fitted.load_state_dict(weights)
    except (OSError, ValueError, RuntimeError, IndexError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(f"{file} is damaged ({reason}): delete it, and it is made anew") from error
    return fitted.to(model.device).requires_grad_(False).eval()
