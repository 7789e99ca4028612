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
_NODES_CAP = 100_000
_SHOWN = 60
_TAG = "tag:yaml.org,2002:"
_NOT_TEXT = frozenset(_TAG + kind for kind in ("bool", "int", "float", "null", "timestamp", "merge", "value"))
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?")
_POWER = re.compile(r"[-+]?\.*[0-9][0-9.]*[eE][-+]?[0-9]+")
"""A number to everybody but PyYAML."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WRONG = object()
"""Stands for a value whose problem has been noted."""


@dataclass(slots=True)
class Plain:
    """What a YAML file says, and where it says it; what is wrong with it gathers here."""

    file: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    """The line (from 1) of each value; of each key under its own path."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def problem(self, path: Path, message: str) -> None:
        """Note a mistake at the value, or at the nearest thing around it that has a line."""
        self.problems.append(Problem(self.file, self.line(path), message))

    def warn(self, path: Path, message: str) -> None:
        """Note what is allowed and probably not meant."""
        self.warnings.append(Problem(self.file, self.line(path), message))

    def section(self, name: str) -> Any:
        """What stands under a top key. A section in which everything is commented out is an empty one."""
        raw = self.data.get(name, {})
        return {} if isinstance(raw, Ambiguous) and not raw.written else raw

    def line(self, path: Path) -> int:
        """The line of the value, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A plain word that YAML reads as something other than text; kept as written until it is known what is wanted."""

    written: str
    meant: Any
    """The number, truth value or nothing it may stand for."""


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """The file is refused as a whole."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def shown(text: str) -> str:
    """`text` as it may be repeated in a message: on one line, without control characters, cut where it gets long."""
    text = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def read(text: bytes, file: str) -> Plain:
    """Read one YAML document. Every problem is in the result, none is raised."""
    plain = Plain(file)
    try:
        decoded = _decoded(text)
        _weigh(decoded)
        node = yaml.compose(decoded, Loader=_LOADER)
        plain.data = _value(plain, node, (), iter(range(_NODES_CAP))) if node else {}
    except yaml.MarkedYAMLError as error:
        plain.problems = [Problem(file, *_syntax(error, decoded))]
    except yaml.YAMLError:  # a character that YAML does not allow
        plain.problems = [Problem(file, 1, "The file holds a character that cannot be read; save it as plain text.")]
    except _Refused as refusal:
        plain.problems = [Problem(file, refusal.line, str(refusal))]
    return plain


def _decoded(text: bytes) -> str:
    """The file's text. C5: what editors add or save otherwise is told by its name."""
    if len(text) > SIZE_CAP:
        raise _Refused(1, f"The file is larger than {SIZE_CAP // 1000} kB; that is no configuration.")
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _Refused(1, "The file is in UTF-16; save it as UTF-8.")
    if text.startswith(b"\xef\xbb\xbf"):
        raise _Refused(1, "The file begins with an invisible mark (BOM); save it as UTF-8 without BOM.")
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise _Refused(line, "A character is not in UTF-8; save the file as UTF-8.") from None
    for number, line_text in enumerate(decoded.split("\n"), 1):
        if "\x00" in line_text:
            raise _Refused(number, "The line holds a NUL character; remove it.")
        if "\t" in line_text[: len(line_text) - len(line_text.lstrip(" \t"))] and line_text.strip():
            raise _Refused(number, "The line is indented by a tab; use spaces.")
    return decoded


def _weigh(text: str) -> None:
    """Refuse what nobody writes before a tree is made of it: that recurses, and a deep one kills the interpreter (C1)."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > _DEPTH_CAP:
            raise _Refused(line, "The file is nested too deeply here.")
        if nodes > _NODES_CAP:
            raise _Refused(line, f"The file holds more than {_NODES_CAP} values.")


# --- from nodes to values


def _value(plain: Plain, node: yaml.Node, path: Path, budget: Iterator[int]) -> Any:
    if next(budget, None) is None:
        raise _Refused(1, "The file unfolds into too many values; write them out without `&` and `*`.")
    plain.lines.setdefault(path, node.start_mark.line + 1)
    if len(path) > _DEPTH_CAP:  # an alias that holds itself
        raise _Refused(plain.lines[path], "The file is nested too deeply here.")
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
        return _mapping(plain, node, path, budget)
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return tuple(_value(plain, item, (*path, number), budget) for number, item in enumerate(node.value))
    if isinstance(node, yaml.ScalarNode) and node.tag in {f"{_TAG}str", *_NOT_TEXT}:
        return _scalar(node)
    plain.problem(path, "What begins with `!` means something else in YAML; put the value in quotes.")
    return WRONG


def _mapping(plain: Plain, node: yaml.MappingNode, path: Path, budget: Iterator[int]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            plain.problems.append(Problem(plain.file, line, "A key must be a single word or text."))
            continue
        key = key_node.value
        if key in mapping:
            said = (
                f"`{shown(key)}` stands here a second time (first on line {plain.lines[*path, key]}); keep one of them."
            )
            plain.problems.append(Problem(plain.file, line, said))
            continue
        plain.lines[*path, key] = line
        mapping[key] = _value(plain, value_node, (*path, key), budget)
    return mapping


def _scalar(node: yaml.ScalarNode) -> str | Ambiguous:
    written = str(node.value)
    if node.tag == f"{_TAG}str":
        return Ambiguous(written, None) if not node.style and _POWER.fullmatch(written) else written
    if node.tag == f"{_TAG}bool":
        return Ambiguous(written, written.lower() in ("yes", "true", "on"))
    if _NUMBER.fullmatch(written):
        return Ambiguous(written, float(written) if "." in written else int(written))
    return Ambiguous(written, None)


# --- what YAML's own complaints mean


_SAID = (
    ("mapping values are not allowed", "A colon stands where none is expected: put a text that holds one in quotes, and indent lines alike."),
    ("did not find expected ',' or", "The {open} opened on line {line} is not closed, or a comma or a quote is missing before this."),
    ("expected ',' or", "The {open} opened on line {line} is not closed, or a comma or a quote is missing before this."),
    ("node content", "A value is missing here, or a bracket was opened that is not closed."),
    ("could not find expected ':'", "A colon is missing; a setting is written as `key: value`."),
    ("cannot start any token", "`{here}` cannot begin a value; put the value in quotes."),
    ("undefined alias", "What begins with `*` means something else in YAML; put the value in quotes."),
    ("another document", "`---` begins a second document; a configuration is a single one."),
    ("escape", "In double quotes a backslash has a meaning of its own; use single quotes."),
    ("did not find expected whitespace", "What begins with `!` or `&` means something else in YAML; put the value in quotes."),
    ("did not find expected alphabetic", "What begins with `&` or `*` means something else in YAML; put the value in quotes."),
    ("did not find expected", "The line does not fit in here; indent it like its neighbours and write `key: value` or `- value`."),
    ("expected <block end>", "The line does not fit in here; indent it like its neighbours and write `key: value` or `- value`."),
)  # fmt: skip
"""A part of what the parser says -> what it means to somebody who has never heard of tokens. The first that fits holds."""


def _syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    problem, opened = str(error.problem or error.context or ""), error.context_mark
    mark = error.problem_mark or opened
    if (
        "end of stream" in problem and opened and "quoted" in str(error.context)
    ):  # the mistake lies where the text begins that never ends
        return opened.line + 1, "The quote that opens here is never closed."
    if mark is None:
        return 1, "The file is not proper YAML."
    lines = text.split("\n")
    facts = {
        "here": shown(_at(lines, mark)),
        "open": {"[": "list", "{": "group"}.get(_at(lines, opened), "list or group"),
        "line": opened.line + 1 if opened else mark.line + 1,
    }
    meant = next((said for part, said in _SAID if part in problem), "")
    line = min(mark.line + 1, len(lines))  # the end of a file that ends without a line break is on no line of its own
    return line, meant.format(**facts) if meant else f"This is not proper YAML: {shown(problem)}."


def _at(lines: list[str], mark: Any) -> str:
    return lines[mark.line][mark.column : mark.column + 1] if mark and mark.line < len(lines) else ""
