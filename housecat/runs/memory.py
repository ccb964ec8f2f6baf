"""Short-term memory of a checkpoint: learnt from its recordings with something hidden in them, kept beside it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from envs.data.episodes import write_whole
from envs.data.store import EpisodeStore
from envs.streams import stream
from housecat.errors import UsageError
from housecat.runs import wiring
from housecat.runs.words import held_out, recordings_for
from housecat.settings.schema import Config
from worldmodel.checkpoint import MEMORY, load
from worldmodel.files import tensor_bytes
from worldmodel.losses.hiding import hidden, lost, screened
from worldmodel.model import LatentWorldModel
from worldmodel.networks.memory import MemoryFilter
from worldmodel.stages.memory import STEPS, UPDATES, Hidden, Remembering, fit_memory

_EPISODES, _JUDGED = 800, 60  # recordings that are learnt from, and judged on, at most
_CASES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "behind a screen": lambda frames, rng: screened(frames.copy(), 0, len(frames), rng),
    "frames lost": lost,
}


def teach(config: Config, folder: Path, data: Path) -> int:
    """`housecat memory`: what `memory_for` does, told in lines; 0."""
    model = load(folder, wiring.device(config), wiring.precision(config)).model
    for case, share in memory_for(folder, model, wiring.trained_world(folder), data).items():
        print(f"{case}: off by {share:.0%} of what the latent is off by without memory")
    print(f"kept in {folder / MEMORY}")
    return 0


def memory_for(
    folder: Path, model: Any, spec: dict[str, Any], data: Path, updates: int = UPDATES, steps: int = STEPS
) -> dict[str, float]:
    """Learns to remember on the recordings in `data`, keeps it in the checkpoint `folder`; says what `judged` does.

    Raises UsageError: the checkpoint comes with Housecat or imagines nothing, or the recordings are not what it sees,
    or too short.
    """
    if not isinstance(model, LatentWorldModel):
        raise UsageError(f"checkpoint {folder} is an encoder, which imagines nothing: it cannot remember either")
    store = recordings_for(folder, spec, data)
    if int(store.lengths.max()) < model.context - 1 + steps:
        raise UsageError(f"{data} has no recording of {model.context - 1 + steps} control steps, which memory needs")
    recorded, unseen = held_out(store.at_least(model.context - 1 + steps))
    memory = fit_memory(model, encoded(model, recorded), 0, updates, steps)
    write_whole(folder / MEMORY, tensor_bytes(memory.state_dict()))
    return judged(model, memory, unseen)


@torch.no_grad()
def encoded(model: LatentWorldModel, store: EpisodeStore, most: int = _EPISODES) -> Hidden:
    """Recordings as they are and with something hidden in each, `most` of them."""
    rows, parts = 0, []
    chosen = stream(0, "recordings to remember").permutation(len(store))[:most]
    for index in tqdm(chosen, desc="hide", unit="episode"):
        episode = store.load(int(index))
        frames = np.asarray(episode.frames)
        whole = _latents(model, frames)
        covered = _latents(model, hidden(frames, stream(0, "what is hidden", int(index))))
        rows += len(whole)
        taken = torch.from_numpy(np.asarray(episode.actions))[model.context - 1 :]
        last = torch.full((len(whole),), rows - 1)
        parts.append(Hidden(whole, covered, last, torch.cat([taken, taken.new_zeros(1, taken.shape[1])])))
    return Hidden(*(torch.cat(each) for each in zip(*parts, strict=True)))


@torch.no_grad()
def judged(model: LatentWorldModel, memory: MemoryFilter, store: EpisodeStore) -> dict[str, float]:
    """How far what is remembered is from all that was there, of how far what is seen is: root mean squares, by case."""
    remembering, found = Remembering(model, memory), dict[str, float]()
    for number, (case, hide) in enumerate(_CASES.items()):
        off = np.zeros(2)
        for index in range(min(len(store), _JUDGED)):
            episode = store.load(index)
            frames = np.asarray(episode.frames)
            whole = _latents(model, frames)
            seen = _latents(model, hide(frames, stream(0, "what is hidden from a judge", index, number)))
            actions = torch.from_numpy(np.asarray(episode.actions))[model.context - 1 :]
            kept = [seen[:1]]  # as an episode begins
            for now, action in zip(seen[1:], actions, strict=True):
                kept.append(remembering(kept[-1], action[None].to(now.device), now[None]))
            off += [_away(one, whole, memory) for one in (torch.cat(kept)[1:], seen[1:])]
        found[case] = round(float(np.sqrt(off[0] / max(off[1], 1e-12))), 3)
    return found


def _latents(model: LatentWorldModel, frames: np.ndarray) -> Tensor:
    return model.latents(torch.from_numpy(frames)[None].to(model.device))[0]


def _away(some: Tensor, whole: Tensor, memory: MemoryFilter) -> float:
    return float(((some - whole[1:]) / memory.scale).square().sum())
