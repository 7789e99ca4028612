"""docs/troubleshooting.md: every sentence in it is one that the program says, and every one that a user may meet stands in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text()
SAID = [row for row in re.findall(r"^\| (.+?) \| .+ \|$", PAGE, re.MULTILINE) if row != "it says"]
NOT_THE_PROGRAMS = {"Sentences with a file and a line, and exit code 78"}
ELSEWHERE = ("config/", "replay/", "doctor/", "feeds/opml.py", "feeds/wire.py", "stories/text", "web/")
"""What these say has its file and line, or its advice, in itself, or stands beside what was clicked."""
RAISED = re.compile(r"(Monitor|Feed|Gate|Store|Delivery|Secret)Error|StoreHeld")
SHORTEST = 12


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """Each text of a module, `…` for what is put in, and the name of what is called with it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for child in ast.iter_child_nodes(node):
            text = _text(child)
            if text:
                called = getattr(node, "func", None)
                yield re.sub(r"\{\w+\}", "…", text), getattr(called, "id", getattr(called, "attr", ""))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return ""


@cache
def all_texts() -> tuple[str, ...]:
    return tuple({text for path in sorted((ROOT / "monitor").rglob("*.py")) for text, _ in texts(path)})


def parts(sentence: str) -> list[str]:
    """What of a sentence is always the same: whole words, between what is put in."""
    found = [part.strip(" “”`:;,.()") for part in sentence.split("…")]
    return [part for part in found if len(part) >= SHORTEST] or [max(found, key=len)]


@pytest.mark.parametrize("sentence", sorted(set(SAID) - NOT_THE_PROGRAMS))
def test_what_is_quoted_is_said_by_the_program(sentence: str) -> None:
    for part in parts(sentence.removeprefix("The mail server … ")):
        assert any(part in text for text in all_texts()) or _is_of_several(part), part


def _is_of_several(part: str) -> bool:
    """Whether a sentence is put together of a beginning and an end that stand apart in the code: `The server` and `forbids this address`."""
    words = part.split()
    return any(
        any(" ".join(words[:cut]) in text for text in all_texts()) and any(" ".join(words[cut:]).split(" (")[0] in text for text in all_texts())
        for cut in range(2, len(words) - 1)
    )  # fmt: skip


def raised() -> list[tuple[str, str]]:
    """(module, sentence) of every error that may reach a user, but those that say all by themselves."""
    found = []
    for path in sorted((ROOT / "monitor").rglob("*.py")):
        module = str(path.relative_to(ROOT / "monitor"))
        if not module.startswith(ELSEWHERE):
            found += [
                (module, text) for text, called in texts(path) if RAISED.fullmatch(called) and " " in text.strip("… .:")
            ]
    return found


@pytest.mark.parametrize(("module", "sentence"), raised())
def test_what_the_program_says_stands_there(module: str, sentence: str) -> None:
    assert any(part in PAGE for part in parts(sentence)), f"{module}: {sentence}"


def test_the_search_finds_what_is_raised() -> None:
    assert len(raised()) > 80
    assert ("feeds/fetch.py", "The server redirects in circles: ….") in raised()
