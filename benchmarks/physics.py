"""What models of several methods understand of physics: scenes recorded, every method trained on them, all judged.

    python benchmarks/physics.py [methods=vjepa,default,pixel,token] [seeds=0,1,2] [out=runs/physics] [seconds=1200]
        [scenes=3000] [pairs=200] [clips=500] [key=value ...]

Each method makes as many updates as fit into `seconds` of wall time at its speed here, measured first; the first one is
held against the others. Goes on where it was stopped. `key=value` are settings of the trainings and of the judging.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import RESULTS, sizes, write
from envs.data.store import EpisodeStore
from housecat.cli.help import COMMANDS
from housecat.cli.main import main as housecat
from housecat.physics.page import accuracy
from housecat.runs import wiring
from housecat.runs.estimate import speeds_of, updates_within
from housecat.settings.config import load_config
from housecat.settings.overrides import full_name
from worldmodel.methods.registry import METHODS

# Beside each method's own settings: a memory as long as things are hidden, and nothing that only planning needs.
SETTINGS = {
    "vjepa": ["model.context=16"],
    "ijepa": [],
    "token": ["model.context=8"],
    "lewm": ["model.context=8"],
}
# Of the picture, which has no page around it.
COLOURS = "svg{background:#fff;--ink:#24292f;--line:#d0d7de;--series0:#2176c4;--series1:#d64530;--series2:#2a9d5c;"
COLOURS += "--series3:#8250df;--series4:#bf8700}"
IMAGINES = ["critic.updates=50", "graph.landmarks=50"]  # distances and landmarks are for planners


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes a little more than `seconds` for each method and seed, and as long again for the judging."""
    size, others = sizes(arguments, seconds=1200, scenes=3000, pairs=200, clips=500)
    given = dict(one.split("=", 1) for one in others)
    out, seeds = Path(given.pop("out", "runs/physics")), given.pop("seeds", "0,1,2").split(",")
    methods = given.pop("methods", "vjepa,default,pixel,token").split(",")
    asked = [f"{key}={value}" for key, value in given.items()]

    def run(command: str, *words: str) -> None:
        read = [one for one in asked if COMMANDS[command].reads(full_name(one.partition("=")[0]))]
        if code := housecat([*command.split(), *words, *read]):
            raise SystemExit(code)

    data = out / "data"
    run("physics record", f"episodes={size['scenes']}", f"out={data}")
    store = EpisodeStore.open(data)
    read = [one for one in asked if COMMANDS["train"].reads(full_name(one.partition("=")[0]))]
    words = {name: [f"method={name}", *SETTINGS.get(name, [])] for name in methods}
    words = {name: [*some, *(IMAGINES if METHODS[name].imagines else [])] for name, some in words.items()}
    plans = {
        name: wiring.plan_for_store(load_config([*some, *read], shared=True), store) for name, some in words.items()
    }
    speeds = speeds_of(plans, out / "speeds.json")
    updates = {name: updates_within(size["seconds"], speeds[name], plans[name].finetuning.updates) for name in methods}
    for name in methods:
        if not METHODS[name].imagines:
            del updates[name]["finetuning.updates"]
    folders = {(name, seed): out / f"{name}-{seed}" for name in methods for seed in seeds}
    for seed in seeds:  # whoever stops early has all methods
        for name, some in words.items():
            more = [f"{key}={value}" for key, value in updates[name].items() if key not in given]
            run("train", f"data={data}", f"out={folders[name, seed]}", f"seed={seed}", *some, *more)
    judged = [f"physics.pairs={size['pairs']}", f"physics.clips={size['clips']}", "physics.suite=standard"]
    run("physics", f"checkpoint={','.join(map(str, folders.values()))}", f"out={out / 'judged'}", *judged)
    found = json.loads((out / "judged" / "physics.json").read_text(encoding="utf-8"))
    del found["command"]  # this one's is told
    write("physics", {**found, "seconds": size["seconds"], "given": updates}, results)
    (results / "physics.svg").write_text(
        accuracy(found).replace(">", f"><style>{COLOURS}</style>", 1), encoding="utf-8"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
