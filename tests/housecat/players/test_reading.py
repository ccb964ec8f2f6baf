"""A state that is spread over a latent is read off it, angles and turns in space among it."""

import mujoco
import torch

from envs.registry import make_named
from envs.simulation.cameras import View
from envs.simulation.scene import Scene
from housecat.players.reading import Coordinates, fit_reader

BODIES = """<mujoco><worldbody><body><freejoint/><geom size="0.1"/></body><body pos="1 0 0"><joint name="hinge"/>
<geom size="0.1"/></body></worldbody><actuator><motor joint="hinge" ctrlrange="-1 1"/></actuator></mujoco>"""


def test_coordinates_and_back_is_the_same_state_up_to_whole_turns() -> None:
    model = mujoco.MjModel.from_xml_string(BODIES)
    coordinates = Coordinates(Scene({"train": model}, View((0, 0, 0), 1.0), 16, 1))
    states = torch.randn(50, model.nq + model.nv, generator=torch.Generator().manual_seed(0)).double()
    states[:, 3:7] /= states[:, 3:7].norm(dim=1, keepdim=True)
    numbers = coordinates.of(states)
    assert numbers.shape == (50, coordinates.size) == (50, model.nq + model.nv + 1)
    back = coordinates.states(numbers)
    assert torch.allclose(back[:, :3], states[:, :3]) and torch.allclose(back[:, 8:], states[:, 8:])
    assert torch.allclose(back[:, 7].cos(), states[:, 7].cos()) and torch.allclose(back[:, 7].sin(), states[:, 7].sin())
    assert torch.allclose((back[:, 3:7] * states[:, 3:7]).sum(dim=1).abs(), torch.ones(50).double())
    turned = states.clone()
    turned[:, 3:7] *= -1  # the same turn in space
    turned[:, 7] += 2 * torch.pi
    assert torch.allclose(coordinates.of(turned), numbers)


def test_a_reader_reads_what_a_latent_holds_and_its_angles_have_no_jump() -> None:
    world, generator = make_named("reacher"), torch.Generator().manual_seed(0)
    scene = world.scene
    states = torch.rand(800, scene.state_dim, generator=generator).double() * 12 - 6
    coordinates = Coordinates(scene)
    assert coordinates.angles
    mixed = torch.randn(coordinates.size, 24, generator=generator).double()
    latents = (coordinates.of(states) @ mixed).float()
    reader = fit_reader(latents, states, scene, generator, updates=200)
    read = coordinates.of(reader(latents[:, None])[:, 0])
    error = (read - coordinates.of(states)).pow(2).mean(dim=0) / coordinates.of(states).var(dim=0)
    assert error.max() < 0.1
