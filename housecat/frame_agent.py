"""A trained model that is handed camera frames and says what to do: for scripts, notebooks and robots."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from envs.goals.drawing import standing_for
from envs.goals.forms import goal_of, pictures_of
from envs.goals.record import Goal
from envs.pictures import scaled
from envs.registry import make_world
from envs.streams import stream
from envs.units import to_own
from envs.world import World
from housecat.errors import UsageError
from housecat.players.probed import Probed, Probes
from housecat.players.spoken import Spoken
from planners.agent import Agent
from planners.interface import Distance, Plan, Planner, ShortTermMemory
from planners.targets import Targets
from worldmodel.language.grounding import Words
from worldmodel.model import LatentWorldModel
from worldmodel.streams import torch_stream


class FrameAgent:
    """Acts in one world, towards a goal that it is shown.

    Args:
        world: description of the world that the model was trained in.
        execute: control steps from one plan to the next.
        seed: of all that is random in planning.
        distance: says which of several goals is nearest; None: how far apart latents are.
        probes: for goals that ask for quantities and are not drawn in a simulator.
        words: for goals in words.
        memory: keeps what is hidden now; None: only what is seen counts.
    """

    def __init__(
        self,
        world: dict[str, Any],
        model: LatentWorldModel,
        planner: Planner,
        execute: int = 1,
        seed: int = 0,
        distance: Distance | None = None,
        probes: Probes | None = None,
        words: Words | None = None,
        memory: ShortTermMemory | None = None,
    ) -> None:
        self.world, self.model, self.planner, self.seed = world, model, planner, seed
        self._agent = Agent(planner, model, [torch_stream(seed, "agent")], execute, None, distance, memory)
        self._probes, self._words = probes, words
        self._simulated: World | None = None  # for goals that have to be drawn

    def make_world(self, render_mode: str | None = None) -> World:
        """The world that the model was trained in, a `gymnasium.Env` that takes the actions of `act`.

        Raises OutsideError: it is made by code that nobody has named in this process, or nothing simulates it.
        """
        world = make_world(self.world, render_mode)
        world.use_own_units()
        return world

    def fitted(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture uint8 (h, w, 3) of any size at the size that the model sees, as recordings are imported."""
        return scaled(np.asarray(picture)[None], self.world["frame_size"])[0]

    def reset(self, goal: Any, order: str = "any", samples: int = 16, targets: str = "pictures") -> None:
        """Begins an episode, or turns to another goal.

        Args:
            goal: a picture uint8 (h, w, 3) of how the world shall look; a list of several; or, where the world can be
                simulated, what `envs.goals.forms.goal_of` takes: a state, quantities, ``{"puck": (0.2, -0.1)}``, words.
            order: of several: "any" of them, or "sequence", one after the other.
            samples: targets that stand for quantities, any of which is aimed at.
            targets: what these are: "pictures" of states that are drawn, or recorded latents, by "probes".

        Raises UsageError or GoalError: it is none of these, or cannot be had in this world.
        """
        pictures = goal if isinstance(goal, list) else [goal]
        if pictures and all(np.ndim(one) > 2 for one in pictures):
            shown = np.stack([self._checked(one, "the goal picture") for one in pictures])
            self._agent.reset(Targets(shown[None], Goal(pictures=shown, order=order).order))
            return
        world = self._simulated = self._simulated or make_world(self.world)
        found = goal_of(goal, world, order)
        if found.said:
            self._agent.reset(Targets(Spoken(self._words, samples)(found)[None], found.order))
            return
        if found.regions and targets == "probes":
            self._agent.reset(Targets(Probed(self._probes, world, samples)(found)[None]))
            return
        if found.regions:
            rng = stream(self.seed, "states of an agent's goals")
            found = replace(found, states=standing_for(world, found, samples, rng))
        self._agent.reset(Targets(pictures_of(found, world)[None], found.order))

    def act(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What to do for one control step: (A,), in the world's own units, now that the camera shows `frame`."""
        return to_own(self.world, self._agent.act(self._checked(frame, "the frame")[None])[0])

    def plan(self, frame: NDArray[np.uint8]) -> Plan:
        """What the agent would do from `frame` on and what it imagines then, without acting.

        Rows of one environment: `actions` (1, H, A) in the world's own units, `imagined` (1, H, D), `energy` (1,).
        """
        plan = self._agent.plan(self._checked(frame, "the frame")[None])
        own = to_own(self.world, plan.actions.cpu().numpy())
        return replace(plan, actions=torch.from_numpy(own))

    def _checked(self, picture: Any, what: str) -> NDArray[np.uint8]:
        picture, size = np.asarray(picture), self.world["frame_size"]
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise UsageError(f"{what} must be uint8 (height, width, 3), got {picture.dtype} {picture.shape}")
        if picture.shape[:2] != (size, size):
            height, width = picture.shape[:2]
            raise UsageError(
                f"{what} is {height} x {width} pixels, the model sees {size} x {size}: scale it with agent.fitted(...)"
            )
        return picture
