"""A bench from end to end: pairs are frozen, optimisers tuned on other pairs, cells played, and all of it gathered.

What is in the folder: `manifests/` the frozen pairs; `tuning.jsonl` each setting that was tried; `results.jsonl` one
line a cell; `failures/` some episodes of each cell that missed their goals; `bench.json` what all of it says together;
`bench.html` the same to look at; `tiny/` the smoke suite's own model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from envs.files import Count, Number, Share, record
from envs.registry import make_world
from envs.workers import workers
from housecat.bench.cells import LINE, Cell, append, digest_of, figures, line_of, read_lines
from housecat.bench.entrants import Entrant
from housecat.bench.gather import gather
from housecat.bench.manifests import Manifest, frozen
from housecat.bench.page import filmed, render
from housecat.bench.playing import BenchJob, BenchPlayed, begin
from housecat.bench.suites import Suite
from housecat.bench.tuning import Trial, rank, trials_of
from housecat.evaluation.pairs import PairRequest
from housecat.files import write_json, write_text
from housecat.runs import wiring
from housecat.runs.folder import provenance
from housecat.runs.trained import BenchSetup
from housecat.settings.own_code import code_digest, is_reference
from planners.optimizers.registry import OPTIMIZERS

FILES = ("manifests", "tuning.jsonl", "results.jsonl", "failures", "bench.json", "bench.html", "tiny")
_REPLAYS = 2  # pairs of each cell that are played once more
_KEPT = 3  # episodes of each cell that are kept to be looked at
_TRIED = record(
    digest=str, settings=dict, success=Share | None, spl=Share | None, final=Number | None, rank=list | None,
    pairs=Count, failed=str | None,
)  # fmt: skip


@dataclass(frozen=True)
class Chosen:
    """The settings of an optimiser that did best on the calibration pairs."""

    settings: Trial
    index: int  # in the list of those that were tried
    tried: int
    pairs: int  # that each was tried on; 0: there was no choice


@dataclass(frozen=True)
class _Planned:
    """A cell or a trial that is to be played."""

    cell: Cell
    entrant: Entrant
    job: BenchJob
    digest: str
    about: dict[str, Any]


Searched = tuple[str, str, str, str]  # world, model, planner, optimiser: what settings are chosen for


def bench(entrants: Sequence[Entrant], suite: Suite, name: str, out: Path, command: str) -> dict[str, Any]:
    """Plays what is not played yet, in the folder `out`, and gathers it there; the content of `bench.json`.

    `name`: of the suite.

    Raises UsageError: an entrant, a planner, an optimiser or a manifest is not as it must be.
    """
    files = {out / "tuning.jsonl": _TRIED, out / "results.jsonl": LINE}
    tuning, results = [{one["digest"]: one for one in read_lines(*file)} for file in files.items()]
    pairs = freeze(entrants, suite, out)
    trials = [one for entrant in entrants for one in _trials(entrant, suite, pairs)]
    _play(trials, tuning, out / "tuning.jsonl", _tried, "tune")
    chosen = choose(trials, tuning)
    origin = provenance(command)
    here = {key: value for key, value in origin.items() if key != "command"}
    cells = [one for entrant in entrants for one in _cells(entrant, suite, pairs, chosen)]

    def line(one: _Planned, played: BenchPlayed) -> dict[str, Any]:
        lost = sorted((each for each in played.results if not each.success), key=lambda each: -(each.final or 0.0))
        if lost:
            write_json(out / "failures" / f"{one.digest[:16]}.json", [each.to_json() for each in lost[:_KEPT]], None)
        return line_of(one.cell, one.digest, played, {**one.about, **here})

    _play(cells, results, out / "results.jsonl", line, "bench")
    found = gather([results[one.digest] for one in cells], name, origin)
    write_json(out / "bench.json", found)
    specs = {(one.world, one.name): one.spec for one in entrants}
    write_text(out / "bench.html", render(found, filmed(found["cells"], out / "failures", specs, pairs)))
    return found


def freeze(entrants: Sequence[Entrant], suite: Suite, out: Path) -> dict[tuple[str, int], Manifest]:
    """The pairs of each world's name and seed."""
    found: dict[tuple[str, int], Manifest] = {}
    for one in entrants:
        named = one.config.bench.manifests
        for seed in suite.seeds:
            if (one.world, seed) not in found:
                asked = one.config.evaluate
                farness = asked.min_distance, asked.min_steps, asked.offset
                request = PairRequest(suite.pairs, suite.calibration, seed, asked.strata, *farness)
                folder = out / "manifests" if named is None else Path(named)
                found[one.world, seed] = frozen(make_world(one.spec), request, folder, draw=named is None)
    return found


def choose(trials: Sequence[_Planned], tried: dict[str, dict[str, Any]]) -> dict[Searched, Chosen]:
    """The best settings of each list; of equals the first. Where all failed, the first: the cell will say so too."""
    lists: dict[Searched, list[_Planned]] = {}
    for one in trials:
        lists.setdefault(_searched(one.cell), []).append(one)
    found = {}
    for key, some in lists.items():
        ranks = [tried[one.digest]["rank"] if one.digest in tried else None for one in some]
        known = [index for index, value in enumerate(ranks) if value is not None]
        best = min(known, key=lambda index: tuple(ranks[index] or ())) if known else 0
        pairs = len(some[0].job.pairs) if len(some) > 1 else 0
        found[key] = Chosen(some[best].about["settings"], best, len(some), pairs)
    return found


def _play(planned: Sequence[_Planned], found: dict[str, Any], file: Path, line: Any, words: str) -> None:
    """Plays what is not `found`, by digest, and adds the line of each to that and to the file."""
    left = [one for one in planned if one.digest not in found and one.job.pairs]
    if not left:
        return
    settings = wiring.evaluate_settings(left[0].entrant.config)
    with (
        tqdm(total=len(planned), initial=len(planned) - len(left), desc=words, unit="cell") as bar,
        workers(begin, min(settings.workers, len(left))) as spread,
    ):
        for index, played in spread(one.job for one in left):
            found[left[index].digest] = added = line(left[index], played)
            append(file, added)
            success = added["success"]
            bar.set_postfix_str(f"{left[index].cell.name}: {'failed' if success is None else f'{success:.0%}'}", False)
            bar.update()


def _trials(entrant: Entrant, suite: Suite, pairs: dict[tuple[str, int], Manifest]) -> Iterator[_Planned]:
    """Every setting of every optimiser, at the middle budget, on the calibration pairs of the first seed."""
    seed, calls = suite.seeds[0], sorted(suite.calls)[len(suite.calls) // 2]
    manifest = pairs[entrant.world, seed]
    numbered = [(-1 - index, pair) for index, pair in enumerate(manifest.pairs.calibration)]
    for planner in suite.planners:
        for name in suite.optimizers if planner != "random" else ():
            trials = trials_of(name, calls // entrant.config.planner.horizon, suite.trials)
            for settings in trials:
                cell = Cell(entrant.world, entrant.name, planner, name, seed, calls)
                some = numbered if len(trials) > 1 else []  # without a choice nothing need be played
                yield _planned(cell, entrant, settings, manifest, some, {"settings": settings})


def _tried(one: _Planned, played: BenchPlayed) -> dict[str, Any]:
    found, known = figures(played), bool(played.results)
    return {
        **asdict(one.cell),
        "digest": one.digest,
        "settings": one.about["settings"],
        "pairs": len(one.job.pairs),
        "success": found["success"],
        "spl": found["spl"],
        "final": found["final_distance"],
        "rank": list(rank(played.results)) if known else None,
        "failed": played.failed,
    }


def _cells(
    entrant: Entrant, suite: Suite, pairs: dict[tuple[str, int], Manifest], chosen: dict[Searched, Chosen]
) -> Iterator[_Planned]:
    for seed in suite.seeds:
        manifest = pairs[entrant.world, seed]
        numbered = list(enumerate(manifest.pairs.pairs))
        for planner in suite.planners:
            for name in suite.optimizers if planner != "random" else (None,):
                for calls in suite.calls if name is not None else (0,):
                    cell = Cell(entrant.world, entrant.name, planner, name, seed, calls)
                    best = chosen[_searched(cell)] if name is not None else Chosen({}, 0, 0, 0)
                    settings = best.settings
                    if name is not None:  # of the same place in the list, with the samples that this budget pays for
                        every = trials_of(name, calls // entrant.config.planner.horizon, suite.trials)
                        settings = every[min(best.index, len(every) - 1)]
                    tuning = {"tried": best.tried, "pairs": best.pairs}
                    about = {"settings": settings, "tuning": tuning, "manifest": manifest.sha256}
                    yield _planned(cell, entrant, settings, manifest, numbered, {**about, "pairs": len(numbered)}, True)


def _planned(
    cell: Cell,
    entrant: Entrant,
    settings: Trial,
    manifest: Manifest,
    pairs: list[Any],
    about: dict[str, Any],
    judged: bool = False,
) -> _Planned:
    """A cell, or where it is not to be `judged` a trial, with all that its outcome depends on."""
    config, ours = entrant.config, cell.optimizer in OPTIMIZERS
    planner = replace(config.planner, milliseconds=None)
    if cell.optimizer is not None:
        more = settings if ours else {}
        planner = replace(planner, optimizer=cell.optimizer, calls=cell.calls, **more)
    config = replace(config, planner=planner)
    asked = wiring.evaluate_settings(config)
    given = {} if ours or cell.optimizer is None else settings
    exact = wiring.device(config) == torch.device("cpu")  # elsewhere a batch changes the last bits
    job = BenchJob(
        BenchSetup(entrant.spec, entrant.folder, config),
        given,
        cell.planner,
        tuple(pairs),
        cell.seed,
        asked.max_steps,
        asked.batch,
        asked.timing_steps if judged else 0,
        _REPLAYS if judged and exact else 0,
    )
    own = [words for words in (cell.optimizer, planner.energy, config.world.success) if is_reference(words)]
    digest = digest_of(
        {
            "cell": asdict(cell),
            "world": entrant.spec,
            "checkpoint": entrant.digest,
            "manifest": manifest.sha256,
            "pairs": [index for index, _ in pairs],
            "planner": asdict(planner),
            "given": given,
            "own": {str(words): code_digest(str(words)) for words in own},
            "max_steps": asked.max_steps,
            "trouble": config.trouble.asked(),
            "rate": config.evaluate.rate,
            "precision": str(wiring.precision(config)),
            "judged": judged,
        }
    )
    return _Planned(cell, entrant, job, digest, about)


def _searched(cell: Cell) -> Searched:
    return cell.world, cell.model, cell.planner, str(cell.optimizer)
