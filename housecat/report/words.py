"""What the numbers say, in sentences."""

from typing import Any

from envs.outside.python import UNIT

LABELS = {
    "random": "random",
    "flat_latent": "flat, latent distance",
    "flat_distance": "flat, temporal distance",
    "hierarchy": "hierarchy",
    "sampled": "sampled subgoals",
    "hjepa": "two levels (H-JEPA)",
    "three_levels": "three levels",
    "configured": "configured",
    "cloning": "behaviour cloning",
    "inverse": "inverse dynamics",
    "true_subgoals": "flat, true subgoals",
    "true_distance": "flat, true distance",
    "true_simulator": "true simulator, learned distance",
    "true_dynamics": "true simulator and distance, seen state",
    "true_state": "everything true but the search",
    "oracle": "oracle",
}
ABOUT = {
    "random": "random actions: the floor",
    "flat_latent": "CEM on the distance in the latent",
    "flat_distance": "CEM on the learned number of steps to the goal",
    "hierarchy": "subgoals from the landmark graph, CEM towards them",
    "sampled": "CEM towards the recorded latent within reach from which the goal is nearest",
    "hjepa": "CEM on macro-actions far ahead, and on actions towards the first place they lead to",
    "three_levels": "subgoals from the landmark graph, and two levels towards them",
    "configured": "the hierarchy, from scratch after a surprise, and no longer where it is in vain",
}
_SENTENCES = 3  # that are quoted
_FEW = 100  # episodes below which an interval is wide enough to be worth a warning


def label(planner: str) -> str:
    """The name of a planner for people."""
    return LABELS.get(planner, planner)


def percent(share: float) -> str:
    """0.967 -> "97 %"; only all is 100 % and only none is 0 %."""
    whole = round(100 * share)
    if whole in (0, 100) and share not in (0, 1):
        return f"{100 * share:.1f} %"
    return f"{whole} %"


def interval(found: dict[str, Any]) -> str:
    """The interval of a rate, e.g. "89–100 %"."""
    low, high = found["interval"]
    return f"{100 * low:.0f}–{100 * high:.0f} %"


def verdict(results: dict[str, Any]) -> str:
    """The one sentence that a reader in a hurry takes away."""
    planners = results["planners"]
    lead = leading(results)
    found = planners[lead]
    sentence = f"{_planner(lead)} reached {solved(found)} of {found['episodes']} goals from camera frames alone"
    others = {name: one for name, one in planners.items() if name not in (lead, "random")}
    if not others:
        return sentence + "."
    rival = max(others, key=lambda name: others[name]["success"])
    rank = "the best of the other planners" if len(others) > 1 else "the other planner"
    return f"{sentence}; {_planner(rival, small=True)}, {rank}, reached {solved(others[rival])}."


def lede(results: dict[str, Any]) -> str:
    """What belongs beside the verdict, whoever reads no further."""
    planners, pairs = results["planners"], results["pairs"]
    lead = leading(results)
    few = " That is few, so the interval is wide." if planners[lead]["episodes"] < _FEW else ""
    return (
        f"{percent(planners[lead]['success'])} with a 95 % interval of {interval(planners[lead])}: "
        f"{planners[lead]['episodes']} start–goal pairs, one trained model, one seed.{few} Goals are "
        f"{pairs['nearest']:.1f} to {pairs['farthest']:.1f} {pairs['unit']} away."
    )


def leading(results: dict[str, Any]) -> str:
    """The planner that the report is about: that which is recommended, the hierarchy, or else the most successful."""
    planners = results["planners"]
    if "recommended" in results:
        return str(results["recommended"]["planner"])
    return "hierarchy" if "hierarchy" in planners else max(planners, key=lambda name: planners[name]["success"])


def solved(found: dict[str, Any]) -> int:
    """How many pairs a planner solved."""
    return round(found["success"] * found["episodes"])


def caveats(results: dict[str, Any]) -> list[str]:
    """What the verdict does not say."""
    pairs = results["pairs"]
    criterion = pairs.get("criterion", f"within {pairs['tolerance']:g} {pairs['unit']}")
    said = [
        "Distances are true ones, equally many pairs in each part of the range, none reached at its start. A goal "
        f"counts as reached {criterion}, at any speed, in {pairs['max_steps']} control steps.",
        "The intervals are about other pairs for this one model; another training run may differ by more.",
    ]
    said += asked_for(results) + in_trouble(results) + recommended(results)
    said += [_comparison(name, one) for name, one in results["comparisons"].items() if name != "random"]
    if results["calibration"]:
        tried = ", ".join(str(one["horizon"]) for one in results["calibration"])
        said.append(
            f"{_planner('flat_latent')} plays at the best of the horizons {tried}, chosen on {pairs['calibration']} "
            "other pairs."
        )
    said.append(
        "Steps are averaged over solved pairs only, which makes a planner look quick that solves just the easy ones; "
        "SPL is averaged over all."
    )
    return said


def asked_for(results: dict[str, Any]) -> list[str]:
    """What is to be reached, where that is not all of each pair's goal."""
    goal = results.get("goal")
    if not goal:
        return []
    if told := goal.get("said"):
        more = f" and {len(told) - _SENTENCES} more" if len(told) > _SENTENCES else ""
        return [f"Goals were given in words: {'; '.join(told[:_SENTENCES])}{more}."]
    names = ", ".join(goal["only"] or goal["regions"])
    if not names:
        return ["All pairs have the same goal, which was given."]
    stand = {"pictures": "pictures of states that have it", "probes": "recorded latents that probes find"}
    said = f"Only {names} has to be reached; {goal['samples']} {stand[goal['targets']]} stand for it."
    solved = f" At {goal['solved_at_start']} starts it is reached already." if goal["solved_at_start"] else ""
    return [said + solved]


def recommended(results: dict[str, Any]) -> list[str]:
    """Which planner is recommended, and why; nothing where there was no choice."""
    if "recommended" not in results:
        return []
    told = results["recommended"]
    tried = [f"{label(name)} {round(one['value'] * one['n'])} of {one['n']}" for name, one in told["tried"].items()]
    return [f"Recommended is {label(told['planner'])}; on other pairs, for that choice alone: {', '.join(tried)}."]


def in_trouble(results: dict[str, Any]) -> list[str]:
    """What went wrong on request, and how often planners were late or broke limits; nothing where all went well."""
    troubles, planners = results.get("trouble", {}), results["planners"]
    said = ["Trouble on request: " + ", ".join(f"{name} {one:g}" for name, one in troubles.items()) + "."]
    said = said if troubles else []
    for key, what in (
        ("missed", "Control steps without an action in time"),
        ("violated", "Episodes that broke a limit"),
    ):
        each = [f"{name} {percent(one[key]['value'])}" for name, one in planners.items() if key in one]
        said += [f"{what}: {', '.join(each)}."] if each else []
    return said


def _comparison(name: str, one: dict[str, Any]) -> str:
    split = f"{one['only_hierarchy']} pairs solved by the hierarchy only, {one['only_other']} by the other only"
    other, test = _planner(name, small=True), f"(exact McNemar p = {one['p']:.2g}; {split})"
    if one["p"] < 0.05:
        better = "better" if one["only_hierarchy"] > one["only_other"] else "worse"
        return f"The hierarchy is {better} than {other} {test}."
    return f"On these pairs the hierarchy cannot be told from {other} by success alone {test}."


def _planner(name: str, small: bool = False) -> str:
    names = {
        "random": "random actions",
        "flat_latent": "flat planning with latent distance",
        "flat_distance": "flat planning with temporal distance",
        "hierarchy": "the hierarchy",
        "sampled": "planning towards sampled subgoals",
        "hjepa": "planning on two levels",
        "three_levels": "planning on three levels",
        "configured": "the configured planner",
    }
    text = names.get(name, name)
    return text if small else text[0].upper() + text[1:]


def outcome(success: bool, steps: int, left: float, unit: str) -> str:
    """How an episode ended, for the caption of its video."""
    if success:
        return f"reached after {steps} steps"
    return f"not reached in {steps} steps" + (f", {left:.1f} {unit} left" if unit != UNIT else "")


def milliseconds(value: float) -> str:
    """Three figures are enough: 0.21 ms, 4.8 ms, 48 ms."""
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms" if value >= 1 else f"{value:.2f} ms"


def duration(seconds: float) -> str:
    """75.2 -> "1 min 15 s"."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes} min {left} s" if minutes else f"{left} s"
