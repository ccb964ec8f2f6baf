"""Settings of a command: defaults, the files in `configs/` composed by Hydra, the command line on top; all checked."""

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from typing import Any, get_args, get_type_hints

import yaml

from housecat.errors import UsageError
from housecat.settings.declared import Section, Setting
from housecat.settings.groups import GROUPS, config_folder, group_choices
from housecat.settings.overrides import Overrides, parse, shortened
from housecat.settings.own_code import hand_over_named, is_reference
from housecat.settings.schema import Config, method_sections, settings, settings_of, shared_sections
from worldmodel.settings import OWN

SHARED = ("compare", "bench", "demo")  # commands for several methods or planners, not all of which read every setting


def load_config(arguments: list[str], complete: bool = True, shared: bool = False) -> Config:
    """The settings that `key=value` arguments ask for.

    Args:
        complete: False: those that suit a world are still to come, so whether they go together is not asked yet.
        shared: the arguments are for several methods; what this one does not read is left out.

    Raises UsageError: a key, a type, a range or a combination is wrong, or nothing that is chosen reads a setting.
    """
    asked = parsed(arguments)
    values, known = composed(asked)
    if not shared:
        for reason in unread(asked, values, known).values():
            raise UsageError(reason)
    check_ranges(values, known)
    config = _built(values)
    hand_over_named(config)
    if complete:
        check_combinations(config)
    return config


def check_shared(arguments: list[str], methods: Iterable[str]) -> None:
    """Raises UsageError for a setting that none of these methods reads."""
    asked = parsed(arguments)
    each = [
        unread(one, *composed(one)) for one in (replace(asked, groups=asked.groups | {"method": m}) for m in methods)
    ]
    for name, reason in each[0].items():
        # The planner of two levels is added for the method that has them.
        if all(name in reasons for reasons in each) and not name.startswith("planner.upper_"):
            raise UsageError(reason)


def composed(asked: Overrides) -> tuple[dict[str, Any], dict[str, Setting]]:
    """The value of every setting that is read with the chosen method, and these settings; by name.

    Raises UsageError: the files are damaged, or there is no such method.
    """
    files = _of_files(asked.groups)
    everything = settings()
    chosen = {"method.name": everything["method.name"].default, "method.encoder": None} | files | asked.values
    check_ranges({"method.name": chosen["method.name"]}, everything)
    known = settings_of(chosen["method.name"], chosen["method.encoder"])
    suited = {group: file for group, file in asked.groups.items() if _first_setting(group, file) in known}
    if suited != asked.groups:  # a model that the method does not read
        files = _of_files(suited)
    written = files | asked.values
    values = {name: written.get(name, setting.default) for name, setting in known.items()}
    for name, value in values.items():
        if known[name].type is float and value is not None:
            values[name] = float(value)
    return values, known


def unread(asked: Overrides, values: dict[str, Any], known: dict[str, Setting]) -> dict[str, str]:
    """What the user wrote and nothing that is chosen reads: by name, one line that says what does."""
    method, found = values["method.name"], {}
    names = {f"{group}={file}": _first_setting(group, file) for group, file in asked.groups.items()}
    for written, name in (names | {name: name for name in asked.values}).items():
        if name not in known:
            readers = [one for one in group_choices("method") if name in settings_of(one)]
            found[written] = f"method={method} does not read {written}: {_listed(readers, 'method')}"
        elif written == name and not is_read(known[name], values):
            other, *needed = known[name].only
            given = values.get(other)
            found[name] = f"{other}={text_of(given)} does not read {name}: {_listed(needed, other)}"
    return found


def is_read(setting: Setting, values: dict[str, Any]) -> bool:
    """Whether the other setting that this one goes with, if any, has a value with which it is read."""
    if not setting.only:
        return True
    value = values.get(setting.only[0])
    return any(one in setting.only[1:] for one in (value if isinstance(value, tuple) else (value,)))


def for_command(config: Config, command: str) -> Config:
    """The short setting `episodes` put where the command reads it. Raises UsageError where that is out of its range."""
    section = {"evaluate": "evaluate", "collect": "collect", "quickstart": "collect"}.get(command)
    if config.episodes is None or section is None:
        return config
    check_ranges({f"{section}.episodes": config.episodes}, settings())
    return replace(config, **{section: replace(getattr(config, section), episodes=config.episodes)})


def to_yaml(config: Config, reads: Any, world: dict[str, Any]) -> str:
    """These settings as a file that people read; the world as it is described.

    `reads`: says of a setting's name whether it belongs to them.
    """
    chosen: dict[str, Any] = {}
    for name in filter(reads, names_of(config)):
        section, _, key = name.rpartition(".")
        if section == "world":
            chosen["world"] = world
        else:
            (chosen.setdefault(section, {}) if section else chosen)[key] = value_of(config, name)
    return yaml.dump(chosen, Dumper=_Readable, sort_keys=False)


def names_of(config: Config) -> list[str]:
    """The names of all settings that are read with the method of this configuration."""
    return list(settings_of(config.method.name, config.method.encoder))


def value_of(config: Config, name: str) -> Any:
    """The value of "train.updates" and the like."""
    section, _, key = name.rpartition(".")
    if not section:
        return getattr(config, key)
    return getattr(config.of_method[section] if section in config.of_method else getattr(config, section), key)


def check_ranges(values: dict[str, Any], known: dict[str, Setting]) -> None:
    """Raises UsageError for the first value outside its range or choices."""
    for name, given in values.items():
        setting = known[name]
        for one in given if isinstance(given, tuple) else (given,):
            if one is None:
                continue
            own = OWN in setting.choices and is_reference(one)
            if setting.choices and one not in setting.choices and not own:
                raise UsageError(f"{name} must be one of {', '.join(setting.choices)}, got '{one}'")
            if setting.low is not None and not setting.low <= one <= setting.high:
                raise UsageError(f"{name} must be from {setting.low:.10g} to {setting.high:.10g}, got {shortened(one)}")
        if given == ():
            raise UsageError(f"{name} must not be empty")
        if isinstance(given, tuple) and len(set(given)) < len(given):
            raise UsageError(f"{name} names something twice, which would count twice: {text_of(given)}")


def check_combinations(config: Config) -> None:
    """Raises UsageError where settings that are right one by one do not go together."""
    planner, judged = config.planner, config.evaluate
    try:
        for section in (config.world, config.train, config.ensemble, planner, judged):
            section.check()
        _check_method(config, config.method.name)
    except ValueError as error:
        raise UsageError(str(error)) from error
    shortest = min(planner.horizon, *judged.horizons)
    if planner.execute > shortest:
        raise UsageError(f"planner.execute must be at most the shortest horizon ({shortest}), got {planner.execute}")


def method_settings(config: Config, method: str, **sizes: Any) -> Any:
    """The settings of a method: its sections of the configuration, and sizes.

    Raises ValueError: they do not go together.
    """
    from worldmodel.methods.registry import METHODS

    kind = METHODS[method].settings
    values = {**config.of_method, "horizon": config.train.horizon, **sizes}
    return kind(**{name: values[name] for name in get_type_hints(kind)})


def _check_method(config: Config, method: str) -> None:
    from worldmodel.methods.registry import METHODS

    # Sizes that come from the data stand for any.
    made = method_settings(config, method, frame_size=config.world.frame_size, action_dim=1, encoder={})
    needs = getattr(made, "needs_finetuning", "")
    if needs and not config.finetuning.updates:
        raise ValueError(f"finetuning.updates must be at least 1 for {needs}, got 0")
    first = METHODS[method].encoder
    if first is not None and config.method.encoder is None:
        _check_method(config, first)


def _built(values: dict[str, Any]) -> Config:
    """The objects that code reads."""
    single = {name: value for name, value in values.items() if "." not in name}
    parts = {name: _section(part, values) for name, part in shared_sections().items()}
    own = method_sections(values["method.name"], values["method.encoder"])
    return Config(**single, **parts, of_method={name: _section(part, values) for name, part in own.items()})


def _section(part: Section, values: dict[str, Any]) -> Any:
    given = {name: values[name] for name in part.settings if name in values}
    return getattr(import_module(part.module), part.kind)(**{name.partition(".")[2]: v for name, v in given.items()})


def parsed(arguments: list[str]) -> Overrides:
    """What a command line asks for, each setting by itself looked up, typed and in its range. Raises UsageError."""
    known = settings()
    for argument in arguments:  # a method of the user's own may bring settings of its own
        if argument.startswith("method=") and is_reference(argument[7:]):
            known = known | settings_of(argument[7:])
    asked = parse(arguments, {group: group_choices(group) for group in GROUPS}, known)
    check_ranges(asked.values, known)
    return asked


def _compose(overrides: list[str]) -> dict[Any, Any]:
    from hydra import compose, initialize_config_dir  # slow to load, and not needed to refuse a wrong word
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    with initialize_config_dir(str(config_folder().resolve()), version_base="1.3"):
        try:
            return OmegaConf.to_container(compose("config", overrides), resolve=True)  # type: ignore[return-value]
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            raise _damaged(str(error).splitlines()[0]) from error


def _of_files(groups: dict[str, str]) -> dict[str, Any]:
    """What the files set, by full name, when these are chosen. Raises UsageError where they are damaged."""
    found, known = dict[str, Any](), settings()
    for section, given in _compose([f"{group}={name}" for group, name in groups.items()]).items():
        each = (
            {f"{section}.{key}": value for key, value in given.items()} if isinstance(given, dict) else {section: given}
        )
        for name, value in each.items():
            if name not in known:
                raise _damaged(f"there is no setting '{name}'")
            found[name] = _of_file(known[name], value)
    return found


def _first_setting(group: str, file: str) -> str:
    """The first setting of a group's own section that one of its files sets: whoever chooses the file wants that."""
    content = yaml.safe_load((config_folder() / group / f"{file}.yaml").read_text(encoding="utf-8"))
    return f"{group}.{next(iter(content.get(group, content)))}"


def _of_file(setting: Setting, value: Any) -> Any:
    """A value in a configuration file. Raises UsageError where it is of another type."""
    if isinstance(value, list):
        value = tuple(value)
    members = get_args(setting.type)
    kinds = {float: (int, float)}.get(members[0] if members else setting.type, members[0] if members else setting.type)
    fits = setting.type is Any or all(isinstance(one, kinds) for one in (value if members else (value,)))
    if not (fits or (value is None and setting.optional)):
        raise _damaged(f"{setting.name} cannot be '{value}'")
    return value


def _damaged(reason: str) -> UsageError:
    return UsageError(f"{config_folder()}: {reason}: put the configuration files right")


def _listed(readers: list[str], key: str) -> str:
    whole = f"{key}={readers[0]}" if len(readers) == 1 else f"{key}={', '.join(readers[:-1])} or {readers[-1]}"
    return f"it is for {whole}"


def text_of(value: Any) -> str:
    """As a user would write it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else "null" if value is None else str(value)


class _Readable(yaml.SafeDumper):
    """Writes texts of several lines, such as mazes, as they look."""


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text_node)
