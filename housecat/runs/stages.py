"""The four parts of a run: what each depends on, what it leaves behind, and how it is done."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from envs.data.collect import collect
from envs.data.episodes import checksum
from envs.data.manifest import fingerprint, read_manifest
from envs.data.store import EpisodeStore
from envs.registry import make_world
from envs.simulation.backend import renderer_name
from housecat.evaluation.evaluate import evaluate
from housecat.evaluation.results import About
from housecat.files import write_json
from housecat.players.limits import pictures_of
from housecat.report import write_report
from housecat.runs import folder as runs
from housecat.runs import trained, wiring
from housecat.runs.fitted import FOLDER, fitted_for
from housecat.runs.folder import Run, Stage, open_run, seconds_of
from housecat.runs.goals import pairs_asked
from housecat.runs.training import TRAINED, train_from_store
from housecat.runs.words import asks_in_words, words_for
from housecat.settings.config import names_of, value_of
from housecat.settings.groups import LEARNING
from housecat.settings.schema import Config
from worldmodel.checkpoint import MEMORY, RECOMMENDED, WORDS, digest, folder_of
from worldmodel.networks import pretrained


@dataclass(frozen=True)
class Job:
    """A stage together with the work that it is."""

    stage: Stage
    work: Callable[[Run], Any]


def collecting(config: Config, spec: dict[str, Any], data: Path, out: Path) -> Job:
    """Records random play into the folder `data`, for a run in `out`."""
    what = recording(spec, config.seed, config.collect.steps, config.collect.episodes)
    stage = Stage("collect", {"data": _place(data, out), **what}, data / "manifest.json")
    return Job(stage, lambda run: record(config, spec, data))


def training(config: Config, recorded: dict[str, Any], data: Path, out: Path) -> Job:
    """Trains on the recording in `data`, of which `recorded` says what it is; the checkpoint is `out/model`."""
    chosen = {
        **recorded,
        **_chosen(config, ("seed", *LEARNING, *config.of_method)),
        "precision": str(wiring.precision(config)).split(".")[1],
    }

    def work(run: Run) -> None:
        store = EpisodeStore.open(data)
        if store.manifest["origin"] == {"command": "collect"} and "seconds" in (store.manifest["throughput"] or {}):
            run.adopt_seconds({"collect": store.manifest["throughput"]["seconds"]})
        train_from_store(data, out, wiring.plan_for_store(config, store), asdict(config.planner))

    def inputs() -> dict[str, str]:
        manifest = read_manifest(data)
        return {"recording": fingerprint(manifest) if manifest else "", "encoder": _encoder_digest(config)}

    return Job(Stage("train", chosen, out / "model" / "config.json", TRAINED, inputs), work)


def evaluating(
    config: Config, spec: dict[str, Any], checkpoint: Path, out: Path, command: str, data: Path | None = None
) -> Job:
    """Lets players, some of them fitted to `data`, play with the checkpoint; writes the results to `out`."""
    chosen = _chosen(config, ("seed", "planner", "evaluate"))
    del chosen["evaluate.batch"]  # changes no outcome
    chosen |= {"checkpoint": _place(checkpoint, out), "precision": str(wiring.precision(config)).split(".")[1]}
    recorded = read_manifest(data) if data is not None else None
    chosen |= {} if recorded is None else {"recording": fingerprint(recorded)}
    chosen |= {f"trouble.{name}": value for name, value in config.trouble.asked().items()}
    chosen |= {f"goal.{name}": value for name, value in config.goal.asked().items()}
    if config.world.success is not None:
        chosen["world.success"] = config.world.success

    def inputs() -> dict[str, str]:
        pairs_asked(config, make_world(spec), out / "pairs.json")  # they are there
        words = {}
        if asks_in_words(config):  # likewise
            if data is not None and not (checkpoint / WORDS).exists():
                words_for(checkpoint, trained.BenchSetup(spec, checkpoint, config).load().model, spec, data)
            words = _digests(checkpoint, WORDS)
        beside = {**words, **_digests(Path(), *pictures_of(config.planner)), **_digests(checkpoint, MEMORY)}
        return {"checkpoint": digest(checkpoint), **_digests(out, "pairs.json"), **beside}

    def work(run: Run) -> None:
        pairs, asked = pairs_asked(config, make_world(spec), out / "pairs.json")
        run.adopt_seconds(seconds_of(checkpoint.parent))
        renderer = "the environment's own" if spec["family"] == "python" else renderer_name()
        about = About(command, runs.commit(), run.seconds, {**runs.versions(), "renderer": renderer})
        setup, players = trained.BenchSetup(spec, checkpoint, config), config.evaluate.planners
        setup = replace(setup, fitted=fitted_for(players, setup, data, out, lambda: setup.load().model))
        settings = replace(wiring.evaluate_settings(config), asked=asked)
        found = evaluate(setup, pairs, settings, about, out)
        usual = not {"trouble", "goal"} & found.keys() and not found["pairs"]["factors"] and settings.hold == 1
        if "recommended" in found and usual and checkpoint.resolve().parent == out.resolve():  # the model's own run
            write_json(checkpoint / RECOMMENDED, found["recommended"])

    files = ("pairs.json", "episodes.json", "results.json", *([FOLDER] if data is not None else []))
    return Job(Stage("evaluate", {"world": spec, **chosen}, out / "results.json", files, inputs), work)


def reporting(out: Path) -> Job:
    """Renders what the other stages left in `out` as one page."""
    read, page = ("results.json", "pairs.json", "episodes.json", "metrics.jsonl"), out / "report.html"
    return Job(Stage("report", {}, page, ("report.html",), lambda: _digests(out, *read)), lambda run: write_report(out))


def do_all(
    jobs: list[Job],
    out: Path,
    settings: str,
    command: str,
    expect: Callable[[], dict[str, float]] | None = None,
    anew: bool = False,
) -> None:
    """Does what is not done yet, in the run folder `out`, and says how long that took.

    Args:
        settings: text of `config.yaml`, written where there is none yet; `anew`: in any case.
        expect: seconds that each job will take, by name; what is left of them is said as well.
    """
    with open_run(out, settings, command) as run:
        for job in jobs:
            run.check(job.stage)
            run.claim(*job.stage.files)
        if anew:
            run.keep_settings(settings)
        left = [job.stage.name for job in jobs if not run.done(job.stage)]
        times = expect() if expect is not None and left else {}
        for job in jobs:
            name = job.stage.name
            if name not in left:
                print(f"{name}: done before in {in_words(run.seconds[name])}")
        if times:
            parts = ", ".join(f"{name} {in_words(times[name])}" for name in left)
            print(f"this will take about {in_words(sum(times[name] for name in left))} ({parts})", flush=True)
        for job in jobs:
            if run.done(job.stage):  # asked again: what was done before may rest on what has been made anew
                continue
            with run.working(job.stage):
                job.work(run)
            left = [name for name in left if name != job.stage.name]
            rest = sum(times[name] for name in left) if times else 0.0
            onward = f"; about {in_words(rest)} left" if rest else ""
            print(f"{job.stage.name}: done in {in_words(run.seconds[job.stage.name])}{onward}", flush=True)


def in_words(seconds: float) -> str:
    """ "3 s", "40 s" or "12 min"."""
    if seconds < 20:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds, -1):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def record(config: Config, spec: dict[str, Any], data: Path) -> EpisodeStore:
    """Records what is missing in `data`."""
    asked = config.collect
    return collect(
        spec,
        data,
        asked.episodes,
        asked.steps,
        config.seed,
        config.workers,
        prepare=partial(wiring.world_spec, config) if spec["family"] == "python" else None,
    )


def recording(spec: dict[str, Any], seed: int, steps: int, episodes: int) -> dict[str, Any]:
    """What a recording is, for comparison with another."""
    return {"world": spec, "recording.seed": seed, "collect.steps": steps, "collect.episodes": episodes}


def recording_of(store: EpisodeStore) -> dict[str, Any]:
    """What a recording on disk is."""
    manifest = store.manifest
    what = recording(store.world, manifest["seed"], manifest["steps"], manifest["episodes"])
    if manifest["origin"] == {"command": "collect"}:
        return what
    return {**what, "recording.fingerprint": store.fingerprint()}  # nothing else tells one import from another


def _encoder_digest(config: Config) -> str:
    """Of the encoder that `method.encoder` says is in a folder; empty where it names none, or one of others."""
    named = config.method.encoder
    return "" if named is None or pretrained.is_named(named) else digest(folder_of(Path(named)))


def _place(path: Path, out: Path) -> str:
    """Where a folder is, in words that stay true when the run folder around it is moved."""
    path, out = path.resolve(), out.resolve()
    return str(path.relative_to(out) if path.is_relative_to(out) else path)


def _digests(out: Path, *names: str) -> dict[str, str]:
    """SHA-256 of those of these files that are there."""
    return {name: checksum(out / name) for name in names if (out / name).is_file()}


def _chosen(config: Config, sections: tuple[str, ...]) -> dict[str, Any]:
    return {name: value_of(config, name) for name in names_of(config) if name.partition(".")[0] in sections}
