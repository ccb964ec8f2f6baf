"""A trained model acts: a camera frame in, an action out. First: `housecat quickstart world=medium out=runs/medium`."""

import sys

import housecat


def act(agent, steps):
    """Plays one episode; whether the goal was reached."""
    world = agent.make_world()  # a gymnasium.Env
    frame, info = world.reset(seed=1)
    agent.reset(goal=world.goal_frame())  # a picture of how the world shall look
    plan = agent.plan(frame)  # what it imagines, without acting
    print(f"imagines {plan.actions.shape[1]} control steps, energy {float(plan.energy):.1f}")
    for step in range(steps):
        frame, _, _, _, info = world.step(agent.act(frame))
        if info["success"]:
            print(f"reached the goal after {step + 1} control steps")
            return True
    print(f"not reached, {info['distance']:.2f} m left")
    return False


def main(run="runs/medium", steps=100):
    return act(housecat.load(run), int(steps))  # a run's folder, or OWNER/NAME on the Hugging Face Hub


if __name__ == "__main__":
    main(*sys.argv[1:])
