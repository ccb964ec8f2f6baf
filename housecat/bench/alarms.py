"""Planners that cheat, knowingly or not, are named: in the line of their cell, in the table and on the page."""

from typing import Any

_EXPLOITED = 0.5  # of the distance that is left: honest planners were wrong by less than a tenth
_NEAREST = 0.5  # energies closer than this are at the goal, or not of control steps


def alarms_of(found: dict[str, Any]) -> dict[str, str]:
    """Alarms of a cell by name, each with a sentence; empty where all is well. `found`: the cell's line.

    exploits    its plans promise far better than what comes: it searches where the model is wrong
    bounds      its actions leave the bounds
    batch       a pair goes otherwise beside other pairs: environments share a generator, or a state
    failed      it could not be played to the end
    """
    alarms, energy, replay = {}, found["energy"], found["replay"]
    if energy is not None:
        missing, left = energy["achieved"] - energy["imagined"], abs(energy["achieved"])
        if missing > _EXPLOITED * left and left > _NEAREST:
            promised = f"plans promised {energy['imagined']:.2f} and came to {energy['achieved']:.2f}"
            alarms["exploits"] = f"{promised}: it finds where the model is wrong"
    if found["beyond"] or "out of bounds" in (found["failed"] or ""):
        share = f"in {found['beyond']:.0%} of the control steps " if found["beyond"] else ""
        alarms["bounds"] = f"actions were {share}out of their bounds"
    if replay["different"]:
        differing = f"{replay['different']} of {replay['pairs']} pairs went otherwise beside other pairs"
        alarms["batch"] = f"{differing}: its environments share a random generator or a state"
    if found["failed"] and "bounds" not in alarms:
        alarms["failed"] = found["failed"]
    return alarms
