"""The command line: which command, with which settings; and the only place that turns errors into exit codes.

0: done. 1: `doctor` found something to do, or a fault in this program. 2: what the user can put right. 130: Ctrl-C or
SIGTERM.
Nothing heavy is imported before the command line is known to be right.
"""

import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout, suppress

from housecat import __version__
from housecat.cli import interrupts
from housecat.cli.faults import LEAST, of_machine, of_user, starved
from housecat.errors import UsageError

_LONGEST = 1500  # characters of a message
# Errors whose message is one line for the user. A class that has been raised belongs to a module that is loaded.
EXPECTED = (
    ("housecat.errors", "UsageError"),
    ("envs.data.episodes", "StoreError"),
    ("envs.goals.record", "GoalError"),
    ("worldmodel.language.vectors", "WordsError"),
    ("envs.simulation.backend", "RenderingError"),
    ("envs.workers", "WorkerError"),
    ("envs.outside.sources", "OutsideError"),
    ("envs.specs", "WorldError"),
    ("planners.interface", "PlanError"),
    ("worldmodel.checkpoint", "CheckpointError"),
    ("worldmodel.own_code", "OwnCodeError"),
    ("worldmodel.files", "NotOursError"),
    ("worldmodel.networks.pretrained", "PretrainedError"),
    ("worldmodel.progress", "TrainingError"),
)


LOUDNESS = ("--quiet", "--debug")


def main(arguments: list[str] | None = None) -> int:
    """Runs `housecat` with these arguments, by default the process's own; returns the exit code."""
    own = arguments is None
    words = sys.argv[1:] if arguments is None else arguments
    arguments = [word for word in words if word not in LOUDNESS]
    try:
        if own:
            interrupts.heed()
        with ExitStack() as stack:
            if "--quiet" in words:
                os.environ["TQDM_DISABLE"] = "1"
                stack.callback(os.environ.pop, "TQDM_DISABLE", None)
                stack.enter_context(redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
            code = run(arguments)
        sys.stdout.flush()  # a full disk shows here rather than after the end
        return code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone: nothing is left to say
        return 0
    except Exception as error:  # what is not expected is a fault of ours, reported in one line all the same
        if interrupts.came():
            return _interrupted()
        if "--debug" in words:
            traceback.print_exception(error)
        message, code = explain(error, arguments)
        print(f"housecat: {message}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try it once more at its end, and complain
        return code
    finally:
        if own:
            interrupts.no_more()


def _interrupted() -> int:
    print("\nhousecat: interrupted; the same command goes on from here", file=sys.stderr)
    return 130


def run(arguments: list[str]) -> int:
    """Runs a command; errors come as exceptions."""
    from housecat.cli import help as texts

    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(texts.overview())
        return 0
    if arguments[0] in ("-V", "--version", "version"):
        print(f"housecat {__version__}")
        return 0
    if arguments[0] == "completion":
        from housecat.cli.completion import script

        print(script(), end="")
        return 0
    name, rest = texts.named(arguments)
    group, _, word = name.partition(" ")
    if name not in texts.COMMANDS and texts.is_group(group) and word in ("", "-h", "--help", "help"):
        print(texts.overview(group))
        return 0
    if name not in texts.COMMANDS:
        raise UsageError(texts.unknown_command(name))
    if any(word in ("-h", "--help") for word in rest):
        print(texts.of_command(name, [word for word in rest if "=" in word]))
        return 0
    if name == "doctor":
        return _doctor(rest)
    flags = frozenset(word for word in rest if word in texts.COMMANDS[name].flags)
    return work(name, [word for word in rest if word not in flags], flags)


def explain(error: Exception, arguments: Sequence[str] = ()) -> tuple[str, int]:
    """One line about an error that came of a command line, and the exit code."""
    from housecat.cli.help import COMMANDS, named

    command = COMMANDS.get(named(list(arguments))[0]) if arguments else None
    fault = of_machine(error, lambda name: command is not None and command.reads(name))
    if fault is not None:
        return fault, 2
    known = tuple(
        getattr(sys.modules[module], name) for module, name in EXPECTED if hasattr(sys.modules.get(module), name)
    )
    place = of_user(error)
    if isinstance(error, known):
        message = " ".join(str(error).split())
        message = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}..."
        return message if place is None else f"{message} ({place})", 2
    if place is not None:
        reason = " ".join(str(error).split())[:_LONGEST]
        return f"{place}: {type(error).__name__}: {reason}: your own code, which --debug shows the way to", 2
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}: change permissions, or name another place", 2
    if str(error).startswith("Symlink loop"):  # how pathlib calls it
        return f"{error}: name another place", 2
    reason = " ".join(str(error).split())
    told = f"a fault in this program, {type(error).__name__}: {reason}"
    with suppress(OSError):
        with tempfile.NamedTemporaryFile("w", prefix="housecat-", suffix=".txt", delete=False) as file:
            traceback.print_exception(error, file=file)
        told += f" (report it with {file.name})"
    return told, 1


def _doctor(arguments: list[str]) -> int:
    from housecat.cli.doctor import doctor

    unknown = [word for word in arguments if word != "--json"]
    if unknown:
        raise UsageError(
            f"doctor takes no settings, got '{unknown[0]}': write `housecat doctor` or `housecat doctor --json`"
        )
    return doctor("--json" in arguments)


def work(name: str, arguments: list[str], flags: frozenset[str]) -> int:
    """Carries out a command with `key=value` arguments and returns the exit code; errors come as exceptions."""
    if starved(LEAST):
        raise MemoryError  # before libraries are loaded that end the process where they get too little
    if not sys.stderr.isatty():  # in a log file, a line of progress now and then is enough; tqdm reads this
        os.environ.setdefault("TQDM_MININTERVAL", "20")
    from housecat.cli import doctor

    for line in doctor.misplaced_packages():
        raise UsageError(line)
    from housecat.cli.help import COMMANDS
    from housecat.settings import config, from_files, overrides

    line = shlex.join(["housecat", *name.split(), *arguments, *sorted(flags)])
    arguments = from_files.expanded(arguments, COMMANDS[name].reads)
    given = frozenset(overrides.full_name(argument.partition("=")[0]) for argument in arguments)
    # What suits the world of a recording or a checkpoint is not known before that has been opened.
    opens = any(key in given and COMMANDS[name].reads(key) for key in ("data", "checkpoint", "checkpoints"))
    complete = overrides.names_world(given) or not opens
    settings = config.for_command(config.load_config(arguments, complete, shared=name in config.SHARED), name)
    from envs.data.machine import stay_within_container  # loads mujoco
    from housecat.settings.sizes import check_sizes

    stay_within_container()
    check_sizes(settings, COMMANDS[name].reads)
    unread = sorted(key for key in given if not COMMANDS[name].reads(key))
    if unread:
        print(f"{name} does not read {', '.join(unread)}", file=sys.stderr if "--json" in flags else sys.stdout)
    if settings.seeds and COMMANDS[name].reads("seeds"):
        from housecat.cli.seeds import each_seed

        others = [word for word in arguments if overrides.full_name(word.partition("=")[0]) not in ("seeds", "out")]
        return each_seed(name, settings, others, lambda words: work(name, words, flags))
    from housecat.cli import commands

    return commands.RUN[name](commands.Request(name, settings, given, line, flags, tuple(arguments)))
