"""`seeds=[0,1,2]`: a command carried out once with each seed, and what came of it together."""

from collections.abc import Callable
from pathlib import Path

from envs.data.store import EpisodeStore
from housecat.errors import UsageError
from housecat.evaluation.results import read_results
from housecat.evaluation.statistics import Rate
from housecat.files import write_json
from housecat.report.columns import aligned
from housecat.settings.schema import Config


def each_seed(name: str, config: Config, arguments: list[str], run: Callable[[list[str]], int]) -> int:
    """Carries out `run` with each of `config.seeds`, in OUT/seed-K; the first exit code that is not 0.

    An evaluation takes CHECKPOINT/seed-K where the training was of several seeds. Raises UsageError.
    """
    if "seed" in (argument.partition("=")[0] for argument in arguments):
        raise UsageError("seed= and seeds= are both given: name one of them")
    out, own = _folder(name, config), []
    for seed in config.seeds or ():
        words = [f"seed={seed}", f"out={out / f'seed-{seed}'}"]
        trained = Path(config.checkpoint or "") / f"seed-{seed}"
        if config.checkpoint is not None and trained.is_dir():
            words.append(f"checkpoint={trained}")
            own.append(seed)
        print(f"\nseed {seed}")
        if code := run([*arguments, *words]):
            return code
    if name != "train":
        print(summary(out, config.seeds or (), name == "quickstart" or len(own) == len(config.seeds or ())))
    return 0


def _folder(name: str, config: Config) -> Path:
    if config.out is not None:
        return Path(config.out)
    if name == "evaluate":
        return Path(config.checkpoint or "")
    if name == "train" and config.data is not None:
        return Path("runs") / EpisodeStore.open(Path(config.data)).world["name"]
    return Path("runs") / str(config.world.name)


def summary(out: Path, seeds: tuple[int, ...], trainings: bool) -> str:
    """Writes `OUT/seeds.json` and returns it as a table.

    `trainings`: each seed is a training of its own, so intervals count trainings; else all are plays of one.
    """
    won: dict[str, list[list[bool]]] = {}
    for seed in seeds:
        for planner, numbers in read_results(out / f"seed-{seed}" / "results.json")["planners"].items():
            of = numbers["episodes"]
            solved = round(numbers["success"] * of)
            won.setdefault(planner, []).append([True] * solved + [False] * (of - solved))
    rates = {
        name: Rate.of_trainings(each) if trainings else Rate.of([one for some in each for one in some])
        for name, each in won.items()
    }
    planners = {
        name: {"success": one.value, "interval": [one.low, one.high], "episodes": one.n} for name, one in rates.items()
    }
    found = {"seeds": list(seeds), "trainings": len(seeds) if trainings else 1, "planners": planners}
    write_json(out / "seeds.json", found)
    rows = []
    for name, one in rates.items():
        each = [f"{sum(some) / len(some):.0%}" for some in won[name]]
        rows.append((name, f"{one.value:.0%}", f"{one.low:.0%} to {one.high:.0%}", *each))
    titles = ("planner", "success", "95 % interval", *(f"seed {seed}" for seed in seeds))
    return "\n".join(["", f"{len(seeds)} seeds", *aligned([titles, *rows]), "", f"written to {out / 'seeds.json'}"])
