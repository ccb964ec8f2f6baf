"""What some players need that no planner does: policies, and a reader of states, fitted on a checkpoint's recordings.

They are kept where the evaluation writes to, by what they were fitted to, and not in the checkpoint: nobody acts with
them, most trainings never need them, and checkpoints that were made without them can be judged all the same.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from envs.data.episodes import write_whole
from envs.data.manifest import fingerprint, read_manifest
from envs.data.store import EpisodeStore
from envs.registry import make_world
from envs.simulation.scene import Scene
from housecat.errors import UsageError
from housecat.players.reading import StateReader, fit_reader
from housecat.runs.training import HELD_OUT, encode_recordings
from housecat.runs.wiring import check_world
from worldmodel.checkpoint import digest
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.files import require_plain, tensor_bytes
from worldmodel.model import LatentWorldModel
from worldmodel.policies.goal_policy import BATCH, UPDATES, GoalPolicy, fit_policy
from worldmodel.streams import torch_stream

FOLDER = "fitted"
NEED = {"cloning": "cloning", "inverse": "inverse", "true_distance": "reader", "true_dynamics": "reader"}  # by player
AHEAD = {"cloning": None, "inverse": 8}  # control steps to the goal at most; None: any
EPISODES = 500  # recordings that they are fitted on, at most
READ = 12_000  # latents that a state is read off, half of them standing still
_FEWEST = round(1 / HELD_OUT)
_PASSES = 20  # of all rows, at most: more would be learning them by heart


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


def fitted_for(
    players: Iterable[str], setup: Any, data: Path | None, out: Path, load: Callable[[], LatentWorldModel]
) -> Path | None:
    """What these players need of the recordings in `data`, fitted unless `out/fitted` has it; None: nothing.

    `setup`: says which checkpoint and world. Raises UsageError: there are no recordings, or they do not fit.
    """
    names, folder = needed(players), setup.checkpoint
    if not names:
        return None
    if data is None:
        raise UsageError(f"the recordings that {folder} was trained on are not to be found: name some with data=DIR")
    recorded = read_manifest(data)
    what = f"{digest(folder)} {recorded and fingerprint(recorded)} {names}"
    file = out / FOLDER / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.safetensors"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        write_whole(file, tensor_bytes(fit(names, load(), setup.spec, data).state_dict()))
    return file


def scene_of(spec: dict[str, Any]) -> Scene | None:
    """The scene of a world; None where none is known to us."""
    return None if spec["family"] in ("python", "recorded") else make_world(spec).scene


def fit(
    names: Iterable[str], model: LatentWorldModel, spec: dict[str, Any], data: Path, updates: int | None = None
) -> Fitted:
    """Parts of these names, fitted on the recordings in `data`; None `updates`: as many as these are worth.

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
    latents, states = encode_recordings(model, store.split(max(HELD_OUT, 1 - EPISODES / len(store)))[0])
    few = updates or max(1, min(UPDATES, _PASSES * len(states) // BATCH))
    fitted = Fitted([], model.latent, latents.actions.shape[1], scene)
    for name in names:
        if name != "reader":
            fitted.parts[name] = fit_policy(latents, name, AHEAD[name], 0, few)
        elif scene is None:
            raise UsageError(f"{data} does not know states, which true_distance and true_dynamics learn to read")
        else:
            fitted.parts[name] = _reader(latents, torch.from_numpy(states), scene, few)
    return fitted


def _reader(latents: LatentEpisodes, states: Tensor, scene: Scene, updates: int) -> StateReader:
    """Reads states off latents in motion, and off those of the same frames standing still."""
    generator = torch_stream(0, "states that are read")
    rows = torch.randperm(len(states), generator=generator)[: READ // 2]
    at_rest, here = states[rows].clone(), rows.to(latents.moving.device)
    at_rest[:, scene.velocities] = 0.0
    seen = torch.cat([latents.moving[here], latents.still[here]])
    return fit_reader(seen, torch.cat([states[rows], at_rest]), scene, generator, updates)


def load_fitted(file: Path | None, model: LatentWorldModel, spec: dict[str, Any]) -> Fitted:
    """What was fitted, beside the model. Raises UsageError: it is not there, damaged, or of another model."""
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
