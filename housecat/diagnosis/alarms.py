"""What is wrong with a model, in words, told from the numbers of a diagnosis."""

from typing import Any

NEARLY_CONSTANT = 0.02  # variation of the latents below which they are as good as one and the same
DEAD = 0.01  # std of a dimension, as a share of the largest, below which it says nothing
MANY_DEAD = 0.25  # share of the dimensions that may be dead
NO_BETTER = 0.02  # of R2: less than this is no difference worth the name


def alarms(found: dict[str, Any]) -> list[str]:
    """One sentence for each thing that is wrong; `found` is as `probe.json` documents it."""
    return [*_collapse(found), *_ignorance(found), *_imagination(found), *_energy(found)]


def _collapse(found: dict[str, Any]) -> list[str]:
    latent, said = found["latent"], []
    spread = latent["std"]
    if latent["variation"] < NEARLY_CONSTANT:
        said.append(
            f"collapse: the latents are nearly constant, they vary by {latent['variation']:.2%} of their size; the "
            "objective does not keep them apart"
        )
    if latent["rank"] < min(found["numbers"], latent["dimensions"]):
        said.append(
            f"dimensional collapse: effective rank {latent['rank']:.1f} of {latent['dimensions']}, less than the "
            f"{found['numbers']} numbers that describe this world"
        )
    dead = sum(one < DEAD * max(spread) for one in spread) / len(spread)
    if dead > MANY_DEAD:
        said.append(
            f"{dead:.0%} of the latent's dimensions hardly vary: fewer would do, or the objective lets them die"
        )
    return said


def _ignorance(found: dict[str, Any]) -> list[str]:
    said = []
    trained, untrained = found["probes"]["trained"], found["probes"]["untrained"]
    for name, scores in trained["latent"].items():
        before = untrained["latent"][name]
        if scores["linear"] is None or before["linear"] is None:
            continue
        value, floor = scores["linear"]["value"], before["linear"]["value"]
        if value < floor + NO_BETTER and value < 1 - NO_BETTER:
            said.append(
                f"{name}: a linear probe of the latent (R2 {value:.2f}) reads no more than from the untrained network "
                f"({floor:.2f})"
            )
        best = max(one[name]["linear"]["value"] for one in trained.values())
        if best > value + 0.2:
            layer = max(trained, key=lambda one: trained[one][name]["linear"]["value"])
            said.append(f"{name}: {layer} knows it (R2 {best:.2f}), the latent has lost it ({value:.2f})")
    return said


def _imagination(found: dict[str, Any]) -> list[str]:
    loop, said = found["open_loop"], list[str]()
    if loop is None:
        return said
    steps = f"over {loop['horizon']} steps"
    imagined, shuffled = loop["over_copying"]["imagined"], loop["over_copying"]["shuffled"]
    if imagined["low"] > 1:
        said.append(f"imagination {steps} is worse than copying the latent ({imagined['value']:.2f} times its error)")
    if shuffled["value"] < 1.1 * imagined["value"]:
        said.append(
            f"imagination {steps} hardly depends on actions: with those of other clips its error is "
            f"{shuffled['value'] / max(imagined['value'], 1e-12):.2f} times that with the true ones"
        )
    for name, one in loop["physical"].items():
        if one["share"]["imagined"] > one["share"]["copied"]:
            said.append(
                f"{name}: imagination {steps} misses by {one['share']['imagined']:.0%} of the distance moved, leaving "
                f"it where it was by {one['share']['copied']:.0%}"
            )
    return said


def _energy(found: dict[str, Any]) -> list[str]:
    said = []
    landscapes = found["landscape"] or []
    for one in landscapes:
        rate = one["within_one_cell"]
        coarsest = one["cells"] == min(other["cells"] for other in landscapes)
        if coarsest and rate["low"] <= one["chance"]:
            said.append(
                f"the energy {one['steps']} steps ahead is lowest within a cell of the true action in "
                f"{rate['value']:.0%} of {rate['n']} starts, which cannot be told from chance ({one['chance']:.0%})"
            )
    return said
