"""Short-term memory on a system that is known exactly: two points, of which one is now and then not seen."""

import pytest
import torch
from torch import Tensor

from worldmodel.model import LatentWorldModel
from worldmodel.networks.memory import MemoryFilter, memory_from
from worldmodel.stages.memory import Hidden, Remembering, fit_memory

LENGTH, NOTHING = 30, -3.0  # what is seen of a point that is hidden


class Points(LatentWorldModel):
    """Latents are the places of two points, which two actions push; the prediction is right but for a drift."""

    def __init__(self) -> None:
        super().__init__(1, 4, 4, torch.float32)
        self.drift = torch.nn.Parameter(torch.full((4,), 0.01), requires_grad=False)

    def latents(self, frames: Tensor) -> Tensor:
        raise NotImplementedError

    def fit_pixels(self, frames: Tensor) -> None:
        raise NotImplementedError

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        return z[..., None, :] + (0.2 * actions + self.drift).cumsum(dim=-2)


def recordings(episodes: int, seed: int) -> Hidden:
    generator = torch.Generator().manual_seed(seed)
    actions = 2 * torch.rand(episodes, LENGTH, 4, generator=generator) - 1
    whole = torch.randn(episodes, 1, 4, generator=generator) + (0.2 * actions).cumsum(1).roll(1, dims=1)
    whole[:, 0] -= 0.2 * actions.sum(1)
    hidden = whole.clone()
    for episode in range(episodes):
        first = int(torch.randint(2, 12, (1,), generator=generator))
        hidden[episode, first : first + 12, 2:] = NOTHING
    last = torch.arange(episodes).repeat_interleave(LENGTH) * LENGTH + LENGTH - 1
    return Hidden(whole.flatten(0, 1), hidden.flatten(0, 1), last, actions.flatten(0, 1))


@pytest.fixture(scope="module")
def memory() -> MemoryFilter:
    return fit_memory(Points(), recordings(200, 0), 0, 150, 12, progress=False)


def remembered(memory: MemoryFilter, data: Hidden, first: Tensor | None = None) -> Tensor:
    """What is remembered in each step of recordings (E, LENGTH, 4), of which `first` (E, 4) was at first."""
    remembering = Remembering(Points(), memory)
    whole, hidden, actions = (one.view(-1, LENGTH, 4) for one in (data.whole, data.hidden, data.actions))
    kept = [whole[:, 0] if first is None else first]
    for step in range(1, LENGTH):
        kept.append(remembering(kept[-1], actions[:, step - 1], hidden[:, step]))
    return torch.stack(kept, dim=1)


def test_a_point_that_is_hidden_is_still_known_of_and_the_other_is_followed(memory):
    data = recordings(40, 1)
    whole, gone = data.whole.view(-1, LENGTH, 4), (data.hidden == NOTHING).view(-1, LENGTH, 4)
    away = (remembered(memory, data) - whole).abs()
    assert (whole - NOTHING)[gone].abs().mean() > 2, "what is seen is far off"
    assert away[gone].mean() < 0.25 and away[~gone].mean() < 0.12


def test_what_is_seen_corrects_a_memory_that_is_wrong(memory):
    data = recordings(40, 2)
    whole = data.whole.view(-1, LENGTH, 4)
    kept = remembered(memory, data._replace(hidden=data.whole), whole[:, 0].roll(1, dims=0))
    away = (kept - whole).abs().mean(dim=(0, 2))
    assert away[0] > 0.8 and away[4:].max() < 0.2


def test_an_untrained_memory_believes_most_of_what_it_sees():
    kept = MemoryFilter(4)(torch.zeros(3, 4), torch.ones(3, 4))
    assert ((kept > 0.8) & (kept < 1)).all()


def test_memory_is_the_same_in_every_batch_and_for_every_seed_another(memory):
    data = recordings(7, 3)
    together = remembered(memory, data)
    alone = Hidden(data.whole[:LENGTH], data.hidden[:LENGTH], data.last[:LENGTH], data.actions[:LENGTH])
    assert torch.equal(remembered(memory, alone)[0], together[0])
    one, again, other = (fit_memory(Points(), recordings(20, 0), seed, 3, 12, progress=False) for seed in (0, 0, 1))
    assert torch.equal(one.leave.weight, again.leave.weight) and not torch.equal(one.leave.weight, other.leave.weight)


def test_weights_of_other_latents_or_that_are_no_numbers_are_refused(memory):
    tensors = memory.state_dict()
    assert torch.equal(memory_from(tensors, 4).leave.weight, memory.leave.weight)
    with pytest.raises(ValueError, match="other latents"):
        memory_from(tensors, 5)
    with pytest.raises(ValueError, match="no finite number"):
        memory_from(tensors | {"leave.bias": torch.full((8,), torch.nan)}, 4)


def test_recordings_that_are_too_short_are_refused():
    with pytest.raises(ValueError, match="no recording has 30 control steps"):
        fit_memory(Points(), recordings(3, 0), 0, 1, LENGTH, progress=False)
