"""Goals in words: as good as pictures of the same goals? And in words that were never heard, or that mean nothing?

    python benchmarks/words.py RUN [RUN ...] [episodes=30] [key=value ...]

Plays each run's pairs with `evaluate.planners` towards sentences that are true of their goals: as they were heard while
learning, in phrasings and in combinations that were not; the same goals shown in pictures; then, judged by the same
sentences, with their words shuffled and with another sentence told instead; and three sentences in a sequence. Words
are learnt anew first.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.playing import entered
from benchmarks.record import RESULTS, write
from benchmarks.subgoals import summary
from envs import make_world
from envs.goals.drawing import standing_for
from envs.goals.forms import goal_of
from envs.goals.grammar import SPLITS, language_of
from envs.goals.record import Goal, GoalError
from envs.streams import stream
from envs.task import Pair
from envs.world import World
from housecat.diagnosis.probe import recordings_of
from housecat.evaluation.episodes import Bench, play
from housecat.evaluation.goals import Targeted, captioned
from housecat.evaluation.pairs import make_pairs
from housecat.players.spoken import Spoken
from housecat.runs import trained, wiring
from housecat.runs.words import words_for
from housecat.settings.schema import Config
from worldmodel import checkpoint

LONG = 3  # sentences of a sequence


def shuffled_words(text: str, rng: np.random.Generator) -> str:
    """A sentence with its words in another order."""
    words = text.split()
    while len(set(words)) > 1 and (mixed := rng.permutation(np.array(words)).tolist()) != words:
        return " ".join(mixed)
    return text


def in_words(world: World, pairs: Sequence[Pair], split: str, samples: int, seed: int) -> list[Pair]:
    """The pairs, asked for in sentences of a split of the grammar; without those where all of it is true."""
    made = []
    for index, pair in enumerate(pairs):
        rng = stream(seed, "sentences of a benchmark", index)
        try:
            goal = captioned(world, pair, rng, split)
        except GoalError:  # all that could be asked is so at its start
            continue
        made.append(replace(pair, wanted=replace(goal, states=standing_for(world, goal, samples, rng, pair.start))))
    return made


def in_sequence(world: World, pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """The pairs, each asked for three sentences that differ in what they mean, one after the other."""
    language, made = language_of(world), []
    for index, pair in enumerate(pairs):
        rng = stream(seed, "sequences of a benchmark", index)
        by_concept = {concept: text for text, concept in language.of("seen").items()}
        chosen = rng.permutation(np.array(list(by_concept.values())))[:LONG].tolist()
        goal = goal_of(", then ".join(chosen), world)
        made.append(replace(pair, wanted=replace(goal, states=standing_for(world, goal, 1, rng, pair.start))))
    return made


def told_instead(spoken: Spoken, change: Callable[[str, np.random.Generator], str]) -> Targeted:
    """Targets of a player that hears other words than those by which it is judged."""
    rng = np.random.default_rng(0)

    def targets(goal: Goal) -> Any:
        said = tuple(replace(one, text=change(one.text, rng)) for one in goal.said)
        return spoken(replace(goal, said=said))

    return targets


def another(world: World) -> Callable[[str, np.random.Generator], str]:
    """A sentence that means something else, chosen at random."""
    language = language_of(world)

    def change(text: str, rng: np.random.Generator) -> str:
        others = [one for one, concept in language.of("seen").items() if concept != language.sentences[text]]
        return others[rng.integers(len(others))]

    return change


def played(bench: Bench, planner: str, pairs: Sequence[Pair], config: Config, times: int = 1) -> dict[str, Any]:
    """How a planner fares; `times` as many control steps as usual."""
    numbered, size = list(enumerate(pairs)), config.evaluate.batch
    limit = times * (config.evaluate.max_steps or bench.make_world().max_steps)
    jobs = [numbered[first : first + size] for first in range(0, len(numbered), size)]
    return summary([one for job in jobs for one in play(bench, planner, None, job, config.seed, limit)])


def measure(run: Path, arguments: list[str]) -> dict[str, Any]:
    """One run: how well sentences are understood, and success by planner and kind of sentence."""
    folder = checkpoint.folder_of(run)
    spec = wiring.trained_world(folder)
    config = entered(run, arguments).config
    world = make_world(spec)
    data = Path(config.data) if config.data else recordings_of(folder)
    if data is None:
        raise SystemExit(f"the recordings of {run} are not to be found: name them with data=DIR")
    understood = words_for(folder, checkpoint.load(folder, wiring.device(config)).model, spec, data)
    loaded = trained.load_checkpoint(folder, config, spec)
    request = replace(wiring.pair_request(config), count=config.episodes or config.evaluate.episodes, calibration=0)
    pairs, samples = make_pairs(world, request).pairs, config.goal.samples
    splits = [split for split in SPLITS if language_of(world).of(split)]
    asked = {split: in_words(world, pairs, split, samples, config.seed) for split in splits}
    bench = trained.BenchSetup(spec, folder, config).with_loaded(loaded)
    spoken = Spoken(loaded.words, samples)
    changes = {"shuffled": shuffled_words, "wrong": another(world)}
    found: dict[str, Any] = {"world": world.name, "pairs": len(pairs), "understood": understood, "planners": {}}
    for planner in config.evaluate.planners:
        told: dict[str, Any] = {}
        for split, some in asked.items():
            told[split] = played(bench, planner, some, config)
            told[f"{split}_in_pictures"] = played(replace(bench, targets=None), planner, some, config)
            whole = max(told[f"{split}_in_pictures"]["value"], 1e-9)
            told[split]["of_picture"] = round(told[split]["value"] / whole, 3)
        for name, change in changes.items():
            other = replace(bench, targets=told_instead(spoken, change))
            told[name] = played(other, planner, asked["phrasings"], config)
        told["sequences"] = played(bench, planner, in_sequence(world, pairs, config.seed), config, LONG)
        for name, one in told.items():
            print(f"{world.name:10} {planner:14} {name:24} {one}", flush=True)
        found["planners"][planner] = told
    return found


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each run."""
    runs = [Path(one) for one in arguments if "=" not in one]
    others = [one for one in arguments if "=" in one]
    write("words", {"runs": {str(run): measure(run, others) for run in runs}}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
