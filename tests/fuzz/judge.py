"""Runs one case in a place of its own, and says what was wrong with the answer."""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import h5py

from tests.fuzz.damage import apply
from tests.fuzz.materials import COLLECT, EVALUATE, OWN, TRAIN, Materials

ROOT = Path(__file__).parents[2]
NOT_MADE = -99  # code of a case whose damage could not be done
SECONDS, BYTES = 10.0, 2 << 30  # that a case may take, of memory above the warm process
SECRET = "-----BEGIN PRIVATE KEY----- of-nobody-else 7e1c09"
_DEPTH = "a/b/c/d/e/f"  # so many folders of ours lie above the working folder, for whoever climbs
_CAREFUL = ("model", "checkpoints", "metrics.jsonl")  # of a run: what only a training changes
_PROGRESS = re.compile(r"\d+%\||\d+it |\d+/\d+ \[|(?:it|s|episode|pair|update|frame)s?/s|^$")
_USUAL = {
    **dict.fromkeys(("collect", "physics record"), ("data",)),
    **dict.fromkeys(("train", "quickstart", "compare", "bench", "physics"), ("runs",)),
}  # where a command writes that is told nothing of it
_REPORT = re.compile("^tmp/housecat-[^/]*.txt$")  # of a fault, which is a complaint anyway
_NOTICE = re.compile(r"^\S[^:]*(?:does not read|is damaged .* and set aside)")  # lines on stderr that are meant


@dataclass(frozen=True)
class Case:
    """A command line and what is done to the files before it; all of it JSON, so that it can be kept."""

    kind: str  # a word for the table
    arguments: tuple[str, ...]
    damage: tuple[Any, ...] = ()  # see `tests.fuzz.damage`
    note: str = ""
    code: int | None = None  # the only exit code that is right; None: 0 and 2 are

    @staticmethod
    def read(stored: dict[str, Any]) -> "Case":
        """The inverse of `asdict`."""
        fields = {**stored, "arguments": tuple(stored["arguments"]), "damage": tuple(stored.get("damage", ()))}
        return Case(**fields)


@dataclass(frozen=True)
class Verdict:
    """What came of a case."""

    case: Case
    code: int
    seconds: float
    bytes: int
    err: str
    out: str
    complaints: list[str] = field(default_factory=list)  # empty: as it should be

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return {**asdict(self), "err": self.err[-2000:], "out": self.out[-500:]}


class Warm:
    """The warm process, started; a context manager."""

    def __enter__(self) -> "Warm":
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.warm"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()
        return self

    def __exit__(self, *about: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def run(self, place: Path, arguments: tuple[str, ...], **more: Any) -> dict[str, Any]:
        """Runs a command line in a place that `set_out` made; see `tests.fuzz.warm.carry_out`."""
        order = {
            "arguments": list(arguments),
            "work": str(work_of(place)),
            "home": str(place / "home"),
            "temporary": str(place / "tmp"),
            "seconds": SECONDS,
            "bytes": BYTES,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order | more) + "\n")
        self._process.stdin.flush()
        return json.loads(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the warm process ended with {self._process.wait()}")
        return line


def work_of(place: Path) -> Path:
    """The working folder in a place."""
    return place / _DEPTH / "work"


def set_out(place: Path) -> Path:
    """Makes a place: a working folder with others' files around it; returns the folder."""
    work = work_of(place)
    others = {
        place / "home" / ".bashrc": "alias ll='ls -l'\n",
        place / "home" / ".ssh" / "id_ed25519": SECRET,
        work.parent / "canary" / "thesis.tex": SECRET,
        work.parent / "canary" / "config.yaml": "mine: 1\n",
        work.parent / "canary" / "results.json": "{}\n",
        work.parent / "canary" / "model" / "thesis.tex": "years of work\n",
        place / "manifest.json": '{"kind": "something else"}\n',
    }
    for path, text in others.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (place / "tmp").mkdir()
    work.mkdir()
    return work


def judge(warm: Warm, materials: Materials, case: Case, place: Path, **limits: float) -> Verdict:
    """Runs a case in the new folder `place`, which is gone afterwards; `limits` may be others, see `Warm.run`."""
    place = Path(os.path.realpath(place))
    try:
        work = set_out(place)
        words = list(expanded(case.arguments, work))
        told = json.dumps([*case.arguments, *case.damage])
        for name in materials.named_in(told):
            materials.copy(name, work / name)
        try:
            apply(case.damage, work)
        except Exception as error:  # two damages that exclude each other
            return Verdict(case, NOT_MADE, 0.0, 0, repr(error), "", ["was not made"] if case.note else [])
        before = snapshot(place)
        outcome = warm.run(place, tuple(words), **limits)
        after = snapshot(place)
        complaints = [
            *_of_answer(case, outcome),
            *_of_files(words, work, place, before, after),
            *_of_secrets(case, work, before, after, outcome),
        ]
        kept = {name: outcome[name] for name in ("code", "seconds", "bytes", "err", "out")}
        return Verdict(case, **kept, complaints=complaints)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def expanded(arguments: tuple[str, ...], work: Path) -> Iterator[str]:
    """The command line that is meant: a word like @TRAIN@ stands for the settings that make a training tiny."""
    tiny = {"@COLLECT@": COLLECT, "@TRAIN@": TRAIN, "@EVALUATE@": EVALUATE}
    for word in arguments:
        yield from tiny.get(word, [word.replace("@HERE@", str(work))])


def _of_answer(case: Case, outcome: dict[str, Any]) -> Iterator[str]:
    """How it ended and what it said."""
    code, err = outcome["code"], outcome["err"]
    if outcome["stopped"]:
        yield {"hang": "took over the time", "memory": "took over the memory"}[outcome["stopped"]]
        return
    if outcome["bytes"] > BYTES:
        yield "took over the memory"
    if outcome["survivors"]:
        yield f"left a process: {outcome['survivors'][0][:80]}"
    differs = "differs from the model" in outcome["out"]  # what `export` was made to find out
    if case.code not in (None, code) and code in (0, 2):
        yield f"ended with {code}, not {case.code}"
    if code not in (0, 2) and not (code == 1 and (case.arguments[:1] == ("doctor",) or differs)):
        yield f"ended with {code}"
    if "a fault in this program" in err or "Traceback" in err or "Exception ignored" in err:
        yield "a fault in this program"
    if "memory is full" in err:
        yield "asked for more memory than there was"
    lines = [line.rpartition("\r")[2].rstrip() for line in err.split("\n")]
    own = [line for line in lines if line.startswith("housecat:")]
    if code == 2 and (len(own) != 1 or [line for line in lines if line][-1] != own[0]):
        yield f"{len(own)} lines begin with housecat:, of {len(lines) - 1}"
    if code == 0 and own:
        yield "said an error and ended well"
    noise = [line for line in lines if line not in own and not _PROGRESS.search(line) and not _NOTICE.match(line)]
    if noise:
        yield f"noise on stderr: {noise[0][:100]}"


def _of_files(words: list[str], work: Path, place: Path, before: dict, after: dict) -> Iterator[str]:
    """What it changed that is not its own."""
    named = {name: text.strip() for name, _, text in (word.partition("=") for word in words[1:] if "=" in word)}
    two = words[:1] == ["data"] or words[:2] in (["physics", "record"], ["physics", "export"])
    command = " ".join(words[:2]) if two else "".join(words[:1])
    told = (_place(work / out) for out in outs_of(command, named, work, place))
    outs = [one.relative_to(place) for one in told if one.is_relative_to(place)]  # what lies elsewhere is not looked at
    asked = work / named.get("out", "")
    written = [asked.relative_to(place)] if asked.is_relative_to(place) else []  # with its .., as mkdir -p goes it
    for path in sorted(before.keys() | after.keys()):
        was, now = before.get(path), after.get(path)
        if was == now or (was and now and was[0] == now[0] == "folder") or _REPORT.search(str(path)):
            continue
        home = [out for out in outs if path.is_relative_to(out)]
        if not home and was is None and any(out.is_relative_to(path) for out in (*outs, *written)):
            continue  # a folder on the way
        if not home:
            yield f"{'made' if was is None else 'gone' if now is None else 'changed'}: {path.name} outside out"
            continue
        inside = path.relative_to(home[0])
        own = home[0].name in OWN.get(command, ()) and home[0].parent == work.relative_to(place)
        empty = before.get(home[0], ("folder",))[0] == "folder" and not any(
            one != home[0] and one.is_relative_to(home[0]) for one in before
        )
        if was is None and not (own or empty):
            yield f"made: {inside} in a folder that is not its own"
        elif was is not None and (not own or "planted" in path.name):
            yield f"{'gone' if now is None else 'changed'}: {inside}"
        elif was is not None and command in ("evaluate", "probe") and inside.parts[:1] and inside.parts[0] in _CAREFUL:
            yield f"{command} changed {inside}"


def _place(path: Path) -> Path:
    """Where a path leads: the folders on the way may be links, for the user has written them; the last one may not."""
    path = Path(os.path.normpath(path))
    try:
        return Path(os.path.realpath(path.parent)) / path.name
    except OSError:  # too long
        return path


def outs_of(command: str, named: dict[str, str], work: Path, place: Path) -> Iterator[str]:
    """Where a command may write."""
    out = named.get("out", "")
    if out and out != "null":
        inside = _place(work / out).is_relative_to(place)
        yield out if inside else "nothing-of-ours"
    elif command in ("evaluate", "probe"):
        checkpoint = named.get("checkpoint", "nowhere")
        yield str(Path(checkpoint).parent if Path(checkpoint).name == "model" else Path(checkpoint))
    elif command == "data preview":
        yield f"{named.get('data', 'nowhere')}/preview.webp"
    else:
        yield from _USUAL.get(command, ())
    if command in ("quickstart", "compare") and "data" in named:
        yield named["data"]


def _of_secrets(case: Case, work: Path, before: dict, after: dict, outcome: dict[str, Any]) -> Iterator[str]:
    """Whether what others keep came out; of a file that the command line itself names, its user may be told."""
    linked = [one[1] for one in case.damage if one[0] == "link"]
    meant = any(word.endswith(f"={name}") for word in case.arguments for name in linked)
    if meant:
        outcome = {**outcome, "out": "", "err": ""}
    if SECRET in outcome["out"] or SECRET in outcome["err"]:
        yield "told what is in another's file"
    place = work.parents[len(Path(_DEPTH).parts)]
    for path in after.keys() - before.keys():
        if after[path][0] == "file" and SECRET.encode() in _content(place / path):
            yield f"wrote what is in another's file to {path.name}"


def _content(path: Path) -> bytes:
    """The bytes of a file; of HDF5, of its data sets too."""
    raw = path.read_bytes()
    if raw[:4] != b"\x89HDF":
        return raw
    parts = [raw]
    with h5py.File(path) as file:
        file.visititems(lambda name, one: parts.append(one[()].tobytes()) if isinstance(one, h5py.Dataset) else None)
    return b"".join(parts)


def snapshot(place: Path) -> dict[Path, tuple[Any, ...]]:
    """Everything below a folder: kind, and for a file its mode and digest, for a link where it leads."""
    found: dict[Path, tuple[Any, ...]] = {}
    for folder, folders, files in os.walk(place):
        for name in [*folders, *files]:
            path = Path(folder) / name
            about = path.lstat()
            if stat.S_ISLNK(about.st_mode):
                entry: tuple[Any, ...] = ("link", os.readlink(path))
            elif stat.S_ISDIR(about.st_mode):
                entry = ("folder", about.st_mode)
            elif stat.S_ISREG(about.st_mode):
                entry = ("file", about.st_mode, _digest(path, about.st_size))
            else:
                entry = ("other", about.st_mode)
            found[path.relative_to(place)] = entry
    return found


def _digest(path: Path, size: int) -> str:
    if size > 50_000_000:  # a sparse file that a case made: nobody writes as much
        return str(size)
    return hashlib.sha256(path.read_bytes()).hexdigest()
