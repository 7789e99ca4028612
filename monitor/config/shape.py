"""Plain data -> the values that the dataclasses take: short forms written out, durations and secrets understood."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from rapidfuzz import process

from monitor.config.reading import Ambiguous, Path, Plain
from monitor.secret import Secret

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d{1,7})\s*([smhd])$")
_SECRET_KEYS = {"env", "file", "credential"}
_WRONG = object()
"""Stands for a value whose problem has been noted."""


def fill(plain: Plain, cls: type, raw: Any, path: Path, **given: Any) -> Any:
    """An instance of the dataclass `cls` from a mapping, or None when something was wrong; problems go to `plain`.

    `given` sets fields that the mapping does not speak of. A key `from` means the field `sender`.
    """
    if not isinstance(raw, dict):
        plain.problem(path, f"Here belong settings of the form `key: value`, not {_name(raw)}.")
        return None
    hints = _hints(cls)
    names = {("from" if name == "sender" else name): name for name in hints}
    check_keys(plain, raw, set(names) - set(given), path)
    values = {
        names[key]: read_as(plain, hints[names[key]], value, (*path, key)) for key, value in raw.items() if key in names
    }
    missing = [
        key for key, name in names.items()
        if name not in values and name not in given and _field(cls, name).default is dataclasses.MISSING
        and _field(cls, name).default_factory is dataclasses.MISSING
    ]  # fmt: skip
    for key in missing:
        plain.problem(path, f"`{key}` is missing; add a line `{key}: ...`.")
    if missing or _WRONG in values.values():
        return None
    return cls(**values | given)


def check_keys(plain: Plain, raw: Mapping[str, Any], known: set[str], path: Path) -> None:
    """Note every key that nobody knows, with the nearest that somebody does."""
    for key in raw:
        if key not in known:
            plain.problem((*path, key), f"`{key}` is not known here; {nearest(key, known)}")


def nearest(word: str, known: set[str]) -> str:
    """The end of a sentence: `did you mean ...?`, or the whole list where nothing is near."""
    best = process.extractOne(word, sorted(known), score_cutoff=60)
    return (
        f"did you mean `{best[0]}`?"
        if best
        else f"known are {', '.join(f'`{name}`' for name in sorted(known)) or 'none'}."
    )


def read_as(plain: Plain, hint: Any, value: Any, path: Path) -> Any:
    """`value` as the type `hint` wants it, or _WRONG with the problem noted."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(plain, arguments, value, path)
    if origin is typing.Literal:
        return _literal(plain, arguments, value, path)
    if origin is tuple:
        return _list(plain, arguments[0], value, path)
    if origin is Mapping or hint is Mapping:
        return _map(plain, arguments[1], value, path)
    if hint is Secret:
        return _secret(plain, value, path)
    if hint is timedelta:
        return _duration(plain, value, path)
    return _single(plain, hint, value, path)


def _union(plain: Plain, kinds: tuple[Any, ...], value: Any, path: Path) -> Any:
    if value is None and type(None) in kinds:
        return None
    wanted = [kind for kind in kinds if kind is not type(None)]
    if isinstance(value, dict) and Secret in wanted:
        return _secret(plain, value, path)
    if isinstance(value, tuple):
        lists = [kind for kind in wanted if typing.get_origin(kind) is tuple]
        return read_as(plain, lists[0], value, path) if lists else _wrong(plain, path, "one value", value)
    singles = [kind for kind in wanted if kind is not Secret and typing.get_origin(kind) is not tuple]
    return read_as(plain, singles[0] if singles else Secret, value, path)


def _literal(plain: Plain, allowed: tuple[str, ...], value: Any, path: Path) -> Any:
    if isinstance(value, str) and value in allowed:
        return value
    if not isinstance(value, str | Ambiguous):
        return _wrong(plain, path, " or ".join(allowed), value)
    written = value.written if isinstance(value, Ambiguous) else value
    plain.problem(path, f"`{written}` is not possible here; {nearest(written, set(allowed))}")
    return _WRONG


def _list(plain: Plain, hint: Any, value: Any, path: Path) -> Any:
    if not isinstance(value, tuple):
        if isinstance(value, dict) or typing.get_origin(hint) is tuple:
            return _wrong(plain, path, "a list, such as [one, two]", value)
        value = (value,)  # a list of one may be written without brackets
    read = tuple(read_as(plain, hint, item, (*path, number)) for number, item in enumerate(value))
    return _WRONG if _WRONG in read else read


def _map(plain: Plain, hint: Any, value: Any, path: Path) -> Any:
    if not isinstance(value, dict):
        return _wrong(plain, path, "lines of the form `name: value`", value)
    read = {key: read_as(plain, hint, item, (*path, key)) for key, item in value.items()}
    return _WRONG if any(item is _WRONG for item in read.values()) else read


def _secret(plain: Plain, value: Any, path: Path) -> Any:
    if not isinstance(value, dict):
        plain.problem(
            path, "A secret does not belong in this file; write {env: NAME}, {file: PATH} or {credential: NAME}."
        )
        return _WRONG
    if len(value) != 1 or not value.keys() <= _SECRET_KEYS or not all(isinstance(v, str) and v for v in value.values()):
        plain.problem(path, "A secret is named by one of {env: NAME}, {file: PATH} or {credential: NAME}.")
        return _WRONG
    return Secret(**value)


def _duration(plain: Plain, value: Any, path: Path) -> Any:
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match:
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    return _wrong(plain, path, "a duration, such as 30s, 10m, 2h or 1d", value)


def _single(plain: Plain, hint: Any, value: Any, path: Path) -> Any:
    if hint is str:
        if isinstance(value, str):
            return value
        if isinstance(value, Ambiguous):
            told = (
                f"`{value.written}` would be read as something other than text"
                if value.written
                else "The value is empty"
            )
            plain.problem(path, f'{told}; put it in quotes: "{value.written}".')
            return _WRONG
        return _wrong(plain, path, "text", value)
    meant = value.meant if isinstance(value, Ambiguous) else None
    if hint is bool:
        return meant if isinstance(meant, bool) else _wrong(plain, path, "true or false", value)
    if isinstance(meant, bool) or meant is None or (hint is int and not isinstance(meant, int)):
        return _wrong(plain, path, "a whole number, such as 10" if hint is int else "a number, such as 0.6", value)
    return hint(meant)


def _wrong(plain: Plain, path: Path, wanted: str, value: Any) -> Any:
    plain.problem(path, f"Here belongs {wanted}, not {_name(value)}.")
    return _WRONG


def _name(value: Any) -> str:
    """What a reader would call `value`."""
    if isinstance(value, Ambiguous):
        return f"`{value.written}`" if value.written else "nothing"
    if isinstance(value, str):
        return f"the text “{value[:40]}”"
    return "a list" if isinstance(value, tuple) else "a group of settings" if isinstance(value, dict) else "this"


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _field(cls: type, name: str) -> dataclasses.Field[Any]:
    return next(field for field in dataclasses.fields(cls) if field.name == name)
