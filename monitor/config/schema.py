"""The JSON Schema of the configuration, made from the same dataclasses, so that editors complete and check the YAML."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import types
import typing
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from monitor.alerts.notice import Operator
from monitor.alerts.severity import Outlets
from monitor.config.channels import CHANNELS
from monitor.config.defaults import Defaults, Retention
from monitor.config.place import ADDRESS
from monitor.config.shape import is_group
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, Storyline, Terms
from monitor.secret import Secret
from monitor.serve import WebSettings

_DURATION = {"type": "string", "pattern": r"^\d+\s*[smhd]$", "examples": ["30s", "10m", "2h", "1d"]}
_SECRET = {
    "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
    "properties": {name: {"type": "string"} for name in ("env", "file", "credential")},
    "description": "Where the secret is kept: an environment variable, a file, or a systemd credential.",
}  # fmt: skip
_WORDS = {"type": "array", "items": {"type": "string"}}


def schema() -> dict[str, Any]:
    """The whole schema, as JSON values."""
    feed = _object(Feed)
    storyline = _object(Storyline)
    terms = _object(Terms)
    terms["properties"]["all"]["items"] = {"anyOf": [{"type": "string"}, _WORDS]}
    storyline["properties"]["terms"] = {"anyOf": [{"type": "string"}, _WORDS, terms]}
    opml = {
        "type": "object",
        "required": ["opml"],
        "additionalProperties": False,
        "properties": {"opml": {"type": "string"}, "every": _DURATION},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "News story monitor",
        "type": "object",
        "additionalProperties": False,
        "required": ["feeds", "storylines"],
        "properties": {
            "store": {
                "anyOf": [{"type": "string", "pattern": f"^{ADDRESS}"}, _SECRET],
                "description": "The database: a file, such as sqlite:///var/monitor.db, or postgresql://HOST/DATABASE.",
            },
            "defaults": _object(Defaults),
            "fetch": _object(FetchSettings),
            "retention": _object(Retention),
            "outlets": _object(Outlets),
            "operator": _object(Operator),
            "web": _object(WebSettings),
            "entities": _of(Mapping[str, tuple[str, ...]])
            | {"description": "Who and what terms speak of: a name and its aliases."},
            "feeds": {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string"}, feed, opml]}},
            "storylines": {"type": "array", "minItems": 1, "items": storyline},
            "channels": {
                "type": "object",
                "additionalProperties": {"oneOf": [_object(cls) for cls in CHANNELS.values()]},
            },
        },
    }


def text() -> str:
    """The schema as it is shipped in config.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _object(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    told = _descriptions(cls)
    fields = dataclasses.fields(cls)
    properties = {
        _key(f.name): _of(hints[f.name]) | ({"description": told[f.name]} if f.name in told else {}) for f in fields
    }
    required = [
        _key(f.name) for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]  # fmt: skip
    made: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    return made | ({"required": required} if required else {}) | {"description": inspect.getdoc(cls) or ""}


def _key(name: str) -> str:
    return "from" if name == "sender" else name


def _of(hint: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        kinds = [_of(kind) for kind in arguments if kind is not type(None)]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [member.value for member in hint]}
    if origin is tuple:
        listed = {"type": "array", "items": _of(arguments[0])}
        return listed if typing.get_origin(arguments[0]) is tuple else {"anyOf": [_of(arguments[0]), listed]}
    if is_group(hint):
        return _object(hint)
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(arguments[1])}
    simple = {str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"}}
    special: dict[Any, dict[str, Any]] = {timedelta: _DURATION, Secret: _SECRET}
    return dict(special.get(hint) or simple.get(hint, {}))


def _descriptions(cls: type) -> dict[str, str]:
    """The docstrings under a dataclass's fields."""
    found = re.finditer(r'^    (\w+): [^\n]+\n    """(.+?)"""', inspect.getsource(cls), re.MULTILINE | re.DOTALL)
    return {match[1]: " ".join(match[2].split()) for match in found}
