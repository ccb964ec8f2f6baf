"""A command takes on the settings that suit the world of its recording or checkpoint; what the user wrote wins."""

import pytest

from envs import WORLDS
from housecat.cli.commands import Request
from housecat.errors import UsageError
from housecat.settings.config import load_config


def request(*arguments: str) -> Request:
    given = frozenset(argument.partition("=")[0] for argument in arguments)
    return Request("train", load_config(list(arguments), complete=False), given, "", frozenset(), arguments)


def test_the_settings_of_a_recordings_world_are_those_of_its_file() -> None:
    suited = request().suited_to(WORLDS["puck"]).config
    assert (suited.world.name, suited.planner.horizon) == ("puck", 12)
    assert suited.planner.horizon != request().config.planner.horizon
    assert suited.collect.episodes == load_config(["world=puck"]).collect.episodes


def test_what_the_user_wrote_wins() -> None:
    suited = request("planner.horizon=7", "model=vit", "model.latent=96").suited_to(WORLDS["puck"]).config
    model = suited.of_method["model"]
    assert (suited.planner.horizon, model.encoder, model.latent) == (7, "vit", 96)
    assert suited.collect.episodes == load_config(["world=puck"]).collect.episodes


@pytest.mark.parametrize(
    "changed", [{"frame_size": 32}, {"factors": {"mass": [0.8, 1.2]}}, {"frame_size": 32, "factors": {}}]
)
def test_another_size_or_varied_factors_make_no_other_world(changed: dict) -> None:
    suited = request().suited_to({**WORLDS["puck"], **changed})
    assert suited.config.planner.horizon == load_config(["world=puck"]).planner.horizon


def test_a_slower_clock_is_taken_over_from_the_recording() -> None:
    suited = request().suited_to({**WORLDS["puck"], "action_repeat": 4}).config
    assert (suited.world.name, suited.world.action_repeat) == ("puck", 4)
    assert request().suited_to(WORLDS["puck"]).config.world.action_repeat == 1


def test_a_world_of_another_making_that_has_the_name_is_another_world() -> None:
    asked = request()
    assert asked.suited_to({**WORLDS["medium"], "name": "puck"}) is asked
    assert asked.suited_to({"family": "mjcf", "name": "robot", "frame_size": 64}) is asked


def test_a_world_that_the_user_names_is_taken_at_its_word() -> None:
    named = request("world=medium")
    assert named.suited_to(WORLDS["puck"]) is named


def test_what_goes_together_is_judged_with_the_settings_of_the_world() -> None:
    # 50 numbers are too few for two coordinates of 32 keypoints each, and enough for Push-T's 32 components.
    assert request("model.latent=50").suited_to(WORLDS["pusht"]).config.of_method["model"].latent == 50
    with pytest.raises(UsageError, match="above the 32 numbers"):
        request("model.latent=30").suited_to(WORLDS["pusht"])
    with pytest.raises(UsageError, match="above the 64 numbers"):
        request("model.latent=50").suited_to({**WORLDS["medium"], "name": "mine"})
