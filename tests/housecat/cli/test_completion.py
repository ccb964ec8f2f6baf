"""Completion in a real shell."""

import subprocess

import pytest

from housecat.cli.completion import script

ASK = """
COMP_LINE="$1"; COMP_POINT=${#COMP_LINE}; COMP_WORDS=($1); [[ "$1" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _housecat 2> /dev/null; echo "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("housecat ", ["quickstart", "collect", "data"], ["world="]),
        ("housecat tr", ["train"], ["collect"]),
        ("housecat data ", ["info", "merge"], ["train"]),
        ("housecat physics ", ["record", "export", "physics.suite="], ["train"]),
        ("housecat train ", ["train.updates=", "method="], ["evaluate.episodes="]),
        ("housecat evaluate evaluate.ep", ["evaluate.episodes="], ["evaluate.strata="]),
        ("housecat data split hel", ["held_out="], ["train.updates="]),
        ("housecat collect world=u", ["umaze"], ["medium"]),
        ("housecat train critic.kind=q", ["quasimetric"], ["expectile"]),
    ],
)
def test_the_shell_offers_what_a_command_reads(line, offered, not_offered):
    told = subprocess.run(["bash", "-c", script() + ASK, "bash", line], capture_output=True, text=True).stdout
    words = [word.rpartition("=")[2] or word for word in told.split()]
    assert set(offered) <= set(words) | set(told.split())
    assert not set(not_offered) & set(told.split())
