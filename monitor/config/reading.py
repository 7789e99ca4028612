"""YAML text -> plain data with the line of every value. Strict: nothing is coerced, merged or run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from monitor.errors import Problem

Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

SIZE_CAP = 1_000_000
_DEPTH_CAP = 30
_NODES_CAP = 200_000
_TEXT = "tag:yaml.org,2002:str"
_NOT_TEXT = re.compile(r"tag:yaml\.org,2002:(bool|int|float|null|timestamp|merge|value)$")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?$")


@dataclass(slots=True)
class Plain:
    """What a YAML file says, and where it says it."""

    file: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    """The line (from 1) of each value, and of each key under its own path."""
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: Path, message: str) -> None:
        """Note a mistake at the value, or at the nearest thing around it that has a line."""
        while path and path not in self.lines:
            path = path[:-1]
        self.problems.append(Problem(self.file, self.lines.get(path, 1), message))


class _TooMany(Exception):  # noqa: N818 - never leaves this module
    """The file unfolds into more values than anybody writes."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A plain word that YAML reads as something other than text; kept as written until it is known what is wanted."""

    written: str
    meant: Any
    """The number, truth value or nothing it may stand for."""


def read(text: bytes, file: str) -> Plain:
    """Read one YAML document. Every problem is in the result, none is raised."""
    plain = Plain(file)
    if problem := _unreadable(text):
        plain.problems.append(Problem(file, problem[0], problem[1]))
        return plain
    try:
        node = yaml.compose(text.decode("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        unclosed = "end of stream" in (error.problem or "")  # then the mistake lies where it was opened
        mark = (error.context_mark if unclosed else None) or error.problem_mark or error.context_mark
        plain.problems.append(Problem(file, mark.line + 1 if mark else 1, _syntax(error)))
    except (yaml.YAMLError, RecursionError) as error:
        plain.problems.append(Problem(file, 1, f"This is not proper YAML: {' '.join(str(error).split())[:100]}."))
    else:
        _walk(plain, node)
    return plain


def _unreadable(text: bytes) -> tuple[int, str] | None:
    if len(text) > SIZE_CAP:
        return 1, f"The file is larger than {SIZE_CAP // 1000} kB; that is no configuration."
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return 1, "The file is in UTF-16; save it as UTF-8."
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        return text[: error.start].count(b"\n") + 1, "A character is not in UTF-8; save the file as UTF-8."
    for number, line in enumerate(decoded.splitlines(), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return number, "The line is indented by a tab; use spaces."
        if "\x00" in line:
            return number, "The line holds a NUL character; remove it."
    if max((len(line) - len(line.lstrip("[{")) for line in decoded.splitlines()), default=0) > _DEPTH_CAP:
        return 1, "The file is nested too deeply."
    return None


def _syntax(error: yaml.MarkedYAMLError) -> str:
    if error.problem and "undefined alias" in error.problem:
        return "A `*` at the beginning of a value means something else in YAML; put the value in quotes."
    said = error.problem or error.context or "the line cannot be read"
    return f"This is not proper YAML: {said}; look for a missing quote, colon or indent here or on the line before."


def _walk(plain: Plain, root: yaml.Node | None) -> None:
    if root is None:
        plain.lines[()] = 1
        plain.data = {}
        return
    budget = iter(range(_NODES_CAP))
    try:
        plain.data = _value(plain, root, (), budget)
    except _TooMany:
        plain.problems = [
            Problem(plain.file, 1, "The file unfolds into too many values; write them out without `&` and `*`.")
        ]


def _value(plain: Plain, node: yaml.Node, path: Path, budget: Iterator[int]) -> Any:
    if next(budget, None) is None:
        raise _TooMany
    plain.lines.setdefault(path, node.start_mark.line + 1)
    if len(path) > _DEPTH_CAP:
        plain.problem(path, "The file is nested too deeply here.")
        return None
    if not node.tag.startswith("tag:yaml.org,2002:") or ":python/" in node.tag:
        plain.problem(path, f"The tag {node.tag.rsplit(':', 1)[-1]} is not used here; write the plain value.")
        return ""
    if isinstance(node, yaml.MappingNode):
        return _mapping(plain, node, path, budget)
    if isinstance(node, yaml.SequenceNode):
        return tuple(_value(plain, item, (*path, number), budget) for number, item in enumerate(node.value))
    return _scalar(plain, node, path)


def _mapping(plain: Plain, node: yaml.MappingNode, path: Path, budget: Iterator[int]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            plain.problems.append(Problem(plain.file, line, "A key must be a single word or text."))
            continue
        key = key_node.value
        if key in mapping:
            first = plain.lines[(*path, key)]
            plain.problems.append(
                Problem(
                    plain.file, line, f"`{key}` stands here a second time (first on line {first}); keep one of them."
                )
            )
            continue
        plain.lines[(*path, key)] = line
        mapping[key] = _value(plain, value_node, (*path, key), budget)
    return mapping


def _scalar(plain: Plain, node: yaml.Node, path: Path) -> Any:
    written = str(node.value)
    if node.tag == _TEXT:
        return written
    if not _NOT_TEXT.match(node.tag):
        plain.problem(path, f"The tag {node.tag.rsplit(':', 1)[-1]} is not used here; write the plain value.")
        return ""
    if node.tag.endswith(":bool"):
        return Ambiguous(written, written.lower() in ("yes", "true", "on"))
    if _NUMBER.match(written):
        return Ambiguous(written, float(written) if "." in written else int(written))
    return Ambiguous(written, None)
