from typing import Any

from housecat.report import words


def results(**successes: int) -> dict[str, Any]:
    """Results of 30 pairs with so many solved."""
    planners = {name: {"success": won / 30, "interval": [0.1, 0.9], "episodes": 30} for name, won in successes.items()}
    pairs = {"unit": "m", "nearest": 2.0, "farthest": 8.0, "tolerance": 0.25, "max_steps": 150, "calibration": 6}
    return {"planners": planners, "seed": 0, "pairs": pairs, "comparisons": {}, "calibration": []}


def test_only_all_is_100_percent_and_only_none_is_0_percent() -> None:
    assert [words.percent(share) for share in (1, 0.999, 0.967, 0.003, 0)] == [
        "100 %",
        "99.9 %",
        "97 %",
        "0.3 %",
        "0 %",
    ]


def test_a_verdict_names_the_best_rival_even_where_it_wins() -> None:
    text = words.verdict(results(random=1, flat_latent=12, flat_distance=29, hierarchy=20))
    assert text.startswith("The hierarchy reached 20 of 30 goals")
    assert text.endswith("flat planning with temporal distance, the best of the other planners, reached 29.")


def test_a_verdict_without_hierarchy_is_about_the_best_planner() -> None:
    assert words.verdict(results(random=1, flat_latent=12)).startswith("Flat planning with latent distance reached 12")
    assert words.verdict(results(random=3)).startswith("Random actions reached 3 of 30")


def test_few_pairs_are_called_few() -> None:
    few = results(hierarchy=30)
    many = results(hierarchy=30)
    many["planners"]["hierarchy"]["episodes"] = 300
    assert "few" in words.lede(few) and "few" not in words.lede(many)


def test_a_difference_that_may_be_chance_is_not_called_better() -> None:
    found = results(flat_distance=27, hierarchy=29)
    found["comparisons"] = {"flat_distance": {"only_hierarchy": 3, "only_other": 1, "p": 0.625}}
    assert any("cannot be told" in text and "0.62" in text for text in words.caveats(found))
    found["comparisons"] = {"flat_distance": {"only_hierarchy": 1, "only_other": 12, "p": 0.003}}
    assert any("worse than flat planning with temporal distance" in text for text in words.caveats(found))


def test_times_have_as_many_figures_as_they_deserve() -> None:
    assert [words.milliseconds(value) for value in (0.0512, 4.84, 48.4)] == ["0.05 ms", "4.8 ms", "48 ms"]
    assert [words.duration(seconds) for seconds in (7.4, 75.2, 3600)] == ["7 s", "1 min 15 s", "60 min 0 s"]


def test_what_alone_had_to_be_reached_is_said_with_what_stood_for_it() -> None:
    found = results(flat_distance=27)
    assert words.asked_for(found) == []
    asked = {"only": ["puck"], "regions": {}, "order": "any", "targets": "probes", "samples": 16, "solved_at_start": 2}
    (text,) = words.asked_for({**found, "goal": asked})
    assert text == (
        "Only puck has to be reached; 16 recorded latents that probes find stand for it. At 2 starts it is reached "
        "already."
    )
    assert text in words.caveats({**found, "goal": asked})
    given = {"only": [], "regions": {}, "order": "any", "solved_at_start": 0}
    spoken = {"only": ["words"], "said": ["go home", "go left", "go right", "go up"], "solved_at_start": 0}
    assert words.asked_for({**found, "goal": spoken}) == [
        "Goals were given in words: go home; go left; go right and 1 more."
    ]
    assert words.asked_for({**found, "goal": given}) == ["All pairs have the same goal, which was given."]
