"""Vectors of the words of a sentence, from weights that come with a package: nothing is loaded from a network."""

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

SIZE = 256  # of a vector
_LONGEST = 16  # tokens of a sentence


class WordsError(ValueError):
    """Sentences cannot be turned into goals here; one line says what to do."""


def word_vectors(texts: Sequence[str]) -> Tensor:
    """Sentences -> (S, L, SIZE) float32, static vectors of their first 16 tokens in order; zeros behind their ends.

    They are those of a language model, in the package wordllama (MIT). Raises WordsError: it is not installed.
    """
    model, found = _model(), np.zeros((len(texts), _LONGEST, SIZE), np.float32)
    for row, text in enumerate(texts):
        ids = model.tokenize(text)[0].ids[:_LONGEST]
        found[row, : len(ids)] = model.embedding[ids]
    return torch.from_numpy(found)


@cache
def _model() -> Any:
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    try:
        import wordllama

        return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, dim=SIZE, disable_download=True)
    except (ImportError, OSError) as error:
        raise WordsError("goals in words need the package wordllama: pip install 'housecat[words]'") from error
    finally:  # it tells the whole program how to log
        root.handlers[:], root.level = kept
