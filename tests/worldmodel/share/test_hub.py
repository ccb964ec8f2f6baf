"""What is saved for others comes back as it was, from a folder and from the Hub's own cache."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.worldmodel.conftest import SquareClips, make_model, small_settings
from worldmodel.checkpoint import CheckpointError, Loaded
from worldmodel.distances.critic import ExpectileDistance
from worldmodel.share.hub import from_pretrained, push, save_pretrained
from worldmodel.stages.ensemble import Ensemble

COMMIT = "a" * 40


@pytest.fixture
def loaded() -> Loaded:
    torch.manual_seed(2)
    distance = ExpectileDistance(16, 32, 50.0)
    graph = {"edges": torch.tensor([[0, 1]])}
    return Loaded("default", small_settings(), make_model(), distance, graph, {"world": "x"})


def is_the_same(found: Loaded, loaded: Loaded, frames: torch.Tensor) -> None:
    assert torch.equal(found.model.latents(frames), loaded.model.latents(frames))
    z, goal = torch.randn(2, 3, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(found.distance.steps(z, goal), loaded.distance.steps(z, goal))
    assert (found.method, found.settings, found.about) == (loaded.method, loaded.settings, loaded.about)
    assert torch.equal(found.landmarks["edges"], loaded.landmarks["edges"])


def test_a_folder_gives_back_what_was_saved(loaded: Loaded, clips: SquareClips, tmp_path: Path) -> None:
    folder = save_pretrained(loaded, tmp_path / "mine")
    is_the_same(from_pretrained(folder), loaded, torch.from_numpy(clips.frames))
    assert (folder / "README.md").read_text().startswith("---\nlibrary_name")
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors", ".md"}, "nothing is pickled"


def test_what_was_learnt_beside_the_model_is_saved_with_it(loaded: Loaded, tmp_path: Path) -> None:
    parts = {name: {"one": torch.full((2,), float(size))} for size, name in enumerate(("probes", "words", "memory"))}
    ensemble = Ensemble(16, 2, 3, 8)
    found = from_pretrained(save_pretrained(replace(loaded, ensemble=ensemble, **parts), tmp_path / "mine"))
    for name, tensors in parts.items():
        assert torch.equal(getattr(found, name)["one"], tensors["one"])
    z, actions = torch.zeros(1, 16), torch.ones(1, 2)
    assert found.ensemble is not None and torch.equal(found.ensemble(z, actions), ensemble(z, actions))


def test_a_run_folder_is_taken_for_the_model_in_it(loaded: Loaded, clips: SquareClips, tmp_path: Path) -> None:
    save_pretrained(loaded, tmp_path / "run" / "model")
    is_the_same(from_pretrained(str(tmp_path / "run")), loaded, torch.from_numpy(clips.frames))


def test_a_repository_in_the_cache_gives_back_what_was_saved(
    loaded: Loaded, clips: SquareClips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    stored = tmp_path / "models--someone--cat"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(COMMIT)
    shutil.move(save_pretrained(loaded, tmp_path / "mine"), stored / "snapshots" / COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    is_the_same(from_pretrained("someone/cat"), loaded, torch.from_numpy(clips.frames))
    with pytest.raises(CheckpointError, match="does not give a repository") as error:
        from_pretrained("someone/dog")
    assert "\n" not in str(error.value)


def test_without_the_package_the_hub_is_refused_in_one_line(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CheckpointError, match=r"pip install 'housecat\[hub\]'"):
        from_pretrained("someone/cat")
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        from_pretrained(tmp_path / "nothing")
    folder = save_pretrained(loaded, tmp_path / "mine")
    with pytest.raises(CheckpointError, match=r"pip install 'housecat\[hub\]'"):
        push(folder, "someone/cat")
    with pytest.raises(CheckpointError, match="write OWNER/NAME"):
        push(folder, "cat")
