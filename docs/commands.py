"""Puts what `housecat COMMAND --help` says into the page that asks for it, so that the page is never behind."""

from typing import Any

from housecat.cli import help as texts

PLACE = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page."""
    if PLACE not in markdown:
        return markdown
    return markdown.replace(PLACE, "\n\n".join(section(name) for name in texts.COMMANDS))


def section(name: str) -> str:
    """A command's help under a heading of its own."""
    return f"## {name}\n\n```text\n{texts.of_command(name, []).rstrip()}\n```"
