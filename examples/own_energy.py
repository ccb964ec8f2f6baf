"""An energy of your own, added to the planner's: actions that change gently from one control step to the next.

On the command line: housecat evaluate checkpoint=runs/medium planner.energy=examples/own_energy.py:gentle
"""

import sys

from acting import act

import housecat
from planners.energies import composable


def jerk(latents, actions, target):
    """How much actions change: latents (B, N, H, D), actions (B, N, H, A), target (B, D) -> (B, N), lower is better."""
    return actions.diff(dim=2).square().mean(dim=(2, 3))


def gentle(default):
    """The planner's own energy and ours: energies and functions add, and scale."""
    return default + 2.0 * composable(jerk)  # or default + jerk


def main(run="runs/medium", steps=100):
    return act(housecat.load(run, energy=gentle), int(steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
