"""`housecat physics` from end to end, with models that know nothing: files, resumption, and errors of one line."""

import json
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from envs.physics.record import record
from envs.physics.scenario import PROPERTIES
from housecat.physics.page import verdict
from housecat.runs import wiring
from housecat.runs.training import make_method
from housecat.settings.config import load_config
from housecat.settings.physics import PROPERTIES as named
from worldmodel import checkpoint
from worldmodel.distances.critic import ExpectileDistance

SMALL = {
    "vjepa": "method=vjepa model.width=16 model.depth=1 model.heads=1 model.predictor_width=16 model.predictor_depth=1",
    "pixel": "method=pixel model=cnn model.latent=8 model.width=8 model.predictor_width=16 decoder.width=8",
}
FEW = ("physics.properties=[inertia,colour]", "physics.pairs=4", "physics.clips=20", "device=cpu", "precision=fp32")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folders of untrained models, by method."""
    folder = tmp_path_factory.mktemp("runs")
    store = record(folder / "data", 4, 32, 0, progress=False)
    for name, words in SMALL.items():
        config = load_config([*words.split(), "precision=fp32"])
        plan = wiring.plan_for_store(config, store)
        method = make_method(plan)
        method.fit_pixels(torch.from_numpy(store.load(0).frames[None]))
        about = {"world": store.world}
        distance = ExpectileDistance(8, 8, 9.0) if name == "pixel" else None
        checkpoint.save(folder / name / "model", name, plan.settings, method.model.eval(), distance, {}, about)
    return folder


def test_models_are_judged_side_by_side_and_what_is_done_is_not_done_again(runs, command, tmp_path):
    line = ("physics", f"checkpoint={runs / 'vjepa'},{runs / 'pixel'}", *FEW, "out=out")
    first = command(*line)
    assert first.code == 0, first.err
    found = json.loads((tmp_path / "out/physics.json").read_text())
    assert set(found["properties"]) == {"inertia", "colour"} and found["subject"] == "vjepa"
    for one in found["properties"].values():
        assert {"accuracy", "low", "high", "best_control", "pairs"} <= set(one)
        assert one["pairs"] == 4 and 0 <= one["low"] <= one["accuracy"] <= one["high"] <= 1
        assert set(one["entrants"]) == set(found["average"])
    assert set(found["controls"]) == {"vjepa untrained", "vjepa copied", "frame difference", "pixel"}
    assert found["counterfactuals"]["vjepa"] is None and set(found["counterfactuals"]["pixel"]) >= {"gravity", "action"}
    assert set(found["probes"]["gravity"]) >= {"vjepa", "vjepa untrained", "vjepa single frame", "pixel", "states"}
    # Nothing was trained, so the untrained network is the same one but for its seed.
    assert set(found["cue_control"]) == {"inertia", "colour"} and set(found["order"]) == {"vjepa", "pixel"}
    page = (tmp_path / "out/physics.html").read_text()
    assert verdict(found) in page and page.count("data:image/webp") == 4
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    before = (tmp_path / "out/physics.json").read_bytes()
    again = command(*line)
    assert again.code == 0 and "watch vjepa: done before" in again.out and "page: done before" in again.out
    assert (tmp_path / "out/physics.json").read_bytes() == before
    command(*line, "physics.ahead=1").is_one_line_saying("out was made with physics=")


def test_clips_that_were_exported_are_judged_like_those_that_are_generated(runs, command, tmp_path):
    asked = ("physics.properties=[inertia]", "physics.pairs=4")
    assert command("physics", "export", *asked, "size=32", "out=clips").code == 0
    mine = command("physics", f"checkpoint={runs / 'vjepa'}", *FEW[3:], *asked, "physics.clips=0", "out=mine")
    theirs = command("physics", f"checkpoint={runs / 'vjepa'}", *FEW[3:], "data=clips", "out=theirs")
    assert (mine.code, theirs.code) == (0, 0), (mine.err, theirs.err)
    first, second = (json.loads((tmp_path / one / "physics.json").read_text()) for one in ("mine", "theirs"))
    assert first["properties"] == second["properties"] and first["cue_control"] == second["cue_control"]
    assert second["order"] is None and second["probes"] is None and first["probes"] is None


def test_what_cannot_be_judged_is_refused_in_one_line(runs, command, tmp_path):
    vjepa = f"checkpoint={runs / 'vjepa'}"
    command("physics", "physics.suite=standard").is_one_line_saying("checkpoint=RUN")
    command("physics", "checkpoint=nowhere").is_one_line_saying("there is no checkpoint in nowhere")
    command("physics", vjepa, "data=nowhere").is_one_line_saying("there is no folder nowhere", "physics.md")
    command("physics", f"{vjepa},{runs / 'vjepa'}").is_one_line_saying("names a run twice")
    command("physics", vjepa, "physics.properties=[magic]").is_one_line_saying("must be one of permanence")
    command("physics", "export").is_one_line_saying("out=DIR")
    for kind in ("possible", "impossible"):
        (tmp_path / "short" / kind / "a").mkdir(parents=True)
        for index in range(3):
            Image.new("RGB", (8, 8)).save(tmp_path / "short" / kind / "a" / f"{index}.png")
    command("physics", vjepa, "data=short", "device=cpu").is_one_line_saying("need clips of 6 frames", "has 3")


def test_the_settings_name_the_properties_that_there_are():
    assert named == PROPERTIES


def test_scenes_are_recorded_by_a_command_and_the_recording_is_read_by_others(command):
    done = command("physics", "record", "episodes=3", "size=32", "workers=1", "out=scenes")
    assert done.code == 0 and "3 scenes" in done.out, done.err
    told = command("data", "info", "data=scenes")
    assert told.code == 0 and "physics record" in told.out
