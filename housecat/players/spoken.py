"""Goals in words, without a simulator's pictures: recorded latents of which they are most likely true."""

import torch
from torch import Tensor

from envs.goals.record import Goal
from housecat.errors import UsageError
from worldmodel.language.grounding import Words
from worldmodel.language.vectors import word_vectors


class Spoken:
    """Finds latents that stand for what is said; with a checkpoint that has learnt no words it says so when asked.

    `samples`: K latents for one sentence; of a sequence, one for each.
    """

    def __init__(self, words: Words | None, samples: int) -> None:
        self.words, self.samples = words, samples

    def __call__(self, goal: Goal) -> Tensor:
        """Latents (K, D) for a goal in words. Raises UsageError or WordsError: nothing is known of words."""
        if self.words is None:
            raise UsageError("the checkpoint has learnt no words yet: housecat words checkpoint=DIR")
        found, _ = self.words.meant(word_vectors([one.text for one in goal.said]), self.samples)
        if len(found) == 1:
            return found[0]
        return torch.stack([one[torch.cdist(one, one).sum(dim=1).argmin()] for one in found])  # the most typical ones
