"""`housecat probe`: a checkpoint is diagnosed on held-out recordings of its world.

`probe.json`, schema 3:

    schema        3
    checkpoint    its folder; method: that trained it; world: its name
    recordings    {"data", "fitted", "judged"}: folder, and how many recordings probes were fitted and judged on
    numbers       how many numbers describe the world's state (all quantities together)
    latent        {"dimensions", "rank", "std": [of each dimension], "variation", "straightness"}
    straightness  by network: mean cosine of successive steps of the latent; null where nothing moves
    probes        by source ("trained", "untrained", other checkpoints, "pixels"), layer and quantity:
                  {"linear", "attentive": {"value", "low", "high"}, "few": {"mean", "low", "high"}}; R2, with its 95 %
                  interval over recordings, "few" over draws of 100 labels; null where a quantity does not vary. No
                  quantities where the recordings do not know states
    open_loop     {"horizon", "latent": {guess: [squared error after each step]}, "over_copying": {guess: {"value",
                  "low", "high"}}, "physical": {quantity: {"starts", "of", "moved", "error": {guess: [...]}, "share":
                  {guess: error over distance moved at the last step}}}}; guesses are "imagined", "copied", "shuffled"
                  and, of quantities, "read" (the probe on the latents that came); null: the model imagines nothing
    landscape     [{"steps", "cells" along each axis, "within_one_cell": {"value", "low", "high", "n"}, "chance",
                  "grid", "examples"}]; null
    surprise      by network ("trained", "untrained", other checkpoints): {"frames", "recorded", "shuffled", "raised":
                  {"value", "low", "high", "n"}}: how much clips of so many frames surprise it as they were recorded and
                  in another order, and how often the latter does more; null: it does not tell
    alarms        what is wrong, in words
    command, commit, date, machine, versions
"""

import json
from pathlib import Path
from typing import Any

import torch

from envs.data.store import EpisodeStore
from envs.files import BY_HAND, from_yaml, read_plain
from envs.streams import stream
from housecat import zoo
from housecat.diagnosis.alarms import alarms
from housecat.diagnosis.measurements import PIXELS, Diagnosis
from housecat.errors import UsageError
from housecat.files import write_json
from housecat.report.columns import aligned
from housecat.report.probing import draw_probe
from housecat.runs import folder as runs
from housecat.runs.training import HELD_OUT
from housecat.runs.wiring import check_world, identity_of, trained_world
from worldmodel import checkpoint
from worldmodel.methods.registry import METHODS
from worldmodel.model import Encoder, LatentWorldModel
from worldmodel.streams import drawn_weights

SCHEMA = 3
LEAST = 3  # recordings to judge on: an interval over fewer means nothing
_HORIZON = 10  # steps imagined, whatever a model was trained for, so that models can be held side by side
_AHEAD = (1, 4)  # steps from which the energy of the first action is looked at
_CELLS = (5, 11)  # along each axis of that action: a neighbourhood that few miss by chance, and the finer one drawn


def recordings_of(folder: Path) -> Path | None:
    """The recordings that the checkpoint in `folder` was trained on, where its run folder says so and they are there.

    `folder`: `model/` of a run.
    """
    run = folder.parent
    try:
        named = from_yaml(read_plain(run / "config.yaml", BY_HAND, run).decode()).get("data")
    except (OSError, ValueError, AttributeError):
        named = None
    for data in (run / "data", *([Path(named)] if isinstance(named, str) else [])):
        if (data / "manifest.json").is_file():
            return data
    return None


def held_out(data: Path, folder: Path, about: dict[str, Any], context: int) -> tuple[EpisodeStore, EpisodeStore]:
    """The recordings to fit on and those to judge on: the latter are the ones that a training on them holds out.

    `folder` is of the checkpoint, `about` its notes, `context` the frames that its model needs.

    Raises StoreError: there are no recordings in `data`; UsageError: they are of another world or camera, or too few.
    """
    store = EpisodeStore.open(data)
    if identity_of(store.world) != identity_of(about["world"]):
        there, here = (f"'{world['name']}' at {world['frame_size']} pixels" for world in (store.world, about["world"]))
        layouts = ", in another layout" if there == here else ""
        raise UsageError(
            f"{data} is of world {there}{layouts}, the checkpoint of {here} ({folder}): give recordings of that with "
            "data=DIR"
        )
    if store.manifest["camera"] != "train":
        raise UsageError(f"{data} has frames of another camera than models see: housecat rerender camera=train")
    store.check_sizes()
    long = store.at_least(max(about.get("shortest", 0), context + 4))
    judged = round(len(long) * HELD_OUT)
    if judged < LEAST:
        raise UsageError(
            f"{data} has {len(long)} episodes long enough, of which {judged} would be judged on: at least "
            f"{round(LEAST / HELD_OUT)} are needed"
        )
    return long.split(HELD_OUT)


def encoders_beside(
    against: str, world: dict[str, Any], device: torch.device, precision: torch.dtype
) -> dict[str, Encoder]:
    """The networks of other checkpoints by the names of their run folders.

    `against` are folders separated by commas, `world` is what they must be of.

    Raises CheckpointError: one is missing or damaged; UsageError: one is of another world.
    """
    found: dict[str, Encoder] = {}
    for part in filter(None, map(str.strip, against.split(","))):
        folder = checkpoint.folder_of(Path(zoo.meant(part)))
        check_world(f"checkpoint {folder}", trained_world(folder), world)
        name = folder.resolve().parent.name if folder.name == "model" else folder.name
        while name in ("trained", "untrained", PIXELS, *found):
            name += "'"
        found[name] = checkpoint.load(folder, device, precision).model
    return found


def untrained(loaded: checkpoint.Loaded, frames: torch.Tensor, device: torch.device, seed: int) -> Encoder:
    """The network of the same settings before its first update, with the statistics of pixels that it begins with."""
    with drawn_weights(seed, "methods"):
        method = METHODS[loaded.method].make(loaded.settings, loaded.model.precision)
    method.fit_pixels(frames)
    return method.model.to(device).eval().requires_grad_(False)


def diagnose(
    folder: Path, loaded: checkpoint.Loaded, others: dict[str, Encoder], data: Path, seed: int, device: torch.device
) -> dict[str, Any]:
    """All numbers but those of the command, as `probe.json` documents them.

    `others`: encoders of the same world that are probed beside it, by name.
    """
    model = loaded.model
    recorded, unseen = held_out(data, folder, loaded.about, model.context)
    look = Diagnosis(recorded, unseen, seed)
    pixels = torch.from_numpy(recorded.clips(stream(seed, "pixels of untrained networks"), 128, 2).frames)
    networks = {"trained": model, "untrained": untrained(loaded, pixels, device, seed), **others}
    geometry = {name: look.geometry(one) for name, one in networks.items()}
    probes = look.probes(networks)
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "checkpoint": str(folder),
        "method": loaded.method,
        "world": recorded.world["name"],
        "recordings": {"data": str(data), "fitted": len(recorded), "judged": len(unseen)},
        "numbers": look.numbers(),
        "latent": geometry["trained"],
        "straightness": {name: one["straightness"] for name, one in geometry.items()},
        "probes": probes,
        "open_loop": None,
        "landscape": None,
        "surprise": {name: look.surprise(one) for name, one in networks.items()},
    }
    if isinstance(model, LatentWorldModel):
        horizon = min(_HORIZON, int(unseen.lengths.max()) - model.context - 2)
        found["open_loop"] = look.imagination(model, horizon)
        ahead = [steps for steps in _AHEAD if steps <= horizon]
        found["landscape"] = [look.landscape(model, steps, cells) for cells in _CELLS for steps in ahead]
    return {**found, "alarms": alarms(found)}


def write_probe(found: dict[str, Any], out: Path, command: str) -> None:
    """Writes `probe.json` and `probe.png` to the folder `out`."""
    write_json(out / "probe.json", {**found, **runs.provenance(command)})
    draw_probe(json.loads((out / "probe.json").read_text(encoding="utf-8")), out / "probe.png")


def table(found: dict[str, Any]) -> str:
    """The diagnosis in a few lines: the latent's probes beside the others, then the rest in sentences."""
    probes = found["probes"]
    head = ["probe of the latent (R2)", *probes["trained"]["latent"]]
    lines = [head]
    for source, layers in probes.items():
        scores = layers[next(reversed(layers))]
        for kind in ("linear", "attentive", "few"):
            label = {"linear": "linear", "attentive": "nonlinear", "few": "linear, 100 labels"}[kind]
            lines.append([f"{source}, {label}", *(_cell(one[kind]) for one in scores.values())])
    return "\n".join(["", *aligned(lines), "", *_sentences(found)])


def _cell(score: dict[str, float] | None) -> str:
    if score is None:
        return "-"
    return f"{score.get('value', score.get('mean')):.3f} [{score['low']:.2f}, {score['high']:.2f}]"


def _share(rate: dict[str, float]) -> str:
    return f"{rate['value']:.0%} [{rate['low']:.0%}, {rate['high']:.0%}]"


def _sentences(found: dict[str, Any]) -> list[str]:
    latent = found["latent"]
    said = [] if found["numbers"] else ["probes            none: the recordings do not know states"]
    said += [f"rank              {latent['rank']:.1f} of {latent['dimensions']}"]
    cosines = [f"{name} {value:.2f}" for name, value in found["straightness"].items() if value is not None]
    said.append(f"straightness      {', '.join(cosines)}")
    if found["open_loop"] is not None:
        loop = found["open_loop"]
        shares = loop["over_copying"]
        said.append(
            f"open loop         error after {loop['horizon']} steps over that of copying: {_cell(shares['imagined'])}, "
            f"with shuffled actions {_cell(shares['shuffled'])}"
        )
        for name, one in loop["physical"].items():
            said.append(
                f"  {name:16}misses by {one['share']['imagined']:.0%} of the distance moved ({one['moved'][-1]:.3g}); "
                f"the probe itself by {one['share']['read']:.0%}, copying by {one['share']['copied']:.0%}"
            )
    for one in found["landscape"] or []:
        rate = one["within_one_cell"]
        said.append(
            f"energy            {one['steps']} step{'s' * (one['steps'] > 1)} ahead lowest within a cell of "
            f"{one['cells']} by {one['cells']} of the true action: {_share(rate)}, chance {one['chance']:.0%}"
        )
    told = {name: one["raised"] for name, one in found["surprise"].items() if one is not None}
    if told:
        rates = (f"{name} {_share(one)}" for name, one in told.items())
        said.append(f"surprise          raised by frames in another order: {', '.join(rates)}")
    said += [f"alarm: {one}" for one in found["alarms"]] or ["no alarm"]
    return said
