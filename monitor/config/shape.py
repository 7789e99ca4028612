"""Plain data -> the dataclasses of the other parts: short forms written out, durations and secrets understood, rules applied."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from rapidfuzz import process

from monitor.config.reading import WRONG, Ambiguous, Path, Plain, shown
from monitor.config.rules import RULES, can_be_revealed
from monitor.secret import Secret

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,7})\s*([smhd])")
_SECRET_NAMES = {
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "file": re.compile(r".+"),
    "credential": re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9._@-]*"),
}


def fill(plain: Plain, cls: type, raw: Any, path: Path, **given: Any) -> Any:
    """An instance of the dataclass `cls` from a mapping, or None when something was wrong; problems go to `plain`.

    `given` sets fields that the mapping does not speak of. A key `from` means the field `sender`.
    """
    if not isinstance(raw, dict):
        _wrong(plain, path, "a group of settings", raw)
        return None
    hints = _hints(cls)
    names = {("from" if name == "sender" else name): name for name in hints if name not in given}
    check_keys(plain, raw, set(names), path)
    values = {
        names[key]: _read_field(plain, cls, names[key], hints, value, (*path, key))
        for key, value in raw.items() if key in names
    }  # fmt: skip
    missing = [key for key, name in names.items() if name not in values and name in _needed(cls)]
    for key in missing:
        plain.problem(path, f"`{key}` is missing; add a line `{key}: ...`.")
    if missing or any(value is WRONG for value in values.values()):
        return None
    return cls(**values | given)


@cache
def _hints(cls: type) -> dict[str, Any]:
    """What is worked out for each class once: there may be thousands of feeds."""
    return typing.get_type_hints(cls)


def _read_field(plain: Plain, cls: type, name: str, hints: Mapping[str, Any], value: Any, path: Path) -> Any:
    """The value of a field, if it is what the field's type and rule ask for."""
    read = read_as(plain, hints[name], value, path)
    rule, before = RULES.get(cls, {}).get(name), len(plain.problems)
    if rule and read is not WRONG:
        rule(plain, read, path)
    return read if len(plain.problems) == before else WRONG


@cache
def _needed(cls: type) -> frozenset[str]:
    """The fields that have no value unless one is given."""
    none = dataclasses.MISSING
    return frozenset(
        field.name for field in dataclasses.fields(cls) if field.default is none and field.default_factory is none
    )


def check_keys(plain: Plain, raw: Mapping[str, Any], known: set[str], path: Path) -> None:
    """Note every key that nobody knows, with the nearest that somebody does."""
    for key in raw:
        if key not in known:
            plain.problem((*path, key), f"`{shown(key)}` is not known here; {nearest(key, known)}")


def nearest(word: str, known: set[str]) -> str:
    """The end of a sentence: `did you mean ...?`, or the whole list where nothing is near."""
    best = process.extractOne(word, sorted(known), score_cutoff=60)
    if best:
        return f"did you mean `{best[0]}`?"
    return f"known are {', '.join(f'`{name}`' for name in sorted(known)) or 'none'}."


def read_as(plain: Plain, hint: Any, value: Any, path: Path) -> Any:
    """`value` as the type `hint` wants it, or WRONG with the problem noted."""
    if value is WRONG:
        return WRONG
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(plain, arguments, value, path)
    if origin is typing.Literal:
        return _literal(plain, arguments, value, path)
    if origin is tuple:
        return _list(plain, arguments[0], value, path)
    if origin is Mapping or hint is Mapping:
        return _map(plain, arguments[1], value, path)
    if hint in (Secret, timedelta):
        return _secret(plain, value, path) if hint is Secret else _duration(plain, value, path)
    return _group(plain, hint, value, path) if is_group(hint) else _single(plain, hint, value, path)


def _union(plain: Plain, kinds: tuple[Any, ...], value: Any, path: Path) -> Any:
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
    if not written:
        return _no_text(plain, value, path)
    plain.problem(path, f"`{shown(written)}` is not possible here; {nearest(written, set(allowed))}")
    return WRONG


def _list(plain: Plain, hint: Any, value: Any, path: Path) -> Any:
    if not isinstance(value, tuple):
        if isinstance(value, dict) != is_group(hint) or typing.get_origin(hint) is tuple:
            return _wrong(plain, path, "a list, such as [one, two]", value)
        value = (value,)  # a list of one may be written without brackets
    read = tuple(read_as(plain, hint, item, (*path, number)) for number, item in enumerate(value))
    return WRONG if any(item is WRONG for item in read) else read


def _group(plain: Plain, cls: type, value: Any, path: Path) -> Any:
    filled = fill(plain, cls, value, path)
    return WRONG if filled is None else filled


def is_group(hint: Any) -> bool:
    """Whether a value of this type is written as a group of settings."""
    return dataclasses.is_dataclass(hint) and hint is not Secret


def _map(plain: Plain, hint: Any, value: Any, path: Path) -> Any:
    if not isinstance(value, dict):
        plain.problem(
            path, "Here belong lines of the form `name: value`."
        )  # and perhaps secrets, which are not repeated
        return WRONG
    read = {key: read_as(plain, hint, item, (*path, key)) for key, item in value.items()}
    return WRONG if any(item is WRONG for item in read.values()) else read


def _secret(plain: Plain, value: Any, path: Path) -> Any:
    """C16: what stands where a secret is wanted may be one, so no message repeats it."""
    if isinstance(value, Ambiguous) and not value.written:
        return _no_text(plain, value, path)
    if not isinstance(value, dict):
        said = "A secret does not belong in this file; write {env: NAME}, {file: PATH} or {credential: NAME}."
        plain.problem(path, said)
        return WRONG
    if len(value) != 1 or not value.keys() <= _SECRET_NAMES.keys():
        plain.problem(path, "A secret is named by one of {env: NAME}, {file: PATH} or {credential: NAME}.")
        return WRONG
    (kind, name), *_ = value.items()
    if not isinstance(name, str) or not _SECRET_NAMES[kind].fullmatch(name):
        plain.problem(path, f"After `{kind}` stands where the secret is kept, such as {{env: MAIL_PASSWORD}}.")
        return WRONG
    secret = Secret(**value)
    return secret if can_be_revealed(plain, secret, path) else WRONG


def duration(text: str) -> timedelta | None:
    """What `30s`, `10m`, `2h` and `1d` mean; None for anything else."""
    match = _DURATION.fullmatch(text)
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else None


def _duration(plain: Plain, value: Any, path: Path) -> Any:
    lasting = duration(value) if isinstance(value, str) else None
    return lasting if lasting is not None else _wrong(plain, path, "a duration, such as 30s, 10m, 2h or 1d", value)


def _single(plain: Plain, hint: Any, value: Any, path: Path) -> Any:
    if hint is str:
        return value if isinstance(value, str) else _no_text(plain, value, path)
    if issubclass(hint, StrEnum):
        word = _literal(plain, tuple(hint), value, path)
        return word if word is WRONG else hint(word)
    meant = value.meant if isinstance(value, Ambiguous) else None
    if hint is bool:
        return meant if isinstance(meant, bool) else _wrong(plain, path, "true or false", value)
    if isinstance(meant, bool) or meant is None or (hint is int and not isinstance(meant, int)):
        return _wrong(plain, path, "a whole number, such as 10" if hint is int else "a number, such as 0.6", value)
    return hint(meant)


def _no_text(plain: Plain, value: Any, path: Path) -> Any:
    """C4: what YAML reads as a number, a date, nothing or a truth value is meant as text only in quotes."""
    if not isinstance(value, Ambiguous):
        return _wrong(plain, path, "text", value)
    written = shown(value.written)
    plain.problem(
        path,
        f'`{written}` would be read as something other than text; put it in quotes: "{written}".'
        if written
        else "There is nothing after the colon or dash; write some text, or remove the line.",
    )
    return WRONG


def _wrong(plain: Plain, path: Path, wanted: str, value: Any) -> Any:
    if value is not WRONG:
        plain.problem(path, f"Here belongs {wanted}, not {_name(value)}.")
    return WRONG


def _name(value: Any) -> str:
    """What a reader would call `value`."""
    if isinstance(value, Ambiguous):
        return f"`{shown(value.written)}`" if value.written else "nothing"
    if isinstance(value, str):
        return f"the text “{shown(value)}”" if value else "an empty text"
    return "a list" if isinstance(value, tuple) else "a group"
