"""Completion of commands and settings in bash and zsh: `source <(housecat completion)`."""

from housecat.cli.help import COMMANDS
from housecat.settings.groups import GROUPS, group_choices
from housecat.settings.schema import settings

_SCRIPT = """\
# Completion of housecat for bash and zsh; in ~/.bashrc or ~/.zshrc: source <(housecat completion)
[ -n "$ZSH_VERSION" ] && autoload -U +X compinit bashcompinit && compinit -u && bashcompinit
_housecat() {
  local line="${COMP_LINE:0:$COMP_POINT}" command words
  local current="${line##*[[:space:]]}"
  read -r _ command second _ <<< "$line"
  case "$command" in %(groups)s) command="$command $second" ;; esac
  case "$current" in %(values)s
    *=*) compopt -o default 2> /dev/null; return ;;
    *) case "$command" in %(commands)s
         *) words="%(names)s" ;;
       esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "${current##*=}"))
  [[ "${COMPREPLY[0]}" == *= ]] && compopt -o nospace 2> /dev/null
}
complete -F _housecat housecat
"""


def script() -> str:
    """The shell's function: all commands, the settings that each reads, and the values of those that have choices."""
    known = settings()
    choices = {name: group_choices(name) for name in GROUPS}
    choices |= {name: list(one.choices) for name, one in known.items() if one.choices}
    names = {name.partition(" ")[0] for name in COMMANDS}
    commands = {name: [f"{key}=" for key in (*GROUPS, *known) if one.reads(key)] for name, one in COMMANDS.items()}
    groups = sorted({name.partition(" ")[0] for name in COMMANDS if " " in name})
    seconds = {group: [name.partition(" ")[2] for name in COMMANDS if name.startswith(f"{group} ")] for group in groups}
    seconds = {group: some + commands.get(group, []) for group, some in seconds.items()}
    parts = {
        "groups": "|".join(groups),
        "values": "".join(f'\n    {name}=*) words="{" ".join(some)}" ;;' for name, some in choices.items()),
        "commands": "".join(f'\n         "{name}") words="{" ".join(some)}" ;;' for name, some in commands.items())
        + "".join(f'\n         "{name} "*) words="{" ".join(some)}" ;;' for name, some in seconds.items()),
        "names": " ".join(sorted({*names, "completion", "--help", "--version"})),
    }
    return _SCRIPT % parts
