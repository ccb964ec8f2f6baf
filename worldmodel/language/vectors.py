"""Vectors of the words of a sentence, from weights that come with a package: nothing is loaded from a network."""

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

_LONGEST = 16  # tokens of a sentence


class WordsError(ValueError):
    """Sentences cannot be turned into goals here; one line says what to do."""


class WordVectors(Protocol):
    """Turns sentences into vectors of their words, in order."""

    size: int  # of a vector

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Sentences -> (S, L, size) float32; zeros behind their ends."""
        ...


class WordLlamaVectors:
    """Static vectors of the tokens of a language model, in the package wordllama (MIT).

    Raises WordsError: it is not installed.
    """

    size = 256

    def __init__(self) -> None:
        root = logging.getLogger()
        kept = root.handlers[:], root.level
        try:
            import wordllama

            folder = Path(wordllama.__file__).parent
            self._model = wordllama.WordLlama.load(cache_dir=folder, dim=self.size, disable_download=True)
        except (ImportError, OSError) as error:
            raise WordsError(
                "goals in words need the package wordllama: pip install 'housecat[words]', or say the goal in another "
                "way"
            ) from error
        finally:  # it tells the whole program how to log
            root.handlers[:] = kept[0]
            root.setLevel(kept[1])

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """See `WordVectors`; a sentence's first 16 tokens."""
        found = np.zeros((len(texts), _LONGEST, self.size), np.float32)
        for row, text in enumerate(texts):
            ids = self._model.tokenize(text)[0].ids[:_LONGEST]
            found[row, : len(ids)] = self._model.embedding[ids]
        return torch.from_numpy(found)


@cache
def word_vectors() -> WordVectors:
    """Those that are installed; WordsError: none are."""
    return WordLlamaVectors()
