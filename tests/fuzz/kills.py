"""Commands that are stopped at random moments and then given again: the outcome is that of an undisturbed run."""

import json
import math
import random
import re
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.judge import Warm, expanded, set_out, snapshot, work_of
from tests.fuzz.materials import Materials

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_UNBORN = 70  # code of a copy of the warm process that ended before the program was its own
_LIMITS = {"seconds": 120.0, "bytes": 4 << 30}
# What two runs of the same command do not share: when, how long, how fast; and what a kill may leave two of.
_TIMES = {
    "seconds",
    "throughput",
    "commit",
    "date",
    "plan_ms",
    "frames_per_second",
    "train_seconds",
    "update",
    "frames",
}
_LOGS = ("tensorboard",)
_SPEEDS = ("speeds.json", "seconds.json")
_IN_PAGE = re.compile(r"[\d.,]+ (?:ms|s|min|frames/s)\b|\d{4}-\d\d-\d\d[^<]*|&quot;seconds&quot;[^}]*")
_DIGEST = re.compile("[0-9a-f]{64}")
WORLD = "world=umaze world.frame_size=32"
LONGER = """
    train.updates=20 train.save_every=2 train.measure_every=20 finetuning.updates=40 critic.updates=80
"""
LEVELS = """
    method=hjepa model=keypoints model.latent=12 model.width=8 model.keypoints=4 pretraining.updates=20
    pretraining.batch=4 model.predictor_width=16 model.predictor_depth=1
    upper.stride=2 upper.horizon=2 upper.updates=40 upper.batch=4 upper.width=8
"""
PLAYED = "evaluate.episodes=3 evaluate.max_steps=12 planner.samples=32 evaluate.timing_steps=0"
BENCHED = """bench.planners=[random,flat_distance] bench.optimizers=[cem,mppi] bench.calls=[32] bench.pairs=2
    bench.calibration=1 planner.horizon=4 evaluate.max_steps=6 evaluate.timing_steps=0"""

JUDGED = "physics.properties=[inertia] physics.pairs=4 physics.clips=0 precision=fp32 device=cpu"


@dataclass(frozen=True)
class Stopped:
    """A command that is to be stopped."""

    line: str
    needs: tuple[str, ...] = ()  # materials
    two: bool = False  # works with two processes

    @property
    def words(self) -> tuple[str, ...]:
        """The command line."""
        return tuple(self.line.split())


COMMANDS = {
    "collect": Stopped(f"collect {WORLD} out=new episodes=60 collect.steps=20 workers=1"),
    "train": Stopped(f"train data=data out=new @TRAIN@ {LONGER} {LEVELS}", ("data",)),
    "evaluate": Stopped(f"evaluate checkpoint=run out=new @EVALUATE@ {PLAYED}", ("run",)),
    "compare": Stopped(
        "compare data=data out=new @TRAIN@ @EVALUATE@ evaluate.timing_steps=0 compare.seeds=[0]", ("data",)
    ),
    "bench": Stopped(f"bench checkpoints=[run] out=new {BENCHED} workers=1", ("run",)),
    "quickstart": Stopped(f"quickstart {WORLD} out=new @COLLECT@ @TRAIN@ @EVALUATE@ evaluate.timing_steps=0"),
    "rerender": Stopped("rerender data=data out=new size=64 workers=1", ("data",)),
    "merge": Stopped("data merge data=data,more out=new", ("data", "more")),
    "export, lerobot": Stopped("data export data=data out=new format=lerobot", ("data",)),
    "export, minari": Stopped("data export data=data out=new format=minari", ("data",)),
    "export, programs": Stopped("export checkpoint=run out=new planner.horizon=2", ("run",)),
    "import, lerobot": Stopped("data import source=lerobot out=new format=lerobot", ("lerobot",)),
    "import, minari": Stopped("data import source=minari out=new format=minari", ("minari",)),
    "import, hdf5": Stopped(f"data import source=columns.h5 out=new format=hdf5 {WORLD}", ("columns.h5",)),
    "physics": Stopped(f"physics checkpoint=run out=new {JUDGED}", ("run",)),
    "physics record": Stopped("physics record out=new episodes=40 size=32 workers=1"),
    "physics export": Stopped("physics export out=new physics.properties=[inertia] physics.pairs=16 size=32"),
    "collect by two": Stopped(f"collect {WORLD} out=new episodes=60 collect.steps=20 workers=2", two=True),
    "evaluate by two": Stopped(f"evaluate checkpoint=run out=new @EVALUATE@ {PLAYED} workers=2", ("run",), two=True),
    "bench by two": Stopped(f"bench checkpoints=[run] out=new {BENCHED} workers=2", ("run",), two=True),
    "rerender by two": Stopped("rerender data=data out=new size=64 workers=2", ("data",), two=True),
}
STAGES = ("1-", "2-", "3-", "4-", "5-")  # how checkpoints of a training's stages are named


@dataclass(frozen=True)
class Moment:
    """When a command is stopped, and by what."""

    signal: signal.Signals
    share: float  # of the time that it takes undisturbed
    once: str = ""  # pattern of a file from whose appearance the time counts

    @staticmethod
    def drawn(count: int, seed: int) -> list["Moment"]:
        """So many random moments, one in each of as many equal parts of the time; the signals take turns."""
        rng = random.Random(seed)
        return [Moment(SIGNALS[i % 3], (i + rng.random()) / count * 0.97) for i in range(count)]


@dataclass
class Killed:
    """What there was to complain about."""

    complaints: list[str] = field(default_factory=list)
    stopped: int = 0  # times that it was stopped in its work


def undisturbed(warm: Warm, materials: Materials, command: Stopped, place: Path) -> tuple[dict[str, Any], float]:
    """What the command leaves and how long it takes."""
    prepare(materials, command, place)
    outcome = warm.run(place, tuple(expanded(command.words, work_of(place))), **_LIMITS)
    assert outcome["code"] == 0 and not outcome["stopped"], outcome
    found = content(place)
    shutil.rmtree(place)
    return found, outcome["seconds"]


def prepare(materials: Materials, command: Stopped, place: Path) -> None:
    """Makes a place with what the command reads."""
    work = set_out(place)
    for name in command.needs:
        materials.copy(name, work / name)


def stop(
    warm: Warm, materials: Materials, command: Stopped, moments: list[Moment], place: Path, whole: dict, seconds: float
) -> Killed:
    """Stops the command at each of the moments in turn, then lets it end, and compares."""
    prepare(materials, command, place)
    words, found = tuple(expanded(command.words, work_of(place))), Killed()
    for moment in moments:
        after = moment.share * (seconds if not moment.once else 0.05)
        more = {"signal": int(moment.signal), "group": moment.signal == signal.SIGINT, "after": after}
        outcome = warm.run(place, words, **_LIMITS, **more, once=moment.once)
        found.complaints += _of_stop(moment, outcome)
        found.stopped += outcome["stopped"] == "signal" and outcome["code"] != 0
    outcome = warm.run(place, words, **_LIMITS)
    # Some make a new folder and refuse one that is there: then the last stop came when all of it was.
    made = found.stopped > 0 and outcome["code"] == 2 and "is there already: name a new folder" in outcome["err"]
    if (outcome["code"] != 0 and not made) or outcome["survivors"]:
        found.complaints.append(f"given again it ended with {outcome['code']}: {outcome['err'][-300:]}")
        return found
    now = content(place)
    for path in sorted(whole.keys() | now.keys()):
        if path not in now:
            found.complaints.append(f"missing: {path}")
        elif path not in whole:
            found.complaints.append(f"left behind: {path}")
        elif whole[path] != now[path]:
            found.complaints.append(f"differs: {path}: {_difference(whole[path], now[path])}")
    shutil.rmtree(place)
    return found


def _difference(one: Any, other: Any) -> str:
    """Where two texts part."""
    first, second = str(one), str(other)
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    return f"...{first[max(0, at - 60) : at + 60]}... and ...{second[max(0, at - 60) : at + 60]}..."


def _of_stop(moment: Moment, outcome: dict[str, Any]) -> list[str]:
    found = [f"{moment}: left a process: {line[:80]}" for line in outcome["survivors"]]
    if outcome["stopped"] in ("hang", "memory"):
        return [*found, f"{moment}: {outcome['stopped']}"]
    # The program had not begun to listen: it is the warm process's copy that the signal ended.
    early = outcome["code"] in (-int(moment.signal), _UNBORN) and not outcome["err"]
    if outcome["stopped"] and moment.signal != signal.SIGKILL and outcome["code"] not in (0, 130) and not early:
        found.append(f"{moment}: ended with {outcome['code']}: {outcome['err'][-300:]}")
    if (outcome["stopped"] and "Traceback" in outcome["err"]) or "a fault in this program" in outcome["err"]:
        found.append(f"{moment}: said {outcome['err'][-300:]}")
    if not outcome["stopped"] and outcome["code"] != 0:
        found.append(f"{moment}: before it was stopped it ended with {outcome['code']}: {outcome['err'][-300:]}")
    return found


def content(place: Path) -> dict[str, Any]:
    """Everything in a place, less what differs between two undisturbed runs: times, commits, speeds."""
    found: dict[str, Any] = {}
    for path, about in snapshot(place).items():
        file = place / path
        if about[0] == "folder" or any(part in _LOGS for part in path.parts) or path.name in _SPEEDS:
            found[str(path)] = about[0]
        elif path.suffix == ".json" and about[0] == "file":
            found[str(path)] = json.dumps(_timeless(json.loads(file.read_text())), sort_keys=True)
        elif path.suffix == ".jsonl":
            found[str(path)] = [_timeless(json.loads(line)) for line in file.read_text().splitlines()]
        elif path.suffix == ".html":
            found[str(path)] = _IN_PAGE.sub("", file.read_text())
        else:
            found[str(path)] = about
    return {name: one for name, one in found.items() if not any(f"/{log}/" in name for log in _LOGS)}


def _timeless(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _timeless(one) for key, one in found.items() if key not in _TIMES}
    if isinstance(found, list):
        return [_timeless(one) for one in found]
    if isinstance(found, str) and _DIGEST.fullmatch(found):
        return "a digest"  # of a file that is compared itself, and that may hold times
    return None if isinstance(found, float) and math.isnan(found) else found
