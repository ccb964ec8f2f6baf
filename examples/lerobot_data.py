"""Recordings of a robot that nobody simulates: a LeRobot data set is imported, trained on, and acts in a loop of yours.

On the command line: housecat data import source=DIR format=lerobot out=data/robot, then train, and housecat probe
"""

import sys
from pathlib import Path

import numpy as np

import housecat
from envs.data.exchange.importing import import_data


def main(source, data="data/lerobot", run="runs/lerobot", updates=300, camera=None, settings=None):
    """`camera`: returns what the robot sees, uint8 (h, w, 3); None: a frame that knows nothing, to show the calls."""
    store = import_data("lerobot", Path(source), Path(data))
    print(*store.world["notes"], sep="\n")  # how frames and actions were taken
    housecat.train(data, out=run, updates=int(updates), settings=settings)
    agent = housecat.load(run)
    camera = camera or (lambda: np.zeros((480, 640, 3), np.uint8))
    agent.reset(goal=agent.fitted(camera()))  # scaled as the frames were when they were imported
    action = agent.act(agent.fitted(camera()))  # in the robot's own units, within what was recorded
    print(f"first action: {np.round(action, 3)}")
    return agent


if __name__ == "__main__":
    main(*sys.argv[1:])
