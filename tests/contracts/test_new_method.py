"""A new method is one file of code and one file of settings: nothing else has to know of it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from housecat.cli import main as cli
from housecat.errors import UsageError
from housecat.runs import wiring
from housecat.runs.training import make_method
from housecat.settings import config, groups, schema
from tests.worldmodel.conftest import square_clips
from worldmodel import methods
from worldmodel.methods import registry
from worldmodel.stages.end_to_end import end_to_end
from worldmodel.training import learn

CODE = '''"""Predicts nothing new."""
from dataclasses import dataclass
import torch
from worldmodel.method import Entry
from worldmodel.methods.default import Default, DefaultSettings
from worldmodel.settings import setting

@dataclass(frozen=True)
class LouderTerms:
    """How loud it is."""
    times: float = setting(3.0, "what every term is multiplied by", 1, 9)

@dataclass(frozen=True)
class LouderSettings(DefaultSettings):
    louder: LouderTerms

class Louder(Default):
    def terms(self, *given):
        return {name: term * self.settings.louder.times for name, term in super().terms(*given).items()}

ENTRY = Entry(LouderSettings, Louder)
'''


@pytest.fixture
def louder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "louder.py").write_text(CODE)
    shutil.copytree(groups.config_folder(), tmp_path / "configs")
    (tmp_path / "configs" / "method" / "louder.yaml").write_text("name: louder\n")
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path / "code")])
    for module in (groups, config):
        monkeypatch.setattr(module, "config_folder", lambda: tmp_path / "configs")
    monkeypatch.setitem(registry.METHODS, "louder", registry.found()["louder"])


TINY = "method=louder model=cnn model.latent=8 model.width=8 model.predictor_width=16 train.batch=4 precision=fp32"


def test_two_files_make_a_method_that_is_checked_explained_and_trained(louder: None, capsys) -> None:
    def made(*more: str):
        plan = wiring.training_plan(config.load_config([*TINY.split(), *more]), frame_size=32, action_dim=2)
        return plan, make_method(plan)

    plan, method = made()
    assert plan.settings.louder.times == 3
    before = method.model.predictor.state_dict()
    before = {name: value.clone() for name, value in before.items()}
    learn(end_to_end(method, square_clips, replace(plan.train, updates=2)))
    assert any(not torch.equal(value, before[name]) for name, value in method.model.predictor.state_dict().items())
    assert made("louder.times=5")[0].settings.louder.times == 5
    with pytest.raises(UsageError, match="louder.times must be from 1 to 9, got 10"):
        made("louder.times=10")
    with pytest.raises(UsageError, match="method=default does not read louder.times: it is for method=louder"):
        config.load_config(["louder.times=5"])
    assert cli.main(["train", "--help", "method=louder"]) == 0
    assert "louder.times=3.0 " in capsys.readouterr().out
    assert "louder.times" in schema.settings()
