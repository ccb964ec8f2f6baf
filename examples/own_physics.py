"""Ask a model of your own whether it understands physics: any function that says how surprising a clip is.

Clips are drawn here, or read where `housecat physics export out=clips physics.format=webm` wrote them. The clip of a
pair that surprises more is taken for the impossible one.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from envs.physics.clips import generated, read_clips
from envs.physics.scenario import PROPERTIES
from housecat.evaluation.statistics import Rate
from housecat.physics.judging import outcomes


def surprise(frames):
    """How little a clip (T, h, w, 3) uint8 goes on as it did, frame by frame; your model comes here."""
    return float(np.abs(np.diff(frames.astype(np.float32), 2, axis=0)).mean())


def main(clips="", scenes=10, size=64, judge=surprise):
    pairs = read_clips(Path(clips), int(size)) if clips else generated(PROPERTIES, int(scenes), 0, int(size))
    scores = defaultdict(list)
    for pair in pairs:
        scores[pair.property].append((judge(pair.possible), judge(pair.impossible)))
    told = {name: Rate.of(outcomes(*np.array(each).T)) for name, each in scores.items()}
    for name, share in told.items():
        print(f"{name}: {share.value:.0%} of {len(scores[name])} pairs ({share.low:.0%} to {share.high:.0%})")
    return told


if __name__ == "__main__":
    main(*sys.argv[1:])
