"""Words that a checkpoint understands: learnt from what is true of the states of its recordings, kept beside it."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from envs.data.episodes import write_whole
from envs.data.store import EpisodeStore
from envs.goals.grammar import SPLITS, Language, language_of
from envs.goals.meaning import holds
from envs.registry import make_world
from envs.streams import stream
from envs.world import World
from housecat import zoo
from housecat.errors import UsageError
from housecat.evaluation.goals import IN_WORDS
from housecat.runs import wiring
from housecat.runs.training import HELD_OUT
from housecat.settings.schema import Config
from worldmodel.checkpoint import WORDS, load
from worldmodel.files import tensor_bytes
from worldmodel.language.grounding import UPDATES, Words, fit_grounding
from worldmodel.language.vectors import word_vectors
from worldmodel.model import Encoder

FRAMES, CANDIDATES = 3000, 1500  # that are learnt from, and among which goals are looked for
_EPISODES = 150  # from which they are taken, at most
_SNAPPED = 16  # candidates, the likeliest, on which it is judged how well a sentence is understood


class Frames(NamedTuple):
    """Recorded frames, as far as words are concerned."""

    latents: Tensor  # (F, D) of still pictures
    states: np.ndarray  # (F, S)


def asks_in_words(config: Config) -> bool:
    """Whether these settings ask for goals in words."""
    return config.goal.words is not None or config.evaluate.ask == IN_WORDS


def teach(config: Config, folder: Path, data: Path) -> int:
    """`housecat words`: what `words_for` does, told in lines; 0."""
    spec = wiring.trained_world(folder)
    model, language = load(folder, wiring.device(config), wiring.precision(config)).model, language_of(make_world(spec))
    found = words_for(folder, model, spec, data)
    print(f"world '{spec['name']}': {language.help()}")
    for split, share in found.items():
        print(f"{split:12} {len(language.of(split)):5} sentences: true of {share:.0%} of what they were taken for")
    print(f"kept in {folder / WORDS}")
    return 0


def words_for(folder: Path, model: Encoder, spec: dict[str, Any], data: Path) -> dict[str, float]:
    """Learns words on the recordings in `data` and keeps them in the checkpoint `folder`; says what `judged` does.

    Raises UsageError: the checkpoint comes with Housecat, the recordings are of another world or know no states, or
    nothing has a name in this world.
    """
    store, world = recordings_for(folder, spec, data), make_world(spec)
    language = language_of(world)
    if not store.manifest["states"] or not language.sentences:
        raise UsageError(
            f"nothing can be said of the recordings in {data}: their states, or their names, are not known"
        )
    recorded, unseen = held_out(store)
    seen, kept = frames_of(model, recorded, FRAMES), frames_of(model, unseen, CANDIDATES)
    words = fit_words(language, world, seen, kept.latents)
    write_whole(folder / WORDS, tensor_bytes(words.tensors()))
    return judged(words, language, world, kept.states)


def require_own(folder: Path) -> None:
    """Raises UsageError: the checkpoint comes with Housecat."""
    if folder.resolve().parent == zoo.FOLDER.resolve():
        raise UsageError(f"zoo/{folder.name} comes with Housecat and stays as it is: name a checkpoint of your own")


def recordings_for(folder: Path, spec: dict[str, Any], data: Path) -> EpisodeStore:
    """The recordings in `data`, for the checkpoint in `folder` of the world `spec`.

    Raises UsageError: the checkpoint comes with Housecat, or the recordings are not what it sees.
    """
    require_own(folder)
    store = EpisodeStore.open(data)
    wiring.check_world(str(data), store.world, spec)
    if store.manifest["camera"] != "train":
        raise UsageError(f"{data} has frames of another camera than models see: housecat rerender camera=train")
    return store


def held_out(store: EpisodeStore) -> tuple[EpisodeStore, EpisodeStore]:
    """What is learnt from, and what it is judged on: at least one recording each."""
    return store.split(max(HELD_OUT, 1.5 / len(store)))


@torch.no_grad()
def frames_of(model: Encoder, store: EpisodeStore, count: int) -> Frames:
    """Latents and states of `count` recorded frames, spread evenly over as many episodes as are opened."""
    rng = stream(0, "frames that are spoken of")
    chosen = rng.permutation(len(store))[:_EPISODES]
    each = -(-count // len(chosen))
    latents, states = [], []
    for index in chosen:
        episode = store.load(int(index))
        rows = np.linspace(0, len(episode), min(each, len(episode) + 1)).round().astype(int)
        frames = torch.from_numpy(np.asarray(episode.frames)[rows]).to(model.device)
        latents.append(model.still(frames).cpu())
        states.append(episode.states[rows])
    return Frames(torch.cat(latents), np.concatenate(states))


def fit_words(language: Language, world: World, seen: Frames, kept: Tensor, updates: int = UPDATES) -> Words:
    """Learns what the sentences that are not held out are true of; meanings are looked for among latents `kept`."""
    numbers = {concept: index for index, concept in enumerate(language.meanings)}
    truth = truth_of(language, world, seen.states)
    heard = {text: concept for text, concept in language.of("seen").items() if truth[numbers[concept]].any()}
    which = torch.tensor([numbers[concept] for concept in heard.values()])
    return Words(fit_grounding(seen.latents, word_vectors(list(heard)), which, truth, 0, updates).eval(), kept)


def truth_of(language: Language, world: World, states: np.ndarray) -> Tensor:
    """Which of the concepts are true of states (F, S): bool (C, F), in the order of `language.meanings`."""
    return torch.stack(
        [torch.from_numpy(holds(bounds, world.task.quantities, states)) for bounds in language.meanings.values()]
    )


def judged(words: Words, language: Language, world: World, states: np.ndarray) -> dict[str, float]:
    """By split of the grammar, the share of the latents found for its sentences of whose states (M, S) they are true.

    Of concepts that are true of as many of the states at least.
    """
    numbers = {concept: index for index, concept in enumerate(language.meanings)}
    truth, found = truth_of(language, world, states), dict[str, float]()
    for split in SPLITS:
        texts = {t: numbers[c] for t, c in language.of(split).items() if truth[numbers[c]].sum() >= _SNAPPED}
        if texts:
            rows = words.likely(word_vectors(list(texts))).topk(_SNAPPED, dim=1).indices
            right = truth[torch.tensor(list(texts.values()))].gather(1, rows)
            found[split] = round(float(right.float().mean()), 3)
    return found
