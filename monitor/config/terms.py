"""A storyline's terms changed in the configuration's text: terms that stay keep their place, their quotes and their comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from monitor.config import reading
from monitor.config.proposal import Standing, scalar
from monitor.errors import MonitorError
from monitor.model import Terms

_Edit = tuple[int, int, str]
"""From which to which character stands what."""
_Wanted = str | tuple[str, ...]
"""A term, or a group of them."""


def with_terms(there: Standing, storyline: str, terms: Terms) -> str:
    """The configuration's text with other terms of a storyline. Raises MonitorError where it cannot be done safely."""
    refused = MonitorError(
        f"{there.file} is laid out so that the terms cannot be changed safely; change them there yourself."
    )
    node = _terms_of(yaml.compose(there.text, Loader=yaml.SafeLoader), storyline)
    if node is None:
        raise MonitorError(f"{there.file} has no storyline `{storyline}`.")
    text = there.text
    for start, end, new in sorted(_edits(there.text, node, terms), reverse=True):
        text = text[:start] + new + text[end:]
    after = reading.read(text.encode(), there.file)
    if after.problems or after.data != _meaning(there.plain.data, storyline, terms, after.data):
        raise refused
    return text


def _terms_of(root: yaml.Node | None, storyline: str) -> yaml.Node | None:
    for line in _items(_under(root, "storylines")):
        name = _under(line, "id")
        if isinstance(name, yaml.ScalarNode) and name.value == storyline:
            return _under(line, "terms")
    return None


def _under(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _meaning(data: Any, storyline: str, terms: Terms, after: Any) -> Any:
    """What the configuration should mean now, in the shape that it has: `[a]` is short for `{any: [a]}`, a term for a group of it."""
    lines = after.get("storylines", ())
    said = next((one.get("terms") for one in lines if isinstance(one, dict) and one.get("id") == storyline), None)
    is_right = _sorted(_as_terms(said)) == _sorted(terms)
    changed = tuple(
        one | {"terms": said if is_right else terms} if isinstance(one, dict) and one.get("id") == storyline else one
        for one in data["storylines"]
    )
    return data | {"storylines": changed}


def _sorted(terms: Terms | None) -> Any:
    """The terms without their order, which means nothing."""
    return terms and (sorted(map(sorted, terms.all)), sorted(terms.any), sorted(terms.none))


def _as_terms(said: Any) -> Terms | None:
    if isinstance(said, tuple):
        return Terms(any=said)
    if not isinstance(said, dict):
        return None
    groups = tuple(group if isinstance(group, tuple) else (group,) for group in said.get("all", ()))
    return Terms(all=groups, any=said.get("any", ()), none=said.get("none", ()))


def _edits(text: str, node: yaml.Node, terms: Terms) -> Iterator[_Edit]:
    if isinstance(node, yaml.SequenceNode):  # `terms: [a, b]`
        if terms.all or terms.none:
            yield node.start_mark.index, _end(node), as_yaml(terms)
        else:
            yield from _list(text, node, terms.any)
        return
    wanted: dict[str, Sequence[_Wanted]] = {"all": terms.all, "any": terms.any, "none": terms.none}
    for key, new in wanted.items():
        there = _under(node, key)
        if isinstance(there, yaml.SequenceNode):
            yield from _list(text, there, new)
        elif there is not None:
            yield there.start_mark.index, there.end_mark.index, _flow(new)
        elif new:
            yield _new_key(text, node, f"{key}: {_flow(new)}")


def _new_key(text: str, node: yaml.Node, said: str) -> _Edit:
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return _lines_after(text, _end(node), [f"{' ' * node.start_mark.column}{said}"])
    inside = node.end_mark.index - 1
    return inside, inside, f", {said}" if node.value else said


def _list(text: str, node: yaml.SequenceNode, wanted: Sequence[_Wanted]) -> Iterator[_Edit]:
    """The changes that make a list what is wanted: item by item, so that what stays is not touched."""
    items = _items(node)
    known = [_value(item) for item in items]
    if len(known) == len(wanted) and any(isinstance(one, tuple) for one in wanted):
        for item, was, new in zip(items, known, wanted, strict=True):  # groups of terms, each in its place
            yield from _group(text, item, was, new)
        return
    kept = [value in wanted for value in known]
    fresh = [one for one in wanted if one not in known]
    if not any(kept):
        yield node.start_mark.index, _end(node), _flow(wanted)
        return
    yield from (_without(text, node, number, kept) for number, stays in enumerate(kept) if not stays)
    if fresh:
        last = _end(items[max(number for number, stays in enumerate(kept) if stays)])
        if node.flow_style:
            yield last, last, "".join(f", {_one(one)}" for one in fresh)
        else:
            yield _lines_after(text, last, [f"{' ' * node.start_mark.column}- {_one(one)}" for one in fresh])


def _lines_after(text: str, place: int, lines: Sequence[str]) -> _Edit:
    """New lines behind the one of that place, whose comment stays with it."""
    newline = "\r\n" if "\r\n" in text else "\n"
    end = text.find("\n", place)
    if end < 0:
        return len(text), len(text), "".join(newline + line for line in lines)
    return end + 1, end + 1, "".join(line + newline for line in lines)


def _group(text: str, item: yaml.Node, was: _Wanted, new: _Wanted) -> Iterator[_Edit]:
    if new in (was, (was,)):
        return
    if isinstance(item, yaml.SequenceNode) and isinstance(new, tuple):
        yield from _list(text, item, new)
    else:
        yield item.start_mark.index, _end(item), _one(new)


def _without(text: str, node: yaml.SequenceNode, number: int, kept: Sequence[bool]) -> _Edit:
    """An item taken out: with its line in a list of lines, with its comma in brackets."""
    item = node.value[number]
    if not node.flow_style:
        begin = text.rfind("\n", 0, item.start_mark.index) + 1
        end = text.find("\n", _end(item))
        return begin, len(text) if end < 0 else end + 1, ""
    if any(kept[:number]):  # the comma before it goes
        return _end(node.value[number - 1]), _end(item), ""
    return item.start_mark.index, node.value[number + 1].start_mark.index, ""


def _end(node: yaml.Node) -> int:
    """Where the last character of a node stands: a block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _value(node: yaml.Node) -> _Wanted:
    return tuple(str(one.value) for one in node.value) if isinstance(node, yaml.SequenceNode) else str(node.value)


def _one(wanted: _Wanted) -> str:
    return scalar(wanted) if isinstance(wanted, str) else _flow(wanted)


def _flow(wanted: Sequence[_Wanted]) -> str:
    return f"[{', '.join(map(_one, wanted))}]"


def as_yaml(terms: Terms) -> str:
    """The terms as the configuration has them, on one line."""
    said: dict[str, Sequence[_Wanted]] = {"all": terms.all, "any": terms.any, "none": terms.none}
    return "{" + ", ".join(f"{key}: {_flow(words)}" for key, words in said.items() if words) + "}"
