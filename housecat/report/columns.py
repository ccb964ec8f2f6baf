"""Rows of text as a table on the terminal."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], numbers: bool = True) -> list[str]:
    """One line for each row, columns two spaces apart: the first to the left, the others to the right.

    `numbers`: False: all columns hold words, and stand to the left.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    adjust = str.rjust if numbers else str.ljust
    lines = ([row[0].ljust(widths[0]), *map(adjust, row[1:], widths[1:])] for row in rows)
    return ["  ".join(line).rstrip() for line in lines]
