"""Batches that are drawn ahead are those that would be drawn in time, and what is saved in between knows none of it."""

import numpy as np
import torch

from tests.pretended import ELSEWHERE, pretended
from tests.worldmodel.conftest import square_clips
from worldmodel.stages.ahead import ClipsAhead


def test_what_is_drawn_ahead_is_what_would_be_drawn_and_a_saved_generator_goes_on_with_it() -> None:
    plain, ahead = np.random.default_rng(0), np.random.default_rng(0)
    with pretended():
        clips = ClipsAhead(square_clips, ELSEWHERE)
        for length in (5, 5, 4, 5):
            wanted = square_clips(plain, 3, length)
            frames, actions = clips(ahead, 3, length)
            assert frames.device == actions.device == torch.device(ELSEWHERE.type, 0)
            assert np.array_equal(frames.cpu().numpy(), wanted.frames)
            assert np.array_equal(actions.cpu().numpy(), wanted.actions)
            assert ahead.bit_generator.state == plain.bit_generator.state
        ahead.bit_generator.state = np.random.default_rng(7).bit_generator.state  # as when a training is resumed
        frames, _ = clips(ahead, 3, 5)
        assert np.array_equal(frames.cpu().numpy(), square_clips(np.random.default_rng(7), 3, 5).frames)
