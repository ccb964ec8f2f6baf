"""No two purposes draw from one stream: what is judged is never what was learnt from, by accident of a seed."""

import ast
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from envs import make_world
from envs.data.collect import record_episode
from envs.streams import stream, stream_seed
from envs.worlds.mazes import maze_spec
from housecat.evaluation.episodes import generator_of
from housecat.evaluation.pairs import PairRequest, make_pairs
from worldmodel import streams as learning

ROOT = Path(__file__).parents[2]
MAKERS = {"stream", "torch_stream", "drawn_weights", "on_latents"}  # the purpose is their first literal text
SHARED = {"methods"}  # the untrained network of a diagnosis is the very one that training began with


def calls(*packages: str) -> Iterator[tuple[Path, str, list[ast.expr]]]:
    """File, name and arguments of every call."""
    for path in (path for package in packages for path in sorted((ROOT / package).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                yield path, node.func.id if isinstance(node.func, ast.Name) else node.func.attr, node.args


def purposes() -> list[str]:
    """The purposes that the code names, once for each place."""
    found = []
    for _, name, arguments in calls("envs", "worldmodel", "planners", "housecat"):
        if name in MAKERS:
            texts = [one.value for one in arguments if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            found += texts[:1]
    return [*found, "pairs", "calibration", "factors of pairs", "factors of calibration"]


def test_what_is_learnt_and_judged_has_no_seed_but_by_way_of_a_purpose():
    for path, name, arguments in calls("worldmodel", "planners", "housecat"):
        if name in ("default_rng", "manual_seed") and path.name not in (
            "streams.py",
            "export.py",
            "measured.py",
            "oracle.py",
        ):
            assert all(isinstance(one, ast.Constant) for one in arguments), path


def test_every_purpose_has_a_name_of_its_own():
    count = Counter(purposes())
    assert {"recordings", "factors of recordings", "planners", "landmarks", "training clips", "finetuning"} <= set(
        count
    )
    assert {name for name, times in count.items() if times > 1} <= SHARED


def test_no_two_purposes_seeds_or_indices_share_a_stream():
    indices = [(), (0,), (1,), (2,), (0, 0), (0, 1), (1, 0)]
    asked = list(itertools.product(range(51), sorted(set(purposes())), indices))
    numpys = {tuple(stream(seed, purpose, *rest).integers(2**63, size=2)) for seed, purpose, rest in asked}
    torches = {learning.stream_seed(seed, purpose, *rest) for seed, purpose, rest in asked}
    assert len(numpys) == len(torches) == len(asked)


def test_a_stream_is_the_same_every_time_whatever_kind_of_number_its_seed_is():
    assert stream(3, "pairs", 1).random() == stream(np.int64(3), "pairs", np.int32(1)).random()
    assert stream_seed(1, "pairs", 12) != stream_seed(11, "pairs", 2) != stream_seed(1, "pairs", 1, 2)
    first, again = (learning.torch_stream(3, "landmarks") for _ in range(2))
    assert torch.equal(torch.rand(4, generator=first), torch.rand(4, generator=again))


def test_drawn_weights_depend_on_seed_and_network_and_leave_torchs_own_generator_alone():
    before = torch.get_rng_state()

    def drawn(seed: int, network: str) -> list[float]:
        with learning.drawn_weights(seed, network):
            return torch.nn.Linear(3, 2).weight.flatten().tolist()

    assert drawn(0, "a") == drawn(0, "a")
    assert len({tuple(drawn(*which)) for which in ((0, "a"), (1, "a"), (0, "b"))}) == 3
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", [0, 100])
def test_no_pair_begins_or_ends_where_a_recording_of_the_same_seed_begins(seed):
    world = make_world(maze_spec("umaze", frame_size=16))
    begun = {record_episode(world, seed, index, 1).states[0][:2].round(6).tobytes() for index in range(20)}
    made = make_pairs(world, PairRequest(20, 20, seed, 1))
    asked = [
        state[:2].round(6).tobytes() for pair in made.pairs + made.calibration for state in (pair.start, pair.goal)
    ]
    assert len(set(asked)) == len(asked) and not begun & set(asked)


def test_what_planners_draw_is_not_what_a_training_of_the_same_seed_draws():
    planned = {generator_of(seed, pair).initial_seed() for seed in range(10) for pair in range(30)}
    names = sorted(set(purposes()) - {"planners"})
    learnt = {learning.torch_stream(seed, name).initial_seed() for seed in range(10) for name in names}
    assert len(planned) == 300 and not planned & learnt
