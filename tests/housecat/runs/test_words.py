"""Words that are learnt from what is true of states, and played towards."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.words import shuffled_words
from envs.goals.forms import goal_of
from envs.goals.grammar import language_of
from envs.goals.record import Goal, progress
from envs.registry import WORLDS
from envs.world import World
from housecat import zoo
from housecat.errors import UsageError
from housecat.evaluation.episodes import play
from housecat.evaluation.goals import IN_WORDS, Asked, captioned, towards
from housecat.evaluation.pairs import PairRequest, make_pairs
from housecat.players.spoken import Spoken
from housecat.runs.stages import evaluating
from housecat.runs.words import Frames, fit_words, judged, words_for
from housecat.settings.config import load_config
from tests.housecat.conftest import Outcome
from tests.housecat.pointmass import SIDE, PlannedSetup, point_world
from worldmodel.language.grounding import Words, words_from

WORLD = point_world()
STATES = np.random.default_rng(0).uniform(0, SIDE, (1200, 2))


@pytest.fixture(scope="module")
def words() -> Words:
    pytest.importorskip("wordllama")
    latents = torch.from_numpy(STATES).float()
    return fit_words(language_of(WORLD), WORLD, Frames(latents[:800], STATES[:800]), latents[800:], updates=400)


def played(words: Words | None, goal: Goal, told: Goal, world: World = WORLD) -> list[bool]:
    """Success at a goal of players that are told another."""
    spoken = Spoken(words, 8)
    bench = replace(PlannedSetup()(), targets=lambda one: spoken(told))
    pairs = towards(world, make_pairs(world, PairRequest(4, 0, 3, 1), goal).pairs, Asked(goal), 3)
    return [one.success for one in play(bench, "flat_distance", None, list(enumerate(pairs)), 0, 90)]


def test_what_was_never_heard_is_understood_and_found_among_recorded_latents(words):
    found = judged(words, language_of(WORLD), WORLD, STATES[800:])
    assert found["seen"] > 0.95 and found["phrasings"] > 0.9, found
    assert found["combinations"] > 0.6, "of a corner, where a ninth is chance"


def test_a_player_does_what_it_is_told_and_not_what_it_is_not(words):
    goal = goal_of("get the point over to the top left", WORLD)
    assert all(played(words, goal, goal))
    assert not any(played(words, goal, goal_of("go to the bottom right", WORLD)))


def test_a_sequence_of_sentences_is_carried_out_in_order(words):
    goal = goal_of("go to the left, then go to the bottom right, then head to the top", WORLD)
    assert all(played(words, goal, goal))


def test_words_in_disorder_mean_less_than_in_order(words):
    from worldmodel.language.vectors import word_vectors

    rng, language = np.random.default_rng(0), language_of(WORLD)
    texts = [text for text in language.of("phrasings") if len(text.split()) > 4][::5]
    mixed = [one for one in (shuffled_words(text, rng) for text in texts) if one not in language.sentences]
    right, wrong = (words.meant(word_vectors(some), 8)[1].mean(dim=1).median() for some in (texts, mixed))
    assert right > 0.7 and wrong < right / 1.5


def test_words_are_read_back_as_they_were_kept_and_not_of_other_shapes(words):
    again = words_from(words.tensors(), 256, 2)
    vectors = torch.randn(3, 16, 256, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.likely(vectors), words.likely(vectors))
    with pytest.raises(ValueError, match="latents of"):
        words_from(words.tensors(), 256, 3)
    with pytest.raises(ValueError, match="other shapes"):
        words_from(words.tensors() | {"latents": torch.zeros(5, 3)}, 256, 3)


def test_without_words_learnt_it_is_said_how_to_learn_them():
    with pytest.raises(UsageError, match="housecat words checkpoint=DIR"):
        Spoken(None, 4)(goal_of("go to the left", WORLD))


def test_a_pair_s_goal_is_said_in_a_sentence_that_is_true_of_it_and_not_of_its_start():
    language = language_of(WORLD)
    for index, pair in enumerate(make_pairs(WORLD, PairRequest(6, 0, 3, 1)).pairs):
        goal = captioned(WORLD, pair, np.random.default_rng(index))
        assert goal.said[0].text in language.held_phrasings
        assert progress(goal, WORLD.task, pair.goal)[0] and not progress(goal, WORLD.task, pair.start)[0]
    made = towards(WORLD, make_pairs(WORLD, PairRequest(2, 0, 3, 1)).pairs, Asked(only=IN_WORDS, samples=3), 3)
    assert [one.wanted is not None and one.wanted.states is not None and len(one.wanted.states) for one in made] == [
        3,
        3,
    ]


def test_a_sentence_that_means_nothing_ends_the_command_with_one_line(command: Callable[..., Outcome]) -> None:
    refused = command("quickstart", "world=umaze", "out=run", "goal.words=open the drawer", "workers=1")
    refused.is_one_line_saying("world 'umaze' does not know what 'open the drawer' means", "ask for one of")


def test_an_evaluation_in_words_is_of_the_words_that_it_was_made_with(tmp_path: Path) -> None:
    model = tmp_path / "run" / "model"
    shutil.copytree(zoo.FOLDER / "medium", model)
    few = ["evaluate.episodes=1", "evaluate.calibration=1", "evaluate.planners=[random]"]

    def inputs(*asked: str) -> dict[str, str]:
        (tmp_path / "run" / "pairs.json").unlink(missing_ok=True)
        return evaluating(load_config([*few, *asked]), WORLDS["medium"], model, model.parent, "").stage.inputs()

    for asked, same in ((["goal.words=go home"], False), ([], True)):
        found = []
        for content in (b"one", b"other"):
            (model / "words.safetensors").write_bytes(content)
            found.append(inputs(*asked))
        assert (found[0] == found[1]) == same


def test_what_comes_along_learns_no_words() -> None:
    with pytest.raises(UsageError, match="zoo/medium comes with Housecat and stays as it is"):
        words_for(zoo.FOLDER / "medium", None, {}, Path("nowhere"))  # type: ignore[arg-type]
