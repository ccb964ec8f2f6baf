"""What `--help` says; the settings come from the schema and their values from the configuration files."""

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housecat import __version__
from housecat.settings.groups import GROUPS, LEARNING, group_choices

if TYPE_CHECKING:
    from housecat.settings.declared import Setting

_FILES = ("config", "preset")
_TAUGHT = ("device", "precision", "checkpoint", "code", "data", *_FILES)
_COMMON = ("seed", "out", "device", "precision", *_FILES)
_JUDGED = ("planner", "evaluate")
_ASKED = ("goal", "trouble")
_OF_PAIRS = "strata min_distance min_steps offset hold ask max_steps batch timing_steps"
_PLAYED = (*(f"evaluate.{name}" for name in _OF_PAIRS.split()), "goal.targets", "goal.samples")
_OF_SEARCH = "optimizer calls milliseconds samples iterations noise elites temperature kept decay starts descents rate"
_TUNED = tuple(f"planner.{name}" for name in _OF_SEARCH.split())  # by the bench, for each optimiser


@dataclass(frozen=True)
class Command:
    """A command as its help describes it."""

    purpose: str  # one line
    example: str
    settings: tuple[str, ...]  # names, or sections of them, that it reads
    more: str = ""
    but: tuple[str, ...] = ()  # settings of these sections that it does not read
    flags: tuple[str, ...] = ()  # words like --json

    def reads(self, name: str) -> bool:
        """Whether the command takes this setting into account."""
        section, dot, _ = name.partition(".")
        if name in self.but:
            return False
        if name in self.settings or section in self.settings:
            return True
        if "method" not in self.settings:
            return False
        from housecat.settings.schema import shared_sections  # the other texts need none of this

        of_method = bool(dot) and section not in shared_sections()
        return of_method or section in ("model", "objective")


COMMANDS = {
    "quickstart": Command(
        "record, train, evaluate and report, all in one; goes on where it was stopped",
        "housecat quickstart world=medium out=runs/medium",
        (*_COMMON, *"seeds data episodes workers world factors collect".split(), *LEARNING, *_JUDGED, *_ASKED),
        "Writes everything to out (runs/WORLD unless given); the result is out/report.html.",
    ),
    "collect": Command(
        "record play in a world: random, or scripted where an object is to be pushed or grasped",
        "housecat collect world=medium out=data/medium episodes=1500",
        ("seed", "out", *_FILES, "episodes", "workers", "world", "factors", "collect"),
        "Writes to out (data/WORLD unless given). Goes on where it was stopped.",
    ),
    "train": Command(
        "train a world model, its temporal distance and the landmark graph on recorded episodes",
        "housecat train data=data/medium out=runs/medium",
        (*_COMMON, "seeds", "data", "world", *LEARNING),
        "Writes to out (runs/WORLD unless given). Goes on where it was stopped. The world is that of the data.",
    ),
    "evaluate": Command(
        "let planners play the same start-goal pairs, and write results.json and report.html",
        "housecat evaluate checkpoint=runs/medium episodes=50 seed=1 out=runs/medium-seed1",
        (*_COMMON, *"seeds checkpoint code data episodes workers world factors".split(), *_JUDGED, *_ASKED),
        "Writes to out (the folder of the training run unless given). The world is that of the checkpoint.\ncloning, "
        "inverse, true_distance and true_dynamics are fitted first, on data (by default what it was trained on).",
    ),
    "compare": Command(
        "train every method on the same recordings, probe it, let planners play with it; one table",
        "housecat compare data=data/reacher out=runs/methods world=reacher train.updates=600",
        (*_COMMON, *"data workers world factors collect".split(), *LEARNING, *_JUDGED, *_ASKED, "compare"),
        "Writes compare.json and, in runs/, every run to out (runs/compare unless given). Goes on where it was "
        "stopped.\nRecords in the world unless data is given.",
    ),
    "bench": Command(
        "play worlds x models x planners x optimisers x seeds on frozen pairs, at equal model calls; one page",
        "housecat bench checkpoints=[runs/medium] bench.optimizers=[cem,mppi] out=runs/bench",
        (*_COMMON[1:], *"checkpoints data suite code workers world factors.test planner bench".split(), *_PLAYED),
        "Writes results.jsonl, bench.json and bench.html to out (runs/bench unless given). Goes on where it was "
        "stopped.\nEach optimiser, also one of yours (FILE.py:NAME), is tuned on calibration pairs with as many trials "
        "as any other.\nWithout checkpoints, the smoke suite trains a tiny model of its own.\n--diagnose: says which "
        "part fails, by putting the truth in its place, in diagnosis.json and diagnosis.png.\nHow states are read is "
        "learnt from data (by default what each was trained on).",
        but=_TUNED,
        flags=("--diagnose",),
    ),
    "probe": Command(
        "say what a checkpoint knows, how far it imagines and what is wrong with it, on held-out recordings",
        "housecat probe checkpoint=runs/medium against=runs/other",
        (*_COMMON, "checkpoint", "code", "data", "against"),
        "Writes probe.json and probe.png to out (the folder of the training run unless given). Encoders can be probed "
        "too.\nProbes are fitted on data (by default what it was trained on) and judged on episodes held out of it.",
    ),
    "words": Command(
        "teach a checkpoint which sentences are true of what it sees, and say what can be asked",
        "housecat words checkpoint=runs/puck",
        _TAUGHT,
    ),
    "memory": Command(
        "teach a checkpoint to remember what is hidden; planners use it from then on, unless planner.memory=none",
        "housecat memory checkpoint=runs/puck",
        _TAUGHT,
    ),
    "export": Command(
        "write encoder and predictor as programs that run without Housecat, and check them against the model",
        "housecat export checkpoint=runs/medium out=exported",
        ("checkpoint", "code", "out", "planner.horizon"),
        "torch.export programs (.pt2) and export.json, which says what goes in and comes out. The predictor imagines\n"
        "planner.horizon steps. Exits with 1 where a program differs from the model. --onnx: ONNX files as well.",
        flags=("--onnx",),
    ),
    "rerender": Command(
        "draw recorded episodes again, at another size or from another camera",
        "housecat rerender data=data/medium out=data/medium-96 size=96",
        ("data", "out", "size", "camera", "workers"),
        "States, actions, contacts and seeds stay as they are. Goes on where it was stopped.",
    ),
    "data info": Command("say what recordings hold", "housecat data info data=data/medium", ("data",)),
    "data check": Command("hold recordings against their checksums", "housecat data check data=data/medium", ("data",)),
    "data merge": Command(
        "write the episodes of several recordings into one new folder",
        "housecat data merge data=data/monday,data/tuesday out=data/both",
        ("data", "out"),
    ),
    "data split": Command(
        "write the first and the last episodes into two new folders",
        "housecat data split data=data/medium out=data/medium-split held_out=0.1",
        ("data", "out", "held_out"),
        "Writes to out/train and out/test.",
    ),
    "data preview": Command(
        "make a picture of recorded episodes side by side: moving (.webp) or frame by frame (.png)",
        "housecat data preview data=data/medium out=medium.webp episodes=12",
        ("data", "out", "episodes"),
        "Writes to out, a new file (preview.webp in the folder of the episodes unless given).",
    ),
    "data export": Command(
        "write recorded episodes in another format: lerobot or minari",
        "housecat data export data=data/medium out=medium-lerobot format=lerobot",
        ("data", "out", "format"),
        "lerobot: LeRobotDataset v3.0, frames as video without loss. minari: a local Minari data set.",
    ),
    "data import": Command(
        "bring a data set of another format into the form that training reads: lerobot, minari or hdf5",
        "housecat data import source=pusht.h5 out=data/pusht format=hdf5 world=medium",
        ("source", "out", "format", "size", "world"),
        "hdf5: one file with flat columns, as stable-worldmodel writes it. The world is that of an export of Housecat "
        "unless given.\nOther data are of a robot without a simulator: actions keep their ranges, frames become size "
        "pixels (64).",
    ),
    "physics": Command(
        "say what a model understands of physics: what surprises it, what can be read from it, what it imagines",
        "housecat physics checkpoint=runs/vjepa,runs/pixel physics.suite=standard out=runs/physics",
        (*_COMMON, "checkpoint", "code", "data", "physics"),
        "Writes physics.json and physics.html to out (runs/physics unless given). Goes on where it was stopped.\nThe "
        "first run's method is held against the others; runs of one method count as its trainings.\nWithout "
        "checkpoint, the smoke suite trains a tiny model of its own. data: possible and impossible clips of others.",
        but=("physics.pushes", "physics.format"),
    ),
    "physics record": Command(
        "record possible scenes to train on: rolling, falling, colliding, sliding, pendulum, ramp, stack, occluder",
        "housecat physics record out=data/physics episodes=3000",
        ("seed", "out", *_FILES, "episodes", "size", "workers", "physics.pushes"),
        "Writes to out (data/physics unless given), 3000 scenes at size pixels (64). Goes on where it was stopped. "
        "Train on it\nwith any method: housecat train data=data/physics method=vjepa.",
    ),
    "physics export": Command(
        "write possible and impossible clips as PNG pictures or WebM with a manifest, for models of others",
        "housecat physics export out=clips physics.suite=standard",
        ("seed", "out", *_FILES, "size", "physics"),
        "Writes to out, a new folder, at size pixels (64). `housecat physics data=DIR` judges on them.",
        but=("physics.pushes", "physics.ahead", "physics.clips"),
    ),
    "worlds": Command(
        "list the worlds: what they ask for, how often oracle and random play succeed, what can be varied",
        "housecat worlds out=runs/worlds",
        ("seed", "out", "episodes", "workers", "world"),
        "Writes a sheet of pictures to out, where given. world=NAME: of that world only, with its factors.\n"
        "episodes=N: measures oracle and random play on N pairs; without it, shows what was measured before.\n"
        "--save: keeps what is measured for that. --json: for programs.",
        flags=("--json", "--save"),
    ),
    "demo": Command(
        "watch a trained model act, live on a page of this machine, or in a video",
        "housecat demo checkpoint=runs/medium",
        (*_COMMON, "checkpoint", "code", "data", "world", "factors.test", "planner", "goal", "demo"),
        "Opens http://127.0.0.1:8080, which needs pip install 'housecat[demo]'. Without checkpoint, zoo/medium plays,\n"
        "or zoo/NAME with world=NAME.\nout=FILE.webp: without a browser, demo.steps control steps become a video.\n"
        "out=DIR: where what you do by hand is recorded for training (data/demo-WORLD unless given).",
        but=("goal.targets", "goal.samples"),
    ),
    "doctor": Command(
        "check this machine: packages, rendering, processor, memory, disk",
        "housecat doctor --json",
        (),
        "Exits with 0 if all is well and 1 if something is to be done.",
        flags=("--json",),
    ),
}


def named(arguments: list[str]) -> tuple[str, list[str]]:
    """The command that a line begins with, known or not, and the rest of the line: "data info" is one of two words."""
    words = 2 if is_group(arguments[0]) else 1
    if arguments[0] in COMMANDS and " ".join(arguments[:2]) not in COMMANDS:  # a command that has others under it
        words = 1
    return " ".join(arguments[:words]), arguments[words:]


def is_group(word: str) -> bool:
    """Whether commands of two words begin with this one."""
    return any(name.startswith(f"{word} ") for name in COMMANDS)


def overview(group: str = "") -> str:
    """The answer to `housecat --help`, or to `housecat GROUP --help` for commands of two words."""
    shown = {name: command for name, command in COMMANDS.items() if f"{name} ".startswith(f"{group} ".lstrip())}
    width = max(len(name) for name in shown)
    lines = [f"  {name:{width}}  {command.purpose}" for name, command in shown.items()]
    return "\n".join(
        [
            f"housecat {__version__}: world models from camera frames, and planning in their latent space",
            "",
            "usage: housecat COMMAND [key=value ...] [--quiet | --debug]",
            "",
            *lines,
            "",
            "`housecat COMMAND --help` lists the settings that a command reads. Start with `housecat quickstart`.",
            "--quiet: only errors are written. --debug: an error with the place in the code where it arose.",
            "`source <(housecat completion)` completes commands and settings in bash and zsh.",
        ]
    )


def of_command(name: str, arguments: list[str]) -> str:
    """The answer to `housecat COMMAND --help`, with what `arguments` choose."""
    command = COMMANDS[name]
    usage = f"usage: housecat {name}" + (" [key=value ...]" if command.settings else "")
    usage += "".join(f" [{flag}]" for flag in command.flags)
    lines = [usage, "", f"{command.purpose[0].upper()}{command.purpose[1:]}.", command.more, "", f"  {command.example}"]
    if command.settings:
        lines += ["", *_settings_of(command, arguments)]
    return "\n".join(lines)


def unknown_command(name: str) -> str:
    """One line about a command that does not exist."""
    first, _, second = name.partition(" ")
    group = f"{first} " if is_group(first) else ""
    known = [command.removeprefix(group) for command in COMMANDS if command.startswith(group)]
    near = difflib.get_close_matches(second or first, known, n=1)
    guess = f"did you mean {group}{near[0]}?" if near else f"there are {group}{f', {group}'.join(known)}"
    return f"there is no command '{name}': {guess}"


def _settings_of(command: Command, arguments: list[str]) -> list[str]:
    from housecat.settings import config, schema  # Hydra is not needed for the other texts

    values, known = config.composed(config.parsed(arguments))
    method = values["method.name"]
    lines = [f"  {name + '=NAME':32} {', '.join(group_choices(name))}" for name in GROUPS if command.reads(name)]
    if lines:
        lines = ["Chosen as a whole:", *lines, ""]
    trains = "method" in command.settings
    lines.append(f"Settings{f' with method={method}' if trains else ''}, with their defaults:")
    parts = schema.shared_sections() | schema.method_sections(method, values["method.encoder"])
    section = ""
    for name, setting in known.items():
        if not command.reads(name) or not config.is_read(setting, values):
            continue
        if name.rpartition(".")[0] != section:
            section = name.rpartition(".")[0]
            lines += ["", parts[section].meaning]
        lines.append(f"  {name + '=' + config.text_of(values[name]):32} {setting.meaning}{_limits(setting)}")
    return [*lines, *(["", _elsewhere(method, parts)] if trains else [])]


def _elsewhere(method: str, shown: dict[str, Any]) -> str:
    """One line about the sections of other methods."""
    from housecat.settings.schema import method_sections

    others = {name: sorted(set(method_sections(name)) - set(shown)) for name in group_choices("method")}
    told = [f"method={name} has {' '.join(f'{one}.*' for one in more)}" for name, more in others.items() if more]
    return f"Other methods have others, which --help method=NAME lists: {', '.join(told)}."


def _limits(setting: "Setting") -> str:
    if setting.choices:
        named = all(choice in setting.meaning for choice in setting.choices)
        return "" if named else f" ({', '.join(setting.choices)})"
    return "" if setting.low is None else f" ({setting.low:.10g} to {setting.high:.10g})"
