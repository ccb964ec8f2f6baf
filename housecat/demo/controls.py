"""Settings as controls of a page, made from what the schema says of each: its type, its range, its choices."""

from collections.abc import Callable
from typing import Any

from housecat.settings.config import text_of, value_of
from housecat.settings.declared import Setting
from housecat.settings.schema import Config, settings_of
from worldmodel.settings import OWN

_FIRST = ("samples", "iterations", "elites", "horizon", "noise", "near", "reach")  # what most will want to change
_FINE = 100  # steps of a slider of real numbers
_WIDEST = 200  # a number of a wider range is written, not slid


def offered(config: Config) -> dict[str, Setting]:
    """The settings of planners that a page may change: what names code or files is for the command line alone."""
    known = settings_of(config.method.name, config.method.encoder)
    found = {name: one for name, one in known.items() if one.choices or one.type in (int, float)}
    return {name: one for name, one in found.items() if name.startswith("planner.")}


def add_controls(gui: Any, config: Config, changed: Callable[[str, str], None]) -> None:
    """Adds a control for every setting that is offered, the rarer ones folded away.

    `changed`: told of the name and of the new value, as it is written on a command line.
    """
    every, first = offered(config), [f"planner.{name}" for name in _FIRST]
    for name in first:
        _control(gui, every[name], value_of(config, name), changed)
    with gui.add_folder("More settings", expand_by_default=False):
        for name in (one for one in every if one not in first):
            _control(gui, every[name], value_of(config, name), changed)


def _control(gui: Any, one: Setting, value: Any, changed: Callable[[str, str], None]) -> None:
    label, hint, low, high = one.name.partition(".")[2].replace("_", " "), one.meaning, one.low, one.high
    if one.choices:
        choices = [choice for choice in one.choices if choice != OWN] + ["null"] * one.optional
        handle = gui.add_dropdown(label, choices, initial_value=text_of(value), hint=hint)
    elif one.optional or low is None or high is None:
        handle = gui.add_text(label, text_of(value), hint=f"{hint} (a number, or null)")
    elif high - low <= _WIDEST:
        step = 1 if one.type is int else (high - low) / _FINE
        handle = gui.add_slider(label, one.type(low), one.type(high), step, value, hint=hint)
    else:
        handle = gui.add_number(label, value, min=one.type(low), max=one.type(high), hint=hint)

    @handle.on_update
    def _(event: Any) -> None:
        given = handle.value
        changed(one.name, f"{given:.6g}" if isinstance(given, float) else str(given))
