"""A bench from end to end: pairs are frozen, optimisers tuned on other pairs, cells played, and all of it gathered.

In the folder: `manifests/` the pairs; `tuning.jsonl` each setting that was tried; `results.jsonl` one line a cell;
`failures/` some episodes that missed their goals; `bench.json` and `bench.html` what all of it says; `tiny/` the smoke
suite's own model; `fitted/` what some players learnt of the recordings.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from envs.data.machine import cores
from envs.files import Count, Number, Share, record
from envs.registry import make_world
from envs.workers import workers
from housecat.bench.cells import LINE, Cell, append, figures, line_of, read_lines
from housecat.bench.entrants import Entrant
from housecat.bench.gather import gather
from housecat.bench.manifests import Manifests, frozen
from housecat.bench.page import filmed, render
from housecat.bench.playing import BenchJob, BenchPlayed, Numbered, begin, expected
from housecat.bench.suites import Suite
from housecat.bench.tuning import Trial, trials_of
from housecat.evaluation.goals import towards
from housecat.evaluation.pairs import PairRequest
from housecat.evaluation.recommending import rank
from housecat.files import write_json, write_text
from housecat.runs import wiring
from housecat.runs.fitted import FOLDER, NEED
from housecat.runs.folder import provenance
from housecat.runs.goals import asked_of
from housecat.runs.stages import in_words
from housecat.runs.trained import BenchSetup
from housecat.settings.groups import UNSEARCHED
from housecat.settings.own_code import code_digest, is_reference
from planners.optimizers.registry import OPTIMIZERS

FILES = ("manifests", "tuning.jsonl", "results.jsonl", "failures", "bench.json", "bench.html", "tiny", FOLDER)
_FEW = 12  # cells and trials, that are played without saying how long they take
_REPLAYS = 2  # pairs of each cell that are played once more
_KEPT = 3  # episodes of each cell that are kept to be looked at
_TRIED = record(
    digest=str, settings=dict, success=Share | None, spl=Share | None, final=Number | None, rank=list | None,
    pairs=Count, failed=str | None,
)  # fmt: skip

Chosen = dict[Cell, tuple[int, dict[str, int]]]  # for all seeds and budgets, which are 0 here


@dataclass(frozen=True)
class _Planned:
    """A cell or a trial that is to be played."""

    cell: Cell
    job: BenchJob
    digest: str
    settings: Trial
    about: dict[str, Any]


def bench(entrants: Sequence[Entrant], suite: Suite, name: str, out: Path, command: str) -> dict[str, Any]:
    """Plays what is not played yet, in the folder `out`, and gathers it there; the content of `bench.json`.

    `name`: of the suite. Raises UsageError: an optimiser, a manifest or a file in `out` is not as it must be.
    """
    files = {out / "tuning.jsonl": _TRIED, out / "results.jsonl": LINE}
    tuning, results = [{one["digest"]: one for one in read_lines(*file)} for file in files.items()]
    pairs = freeze(entrants, suite, out)
    trials = [one for entrant in entrants for one in _trials(entrant, suite, pairs)]
    count = wiring.evaluate_settings(entrants[0].config).workers
    _foretell(trials, tuning, _all_cells(entrants, suite, pairs, choose(trials, tuning)), results, count)
    _play(trials, tuning, out / "tuning.jsonl", _tried, count)
    origin = provenance(command)
    cells = _all_cells(entrants, suite, pairs, choose(trials, tuning))

    def line(one: _Planned, played: BenchPlayed) -> dict[str, Any]:
        lost = sorted((each for each in played.results if not each.success), key=lambda each: -(each.final or 0.0))
        if lost:
            write_json(out / "failures" / f"{one.digest[:16]}.json", [each.to_json() for each in lost[:_KEPT]], None)
        here = {key: value for key, value in origin.items() if key != "command"}
        return line_of(one.cell, one.digest, played, {"settings": one.settings, **one.about, **here})

    _play(cells, results, out / "results.jsonl", line, count)
    found = gather([results[one.digest] for one in cells], name, origin)
    write_json(out / "bench.json", found)
    specs = {(one.world, one.name): one.spec for one in entrants}
    write_text(out / "bench.html", render(found, filmed(found["cells"], out / "failures", specs, pairs)))
    return found


def freeze(entrants: Sequence[Entrant], suite: Suite, out: Path) -> Manifests:
    """The pairs of each world and seed. Raises PairsError, also where two worlds have one name."""
    found: Manifests = {}
    for one, seed in ((one, seed) for one in entrants for seed in suite.seeds):
        asked, named = one.config.evaluate, one.config.bench.manifests
        farness = asked.min_distance, asked.min_steps, asked.offset
        request = PairRequest(suite.pairs, suite.calibration, seed, asked.strata, *farness)
        folder = out / "manifests" if named is None else Path(named)
        world = make_world(one.spec)
        manifest = frozen(world, request, folder, draw=named is None)
        # What is left open of the goals is drawn anew: manifests hold whole states.
        made, partly = manifest.pairs, asked_of(one.config, world)
        some = [towards(world, pairs, partly, seed) for pairs in (made.pairs, made.calibration)]
        found[one.world, seed] = replace(manifest, pairs=replace(made, pairs=some[0], calibration=some[1]))
    return found


def choose(trials: Sequence[_Planned], tried: dict[str, Any]) -> Chosen:
    """The place in its list of the setting that did best, and how it was tuned; of equals the first."""
    lists: dict[Cell, list[_Planned]] = {}
    for one in trials:
        lists.setdefault(replace(one.cell, seed=0, calls=0), []).append(one)
    found = {}
    for key, some in lists.items():
        ranks = [tried.get(one.digest, {}).get("rank") or [0.0, 0.0, 1e99] for one in some]
        found[key] = ranks.index(min(ranks)), {"tried": len(some), "pairs": len(some[0].job.pairs)}
    return found


def _foretell(
    trials: Sequence[_Planned], tuning: dict[str, Any], cells: Sequence[_Planned], results: dict[str, Any], count: int
) -> None:
    """Says how much is left to be played, and how long that will take; nothing where it is soon done."""
    to_try, to_play = _left(trials, tuning), _left(cells, results)
    jobs = [one.job for one in (*to_try, *to_play)]
    if len(jobs) > _FEW:
        likely, most = expected(jobs, min(count, cores(), len(jobs)))
        what = f"{len(to_try)} settings to try and {len(to_play)} cells to play"
        print(f"{what}: this will take about {in_words(likely)}, {in_words(most)} if no goal is reached", flush=True)


def _left(planned: Sequence[_Planned], found: dict[str, Any]) -> list[_Planned]:
    return [one for one in planned if one.digest not in found and one.job.pairs]


def _play(
    planned: Sequence[_Planned],
    found: dict[str, Any],
    file: Path,
    line: Callable[[_Planned, BenchPlayed], dict[str, Any]],
    count: int,
) -> None:
    """Plays what is not `found`, by digest, in `count` processes; the line of each goes there and to the file."""
    left = _left(planned, found)
    if not left:
        return
    bar = tqdm(total=len(planned), initial=len(planned) - len(left), desc=file.stem, unit="cell")
    with bar, workers(begin, min(count, len(left))) as spread:
        for index, played in spread(one.job for one in left):
            found[left[index].digest] = added = line(left[index], played)
            append(file, added)
            share = "failed" if added["success"] is None else f"{added['success']:.0%}"
            name = "/".join(str(one) for one in asdict(left[index].cell).values() if one is not None)
            bar.set_postfix_str(f"{name}: {share}", refresh=False)
            bar.update()


def _trials(entrant: Entrant, suite: Suite, pairs: Manifests) -> Iterator[_Planned]:
    """Every setting of every optimiser, at the middle budget, on the calibration pairs of the first seed."""
    seed, calls = suite.seeds[0], sorted(suite.calls)[len(suite.calls) // 2]
    numbered = tuple((-1 - index, pair) for index, pair in enumerate(pairs[entrant.world, seed].pairs.calibration))
    for planner, name in ((one, name) for one in suite.planners for name in suite.optimizers if one not in UNSEARCHED):
        every = trials_of(name, calls // entrant.config.planner.horizon, suite.trials)
        for settings in every:
            cell = Cell(entrant.world, entrant.name, planner, name, seed, calls)
            some = numbered if len(every) > 1 else ()  # without a choice nothing need be played
            yield _planned(cell, entrant, settings, pairs, some)


def _tried(one: _Planned, played: BenchPlayed) -> dict[str, Any]:
    found = figures(played)
    told = {key: found[key] for key in ("success", "spl", "failed")} | {"final": found["final_distance"]}
    known = {"pairs": len(one.job.pairs), "rank": list(rank(played.results)) if played.results else None}
    return {**asdict(one.cell), "digest": one.digest, "settings": one.settings, **told, **known}


def _all_cells(entrants: Sequence[Entrant], suite: Suite, pairs: Manifests, chosen: Chosen) -> list[_Planned]:
    return [one for entrant in entrants for one in _cells(entrant, suite, pairs, chosen)]


def _cells(entrant: Entrant, suite: Suite, pairs: Manifests, chosen: Chosen) -> Iterator[_Planned]:
    for seed in suite.seeds:
        numbered = tuple(enumerate(pairs[entrant.world, seed].pairs.pairs))
        for planner in suite.planners:
            if planner in UNSEARCHED:
                cell = Cell(entrant.world, entrant.name, planner, None, seed, 0)
                yield _planned(cell, entrant, {}, pairs, numbered, {"tried": 0, "pairs": 0})
                continue
            for name, calls in ((name, calls) for name in suite.optimizers for calls in suite.calls):
                cell = Cell(entrant.world, entrant.name, planner, name, seed, calls)
                index, tuning = chosen[replace(cell, seed=0, calls=0)]
                # Of the same place in the list, with the samples that this budget pays for.
                every = trials_of(name, calls // entrant.config.planner.horizon, suite.trials)
                yield _planned(cell, entrant, every[min(index, len(every) - 1)], pairs, numbered, tuning)


def _planned(
    cell: Cell,
    entrant: Entrant,
    settings: Trial,
    manifests: Manifests,
    pairs: Numbered,
    tuning: dict[str, int] | None = None,
) -> _Planned:
    """A cell, or without `tuning` a trial, with all that its outcome depends on."""
    manifest, planner, given = manifests[cell.world, cell.seed], replace(entrant.config.planner, milliseconds=None), {}
    if cell.optimizer is not None:
        ours = cell.optimizer in OPTIMIZERS
        planner = replace(planner, optimizer=cell.optimizer, calls=cell.calls, **(settings if ours else {}))
        given = {} if ours else settings
    config = replace(entrant.config, planner=planner)
    asked, fitted = wiring.evaluate_settings(config), entrant.fitted if cell.planner in NEED else None
    setup = BenchSetup(entrant.spec, entrant.folder, config, fitted)
    job = BenchJob(setup, given, cell.planner, pairs, cell.seed, asked.max_steps, asked.batch)
    if tuning is not None:
        exact = wiring.device(config) == torch.device("cpu")  # elsewhere a batch changes the last bits
        job = replace(job, timing_steps=asked.timing_steps, replays=_REPLAYS if exact else 0)
    own = [words for words in (cell.optimizer, planner.energy, config.world.success) if is_reference(words)]
    about: dict[str, Any] = {"tuning": tuning, "manifest": manifest.sha256, "pairs": len(pairs)}
    if config.evaluate.ask:
        about["asked"] = {"only": config.evaluate.ask, "targets": config.goal.targets, "samples": config.goal.samples}
    what = [asdict(cell), entrant.spec, entrant.digest, about, asdict(planner), given, asked.max_steps, asked.hold]
    what += [fitted.name] if fitted is not None else []
    what += [asked.trouble, str(wiring.precision(config)), {str(words): code_digest(str(words)) for words in own}]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()
    return _Planned(cell, job, digest, settings, about)
