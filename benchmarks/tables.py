"""The tables of the documents: each function makes Markdown of what one JSON file in `benchmarks/results/` holds."""

from collections.abc import Callable, Iterable
from typing import Any

from benchmarks import physics_tables, planner_tables
from benchmarks.markdown import markdown, number, rate
from envs import WORLDS

Found = dict[str, Any]
PLANNERS = {
    "hierarchy": "landmarks",
    "flat_distance": "flat, temporal distance",
    "flat_latent": "flat, latent distance",
    "random": "random actions",
}
POOLED = (
    "\n*Of an earlier code, in which only the default, H-JEPA and V-JEPA 2-AC fine-tuned their predictor. The file "
    "does not say what each training solved, so no interval can be given.*\n"
)
METHOD_PLANNERS = {"flat_distance": "success, flat", "hjepa": "two levels"}
GOALS = {
    "umaze": "a ball through a U-shaped maze",
    "medium": "the medium maze",
    "large": "the large maze",
    "fourrooms": "four rooms",
    "giant": "the giant maze",
    "rover": "a wheeled robot through rooms",
    "reacher": "an arm of two links",
    "arm": "an arm of seven joints",
    "puck": "a puck to push",
    "pusht": "a T to push and turn (Push-T)",
    "cube": "a cube to grasp and carry",
    "runner": "a legged runner",
    "car": "a car to park",
}


def worlds(found: Found) -> str:
    """Every world in one line: what was recorded, and how many goals each planner reaches."""
    shown = [name for name in PLANNERS if name != "flat_latent"]
    rows = []
    for name in WORLDS:
        world = found["worlds"].get(name, {"trainings": [], "success": {}})
        plays = sorted({one["play"] for one in world["trainings"]})
        rates = [rate(world["success"].get(planner)) for planner in shown]
        count = str(len(world["trainings"])) if world["trainings"] else "not measured"
        rows.append([f"`{name}`: {GOALS[name]}", ", ".join(plays), *rates, count])
    return markdown(["world", "recorded play", *(PLANNERS[name] for name in shown), "trainings"], rows)


def planners(found: Found) -> str:
    """Every planner in every world: goals reached by each training, together, in how many steps, how fast."""
    rows = []
    for name, world in found["worlds"].items():
        for planner, words in PLANNERS.items():
            tried = [one["planners"][planner] for one in world["trainings"] if planner in one["planners"]]
            if not tried:
                continue
            solved = ", ".join(f"{one['solved']} of {one['of']}" for one in tried)
            steps = _mean([one["steps"] for one in tried for _ in range(one["solved"])])
            times = _mean([one["ms_per_step"] for one in tried])
            together = rate(world["success"].get(planner))
            advised = sum(one.get("recommended") == planner for one in world["trainings"])
            words += f" (recommended by {advised} of {len(tried)})" if advised else ""
            rows.append([f"`{name}`", words, solved, together, number(steps), number(times)])
    return markdown(["world", "planner", "each training", "together", "steps", "ms a step"], rows)


def probes(found: Found) -> str:
    """What a linear probe reads from the latent of each training."""
    rows = []
    for name, world in found["worlds"].items():
        for quantity in dict.fromkeys(key for one in world["trainings"] for key in one["probes"]):
            read = [one["probes"][quantity] for one in world["trainings"] if quantity in one["probes"]]
            rows.append(
                [
                    f"`{name}`",
                    quantity.replace("_", " "),
                    ", ".join("unknown" if r2 is None else f"{r2:.3f}" for r2 in read),
                ]
            )
    return markdown(["world", "quantity", "R2 of each training"], rows)


def seconds(found: Found) -> str:
    """How long each part of a training took."""
    parts = list(
        dict.fromkeys(key for w in found["worlds"].values() for one in w["trainings"] for key in one["seconds"])
    )
    rows = [
        [f"`{name}`", *(", ".join(number(one["seconds"].get(part)) for one in world["trainings"]) for part in parts)]
        for name, world in found["worlds"].items()
    ]
    return markdown(["world", *(f"{part}, s" for part in parts)], rows)


def methods(found: Found) -> str:
    """Every method of a comparison in one line."""
    quantities = list(dict.fromkeys(name for row in found["models"] for name in row["probe"] or {}))
    head = ["method", "parameters", "updates", "frames/s", *(f"{name}, R2" for name in quantities)]
    head += ["imagined over copied", *METHOD_PLANNERS.values(), "ms a step"]
    plans = [plan for row in found["models"] for plan in (row["planning"] or {}).values()]
    pooled = any("trainings" not in plan for plan in plans)
    return markdown(head, (_method(row, quantities) for row in found["models"])) + (POOLED if pooled else "")


def _method(row: Found, quantities: list[str]) -> list[str]:
    plans, read = row["planning"] or {}, row["probe"] or {}
    cells = [f"`{row['model']}`", f"{row['parameters']['trained'] / 1e6:.2f} M"]
    cells += [number(row["updates"]), number(row["frames_per_second"])]
    cells += [f"{read[name]['low']:.3f} to {read[name]['high']:.3f}" if name in read else "" for name in quantities]
    cells += [number(row["open_loop"]), *(_reached(plans.get(name)) for name in METHOD_PLANNERS)]
    times = [plan["plan_ms"] for name, plan in plans.items() if name != "random" and plan["plan_ms"] is not None]
    return [*cells, number(max(times)) if times else ""]


def _reached(plan: Found | None) -> str:
    """The interval is shown only where the file says what each training solved: else it counts plays, not trainings."""
    if plan is None:
        return ""
    if "trainings" not in plan:
        return f"{100 * plan['success']:.0f} %"
    low, high = plan["interval"]
    each = ", ".join(f"{100 * success:.0f}" for success in plan["trainings"])
    return f"{each}: {rate({'value': plan['success'], 'low': low, 'high': high})}"


def measured(found: Found) -> str:
    """Whatever a benchmark wrote: single numbers, then a table for each group, a line for each thing measured."""
    alone: Found = {name: value for name, value in found.items() if isinstance(value, int | float) and name != "schema"}
    groups = {name: one for name, one in found.items() if isinstance(one, dict) and one and name != "versions"}
    tables = []
    for group, content in (({"": alone} if alone else {}) | groups).items():
        each = all(isinstance(one, dict) for one in content.values())
        lines = {name: dict(_flat(one)) for name, one in (content if each else {group: content}).items()}
        columns = list(dict.fromkeys(key for one in lines.values() for key in one))
        rows = [[name, *(_cell(one.get(column)) for column in columns)] for name, one in lines.items()]
        tables.append(markdown([group if each else "", *columns], rows))
    return "\n".join(tables)


def _flat(found: Found, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Every value that is no dict, under the words that lead to it."""
    for name, value in found.items():
        words = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{words} ")
        else:
            yield words, value


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(_cell(one) for one in value)
    return number(value) if isinstance(value, int | float) else str(value or "")


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


BLOCKS: dict[str, tuple[str, Callable[[Found], str]]] = {
    "worlds": ("worlds.json", worlds),
    "planners": ("worlds.json", planners),
    "probes": ("worlds.json", probes),
    "seconds": ("worlds.json", seconds),
    "goals": ("goals.json", planner_tables.goals),
    "long-goals": ("long_goals.json", planner_tables.long_goals),
    "optimizers": ("optimizers.json", planner_tables.optimizers),
    "rate": ("rate.json", planner_tables.rates),
    "modules": ("modules.json", planner_tables.modules),
    "occlusion": ("occlusion.json", planner_tables.occlusion),
    "methods": ("compare.json", methods),
    "physics": ("physics.json", physics_tables.properties),
    "physics-order": ("physics.json", physics_tables.order),
    "physics-quantities": ("physics.json", physics_tables.quantities),
    "physics-methods": ("physics.json", physics_tables.methods),
    "cart": ("cart.json", lambda found: "\n".join(table(found) for table in (planners, seconds))),
    "speed": ("speed.json", measured),
    "gpu": ("gpu.json", lambda found: "\n".join(table(found) for table in (planners, probes, seconds))),
}
