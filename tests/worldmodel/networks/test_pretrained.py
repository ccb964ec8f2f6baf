"""Backbones of others as frozen encoders; tiny ones with random weights stand for those that are downloaded."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from worldmodel.methods import vjepa2_ac
from worldmodel.networks import pretrained
from worldmodel.networks.pretrained import PretrainedError

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders as a download leaves them."""
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**small, "intermediate_size": 32, "image_size": 32, "patch_size": 16}
    text = {**small, "intermediate_size": 32, "vocab_size": 9}
    video = {"crop_size": 32, "patch_size": 16, "frames_per_clip": 4}
    video |= {"pred_hidden_size": 24, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1}
    configs = {
        "dinov2": transformers.Dinov2Config(**small, image_size=56, patch_size=14),
        "vit": transformers.ViTConfig(**vision),
        "clip": transformers.CLIPConfig(vision_config=vision, text_config=text),
        "mae": transformers.ViTMAEConfig(**vision),
        "vjepa2": transformers.VJEPA2Config(**{**small, "hidden_size": 48}, **video),
        "bert": transformers.BertConfig(**text),
    }
    folders = {}
    for name, config in configs.items():
        torch.manual_seed(0)
        folders[name] = tmp_path_factory.mktemp(name)
        transformers.AutoModel.from_config(config).save_pretrained(folders[name])
        file = "video_preprocessor_config.json" if name == "vjepa2" else "preprocessor_config.json"
        (folders[name] / file).write_text(json.dumps({"image_mean": MEAN, "image_std": STD}))
    return folders


def loaded(folder: Path, frame_size: int = 32) -> pretrained.Pretrained:
    return pretrained.load(pretrained.look_up(f"transformers/{folder}", frame_size))


@pytest.mark.parametrize(
    ("name", "context", "width"), [("dinov2", 1, 32), ("vit", 1, 32), ("clip", 1, 32), ("vjepa2", 2, 48)]
)
def test_a_backbone_has_a_token_for_every_eight_pixels_and_each_time_step_its_own(
    saved: dict[str, Path], name: str, context: int, width: int
) -> None:
    encoder = loaded(saved[name])
    assert (encoder.context, encoder.patches, encoder.width) == (context, 16, width)
    frames = torch.randint(0, 256, (2, 5, 32, 32, 3), dtype=torch.uint8)
    tokens = encoder.tokens(frames)
    assert tokens.shape == (2, 6 - context, 16, width)
    alone = encoder.tokens(frames[1:, 2 : 2 + context])
    assert torch.allclose(tokens[1:, 2:3], alone, atol=1e-5)


def test_the_tokens_are_those_of_the_backbone_without_its_class_token(saved: dict[str, Path]) -> None:
    transformers = pytest.importorskip("transformers")
    encoder = loaded(saved["dinov2"])
    frames = torch.randint(0, 256, (3, 1, 32, 32, 3), dtype=torch.uint8)
    drawn = torch.nn.functional.interpolate(frames[:, 0].permute(0, 3, 1, 2) / 255, size=(56, 56), mode="bilinear")
    coloured = (drawn - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    net = transformers.AutoModel.from_pretrained(saved["dinov2"]).eval()
    with torch.no_grad():
        expected = net(pixel_values=coloured).last_hidden_state[:, 1:]
    assert torch.allclose(encoder.tokens(frames)[:, 0], expected, atol=1e-4)


def test_a_thing_that_moves_changes_the_token_of_the_patch_it_is_in_most(saved: dict[str, Path]) -> None:
    encoder = loaded(saved["dinov2"])
    frames = torch.full((2, 1, 32, 32, 3), 90, dtype=torch.uint8)
    frames[1, 0, 9:15, 17:23] = 255  # row 1, column 2 of patches of 8 pixels
    tokens = encoder.tokens(frames)[:, 0]
    assert int((tokens[1] - tokens[0]).norm(dim=-1).argmax()) == 1 * 4 + 2


def test_it_is_frozen_whatever_mode_it_is_put_in(saved: dict[str, Path]) -> None:
    encoder = loaded(saved["vit"])
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not any(module.training for module in encoder.train().modules())


def test_it_is_rebuilt_from_its_description_alone(saved: dict[str, Path], tmp_path: Path) -> None:
    settings = pretrained.look_up(f"transformers/{saved['vjepa2']}", 32)
    described = json.loads(json.dumps({"method": pretrained.METHOD, "settings": asdict(settings)}))
    described["settings"]["name"] = "transformers/nowhere/to-be-found"
    encoder, again = pretrained.load(settings), vjepa2_ac.rebuilt(described, torch.float32)
    frames = torch.randint(0, 256, (1, 3, 32, 32, 3), dtype=torch.uint8)
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder.tokens(frames), again.tokens(frames))


@pytest.mark.parametrize(
    ("name", "words"), [("mae", "a token for every patch"), ("bert", "no square patches of pictures")]
)
def test_a_model_that_has_no_token_for_every_patch_is_refused_in_one_line(
    saved: dict[str, Path], name: str, words: str
) -> None:
    with pytest.raises(PretrainedError, match=words) as error:
        loaded(saved[name])
    assert "\n" not in str(error.value)


def test_a_model_that_is_nowhere_is_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(PretrainedError, match="cannot be loaded .*download it once") as error:
        pretrained.look_up(f"transformers/{tmp_path / 'missing'}", 32)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("library", pretrained.LIBRARIES)
def test_a_package_that_is_missing_is_named_with_what_brings_it(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, library, None)  # as Python marks what cannot be imported
    with pytest.raises(PretrainedError, match=rf"package {library}.*pip install {library}") as error:
        pretrained.look_up(f"{library}/vit_tiny", 32)
    assert "\n" not in str(error.value)


def test_a_folder_is_not_mistaken_for_a_backbone() -> None:
    assert pretrained.is_named("timm/vit_small_patch14_dinov2.lvd142m")
    assert pretrained.is_named("transformers/facebook/dinov2-small")
    assert not pretrained.is_named("runs/puck")
    assert not pretrained.is_named("/data/timm/run")
