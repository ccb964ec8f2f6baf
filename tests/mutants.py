"""Faults of the kind that a suite lets through, each with the tests that must notice it.

    python -m tests.mutants [word ...]

Copies the tracked files to a temporary folder, sees that the tests named here pass there, then plants one fault after
another (those whose words contain a given word) and sees that they fail. Exit code 1 where one survives.
`tests/test_mutants.py` keeps the list from rotting: what a mutant replaces must still stand in its file, once.
"""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

TRAINING = "housecat/runs/training.py"
STORE = "envs/data/store.py"
CRITIC = "worldmodel/distances/critic.py"
EPISODES = "housecat/evaluation/episodes.py"
AGENT = "planners/agent.py"
CEM = "planners/optimizers/cem.py"
ENERGIES = "planners/energies.py"


@dataclass(frozen=True)
class Mutant:
    """One fault."""

    fault: str  # in words
    file: str
    old: str  # text that stands in the file once
    new: str
    tests: str  # files or single tests, separated by spaces, of which at least one must fail


_PIPELINE = "tests/housecat/runs/test_training.py"
_STORE = "tests/envs/data/test_store.py"
_PAIRS = "tests/housecat/evaluation/test_pairs.py tests/contracts/test_streams.py"
_EVALUATE = "tests/housecat/evaluation/test_evaluate.py"
_CRITIC = "tests/worldmodel/distances/test_critic.py"
_FINETUNING = "tests/worldmodel/stages/test_predictor_finetuning.py"
_AGENT = "tests/planners/test_agent.py"
_GOALS = "tests/envs/goals/test_forms.py"
_CEM = "tests/planners/optimizers/test_cem.py tests/contracts/test_optimizers.py"
_FLAT = "tests/planners/test_flat.py"
_ENERGIES = "tests/planners/test_energies.py"
_MEASURES = "tests/worldmodel/diagnosis/test_measures.py"
_METHODS = (
    "tests/contracts/test_methods.py::test_it_learns_from_the_actions_between_its_latents_and_from_no_earlier_ones"
)

MUTANTS = (
    # What is held out stays held out.
    Mutant(
        "training is given the held-out recordings",
        TRAINING,
        "method, recorded.clips",
        "method, unseen.clips",
        _PIPELINE,
    ),
    Mutant(
        "held-out recordings are encoded and learnt from",
        TRAINING,
        "encode_recordings(model, recorded)",
        "encode_recordings(model, unseen)",
        _PIPELINE,
    ),
    Mutant(
        "probes are fitted on what they are judged on",
        TRAINING,
        "seen = labelled(recorded",
        "seen = labelled(unseen",
        _PIPELINE,
    ),
    Mutant(
        "all is judged on what was trained on",
        TRAINING,
        "judged = labelled(unseen",
        "judged = labelled(recorded",
        _PIPELINE,
    ),
    Mutant(
        "the first recordings are held out and the last trained on",
        STORE,
        "return self._part(self._indices[:-count]), self._part(self._indices[-count:])",
        "return self._part(self._indices[-count:]), self._part(self._indices[:-count])",
        _STORE,
    ),
    # Frames, actions and states belong together.
    Mutant(
        "moving and still latents are swapped",
        TRAINING,
        "LatentEpisodes(torch.cat(moving), torch.cat(still)",
        "LatentEpisodes(torch.cat(still), torch.cat(moving)",
        _PIPELINE,
    ),
    Mutant(
        "recorded actions are rolled by one step",
        TRAINING,
        "np.asarray(episode.actions))[model.context - 1 :]",
        "np.roll(episode.actions, 1, axis=0))[model.context - 1 :]",
        _PIPELINE,
    ),
    Mutant(
        "states are those of the beginning of the context",
        TRAINING,
        "episode.states[model.context - 1 :]",
        "episode.states[: len(in_motion)]",
        _PIPELINE,
    ),
    Mutant("a recording ends a row late", TRAINING, "rows - 1))", "rows))", _PIPELINE),
    Mutant(
        "measured quantities are those of the frame before",
        TRAINING,
        "measured(store.world, clips.states)",
        "measured(store.world, np.roll(clips.states, 1, axis=1))",
        _PIPELINE,
    ),
    Mutant(
        "landmarks have the states of others",
        TRAINING,
        "torch.from_numpy(states)[kept.cpu()]",
        "torch.from_numpy(states)[: len(kept)]",
        _PIPELINE,
    ),
    Mutant(
        "landmarks are latents in motion",
        TRAINING,
        "make_landmarks(latents.still",
        "make_landmarks(latents.moving",
        _PIPELINE,
    ),
    Mutant(
        "still latents are of frames a context earlier",
        "worldmodel/model.py",
        "self.still(frames[self.context - 1 :])",
        "self.still(frames[: len(frames) - self.context + 1])",
        _PIPELINE,
    ),
    Mutant(
        "clips have the actions of a step later",
        STORE,
        "data.actions[rows[:, :-1]]",
        "data.actions[rows[:, 1:]]",
        _STORE,
    ),
    Mutant(
        "clips have the states of a step later",
        STORE,
        "data.states[rows]",
        "data.states[rows + 1 - (rows == rows.max())]",
        _STORE,
    ),
    Mutant(
        "the last clip of a recording is never drawn",
        STORE,
        "np.maximum(self._lengths + 2 - length, 0)",
        "np.maximum(self._lengths + 1 - length, 0)",
        _STORE,
    ),
    Mutant(
        "an action is written down a step late",
        "envs/data/collect.py",
        "scene.step(actions[step - 1])",
        "scene.step(actions[max(step - 2, 0)])",
        _STORE,
    ),
    Mutant(
        "the default trains on actions a context too early",
        "worldmodel/methods/default.py",
        "actions[:, self.model.context - 1 :]",
        "actions[:, : actions.shape[1] - self.model.context + 1]",
        _METHODS,
    ),
    Mutant(
        "PLDM trains on actions a context too early",
        "worldmodel/methods/pldm.py",
        "actions[:, model.context - 1 :]",
        "actions[:, : actions.shape[1] - model.context + 1]",
        _METHODS,
    ),
    Mutant(
        "the pixel model trains on actions a context too early",
        "worldmodel/methods/pixel.py",
        "imagined = from_every_start(model, latents, actions[:, model.context - 1 :], horizon)",
        "imagined = from_every_start(model, latents, actions[:, : actions.shape[1] - model.context + 1], horizon)",
        _METHODS,
    ),
    Mutant(
        "LeWM trains on actions a context too early",
        "worldmodel/methods/lewm.py",
        "actions[:, context - 1 :]",
        "actions[:, : actions.shape[1] - context + 1]",
        _METHODS,
    ),
    Mutant(
        "tokens are predicted from actions a context too early",
        "worldmodel/methods/token.py",
        "actions[:, model.context - 1 :]",
        "actions[:, : actions.shape[1] - model.context + 1]",
        _METHODS,
    ),
    Mutant(
        "probes ask for states a context too early",
        "worldmodel/diagnosis/measures.py",
        "part.measured[name][:, model.context - 1 :]",
        "part.measured[name][:, : part.frames.shape[1] - model.context + 1]",
        _MEASURES,
    ),
    Mutant(
        "imagination is measured with actions a context too early",
        "worldmodel/diagnosis/imagination.py",
        "used = actions[:, model.context - 1 :]",
        "used = actions[:, : actions.shape[1] - model.context + 1]",
        _MEASURES,
    ),
    Mutant(
        "a probe is fitted on the clips that it is judged on",
        "worldmodel/diagnosis/measures.py",
        'fit_linear(latents["fit"], fit,',
        'fit_linear(latents["test"], test,',
        _MEASURES,
    ),
    # What is learnt on latents.
    Mutant(
        "fine-tuned stretches have the actions of a step later",
        "worldmodel/stages/predictor_finetuning.py",
        "data.actions[ahead[:, :-1]]",
        "data.actions[ahead[:, 1:]]",
        _FINETUNING,
    ),
    Mutant(
        "fine-tuned stretches run into the next recording",
        "worldmodel/stages/predictor_finetuning.py",
        ">= settings.horizon]",
        ">= 0]",
        _FINETUNING,
    ),
    Mutant(
        "near goals run into the next recording",
        CRITIC,
        "np.minimum(rng.geometric(1 / near, count) - 1, left)",
        "np.minimum(rng.geometric(1 / near, count) - 1, len(last) - 1 - rows)",
        _CRITIC,
    ),
    Mutant(
        "later goals run into the next recording",
        CRITIC,
        "rng.integers(0, left + 1)",
        "rng.integers(0, len(last) - rows)",
        _CRITIC,
    ),
    Mutant(
        "a goal is learnt as a latent in motion",
        CRITIC,
        "data.moving[rows], data.still[goals], target",
        "data.moving[rows], data.moving[goals], target",
        _CRITIC,
    ),
    Mutant(
        "a target asks for the goal in motion",
        CRITIC,
        "slow.steps(data.moving[rows + ahead], data.still[goals])",
        "slow.steps(data.moving[rows + ahead], data.moving[goals])",
        _CRITIC,
    ),
    Mutant(
        "a target follows the recording into the next one",
        CRITIC,
        "asked.batch), data.last.numpy()[drawn] - drawn)",
        "asked.batch), len(data.last) - 1 - drawn)",
        _CRITIC,
    ),
    Mutant("a target forgets the steps that it followed", CRITIC, "onward = ahead + slow", "onward = slow", _CRITIC),
    Mutant(
        "a goal behind counts as reached",
        CRITIC,
        "(counted >= 0) & (counted <= ahead)",
        "counted.abs() <= ahead",
        _CRITIC,
    ),
    Mutant(
        "the expectile prefers long ways",
        CRITIC,
        "torch.where(error > 0, expectile, 1 - expectile)",
        "torch.where(error < 0, expectile, 1 - expectile)",
        _CRITIC,
    ),
    Mutant(
        "contrastive goals run into the next recording",
        "worldmodel/distances/contrastive.py",
        "count) - 1, last[drawn])",
        "count) - 1, len(last) - 1)",
        "tests/worldmodel/distances/test_contrastive.py",
    ),
    Mutant(
        "the contrastive curve is fitted to goals of other recordings",
        "worldmodel/distances/contrastive.py",
        "data.last.numpy()[drawn] - drawn + 1)",
        "len(data.last) - drawn)",
        "tests/worldmodel/distances/test_contrastive.py",
    ),
    Mutant(
        "a quasimetric step leads into the next recording",
        "worldmodel/distances/quasimetric.py",
        "np.where(drawn < data.last.numpy()[drawn], drawn, drawn - 1)",
        "np.minimum(drawn, len(drawn) - 2)",
        "tests/worldmodel/distances/test_quasimetric.py",
    ),
    # Goals and seeds of the evaluation.
    Mutant(
        "a hindsight goal lies one step short",
        "envs/play/hindsight.py",
        "scene.at_rest(states[-offset])",
        "scene.at_rest(states[1 - offset])",
        _PAIRS,
    ),
    Mutant(
        "hindsight start and goal are swapped",
        "envs/play/hindsight.py",
        "return Pair(start, goal,",
        "return Pair(goal, start,",
        _PAIRS,
    ),
    Mutant(
        "pairs are drawn from the stream of the recordings",
        "housecat/evaluation/pairs.py",
        'draw("pairs", index)',
        'draw("recordings", index)',
        _PAIRS,
    ),
    Mutant(
        "horizons are calibrated on the pairs that are judged",
        "housecat/evaluation/pairs.py",
        'draw("calibration", index)',
        'draw("pairs", index)',
        _PAIRS,
    ),
    Mutant(
        "the calibration plays the pairs that are judged",
        "housecat/evaluation/evaluate.py",
        "_calibrate(play_jobs, pairs.calibration,",
        "_calibrate(play_jobs, pairs.pairs,",
        _EVALUATE,
    ),
    Mutant(
        "the worst horizon is chosen",
        "housecat/evaluation/evaluate.py",
        "min(tried, key=Tried.rank)",
        "max(tried, key=Tried.rank)",
        _EVALUATE,
    ),
    Mutant(
        "planners are shown the start as their goal",
        "housecat/evaluation/goals.py",
        "world.frame(state=pair.goal, screened=False)",
        "world.frame(state=pair.start, screened=False)",
        _EVALUATE,
    ),
    Mutant("an episode that ran out of time counts as solved", EPISODES, "bool(not active[i])", "True", _EVALUATE),
    Mutant(
        "success is counted a step late",
        EPISODES,
        "steps, final = len(targets),",
        "steps, final = len(targets) + 1,",
        _EVALUATE,
    ),
    Mutant(
        "a finished environment goes on being counted",
        EPISODES,
        "for i in np.flatnonzero(active):",
        "for i in range(len(pairs)):",
        _EVALUATE,
    ),
    Mutant(
        "an episode has a step more than the limit",
        EPISODES,
        "range(max_steps or vector.worlds[0].max_steps)",
        "range(1 + (max_steps or vector.worlds[0].max_steps))",
        _EVALUATE,
    ),
    # Planning.
    Mutant(
        "the next search starts where the last one did",
        AGENT,
        "actions[:, steps:]",
        "actions[:, : actions.shape[1] - steps]",
        _AGENT,
    ),
    Mutant(
        "the next search starts a step behind",
        AGENT,
        "shifted(self.last_plan.actions[rows], self._done)",
        "shifted(self.last_plan.actions[rows], 1)",
        _AGENT,
    ),
    Mutant(
        "the first action of a plan is taken again and again",
        AGENT,
        "self.last_plan.actions[rows, self._done]",
        "self.last_plan.actions[rows, 0]",
        _AGENT,
    ),
    Mutant(
        "an old plan is never replaced",
        AGENT,
        "self._done == self.execute",
        "self._done == self.last_plan.actions.shape[1]",
        _AGENT,
    ),
    Mutant(
        "rows of the agent plan towards each other's goals",
        AGENT,
        "self._targets[row, self._aims[row].index] for row in rows",
        "self._targets[i, self._aims[row].index] for i, row in enumerate(rows)",
        _AGENT,
    ),
    Mutant("elites are the worst", CEM, "largest=False", "largest=True", _CEM),
    Mutant(
        "candidates leave the bounds",
        CEM,
        "torch.clamp(mean[:, None] + spread[:, None] * drawn[:, iteration], low, high)",
        "mean[:, None] + spread[:, None] * drawn[:, iteration]",
        _CEM,
    ),
    Mutant(
        "the spread is that of the last iteration",
        CEM,
        "return mean, keep * spread + (1 - keep)",
        "return mean, spread + 0",
        _CEM,
    ),
    Mutant(
        "the latent distance is better the farther",
        ENERGIES,
        "torch.linalg.vector_norm(z - target, dim=-1)",
        "-torch.linalg.vector_norm(z - target, dim=-1)",
        _ENERGIES,
    ),
    Mutant(
        "the temporal distance asks for the way back",
        ENERGIES,
        "self.distance.steps(latents, target)",
        "self.distance.steps(target, latents)",
        _ENERGIES,
    ),
    Mutant(
        "weights of energies are forgotten",
        ENERGIES,
        "total = total + weight * energy",
        "total = total + energy",
        _ENERGIES + " tests/contracts/test_energies.py",
    ),
    Mutant("the flat planner begins at the lower bound", "planners/flat.py", "((low + high) / 2)", "low", _FLAT),
    # Goals that need no picture.
    Mutant(
        "a partial goal is reached where one of its parts is",
        "envs/goals/record.py",
        "np.max(each, axis=0)",
        "np.min(each, axis=0)",
        _GOALS,
    ),
    Mutant("of a sequence any is enough", "envs/goals/record.py", 'goal.order == "any"', "True", _GOALS),
    Mutant(
        "an angle is the long way round",
        "envs/quantities.py",
        "(apart + np.pi) % (2 * np.pi) - np.pi",
        "apart",
        _GOALS,
    ),
    Mutant(
        "another target is aimed at whenever it is nearer",
        "planners/targets.py",
        "_BETTER * steps[before.index]",
        "steps[before.index]",
        "tests/planners/test_targets.py",
    ),
    Mutant(
        "latents are shifted away from what is wanted",
        "worldmodel/readings.py",
        "(wanted - self.read(latents))",
        "(self.read(latents) - wanted)",
        "tests/worldmodel/test_readings.py",
    ),
)


def copied(folder: Path) -> None:
    """The project's files, as they stand in the working tree, into an empty folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def passes(folder: Path, tests: Iterable[str]) -> tuple[bool, str]:
    """Whether all of these tests pass in `folder`, and what pytest said of the first that does not.

    In a fork of this process, which has loaded what is slow to load and none of the project's own modules.
    """
    arguments = ["-q", "-x", "-n", "0", "-p", "no:cacheprovider", *sorted(set(tests))]
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            code = 1
            try:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                os.chdir(folder)
                sys.path[:] = [str(folder), *(entry for entry in sys.path if Path(entry).resolve() != ROOT)]
                os.environ["PYTHONPATH"] = str(folder)
                for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
                    del sys.modules[name]
                code = int(pytest.main(arguments))
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        faults = [line for line in said.read().splitlines() if line.startswith(("FAILED", "ERROR"))]
    return code == 0, " ".join(faults)[:160]


def main(words: list[str]) -> int:
    """Plants each fault in turn; 1 where one of them survives."""
    sys.dont_write_bytecode = True
    for slow in ("torch", "torch.utils.tensorboard", "mujoco", "gymnasium", "scipy.sparse.csgraph", "hydra", "h5py"):
        importlib.import_module(slow)
    chosen = [one for one in MUTANTS if not words or any(word in one.fault for word in words)]
    survived = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copied(folder)
        whole, said = passes(folder, (test for one in chosen for test in one.tests.split()))
        if not whole:
            print(f"the tests fail without any fault: {said}")
            return 1
        for one in chosen:
            path = folder / one.file
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(one.old, one.new), encoding="utf-8")
            alive, said = passes(folder, one.tests.split())
            path.write_text(text, encoding="utf-8")
            survived += alive
            print(f"{'SURVIVED' if alive else 'noticed '}  {one.fault}  {said}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} faults noticed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
