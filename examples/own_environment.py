"""An environment of your own, any gymnasium.Env with pictures: recorded, trained and evaluated.

On the command line: housecat collect world=examples/cart.py:Cart out=data/cart, and world= likewise for evaluate.
"""

import sys

from cart import Cart

import housecat


def main(data="data/cart", run="runs/cart", episodes=400, updates=600, settings=None):
    """`settings`: further ones of `collect`, `train` and `evaluate`, as `housecat train --help` lists them."""
    settings = settings or {}
    housecat.collect(Cart, out=data, episodes=int(episodes), settings=settings.get("collect"))
    housecat.train(data, out=run, updates=int(updates), settings=settings.get("train"))
    planners = ["random", "flat_distance"]
    result = housecat.evaluate(run, world=Cart, planners=planners, settings=settings.get("evaluate"))
    for name, found in result["planners"].items():
        print(f"{name}: {found['success']:.0%} of {found['episodes']} goals")
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])
