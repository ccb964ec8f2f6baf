"""A model card says what the Hub reads in a way that it can read, and no figure that was not measured."""

import pytest
import yaml

from worldmodel.share.card import model_card

WORLD = {"name": 'a "quoted": maze', "family": "pointmaze", "frame_size": 64}
MEASURED = {"rank": 12.345, "probe_position": 0.987, "probe_velocity": None, "secret": 1.0}
ABOUT = {"world": WORLD, "recordings": 300, "seed": 0, "updates": 40, "measured": MEASURED}


def front_matter(card: str) -> dict:
    empty, matter, _ = card.split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(matter)


def test_the_front_matter_is_what_the_hub_expects() -> None:
    matter = front_matter(model_card({"method": "default", "critic": {}, "about": ABOUT}))
    assert matter["library_name"] == "housecat"
    assert matter["license"] == "apache-2.0"
    assert {"world-model", "method:default", f"world:{WORLD['name']}"} <= set(matter["tags"])


def test_the_card_tells_what_was_measured_and_nothing_else() -> None:
    card = model_card({"method": "default", "critic": {}, "about": ABOUT})
    assert "| R2 of a linear probe of position | 0.987 |" in card
    assert "| effective rank of the latents | 12.3 |" in card
    assert "velocity" not in card and "secret" not in card
    assert "Figures" not in model_card({"method": "default", "critic": {}, "about": {"world": WORLD}})


@pytest.mark.parametrize(("critic", "imagines"), [({}, True), (None, False)])
def test_the_example_does_not_ask_an_encoder_to_imagine(critic: dict | None, imagines: bool) -> None:
    assert ("model.imagine(" in model_card({"method": "x", "critic": critic, "about": {}})) == imagines
