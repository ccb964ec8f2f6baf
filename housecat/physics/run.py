"""Physics from end to end: every run watches the clips, what they say of quantities is read, and all of it judged.

In the folder: `seen/RUN/` what each run was surprised by, a file for each property, and what can be read of it;
`physics.json` and `physics.html` what all of it says; `tiny/` the smoke suite's own model.

`physics.json`, schema 1:

    schema          1
    suite, source   its name; "generated", or the folder of clips that others made
    subject         the method of the first run, which the figures are of; runs: [{"run", "method", "context" frames}]
    controls        those that it has to beat; ahead: frames of each window that are told from those before
    properties      {name: {"accuracy", "low", "high": share of the pairs in which the impossible clip surprises more
                    on average, its 95 % interval about further trainings; "best_control", "control": the best of those
                    that have to be beaten, and which that is; "known": whether the interval lies above chance and
                    the best control is beaten by 5 points; "pairs"; "auroc": of single clips by their greatest
                    surprise; "accuracy_by_greatest", "auroc_by_mean": the other way round; "accuracy_of_scenes": share
                    of the scenes whose impossible clips together surprise more; "entrants": {name: the same of each}}}
    average         {entrant: mean accuracy over the properties}
    order           by method, see `judge_order`; null where clips are those of others, as are the next two
    probes          by quantity: {method, "METHOD untrained": {layer: {"value", "low", "high"}}, means over runs of R2
                    on values left out of the fit and the widest interval; "METHOD single frame", "states": the same}
    counterfactuals by method and what differs, see `imagine_futures`, means over runs; null: it imagines nothing
    cue_control     {name: {"accuracy", "low", "high", "auroc"}}: a linear judge of low-level cues
    command, commit, date, machine, versions
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from envs.data.episodes import checksum
from envs.physics.clips import ClipPair, generated, read_clips
from housecat.diagnosis.probe import untrained
from housecat.errors import UsageError
from housecat.files import write_json, write_text
from housecat.physics.judging import controls, entrants, judge_cues, judge_futures, judge_order, judge_probes
from housecat.physics.judging import judge_property as judged
from housecat.physics.kept import kept_changes, kept_quadruplet
from housecat.physics.page import film, render
from housecat.physics.quantities import imagine_futures, read_quantities
from housecat.physics.watching import Known, watch_changes, watch_pairs
from housecat.runs.folder import Stage, provenance
from housecat.runs.stages import Job
from housecat.runs.wiring import trained_world
from housecat.settings.physics import Extent
from worldmodel import checkpoint
from worldmodel.model import Encoder

FILES = ("seen", "physics.json", "physics.html", "tiny")
_PIXELS = 8  # pairs whose pixels an untrained network takes its statistics from


@dataclass(frozen=True)
class Examined:
    """A run that is judged."""

    name: str  # of its folder in `seen/`
    folder: Path  # of the checkpoint
    size: int  # side of its frames, pixels


@dataclass(frozen=True)
class Exam:
    """What is asked, and with what."""

    extent: Extent
    suite: str
    clips: Path | None  # made by others; None: generated
    seed: int
    device: torch.device
    precision: torch.dtype

    def pairs(self, name: str, size: int) -> Iterator[ClipPair]:
        """All of a property; of the clips of others, those that lie under that name."""
        if self.clips is None:
            return generated((name,), self.extent.groups, self.seed, size, kept_quadruplet)
        return (one for one in read_clips(self.clips, size) if one.property == name)

    def names(self) -> list[str]:
        """The properties, in order."""
        if self.clips is None:
            return list(self.extent.properties)
        return list(dict.fromkeys(one.property for one in read_clips(self.clips, 16)))

    def asked(self) -> dict[str, Any]:
        """What the outcome depends on; JSON-able."""
        source = "generated" if self.clips is None else str(self.clips.resolve())
        return {"physics": asdict(self.extent), "source": source, "seed": self.seed, "precision": str(self.precision)}


def examined(folders: list[Path]) -> list[Examined]:
    """The runs in these folders. Raises UsageError: their frames differ in size, or one is named twice."""
    found: list[Examined] = []
    for folder in folders:
        size = trained_world(folder)["frame_size"]
        name = folder.resolve().parent.name if folder.name == "model" else folder.name
        while name in [one.name for one in found]:
            name += "'"
        found.append(Examined(name, folder, size))
    if len({one.folder.resolve() for one in found}) < len(found):
        raise UsageError("checkpoint= names a run twice, which would count twice")
    if len({one.size for one in found}) > 1:
        said = ", ".join(f"{one.name} {one.size}" for one in found)
        raise UsageError(f"the runs see frames of different sizes ({said} pixels): judge them one size at a time")
    return found


def jobs_of(exam: Exam, runs: list[Examined], out: Path, command: str) -> list[Job]:
    """All that is to be done, run by run, and then together."""
    names, found, page = exam.names(), out / "physics.json", out / "physics.html"
    known: dict[str, Known] = {}  # runs of one method and settings begin with the same network
    jobs = [_job("watch", exam, one, out / "seen" / one.name / "watched.json", _watch, known) for one in runs]
    if exam.clips is None and exam.extent.clips:
        jobs += [_job("read", exam, one, out / "seen" / one.name / "quantities.json", _read, known) for one in runs]
    products = [job.stage.product for job in jobs]

    def digests(*files: Path) -> dict[str, str]:
        return {str(file.relative_to(out)): checksum(file) for file in files if file.is_file()}

    def judge(_: Any) -> None:
        write_json(found, gather(exam, [_seen(out / "seen" / one.name) for one in runs], provenance(command)))

    def show(_: Any) -> None:
        first = _seen(out / "seen" / runs[0].name)["properties"]
        firsts = ((name, next(exam.pairs(name, runs[0].size))) for name in names)  # whatever they show
        films = {name: film(pair, first[name], exam.extent.ahead) for name, pair in firsts}
        write_text(page, render(json.loads(found.read_text(encoding="utf-8")), films))

    judging = Stage("judge", {}, found, ("physics.json",), lambda: digests(*products))
    showing = Stage("page", {}, page, ("physics.html",), lambda: digests(found))
    return [*jobs, Job(judging, judge), Job(showing, show)]


def _job(
    kind: str, exam: Exam, one: Examined, product: Path, work: Callable[..., None], known: dict[str, Known]
) -> Job:
    """Something that is done with a trained network and with the same before its first update."""

    def done(_: Any) -> None:
        loaded = checkpoint.load(one.folder, exam.device, exam.precision)
        some = [pair.possible for pair in islice(exam.pairs(exam.names()[0], one.size), _PIXELS)]
        length, needed = min(map(len, some)), loaded.model.context + exam.extent.ahead
        if length < needed:
            asked = f"{one.name} and physics.ahead={exam.extent.ahead} need clips of {needed} frames"
            raise UsageError(f"{asked}, the shortest has {length}")
        pixels = torch.from_numpy(np.stack([clip[:length] for clip in some]))
        product.parent.mkdir(parents=True, exist_ok=True)
        fresh = untrained(loaded, pixels, exam.device, exam.seed)
        work(exam, one, loaded, (fresh, known.setdefault(f"{loaded.method} {loaded.settings}", {})), product)

    def inputs() -> dict[str, str]:
        return {"checkpoint": checkpoint.digest(one.folder)}

    return Job(Stage(f"{kind} {one.name}", exam.asked(), product, ("seen",), inputs), done)


def _watch(exam: Exam, one: Examined, loaded: checkpoint.Loaded, fresh: tuple[Encoder, Known], product: Path) -> None:
    """Watches what this network has not watched before."""
    digest, ahead, names = checkpoint.digest(one.folder), exam.extent.ahead, exam.names()
    for name in [*names, *(["order"] if exam.clips is None else [])]:
        file = product.with_name(f"{name}.json")
        if file.exists() and json.loads(file.read_text(encoding="utf-8"))["digest"] == digest:
            continue
        seen: dict[str, Any]
        if name == "order":
            made = (kept_changes(exam.seed, index, one.size) for index in range(2 * exam.extent.groups))
            seen = watch_changes(loaded.model, *fresh, made, ahead)
        else:
            seen = watch_pairs(loaded.model, *fresh, exam.pairs(name, one.size), ahead)
        write_json(file, {"digest": digest, "seen": seen}, None)
        print(f"  {one.name}: {name}", flush=True)
    about = {"run": one.name, "method": loaded.method, "context": loaded.model.context, "names": names}
    write_json(product, {**about, "digest": digest})


def _read(exam: Exam, one: Examined, loaded: checkpoint.Loaded, fresh: tuple[Encoder, Known], product: Path) -> None:
    count, seed = exam.extent.clips, exam.seed
    probes = read_quantities(loaded.model, fresh[0], count, seed, one.size)
    futures = imagine_futures(loaded.model, max(4, count // 5), seed, one.size)
    write_json(product, {"probes": probes, "counterfactuals": futures})


def _seen(folder: Path) -> dict[str, Any]:
    """All that is known of a run; null what was not asked."""

    def content(name: str) -> Any:
        file = folder / f"{name}.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    found, order = content("watched"), content("order")
    properties = {name: content(name)["seen"] for name in found["names"]}
    return {**found, "properties": properties, "order": order and order["seen"], "quantities": content("quantities")}


def gather(exam: Exam, runs: list[dict[str, Any]], origin: dict[str, Any]) -> dict[str, Any]:
    """The content of `physics.json`, of all runs."""
    names, whole = exam.names(), exam.clips is None and exam.extent.clips > 0
    properties = {name: judged(runs, name) for name in names}
    each = {who: [one["entrants"][who]["accuracy"] for one in properties.values()] for who in entrants(runs)}
    return {
        "schema": 1,
        "suite": exam.suite,
        "source": exam.asked()["source"],
        "subject": runs[0]["method"],
        "runs": [{key: run[key] for key in ("run", "method", "context")} for run in runs],
        "controls": controls(runs),
        "ahead": exam.extent.ahead,
        "properties": properties,
        "average": {who: float(np.mean(shares)) for who, shares in each.items()},
        "order": judge_order(runs) if exam.clips is None else None,
        "probes": judge_probes(runs) if whole else None,
        "counterfactuals": judge_futures(runs) if whole else None,
        "cue_control": {name: judge_cues(runs, name) for name in names},
        **origin,
    }
