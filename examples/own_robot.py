"""A robot of your own in MJCF, without a line of code: robot.xml, and robot.yaml beside it, which names the goal."""

import sys
from pathlib import Path

import housecat

ROBOT = Path(__file__).with_name("robot.xml")


def main(data="data/robot", run="runs/robot", episodes=300, updates=300, settings=None):
    settings = settings or {}
    housecat.collect(ROBOT, out=data, episodes=int(episodes), settings=settings.get("collect"))
    housecat.train(data, out=run, updates=int(updates), settings=settings.get("train"))
    result = housecat.evaluate(run, planners=["random", "flat_distance"], settings=settings.get("evaluate"))
    for name, found in result["planners"].items():
        print(f"{name}: {found['success']:.0%} of {found['episodes']} goals")
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])
