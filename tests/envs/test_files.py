"""What is read of a file that may be anybody's, and the one line that is said of what is not."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Meta

from envs.files import Maybe, by_name, check, from_json, from_yaml, many, read_plain, record, shortened
from envs.outside.options import read_options
from envs.outside.sources import OutsideError
from envs.worlds.mazes import read_layout

KIND = record(
    size=Annotated[int, Meta(ge=1, le=9)],
    speeds=by_name(many(float, 1)) | Maybe,
    inner=record(closed=True, name=str) | Maybe,
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"size": 10}, "size is 10, expected a whole number <= 9"),
        ({"size": 1.5}, "size is 1.5, expected a whole number"),
        ({"size": True}, "size is True, expected a whole number"),
        (
            {"size": "x" * 10**6},
            f"size is '{'x' * 27}...{'x' * 28}', expected a whole number",
        ),
        ({}, "it lacks size"),
        ([], "it is [], expected a list of `key: value`"),
        ({"size": 1, "speeds": {"a": [1, None]}}, "speeds[...][1] is nothing, expected a number"),
        ({"size": 1, "speeds": {"a": []}}, "speeds[...] is another, expected a list of length >= 1"),
        ({"size": 1, "inner": {"name": 3}}, "inner.name is 3, expected a text"),
        ({"size": 1, "inner": {"name": "a", "colour": "red"}}, "inner has the entry colour, which is not known"),
        ({"size": 1, "inner": None}, "inner is None, expected"),
    ],
)
def test_what_does_not_fit_is_named_with_what_was_found_and_expected(found: Any, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        check(found, KIND)
    assert str(caught.value).startswith(expected)


def test_what_fits_is_given_back_as_it_is_with_entries_that_nobody_asked_for() -> None:
    found = {"size": 2, "speeds": {"a": [1, 2.5]}, "more": [None]}
    assert check(found, KIND) is found


@pytest.mark.parametrize("content", ["NaN", "Infinity", "1e999", "[" * 10**5, "1" * 5000, "", b"\xff\xfe", "{'a': 1}"])
def test_what_is_not_json_of_finite_numbers_is_refused(content: str | bytes) -> None:
    with pytest.raises(ValueError, match="it is damaged, no JSON"):
        from_json(content, Any)


def test_only_regular_files_of_bounded_size_inside_their_folder_are_opened(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside.txt"
    inside.mkdir()
    outside.write_text("secret")
    (inside / "whole").write_bytes(b"12345")
    os.mkfifo(inside / "pipe")
    (inside / "near").symlink_to(inside / "whole")
    (inside / "far").symlink_to(outside)
    assert read_plain(inside / "whole", 5, inside) == read_plain(inside / "near", 5, inside) == b"12345"
    for path, message in [
        (inside / "pipe", "no regular file"),
        (Path("/dev/zero"), "no regular file"),
        (inside / "far", "leads out of its folder"),
        (inside / ".." / "outside.txt", "leads out of its folder"),
    ]:
        with pytest.raises(ValueError, match=message):
            read_plain(path, 5, inside if "regular" not in message else None)
    with pytest.raises(ValueError, match="more than the 4 bytes"):
        read_plain(inside / "whole", 4)


def test_files_of_the_hubs_cache_may_be_links_to_its_blobs(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--a--b" / "blobs").mkdir()
    (tmp_path / "models--a--b" / "blobs" / "ff").write_bytes(b"{}")
    (snapshot / "info.json").symlink_to("../../blobs/ff")
    assert read_plain(snapshot / "info.json", 9, snapshot) == b"{}"


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB, "stands for what is written elsewhere"),
        ("a: &x 1\nb: *x", "stands for what is written elsewhere"),
        ("[" * 10**6, "deep|nesting"),
        ("{a: " * 100, "deep|nesting"),
        ("a: [", "it is not YAML"),
        ("!!python/object/apply:os.system [ls]", "it is not YAML"),
        ("{[1]: 2}", "it is not YAML"),
        ("when: 2001-99-99", "month"),
        ("n: 1" + "0" * 5000, "digits"),
    ],
)
def test_yaml_that_would_grow_or_never_end_is_refused_at_once(text: str, expected: str) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match=expected):
        from_yaml(text)
    assert time.process_time() - began < 1.0


def test_what_is_quoted_is_short_however_large_it_is() -> None:
    nested: Any = "x"
    for _ in range(40):  # 9 to the power of 40 texts, were it written out
        nested = [nested] * 9
    for value in (nested, "y" * 10**6, {str(i): i for i in range(10**4)}, 10**5000):
        assert len(shortened(value)) < 120
    assert shortened([1, "two"]) == "[1, 'two']"


def test_options_and_mazes_are_regular_files_of_bounded_size(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"#" * 2_000_000)
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), tmp_path / "pipe", large):
        with pytest.raises(OutsideError, match=r"no regular file|more than the 1,000,000 bytes"):
            read_options(path)
        with pytest.raises(ValueError, match=r"no regular file|more than the 1,000,000 bytes"):
            read_layout(path)
    maze = tmp_path / "maze.txt"
    maze.write_text("\n".join(["#" * 400, *(["#" + " " * 398 + "#"] * 398), "#" * 400]))
    with pytest.raises(ValueError, match="larger than the 100 cells each way"):
        read_layout(maze)
