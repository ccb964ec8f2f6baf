"""Tables of text are as wide as what stands in them."""

from housecat.report.columns import aligned


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert aligned([("a", "success"), ("planner", "7%")]) == ["a        success", "planner       7%"]
    assert aligned([("a", "b"), ("cc", "d")], numbers=False) == ["a   b", "cc  d"]
