"""`housecat worlds`: what can be chosen with `world=`, what it asks of a robot, and what is known about it."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tqdm import tqdm

from envs import IDS, WORLDS, make_world
from envs.data.folder import new_folder
from envs.quantities import askable, described
from envs.registry import SUBJECTS
from envs.world import World
from housecat import __version__
from housecat.cli.sheet import write_sheet
from housecat.errors import UsageError
from housecat.evaluation.measured import FILE, Figures, figures_of, keep_figures, known_figures, try_pairs
from housecat.evaluation.statistics import Rate
from housecat.report.columns import aligned


def show_worlds(
    specs: list[dict[str, Any]],
    episodes: int | None,
    seed: int,
    workers: int,
    out: str | None,
    flags: frozenset[str],
    file: Path = FILE,
) -> None:
    """Prints what is known of these worlds.

    Args:
        episodes: pairs on which oracle and random play are measured in each; None: what was measured before is shown.
        seed: of the pairs, and of what is random in the pictures.
        workers: processes that measure; 0: one for each core.
        out: new folder for a sheet of pictures; None: none is made.
        flags: --json: for programs; --save: keep what was measured.

    Raises UsageError: figures are to be kept that are not measured, or of a world that is not built in; StoreError:
    `out` is there already.
    """
    _check(specs, episodes, flags)
    with nullcontext() if out is None else new_folder(Path(out)) as folder:
        worlds = [make_world(spec) for spec in specs]
        entries = []
        for world in worlds:
            if episodes is None:
                figures = known_figures(world, file)
            else:
                figures = _measure(world, episodes, seed, workers)
                if "--save" in flags:
                    keep_figures(world.name, figures, file)
            entries.append(entry_of(world, figures))
        print(json.dumps(entries, indent=2) if "--json" in flags else _table(entries))
        if folder is not None:
            write_sheet(worlds, entries, seed, folder / "worlds.png")
    if out is not None and "--json" not in flags:
        print(f"pictures: {Path(out) / 'worlds.png'}")


def entry_of(world: World, figures: Figures | None) -> dict[str, Any]:
    """What is known about a world, for JSON; rates are null where they have not been measured."""
    family = world.spec_dict["family"]
    return {
        "id": world.name,
        "gymnasium_id": IDS.get(world.name),
        "family": SUBJECTS.get(family, family),
        "oracle_success": _rate(figures, "oracle"),
        "oracle_interval": _interval(figures, "oracle"),
        "random_success": _rate(figures, "random"),
        "random_interval": _interval(figures, "random"),
        "measured": None if figures is None else {**figures.__dict__},
        "action_dim": world.scene.action_dim,
        "state_dim": world.scene.state_dim,
        "frame_size": world.scene.frame_size,
        "seconds_per_step": world.dt,
        "success": world.task.criterion(),
        "unit": world.unit,
        "tolerance": world.tolerance,
        "max_steps": world.max_steps,
        "nearest_goal": world.task.nearest,
        "quantities": {one.name: described(one, *world.ranges[one.name]) for one in askable(world.task.quantities)},
        "factors": {name: factor.described() for name, factor in world.factors.items()},
    }


def _check(specs: list[dict[str, Any]], episodes: int | None, flags: frozenset[str]) -> None:
    if "--save" not in flags:
        return
    if episodes is None:
        raise UsageError("worlds --save keeps what is measured: say on how many pairs, e.g. episodes=40")
    if unknown := [spec["name"] for spec in specs if WORLDS.get(spec["name"]) != spec]:
        raise UsageError(f"worlds --save keeps figures of built-in worlds, '{unknown[0]}' is not one: leave out --save")


def _measure(world: World, episodes: int, seed: int, workers: int) -> Figures:
    tries = try_pairs(world.spec_dict, seed, episodes, workers)
    tried = list(tqdm(tries, total=episodes, desc=world.name, unit="pair"))
    return figures_of(world, __version__, seed, tried)


def _outcome(figures: Figures, who: str) -> Rate:
    solved = getattr(figures, who)
    return Rate.of([True] * solved + [False] * (figures.episodes - solved))


def _rate(figures: Figures | None, who: str) -> float | None:
    return None if figures is None else _outcome(figures, who).value


def _interval(figures: Figures | None, who: str) -> list[float] | None:
    if figures is None:
        return None
    rate = _outcome(figures, who)
    return [round(rate.low, 4), round(rate.high, 4)]


def _table(entries: list[dict[str, Any]]) -> str:
    head = ("world", "family", "actions", "state", "steps", "oracle", "random", "success")
    rows = [head, *map(_row, entries)]
    lines = aligned(rows, numbers=False)
    width = max(len(row[0]) for row in rows)
    if any(entry["measured"] is None for entry in entries):
        lines += ["", "-: not measured in this world as it is; housecat worlds episodes=40 measures"]
    if len(entries) == 1:
        lines += ["", "Quantities that a goal may ask for (goal.NAME=[...]):", *_quantities(entries[0])]
    lines += ["", "Factors of variation (factors.train=..., factors.test=...):"]
    if len(entries) == 1:
        return "\n".join([*lines, *_factors(entries[0])])
    for entry in entries:
        kinds = sorted({factor["kind"] for factor in entry["factors"].values()})
        lines.append(f"  {entry['id']:{width}}  {len(entry['factors'])}: {', '.join(kinds)}")
    more = f"housecat worlds world={entries[0]['id']} lists those of one world, and what a goal may ask for."
    return "\n".join([*lines, more])


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    sizes = (str(entry[key]) for key in ("action_dim", "state_dim", "max_steps"))
    return (entry["id"], entry["family"], *sizes, _share(entry, "oracle"), _share(entry, "random"), entry["success"])


def _share(entry: dict[str, Any], who: str) -> str:
    if entry["measured"] is None:
        return "-"
    return f"{entry['measured'][who]} of {entry['measured']['episodes']}"


def _quantities(entry: dict[str, Any]) -> list[str]:
    lines = []
    for name, one in entry["quantities"].items():
        bounds = " x ".join(f"{low:g}..{high:g}" for low, high in zip(one["low"], one["high"], strict=True))
        size = f"{one['size']} number{'s' * (one['size'] > 1)}, {one['unit']}"
        lines.append(f"  {name:14} {size:17} {one['meaning']}: {bounds}, reached within {one['tolerance']:.3g}")
    return lines or ["  none: a picture is all that is known of a goal here"]


def _factors(entry: dict[str, Any]) -> list[str]:
    lines = []
    for name, one in entry["factors"].items():
        bounds = f"{one['low']:g} to {one['high']:g} {one['unit']}"
        lines.append(f"  {name:14} {one['kind']:11} {bounds:30} {one['meaning']} (default {one['default']:g})")
    return lines
