"""What each command does, in the order in which it does it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from envs.data.store import EpisodeStore
from envs.registry import WORLDS, make_world
from housecat import zoo
from housecat.bench import diagnosing, gather, tiny
from housecat.bench import run as bench
from housecat.bench.entrants import Entrant, check, entrant, with_fitted
from housecat.bench.suites import suite_of
from housecat.cli import datasets, physics
from housecat.cli.export import export_programs
from housecat.cli.help import COMMANDS
from housecat.cli.request import Request, checkpoint_of
from housecat.cli.worlds import show_worlds
from housecat.demo.play import play
from housecat.diagnosis.probe import diagnose, encoders_beside, recordings_of, table, write_probe
from housecat.errors import UsageError
from housecat.report.summary import summary
from housecat.runs import memory, stages, trained, wiring, words
from housecat.runs.compare import compare
from housecat.runs.fitted import needed
from housecat.runs.folder import open_run
from housecat.runs.goals import check_goals
from housecat.runs.quickstart import quickstart
from housecat.runs.words import asks_in_words
from housecat.settings.config import check_shared
from housecat.settings.overrides import names_world
from housecat.settings.schema import Config
from worldmodel.checkpoint import folder_of, load


def run_quickstart(request: Request) -> int:
    """Collects, trains, evaluates and reports."""
    config = request.config
    spec = _described(config)
    quickstart(config, spec, Path(config.out or f"runs/{spec['name']}"), request.settings(spec), request.line)
    return 0


def run_collect(request: Request) -> int:
    """Records random play."""
    config = request.config
    spec = _described(config)
    out = Path(config.out or f"data/{spec['name']}")
    store = stages.record(config, spec, out)
    steps = store.manifest["steps"] or f"at most {config.collect.steps}"
    print(f"{len(store)} episodes of {steps} control steps in world '{spec['name']}': {out}")
    if store.manifest["throughput"] is not None:
        print(datasets.speed(store.manifest["throughput"]))
    print(f"next: housecat train data={out}")
    return 0


def run_train(request: Request) -> int:
    """Trains a world model on recorded episodes."""
    if request.config.data is None:
        raise UsageError("which recording to train on? give the folder that `housecat collect` wrote: data=DIR")
    data = Path(request.config.data)
    store = EpisodeStore.open(data)
    request = request.suited_to(store.world)
    config = request.config
    if names_world(request.given):
        wiring.check_world(f"the recording in {data}", store.world, wiring.world_spec(config))
    wiring.plan_for_store(config, store)
    out = Path(config.out or f"runs/{store.world['name']}")
    job = stages.training(config, stages.recording_of(store), data, out)
    _do([job], out, request, store.world)
    print(f"next: housecat evaluate checkpoint={out}")
    return 0


def run_evaluate(request: Request) -> int:
    """Lets the planners play with a checkpoint, and reports."""
    checkpoint = checkpoint_of(request)
    spec = wiring.trained_world(checkpoint)
    request = request.suited_to(spec)
    config = request.config
    if names_world(request.given):
        asked = wiring.world_spec(config)
        wiring.check_world(f"checkpoint {checkpoint}", spec, asked)
        spec |= {key: asked[key] for key in ("path", "digest") if key in asked}  # the robot as it is now
    spec = wiring.evaluated_spec(config, spec)
    out = Path(config.out) if config.out else zoo.beside(checkpoint)
    trained.check_planners(trained.BenchSetup(spec, checkpoint, config))
    check_goals(config, make_world(spec))
    data = _recordings(config, checkpoint) if needed(config.evaluate.planners) or asks_in_words(config) else None
    job = stages.evaluating(config, spec, checkpoint, out, request.line, data)
    _do([job, stages.reporting(out)], out, request, spec)
    print(summary(out))
    return 0


def run_probe(request: Request) -> int:
    """Diagnoses a checkpoint on held-out recordings."""
    config, folder = request.config, checkpoint_of(request)
    spec = wiring.trained_world(folder)
    data = _recordings(config, folder)
    device, precision = wiring.device(config), wiring.precision(config)
    others = encoders_beside(config.against or "", spec, device, precision)
    loaded = load(folder, device, precision)
    out = Path(config.out) if config.out else zoo.beside(folder)
    with open_run(out, "", request.line) as run:
        run.claim("probe.json", "probe.png")
        found = diagnose(folder, loaded, others, data, config.seed, device)
        write_probe(found, out, request.line)
    print(table(found))
    print(f"written to {out / 'probe.json'} and {out / 'probe.png'}")
    return 0


def run_export(request: Request) -> int:
    """Writes a checkpoint as programs; 1 where one of them is not the model."""
    config = request.config
    folder = checkpoint_of(request)
    if config.out is None:
        raise UsageError("which folder to write the programs to? name a new one: out=DIR")
    return export_programs(folder, Path(config.out), config.planner.horizon, "--onnx" in request.flags)


def _on_data(work: Callable[[Config, dict[str, Any] | None], None]) -> Callable[[Request], int]:
    """A command that reads or writes recorded episodes; it is told which world the user named, if any."""

    def run(request: Request) -> int:
        work(request.config, wiring.world_spec(request.config) if names_world(request.given) else None)
        return 0

    return run


def run_compare(request: Request) -> int:
    """Trains, probes and plays with every method that is named."""
    config = request.config
    if "method" in request.given or "seed" in request.given:
        raise UsageError("compare takes several methods and seeds: write compare.methods=[...] and compare.seeds=[...]")
    out = Path(config.out or "runs/compare")
    if config.data is None or names_world(request.given):
        spec = _described(config)
    else:
        spec = EpisodeStore.open(Path(config.data)).world
        request = request.suited_to(spec)
    check_shared(list(request.arguments), config.compare.methods)
    if config.goal.asked() or config.evaluate.ask:
        check_goals(config, make_world(wiring.evaluated_spec(config, spec)))
    with open_run(out, "", request.line) as run:
        run.claim("runs", "speeds.json", "compare.json")
        compare(request.composed, request.config, spec, out, request.line, COMMANDS[request.command].reads)
    return 0


def run_worlds(request: Request) -> int:
    """Lists the worlds, or the one that is named."""
    config = request.config
    specs = [wiring.world_spec(config)] if names_world(request.given) else list(WORLDS.values())
    show_worlds(specs, config.episodes, config.seed, config.workers, config.out, request.flags)
    return 0


def run_bench(request: Request) -> int:
    """Tunes, plays and judges planners on frozen pairs, with every checkpoint that is named."""
    config = request.config
    out = Path(config.out or "runs/bench")
    suite = suite_of(config.suite, config.bench)
    if config.checkpoints is None and config.suite != "smoke":
        raise UsageError(
            f"suite={config.suite} needs models: name the folders of their runs, checkpoints=[runs/medium]"
        )
    entrants = [_entrant(request, Path(one)) for one in config.checkpoints or ()]
    looking = "--diagnose" in request.flags
    checked = replace(suite, planners=(), optimizers=config.bench.optimizers or ()) if looking else suite
    check(entrants, checked)
    with open_run(out, "", request.line) as run:
        run.claim(*bench.FILES, *(diagnosing.FILES if looking else ()))
        if not entrants:
            entrants = [_entrant(request, tiny.trained_now(request.composed, out / "tiny", request.line))]
            check(entrants, checked)
        data = [Path(config.data) if config.data else recordings_of(one.folder) for one in entrants]
        if looking:
            print(diagnosing.diagnose(entrants, data, suite, out, request.line))
            return 0
        entrants = [with_fitted(one, suite.planners, some, out) for one, some in zip(entrants, data, strict=True)]
        print(gather.table(bench.bench(entrants, suite, config.suite, out, request.line)))
    print(f"written to {out / 'bench.json'} and {out / 'bench.html'}")
    return 0


def run_physics(request: Request) -> int:
    """Judges what models understand of physics."""
    physics.judge(request.config, request.composed, request.line)
    return 0


def run_demo(request: Request) -> int:
    """Plays with a checkpoint, or with a model that comes along, live."""
    if request.config.checkpoint is None:
        name = request.config.world.name if names_world(request.given) else "medium"
        request = replace(request, config=replace(request.config, checkpoint=f"zoo/{name}"))
    folder = checkpoint_of(request)
    spec = wiring.trained_world(folder)
    request = request.suited_to(spec)
    if names_world(request.given):
        wiring.check_world(f"checkpoint {folder}", spec, wiring.world_spec(request.config))

    def compose(more: Sequence[str]) -> Config:
        return replace(request, arguments=(*request.arguments, *more)).composed()

    play(folder, wiring.evaluated_spec(request.config, spec), request.config, compose)
    return 0


def _entrant(request: Request, named: Path) -> Entrant:
    folder = folder_of(Path(zoo.meant(named)))
    spec = wiring.trained_world(folder)
    config = request.suited_to(spec).config
    if names_world(request.given):
        asked = wiring.world_spec(config)
        wiring.check_world(f"checkpoint {folder}", spec, asked)
        spec |= {key: asked[key] for key in ("path", "digest") if key in asked}
    return entrant(folder, wiring.evaluated_spec(config, spec), config)


def _taught(teach: Callable[[Config, Path, Path], int], request: Request) -> int:
    """Teaches a checkpoint something later."""
    folder = checkpoint_of(request)
    words.require_own(folder)
    return teach(request.config, folder, _recordings(request.config, folder))


RUN: dict[str, Callable[[Request], int]] = {
    "quickstart": run_quickstart,
    "collect": run_collect,
    "train": run_train,
    "evaluate": run_evaluate,
    **{name: _on_data(work) for name, work in (datasets.WORK | physics.WORK).items()},
    "compare": run_compare,
    "bench": run_bench,
    "physics": run_physics,
    "probe": run_probe,
    **{name: partial(_taught, teach) for name, teach in (("words", words.teach), ("memory", memory.teach))},
    "export": run_export,
    "worlds": run_worlds,
    "demo": run_demo,
}


def _recordings(config: Config, folder: Path) -> Path:
    """The recordings to fit on: those named, or those that the checkpoint in `folder` was trained on."""
    data = Path(config.data) if config.data else recordings_of(folder)
    if data is None:
        raise UsageError(f"the recordings that {folder} was trained on are not to be found: name some with data=DIR")
    return data


def _described(config: Config) -> dict[str, Any]:
    """The description of the world to record in; says what its user should know about it."""
    spec = wiring.recorded_spec(config)
    for note in spec.get("notes", ()):
        print(f"note: {note}")
    return spec


def _do(jobs: list[stages.Job], out: Path, request: Request, world: dict[str, Any]) -> None:
    """Does what is not done yet in this world, in the run folder `out`."""
    stages.do_all(jobs, out, request.settings(world), request.line)
