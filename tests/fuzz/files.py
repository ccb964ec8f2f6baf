"""Damaged and hostile files, each before a command that reads them."""

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.judge import Case
from tests.fuzz.lines import DIGITS, LINES
from tests.fuzz.materials import ARM, MAZE, OPTIONS, Materials

CANARY = "../canary/thesis.tex"
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3.5, 1e308, -1e308, 2**31, 2**63, 10**30, float("nan"), float("inf"), "", "x"),
    *(
        "../../../../trav",
        "@HERE@/abs",
        "../canary/new",
        "~",
        "a\nb",
        "x" * 100_000,
        "\ud800",
        "<b>&amp;",
        "🐈",
        "1",
        "nan",
    ),
    *([], {}, [1], [[]], ["x"], {"a": 1}, [None], [1, 2, 3], [float("nan")] * 3, [-1, 1], {"": ""}, list(range(5000))),
    *("int", "9" * 400, 10**400, [[1, 2], [3, 4]], "gymnasium/os:system", "{chunk_index:2000000000}", "%s%n", "null"),
)
READERS = (
    LINES["data info"],
    LINES["data check"],
    LINES["train"],
    LINES["rerender"],
    LINES["data merge"],
    LINES["data split"],
    LINES["data preview"],
    LINES["data export"],
    ("data", "export", "data=data", "out=new", "format=minari"),
    LINES["probe"],
    ("collect", "world=umaze", "world.frame_size=32", "@COLLECT@", "out=data"),
    ("collect", "world=umaze", "world.frame_size=32", "@COLLECT@", "out=data", "episodes=11"),
    ("data", "preview", "data=data"),
)
PLAYERS = (
    LINES["evaluate"],
    LINES["evaluate"],
    LINES["probe"],
    ("evaluate", "checkpoint=run", "@EVALUATE@"),
    ("evaluate", "checkpoint=run/model", "out=new", "@EVALUATE@", "evaluate.planners=[hierarchy]"),
    ("probe", "checkpoint=run"),
    ("probe", "checkpoint=more-than-that", "against=run", "data=data"),
    ("train", "data=data", "out=new", "@TRAIN@", "method.encoder=run"),
    LINES["export"],
)
AGAIN = (
    ("evaluate", "checkpoint=run", "@EVALUATE@"),
    ("train", "data=data", "out=run", "@TRAIN@"),
    ("probe", "checkpoint=run"),
    LINES["evaluate"],
    ("evaluate", "checkpoint=run", "@EVALUATE@", "out=run", "seed=3"),
)
RESUME = (("train", "data=data", "out=half", "@TRAIN@"),)
IMPORTS = {
    "lerobot": (("data", "import", "source=lerobot", "out=new", "format=lerobot"),),
    "minari": (("data", "import", "source=minari", "out=new", "format=minari"),),
    "columns.h5": (LINES["data import"],),
}
ROBOT = (
    (
        "collect",
        "world=mjcf",
        "path=arm.xml",
        "world.frame_size=32",
        "episodes=2",
        "collect.steps=8",
        "workers=1",
        "out=new",
    ),
    ("worlds", "world=mjcf", "path=arm.xml"),
)
MAZES = (
    *(
        (
            "collect",
            "world=pointmaze",
            "world.layout=maze.txt",
            "episodes=2",
            "collect.steps=8",
            "workers=1",
            "out=new",
        ),
    ),
    *(("worlds", "world=pointmaze", "world.layout=maze.txt"),),
)
SHARES = st.sampled_from((0, 1, 100, 10_000, 300_000, 500_000, 900_000, 990_000, 999_999))


def cases(materials: Materials) -> dict[str, st.SearchStrategy[Case]]:
    """Strategies by kind."""
    episodes, model = materials.files("data/episodes/*"), materials.files("run/model/*")
    tensors = [name for name in model if name.endswith(".safetensors")]
    state = materials.files("half/checkpoints/*/state.json")
    logs = [f"run/{name}" for name in ("manifest.json", "results.json", "pairs.json", "episodes.json")]
    tables = materials.files("lerobot/**/*.parquet")
    return {
        "recording, manifest": _json(materials, "recording, manifest", ["data/manifest.json"], READERS),
        "recording, episodes": _episodes(episodes),
        "checkpoint, about": _json(materials, "checkpoint, about", ["run/model/config.json"], PLAYERS),
        "checkpoint, tensors": _tensors("checkpoint, tensors", tensors, PLAYERS),
        "run folder": _json(materials, "run folder", logs, AGAIN, "run/report.html"),
        "log": _lines("log", ["run/metrics.jsonl", "run/config.yaml"], AGAIN),
        "training, state": _json(materials, "training, state", state, RESUME),
        "training, tensors": _sealed(state),
        "lerobot": _json(materials, "lerobot", materials.files("lerobot/meta/*.json"), IMPORTS["lerobot"]),
        "lerobot, tables": _tables(tables),
        "minari": _json(materials, "minari", materials.files("minari/**/metadata.json"), IMPORTS["minari"]),
        "minari, episodes": _columns(materials.files("minari/**/*.hdf5"), ["episode_0/actions"], IMPORTS["minari"]),
        "hdf5": _columns(["columns.h5"], ["pixels", "action", "state", "ep_len", "ep_offset"], IMPORTS["columns.h5"]),
        "mjcf": _robots(),
        "options": _options(),
        "layout": _layouts(),
        "settings file": _settings_files(),
        "any file": _anything(materials),
    }


@st.composite
def _json(draw: st.DrawFn, materials: Materials, kind: str, files: Sequence[str], lines: Any, *gone: str) -> Case:
    """One to three entries of a JSON file changed or dropped."""
    file = draw(st.sampled_from(files))
    places = list(_places(materials.json_of(file)))
    damage: list[Any] = []
    for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
        keys = list(draw(st.sampled_from(places)))
        if keys and draw(st.integers(0, 3)) == 0:
            damage.append(["drop", file, keys])
        else:
            damage.append(["json", file, keys, draw(st.sampled_from(VALUES))])
    damage = damage[:1] if any(not one[2] for one in damage) or (len(damage) > 1 and _clash(damage)) else damage
    return Case(kind, draw(st.sampled_from(lines)), (*damage, *(["remove", name] for name in gone)))


def _clash(damage: list[Any]) -> bool:
    """Whether one change takes away what the other one changes."""
    first, second = damage[0][2], damage[1][2]
    shorter = min(len(first), len(second))
    same_list = first[:-1] == second[:-1] and isinstance(first[-1], int)
    return first[:shorter] == second[:shorter] or same_list


def _places(found: Any, keys: tuple[Any, ...] = (), depth: int = 0) -> Iterator[tuple[Any, ...]]:
    """The keys that lead to every entry; of long lists the first and the last."""
    yield keys
    if depth > 5:
        return
    if isinstance(found, dict):
        for key in list(found)[:40]:
            yield from _places(found[key], (*keys, key), depth + 1)
    elif isinstance(found, list) and found:
        for number in sorted({0, len(found) - 1}):
            yield from _places(found[number], (*keys, number), depth + 1)


HDF5 = (
    *("gone", "short", "empty", "wide", "flat", "scalar", "nan", "large", "negative", "text", "group", "huge"),
    *("tall frames", "soft link"),
)


_ELSEWHERE = ("@HERE@/more/episodes/000000.h5", f"@HERE@/{CANARY}", "/dev/zero", "nowhere.h5")


@st.composite
def _hdf5(draw: st.DrawFn, file: str, names: Sequence[str]) -> list[Any]:
    name = draw(st.sampled_from(names))
    what = draw(st.sampled_from((*HDF5, "external link", "raw", "virtual", "attribute", "no attribute")))
    if what in ("external link", "virtual"):
        return ["hdf5", file, name, what, draw(st.sampled_from(_ELSEWHERE))]
    if what == "raw":
        return ["hdf5", file, name, what, f"@HERE@/{CANARY}"]
    if what in ("attribute", "no attribute"):
        which = draw(st.sampled_from(("seed", "factors", "other")))
        return ["hdf5", file, which, what, *([draw(st.sampled_from(_ATTRIBUTES))] if what == "attribute" else [])]
    return ["hdf5", file, name, what]


_ATTRIBUTES = (
    0,
    -1,
    1.5,
    "",
    "{",
    "{}",
    "[]",
    "null",
    "NaN",
    '{"light": NaN}',
    '{"a": 1}',
    [1],
    [1, 2, 3],
    [-1, -1],
    [[1]],
    "x",
)


@st.composite
def _episodes(draw: st.DrawFn, files: Sequence[str]) -> Case:
    file = draw(st.sampled_from([files[0], files[-1], *files]))
    damage = [draw(_hdf5(file, ["frames", "frames", "actions", "states", "contacts"]))]
    if draw(st.integers(0, 3)) == 0:
        damage.append(draw(_hdf5(file, ["states", "contacts"])))
    if draw(st.integers(0, 5)):
        damage.append(["seal", "data"])
    return Case("recording, episodes", draw(st.sampled_from(READERS)), tuple(damage))


@st.composite
def _columns(draw: st.DrawFn, files: Sequence[str], names: Sequence[str], lines: Any) -> Case:
    file = draw(st.sampled_from(files))
    kind = "hdf5" if file == "columns.h5" else "minari, episodes"
    damage = [draw(_hdf5(file, names)) for _ in range(draw(st.sampled_from((1, 1, 2))))]
    return Case(kind, draw(st.sampled_from(lines)), tuple(damage))


TENSOR = (
    *(
        "gone",
        "nan",
        "large",
        "int",
        "negative",
        "short",
        "empty",
        "wide",
        "scalar",
        "renamed",
        "more",
        "pickle",
        "header",
    ),
)


@st.composite
def _tensors(draw: st.DrawFn, kind: str, files: Sequence[str], lines: Any) -> Case:
    file = draw(st.sampled_from(files))
    return Case(kind, draw(st.sampled_from(lines)), (["tensor", file, *draw(_tensor())],))


def _tensor() -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.text("ab", max_size=40), st.sampled_from(TENSOR))


@st.composite
def _sealed(draw: st.DrawFn, states: Sequence[str]) -> Case:
    """A training checkpoint whose tensors are others, mostly with the digest that they have."""
    damage: list[Any] = []
    for state in states if draw(st.booleans()) else states[-1:]:
        folder = state.rpartition("/")[0]
        damage.append(["tensor", f"{folder}/state.safetensors", *draw(_tensor())])
        if draw(st.integers(0, 3)) and damage[-1][-1] not in ("pickle", "header"):
            damage.append(["reseal", folder])
    return Case("training, tensors", draw(st.sampled_from(RESUME)), tuple(damage))


@st.composite
def _lines(draw: st.DrawFn, kind: str, files: Sequence[str], lines: Any) -> Case:
    text = draw(
        st.sampled_from(("", "{", "null", "[]", '{"step": "x"}', '{"step": 1e999}', "NaN", "a: *b", "\x00", "x" * 9999))
    )
    damage = ["line", draw(st.sampled_from(files)), draw(st.integers(0, 9)), text]
    return Case(kind, draw(st.sampled_from(lines)), (damage, ["remove", "run/report.html"]))


@st.composite
def _tables(draw: st.DrawFn, files: Sequence[str]) -> Case:
    column = draw(st.sampled_from(_COLUMNS))
    what = draw(st.sampled_from(("gone", "short", "null", "negative", "large", "huge", "nan", "text", "list")))
    return Case("lerobot, tables", IMPORTS["lerobot"][0], (["parquet", draw(st.sampled_from(files)), column, what],))


_COLUMNS = (
    *("action", "observation.state", "timestamp", "frame_index", "episode_index", "index", "length", "seed", "factors"),
    *("data/chunk_index", "data/file_index", "dataset_from_index", "dataset_to_index", "contacts", "tasks"),
    *(
        "videos/observation.images.train/chunk_index",
        "videos/observation.images.train/from_timestamp",
        "x",
        "xx",
        "xxx",
    ),
)

ODD = (
    *(
        "0",
        "-1",
        "nan",
        "inf",
        "-inf",
        "1e-9",
        "1e-300",
        "1e9",
        "1e30",
        "1e308",
        "",
        "a",
        DIGITS,
        "0 0",
        "1 2 3 4 5 6 7",
    ),
    *("true", "2147483648", "-0", "0.5", "100", "1e5"),
)
SNIPPETS = {
    "<worldbody>": (
        *('<include file="../canary/thesis.tex"/>', '<include file="/etc/hostname"/>', '<include file="arm.xml"/>'),
        *('<geom type="mesh" mesh="m"/>', '<replicate count="200000"><geom size="0.1"/></replicate>', "<body/>" * 2000),
        *('<geom type="hfield" hfield="h"/>', "<body>" * 400 + "</body>" * 400, '<geom type="sphere" size="1e30"/>'),
        '<composite type="cable" count="100000 1 1" size="1"><geom type="capsule" size=".1"/></composite>',
        '<flexcomp name="f" type="grid" count="300 300 300" spacing=".1 .1 .1" dim="3"/>',
        *("<freejoint/>", '<site name="tip"/>', '<camera name="top"/>', '<light name="x" castshadow="maybe"/>', "<x/>"),
    ),
    '<option timestep="0.01"': (
        *(
            '<asset><mesh name="m" file="../canary/thesis.tex"/></asset>',
            '<size memory="100G"/>',
            '<size nuserdata="-1"/>',
        ),
        '<asset><hfield name="h" nrow="50000" ncol="50000" size="1 1 1 1"/></asset>',
        '<asset><texture name="t" type="2d" builtin="flat" width="50000" height="50000"/></asset>',
        '<asset><texture name="t" type="2d" file="../canary/thesis.tex"/></asset>',
        '<asset><mesh name="m" file="/dev/zero"/></asset>',
        *(
            '<extension><plugin plugin="mujoco.elasticity.cable"/></extension>',
            '<compiler meshdir="/etc"/>',
            "<default/>",
        ),
        '<visual><global offwidth="100000" offheight="100000"/></visual>',
        *(
            '<custom><numeric name="n" size="2000000000" data="1"/></custom>',
            '<statistic extent="nan"/>',
            "<!-- -- -->",
        ),
        *(
            '<visual><quality shadowsize="100000"/></visual>',
            '<visual><map znear="0"/></visual>',
            '<option integrator="x"/>',
        ),
        *('<visual><quality offsamples="10000"/></visual>', '<size njmax="2000000000" nconmax="2000000000"/>'),
    ),
    "<mujoco": (
        '<!DOCTYPE x [<!ENTITY a SYSTEM "../canary/thesis.tex">]>',
        '<!DOCTYPE x [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        *('<?xml version="9.9" encoding="utf-16"?>', "\x00", "<a>", "]]>", "\ufeff"),
    ),
}
URDF = (
    '<robot name="r"><link name="a"/><link name="b"/><joint name="j" type="revolute"><parent link="a"/>'
    '<child link="b"/><axis xyz="0 0 0"/><limit lower="0" upper="nan" effort="1" velocity="1"/></joint></robot>'
)


@st.composite
def _robots(draw: st.DrawFn) -> Case:
    """A robot with an attribute of an odd value, or with something that does not belong there."""
    text, how = ARM, draw(st.integers(0, 9))
    if how == 0:
        text = draw(
            st.sampled_from((URDF, "", "<mujoco/>", "<mujoco><worldbody/></mujoco>", "x", "[" * 99999, "<" * 9999))
        )
    elif how < 4:
        before = draw(st.sampled_from(sorted(SNIPPETS)))
        snippet = draw(st.sampled_from(SNIPPETS[before]))
        text = text.replace(before, f"{before}{snippet}" if before == "<worldbody>" else f"{snippet}{before}", 1)
    elif how == 4:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(("", "<", ">", '"', "&", "\x00", "&#0;", "<!--"))) + text[at + 3 :]
    else:
        for _ in range(draw(st.integers(1, 2))):
            parts = text.split('"')
            at = draw(st.integers(0, len(parts) // 2 - 1)) * 2 + 1
            parts[at] = draw(st.sampled_from(ODD))
            text = '"'.join(parts)
    more = draw(st.booleans())
    damage = [["write", "arm.xml", text], *([["write", "arm.yaml", OPTIONS]] if more else [])]
    return Case("mjcf", draw(st.sampled_from(ROBOT)), tuple(damage))


_YAML = (
    *("nan", ".nan", ".inf", "-1", "0", "1e999", "1e-9", "1000000000", DIGITS, "x", "''", "null", "[]", "{}", "[1, 2]"),
    *("true", "2020-01-01", "[0, 0, .nan]", "[1, 1]", "[-2, .inf]", "!!python/name:os.system", "*a", "&a [*a]", "0.05"),
    *(
        "[[1]]",
        "{a: {b: 1}}",
        "? x",
        "|",
        "[shoulder, shoulder]",
        "[shoulder, knee]",
        "top",
        "upper",
        "1e-300",
        "100000",
    ),
)


@st.composite
def _options(draw: st.DrawFn) -> Case:
    """Options of which a value or a key is another."""
    lines, how = OPTIONS.splitlines(), draw(st.integers(0, 5))
    if how == 0:
        bombs = (
            "[" * 50_000,
            "{" * 9000,
            "- " * 5000,
            "\x00",
            "\ufeff",
            "a: 1\na: 2",
            "---\n---\n",
            "%TAG",
            "\tx: 1",
            "x",
        )
        text = draw(st.sampled_from((*bombs, "camera: " + NINEFOLD, f"{NINEFOLD}", "camera: {<<: *x}", "? [a]\n: b")))
    elif how == 1:
        at = draw(st.integers(0, len(lines) - 1))
        lines[at] = draw(
            st.sampled_from(("colour: red", "goal:", "- x", "1: 2", "null: 3", "", "goal: {body: lower, site: tip}"))
        )
        text = "\n".join(lines)
    else:
        text = "\n".join(lines)
        for _ in range(draw(st.integers(1, 2))):
            values = [
                "90",
                "-80",
                "40",
                "2.4",
                "0.1",
                "[-0.5, 0.5]",
                "20",
                "tip",
                "0.07",
                "[0, 0, 0]",
                "elbow",
                "{site: tip",
            ]
            text = text.replace(draw(st.sampled_from(values)), draw(st.sampled_from(_YAML)), 1)
    return Case("options", draw(st.sampled_from(ROBOT)), (["write", "arm.xml", ARM], ["write", "arm.yaml", text]))


NINEFOLD = "\n".join(
    [
        "{a: &a [x,x,x,x,x,x,x,x,x],",
        *(f" {two}: &{two} [{','.join([f'*{one}'] * 9)}]," for one, two in zip("abcdefgh", "bcdefghi", strict=True)),
        " z: *i}",
    ]
)


@st.composite
def _settings_files(draw: st.DrawFn) -> Case:
    """Settings of a file that are none, or have odd values."""
    keys = (
        "train",
        "train.updates",
        "world",
        "world.path",
        "out",
        "factors.train",
        "evaluate.planners",
        "seed",
        "config",
        "1",
    )
    lines = [f"{draw(st.sampled_from(keys))}: {draw(st.sampled_from(_YAML))}" for _ in range(draw(st.integers(1, 3)))]
    odd = (
        "",
        "[]",
        "x",
        "[" * 50_000,
        NINEFOLD,
        "\x00",
        "\udcff",
        "train: &a {updates: *a}",
        "- 1",
        "preset: fast",
        "a: 1\na: 2",
    )
    text = draw(st.one_of(st.just("\n".join(lines)), st.just("\n".join(lines)), st.sampled_from(odd)))
    words = draw(st.sampled_from((LINES["train"], LINES["collect"], LINES["evaluate"], LINES["data info"])))
    return Case("settings file", (*words, "config=mine.yaml"), (["write", "mine.yaml", text],))


@st.composite
def _layouts(draw: st.DrawFn) -> Case:
    """A maze that is none, or is too large."""
    sizes = (1, 2, 3, 100, 400, 3000)
    height, width = draw(st.sampled_from(sizes)), draw(st.sampled_from(sizes))
    inside = "#" + " " * max(0, width - 2) + "#"
    large = "\n".join(["#" * width, *[inside] * max(0, height - 2), "#" * width])
    at = draw(st.integers(0, len(MAZE)))
    changed = (
        MAZE[:at]
        + draw(st.sampled_from(("x", "\t", "\n", "", " ", "#", "\r\n", "\x00", "é", "🐈", "\u2028")))
        + MAZE[at + 1 :]
    )
    odd = (
        "",
        "\n",
        "#",
        " ",
        "#" * 10**6,
        "\n" * 10**5,
        "\x00\xff",
        "####\n####\n",
        "\ufeff" + MAZE,
        MAZE * 3,
        "# " * 500,
    )
    text = draw(st.one_of(st.just(large), st.just(changed), st.sampled_from(odd)))
    return Case("layout", draw(st.sampled_from(MAZES)), (["write", "maze.txt", text],))


@st.composite
def _anything(draw: st.DrawFn, materials: Materials) -> Case:
    """Any file cut, grown, overwritten, or something else in its place."""
    lines = {
        "data/": READERS,
        "run/": AGAIN + PLAYERS,
        "half/": RESUME,
        "lerobot/": IMPORTS["lerobot"],
        "minari/": IMPORTS["minari"],
        "columns.h5": IMPORTS["columns.h5"],
        "arm.xml": ROBOT,
        "arm.yaml": tuple((*line, "world.options=arm.yaml") for line in ROBOT),
        "maze.txt": MAZES,
    }
    begin = draw(st.sampled_from(sorted(lines)))
    files = [name for name in materials.files("**/*") if name.startswith(begin) and "tensorboard" not in name]
    file = draw(st.sampled_from(files))
    how = draw(
        st.one_of(
            st.tuples(st.just("cut"), st.just(file), SHARES),
            st.tuples(st.just("bytes"), st.just(file), SHARES, st.binary(min_size=1, max_size=30).map(bytes.hex)),
            st.tuples(
                st.just("write"), st.just(file), st.sampled_from(("", "x", "{}", "[]", "null", "\x00" * 99, "\udcff"))
            ),
            st.tuples(st.just("write"), st.just(file), st.sampled_from(("[", '{"a":')), st.sampled_from((10, 100_000))),
            st.tuples(st.just("grow"), st.just(file), st.sampled_from((1, 1000, 3 << 30))),
            st.tuples(st.sampled_from(("remove", "folder", "fifo")), st.just(file)),
            st.tuples(
                st.just("link"), st.just(file), st.sampled_from(("/dev/zero", CANARY, f"@HERE@/{CANARY}", "nowhere"))
            ),
        )
    )
    damage = [list(how)]
    if begin == "data/" and draw(st.booleans()) and file.endswith(".h5") and how[0] in ("cut", "bytes", "write"):
        damage.append(["seal", "data"])
    if begin == "run/":
        damage.append(["remove", "run/report.html"])
    return Case("any file", draw(st.sampled_from(lines[begin])), tuple(damage))
