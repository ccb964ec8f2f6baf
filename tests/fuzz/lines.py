"""Wrong command lines: working ones with odd values in one or two settings, words out of place, paths to nowhere.

Values that are right and only slow (a million updates) are not drawn: numbers are small, out of bounds, or absurd.
"""

import re
from collections.abc import Sequence
from typing import Any, get_args

from hypothesis import strategies as st

from housecat.cli.help import COMMANDS
from housecat.settings.groups import GROUPS, group_choices
from housecat.settings.schema import settings
from tests.fuzz.judge import Case

WORLD = ("world=umaze", "world.frame_size=32")
FEW = ("collect.episodes=2", "collect.steps=8", "workers=1")
LINES: dict[str, tuple[str, ...]] = {
    "collect": ("collect", *WORLD, *FEW, "out=new"),
    "train": ("train", "data=data", "out=new", "@TRAIN@"),
    "evaluate": ("evaluate", "checkpoint=run", "out=new", "@EVALUATE@"),
    "compare": ("compare", "data=data", "out=new", "@TRAIN@", "@EVALUATE@", "compare.seeds=[0]"),
    "probe": ("probe", "checkpoint=run", "data=data", "out=new"),
    "export": ("export", "checkpoint=run", "out=new", "planner.horizon=2"),
    "physics": (
        "physics",
        "checkpoint=run",
        "physics.properties=[inertia]",
        "physics.pairs=4",
        "physics.clips=0",
        "out=new",
    ),
    "physics record": ("physics", "record", "episodes=2", "size=32", "workers=1", "out=new"),
    "physics export": ("physics", "export", "physics.properties=[inertia]", "physics.pairs=4", "size=32", "out=new"),
    "rerender": ("rerender", "data=data", "out=new", "size=32", "workers=1"),
    "quickstart": ("quickstart", *WORLD, "out=new", "@COLLECT@", "@TRAIN@", "@EVALUATE@"),
    "data info": ("data", "info", "data=data"),
    "data check": ("data", "check", "data=data"),
    "data merge": ("data", "merge", "data=data,more", "out=new"),
    "data split": ("data", "split", "data=data", "out=new", "held_out=0.2"),
    "data preview": ("data", "preview", "data=data", "out=new.png", "episodes=2"),
    "data export": ("data", "export", "data=data", "out=new", "format=lerobot"),
    "data import": ("data", "import", "source=columns.h5", "out=new", "format=hdf5", *WORLD),
    "worlds": ("worlds", "world=umaze"),
    "demo": ("demo", "checkpoint=run", "out=new.webp", "demo.steps=2"),
    "doctor": ("doctor",),
}
SLOW = (
    "compare",
    "export",
    "quickstart",
    "physics",
    "physics export",
)  # whose right lines take seconds: drawn more rarely

DIGITS = "9" * 400
NUMBERS = (
    *("0", "-1", "1", "2", "-0.0", "0.5", "1.5", "1e9", "1000000000", "1000000000000000000", "100000000000000000000"),
    *("NaN", "nan", "inf", "-inf", "Infinity", "1e308", "1e309", "5e-324", "-1e-300", DIGITS, f"-{DIGITS}"),
    *(
        f"0.{DIGITS}",
        f"1e{DIGITS}",
        "1_0",
        "0x10",
        "1e3",
        "١",
        "½",
        "²",
        "+3",
        " 3 ",
        "3,",
        "3 4",
        "--3",
        "1/2",
        "True",
    ),
)
PATHS = (
    *(".", "..", "../canary", "../canary/new", "../../../../../../manifest.json", "nowhere", "nowhere/deep/er", "file"),
    *("file/inside", "data", "data/manifest.json", "data/episodes", "run", "run/model", "run/manifest.json", "half"),
    *(
        "planted",
        "planted/model",
        "linked",
        "linked/new",
        "loop",
        "fifo",
        "empty",
        "/dev/zero",
        "/dev/null",
        "/dev/full",
    ),
    *("/dev/stdin", "/proc/self/mem", "@HERE@/../canary", "x" * 300, "/".join(["d"] * 3000), "a/../data", "data,data"),
    *(",", "data,", "${seed}", "${oc.env:HOME}", "a\\${b}c", "$HOME/x", "~/x", "дом/🐈", "a\nb", "a b", "-", "--json"),
    *("\udcff\udcfe", "*", "%s%n", "{0}", "con:trol", "\x1b[31mred", "new.webp", "new.png", "new.txt", "lerobot"),
    *("minari", "columns.h5", "arm.xml", "arm.yaml", "maze.txt", "transformers/../../x", "null", "new/"),
)
LISTS = (
    *(
        "[]",
        "[",
        "]",
        "[,]",
        "[0,0]",
        "[1,1,1]",
        "0,1",
        "[[1]]",
        "[1",
        "[1,]",
        "[NaN]",
        "[1e400]",
        f"[{DIGITS}]",
        "[-1]",
    ),
    *("[random,random]", "[random,flat_latent,random]", "[nobody]", "[${seed}]", "['1']", "[null]", "{}", "[8,8]"),
    *(f"[{','.join('8' * 1 for _ in range(5000))}]", "[default,default]", "[2147483648]", "[1000000000]"),
)
STRUCTURES = (
    *("all", "none", "null", "1", "-1", "nan", ".inf", "[all,all]", "colour,light", "colour,colour", "{unknown: 1}"),
    *("{light: [2, 1]}", "{light: [nan, 1]}", "{light: [0.5, 1e999]}", "{light: []}", "{light: {a: 1}}", "{light: x}"),
    *("{light: [0.8, 0.9, 1.0]}", "{1: 2}", "{light: [0.9, 1.0], light: [0.8, 1.0]}", "{null: null}", "2020-01-01"),
    *("!!python/object/apply:os.system [echo]", "&a [*a]", "{a: &a {b: *a}}", "[" * 3000, "{" * 3000, "- " * 2000),
    *("? x", "'", '"', "{light: [0.5, 0.9]", "\x00", "!!binary abc", f"{{light: [{DIGITS}, 1]}}", "*a", "%YAML 9", "|"),
    "&a [x,x,x,x,x,x,x,x,x]",
    "{a: &a [x,x,x,x,x,x,x,x,x], b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a], c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b],"
    " d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c], e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d], f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e],"
    " g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f], h: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g], i: [*h,*h,*h,*h,*h,*h,*h,*h,*h]}",
    '["${oc.env:HOME}"]',
)
WORDS = (
    *("seed", "=", "=1", "==", "seed==1", "-seed=1", "--seed=1", "--seed", "-", "--", "", " ", "help", "--version"),
    *("--json", "--onnx", "--save", "--jsno", "updates=3", "trian.updates=3", "world", "world=", "world=nowhere"),
    *("world=dm_control/", "world=dm_control/no/such", "world=gymnasium/", "world=gymnasium/No-v0", "world=mjcf"),
    *("world=gymnasium/os:Env", "world=dm_control/a/b/c", "world=pointmaze", "world=../x", "world=medium.txt"),
    *(
        "method=",
        "method=none",
        "model=cnn,vit",
        "objective=ema",
        "method=lewm",
        "method=token",
        "model=vit",
        "x" * 5000,
    ),
    *("world.name=../../esc", "world.name=", "world.name=a/b", "world.name=null", "=".join("abc"), "seed=1=2", "🐈=1"),
    *(
        "config=",
        "config=nowhere.yaml",
        "config=/dev/zero",
        "config=data/manifest.json",
        "preset=",
        "preset=../x",
        "--quiet",
    ),
    *(
        "seeds=0,1",
        "seeds=[0,0]",
        "seeds=",
        "completion",
        "+seed=1",
        "~seed",
        "hydra.run.dir=x",
        "hydra/launcher=x",
        "world@x=umaze",
        "seed=${seed}",
        "\n",
        "a\nb=1",
        "%",
    ),
)
# What makes the folders that PATHS names.
AROUND = (
    ("write", "file", "text"),
    ("plant", "planted"),
    ("folder", "empty"),
    ("link", "linked", "../canary"),
    ("link", "loop", "loop"),
    ("fifo", "fifo"),
)
# Allowed, and takes its time.
_LONG = re.compile(r"(?:planner\.(?:upper_)?(?:samples|iterations)|(?:collect\.)?(?:episodes|steps))=\d{4,6}$")
_PLAIN = st.text(st.characters(exclude_characters="/~\x00", exclude_categories=("Cs",)), max_size=12)


def cases() -> st.SearchStrategy[Case]:
    """Wrong command lines of all commands."""
    return st.one_of(replaced(), replaced(), replaced(), placed(), placed(), worded(), spoiled())


@st.composite
def commands(draw: st.DrawFn) -> str:
    """A command, the slow ones rarely."""
    name = draw(st.sampled_from(sorted(LINES)))
    return draw(st.sampled_from(sorted(LINES))) if name in SLOW else name


@st.composite
def replaced(draw: st.DrawFn) -> Case:
    """A line with one to three settings that have odd values."""
    command = draw(commands())
    read = [name for name in settings() if COMMANDS[command].reads(name)]
    words = list(LINES[command])
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        group = draw(st.integers(0, 11)) == 0
        if group:
            name = draw(st.sampled_from(GROUPS))
            value = draw(st.one_of(st.sampled_from(group_choices(name)), _PLAIN))
        else:
            everything = draw(st.integers(0, 5)) == 0 or not read
            name = draw(st.sampled_from(sorted(settings()) if everything else read))
            value = draw(values(name))
        words = [word for word in words if not word.startswith(f"{name}=")]
        words.append(f"{name}={value}")
    return _case("setting", words)


@st.composite
def values(draw: st.DrawFn, name: str) -> str:
    """An odd value for a setting."""
    one = settings()[name]
    if draw(st.integers(0, 9)) == 0:
        return draw(st.one_of(_PLAIN, st.sampled_from(("", "null", "[1,2]", "{a: 1}", "true", "nan"))))
    if one.choices and draw(st.integers(0, 2)):
        return draw(st.sampled_from((*one.choices, str(one.choices[0]).upper(), f"{one.choices[0]}x", "0")))
    if one.type is Any:
        return draw(st.sampled_from(STRUCTURES))
    if get_args(one.type):
        return draw(st.sampled_from(LISTS))
    if one.type is str:
        return draw(st.sampled_from(PATHS))
    near = [edge + step for edge in (one.low, one.high) if edge is not None for step in (-1, 1) if not 0 < step < edge]
    if one.low is not None and one.high is None:
        near.append(one.low)
    return draw(st.one_of(st.sampled_from(NUMBERS), st.sampled_from([f"{edge:.10g}" for edge in near] or ["0"])))


@st.composite
def placed(draw: st.DrawFn) -> Case:
    """A line that reads or writes somewhere odd."""
    command = draw(commands())
    words = list(LINES[command])
    keys = ("out", "data", "checkpoint", "against", "source", "world.layout", "world.path", "world.options", "path")
    usual = [key for key in keys if any(word.startswith(f"{key}=") for word in words)] or ["out"]
    name = draw(st.one_of(st.sampled_from(usual), st.sampled_from(usual), st.sampled_from(keys)))
    words = [word for word in words if not word.startswith(f"{name}=")]
    return _case("place", [*words, f"{name}={draw(st.sampled_from(PATHS))}"])


@st.composite
def worded(draw: st.DrawFn) -> Case:
    """A line with words that do not belong there."""
    words = list(LINES[draw(commands())])
    for _ in range(draw(st.integers(1, 2))):
        word = draw(st.one_of(st.sampled_from(WORDS), st.sampled_from(WORDS), _PLAIN))
        words.insert(draw(st.integers(0, len(words))), word)
    if draw(st.integers(0, 30)) == 0:
        words *= 300
    return _case("words", words)


@st.composite
def spoiled(draw: st.DrawFn) -> Case:
    """A line of which a part is missing, doubled or garbled."""
    words = list(LINES[draw(commands())])
    at = draw(st.integers(0, len(words) - 1))
    how = draw(st.integers(0, 3))
    if how == 0:
        del words[at]
    elif how == 1:
        words.insert(at, words[at])
    elif how == 2:
        words[at] = words[at][: draw(st.integers(0, len(words[at])))]
    else:
        words = words[: at + 1]
    return _case("words", words)


def _case(kind: str, words: Sequence[str]) -> Case:
    return Case(kind, tuple(words), AROUND if kind != "words" else ())


def safe(case: Case) -> bool:
    """Whether a case reaches nothing but its own place, whatever is done with it, and is not right and merely slow."""
    worlds = [word.partition("=")[2] for word in case.arguments if word.startswith("world=")]
    if case.arguments[:1] == ("quickstart",) and (not worlds or worlds[-1] in {*group_choices("world")} - {"umaze"}):
        return False
    tiny = {word for word in LINES.get(" ".join(case.arguments[:1]), ()) if word.startswith("@")}
    if not tiny <= set(case.arguments) or any(map(_LONG.match, case.arguments)):
        return False
    for word in case.arguments:
        for part in re.split(r"[=,\[\]{}\s'\":]+", word):
            absolute = part.startswith("/") and not part.startswith(("/dev/", "/proc/"))
            absolute = absolute or (part.startswith("/") and word.startswith("out="))  # /dev/null may not be replaced
            if absolute or (part.startswith("~") and part[1:2] not in ("", "/", "s")) or part.count("..") > 6:
                return False
    kept = "--save" in case.arguments and case.arguments[0] == "worlds"  # writes beside the program's own files
    return not kept or not any(word.startswith("episodes=") for word in case.arguments)
