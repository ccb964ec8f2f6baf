"""Small trained models that come along: `zoo/medium` wherever a checkpoint is named.

`python benchmarks/zoo.py` makes them of trained runs.
"""

from pathlib import Path

from housecat.errors import UsageError

FOLDER = Path(__file__).parent


def models() -> list[str]:
    """Their names: those of their worlds."""
    return sorted(one.parent.name for one in FOLDER.glob("*/config.json"))


def meant(name: str | Path) -> str | Path:
    """The folder of a model that comes along where a user writes zoo/NAME and has no such folder; else what is written.

    Raises UsageError: no model of that name comes along.
    """
    group, slash, model = str(name).partition("/")
    if group != "zoo" or not slash or Path(name).exists():
        return name
    if model not in models():
        there = ", ".join(f"zoo/{one}" for one in models())
        raise UsageError(f"no model zoo/{model} comes with Housecat, there are {there}: name a folder, checkpoint=DIR")
    return FOLDER / model


def beside(folder: Path) -> Path:
    """Where results on the checkpoint in `folder` go unless said otherwise: into its run, of our models under runs/."""
    return Path("runs") / f"zoo-{folder.name}" if folder.parent == FOLDER else folder.parent
