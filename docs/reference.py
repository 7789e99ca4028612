# ruff: noqa: INP001 - a script, not a package
"""Makes docs/configuration.md from the configuration's own dataclasses: `python -m docs.reference`, or `make reference`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from monitor.alerts.notice import Operator
from monitor.alerts.policy import Policy
from monitor.alerts.severity import Outlets
from monitor.alerts.templates import TemplateFiles
from monitor.config.channels import CHANNELS
from monitor.config.defaults import Defaults, Retention
from monitor.config.schema import schema
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, Route, Storyline, Terms
from monitor.serve import WebSettings

PAGE = Path(__file__).with_name("configuration.md")
HEAD = """\
# Configuration

One YAML file says what to follow, where to look and whom to tell. It is looked for at `-c FILE`, `$MONITOR_CONFIG`, `config/monitor.yaml` and
`/etc/monitor/monitor.yaml`, in this order. `monitor init DIR` writes one to begin with, `monitor check` names every mistake in it with its line, and
editors that know YAML complete it by the schema beside it. This page is made from the program; what stands here is what it takes.

- A duration is a number and a unit: `30s`, `10m`, `2h`, `1d`.
- Where a list is asked for, a single value may stand for a list of one.
- A secret never stands in the file. Name where it is kept: `{env: NAME}` (a variable of the environment), `{file: PATH}`, or
  `{credential: NAME}` (systemd).
- A path is looked for beside the file, unless it begins with `/`.
- `systemctl reload monitor`, or SIGHUP, takes up a changed file; a wrong one is refused, and the old one stays in force.

## The whole

| key | what | what it is for |
|---|---|---|
| `store` | text | The database file, such as `sqlite:///var/monitor.db`. Under systemd it lies in the service's own folder unless you say otherwise. |
| `feeds` | list | Where to look: addresses, [feeds](#feeds), or whole lists of them as `{opml: FILE}`. Needed. |
| `storylines` | list | What you follow: [storylines](#storylines). Needed. |
| `channels` | names and [channels](#channels) | Where alerts go. Without any, they go to the console. |
| `entities` | names and lists of names | Who and what terms speak of: a name and its aliases, in any language and script. |
| `defaults` | [group](#defaults) | What holds for every feed and storyline that does not say otherwise. |
| `fetch` | [group](#fetch) | How the monitor behaves on the web. |
| `outlets` | [group](#outlets) | How far outlets are trusted. |
| `operator` | [group](#operator) | Who hears that a feed, a channel or the configuration needs a look. |
| `web` | [group](#web) | What the monitor serves. |
| `retention` | [group](#retention) | How long things are remembered. |
"""
GROUPS: tuple[tuple[str, str, type, str], ...] = (
    ("##", "Feeds", Feed, "Each is an address, or a group of these keys:"),
    ("##", "Storylines", Storyline, ""),
    (
        "###",
        "Terms",
        Terms,
        "What an entry must say, under `terms` of a storyline. `terms: [a, b]` is short for `terms: {any: [a, b]}`.",
    ),
    ("###", "Routes", Route, "Under `routes` of a storyline, instead of `channels`: which alerts go where, and how."),
    ("##", "Defaults", Defaults, ""),
    ("##", "Fetch", FetchSettings, ""),
    ("##", "Outlets", Outlets, ""),
    ("##", "Operator", Operator, ""),
    ("##", "Web", WebSettings, ""),
    ("##", "Retention", Retention, ""),
)
CHANNEL = "Under `channels`, each with a name of your choice. `type` says which of these it is. Try one with `monitor test-alert NAME`."
ELSE = {
    "type": "Says that it is one of these.",
    "Route.channels": "By which channels.",
    "Feed.url": "Where it is: http or https.",
    "Feed.name": "What to call it; by default what it calls itself.",
    "Feed.language": "Its language, such as `en`, where it does not say so itself.",
    "Feed.headers": "Headers to send with each request, such as a key; a value may be a secret.",
    "Storyline.id": "A short name of letters, digits and `-`; commands take it.",
    "Storyline.title": "What to call it in alerts.",
    "Storyline.question": "What is open, in a sentence; it stands in digests.",
    "Storyline.terms": "What an entry must say: see [terms](#terms).",
    "Storyline.entities": "Names of its own, beside those under `entities` of the whole.",
    "Storyline.channels": "Where its alerts go.",
    "FetchSettings.max_redirects": "How many redirects are followed.",
}
"""What needs no word in the code, and one here."""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE} is written.\n")


def page() -> str:
    """The page, in Markdown."""
    told = [HEAD]
    for level, title, cls, said in GROUPS:
        told.append(f"\n{level} {title}\n\n{said or _said(cls)}\n\n{_table(cls)}")
        if title == "Routes":
            told.append(f"\n## Channels\n\n{CHANNEL}\n")
            told += [f"\n### {name}\n\n{_said(of)}\n\n{_table(of)}" for name, of in CHANNELS.items()]
            told.append(f"\n### Policy\n\nUnder `policy` of a channel: {_lower(_said(Policy))}\n\n{_table(Policy)}")
            told.append(
                f"\n### Templates\n\nUnder `templates` of a channel: {_lower(_said(TemplateFiles))}\n\n{_table(TemplateFiles)}"
            )
    return "".join(told)


def _said(cls: type) -> str:
    text = " ".join((cls.__doc__ or "").split())
    return text.replace("see docs/templates.md", "see [templates](templates.md)")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _table(cls: type) -> str:
    described = _described(cls)
    needed = described.get("required", [])
    rows = ["| key | what | by default | what it is for |", "|---|---|---|---|"]
    fields = {_key(field.name): field for field in dataclasses.fields(cls)}
    for key, of in described["properties"].items():
        said = of.get("description") or ELSE.get(f"{cls.__name__}.{fields[key].name}") or ELSE.get(key, "")
        said += f" See [{key}](#{key})." if _kind(of) == "group" else ""
        default = "needed" if key in needed else _default(fields[key])
        rows.append(f"| `{key}` | {_kind(of)} | {default} | {said.replace('|', '&#124;')} |")
    return "\n".join(rows) + "\n"


def _described(cls: type) -> dict[str, Any]:
    """The schema's part for a class, wherever it stands in it."""
    wanted = {_key(field.name) for field in dataclasses.fields(cls)}
    found = [part for part in _objects(schema()) if set(part["properties"]) == wanted]
    if not found:
        sys.exit(f"The schema has no part for {cls.__name__}.")
    return found[0]


def _objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "properties" in part:
            yield part
        for of in part.values():
            yield from _objects(of)
    elif isinstance(part, list):
        for of in part:
            yield from _objects(of)


def _key(name: str) -> str:
    return "from" if name == "sender" else name


def _kind(of: Mapping[str, Any]) -> str:
    if "enum" in of:
        return " or ".join(f"`{value}`" for value in of["enum"])
    if "anyOf" in of:
        kinds = list(dict.fromkeys(map(_kind, of["anyOf"])))
        return " or ".join(kind for kind in kinds if f"list of {_plural(kind)}" not in kinds)
    if set(of.get("properties", ())) == {"env", "file", "credential"}:
        return "secret"
    if of.get("type") == "object":
        return "group" if "properties" in of else f"names and {_kind(of['additionalProperties'])}"
    if of.get("type") == "array":
        return f"list of {_plural(_kind(of['items']))}"
    if "pattern" in of and of.get("examples") == ["30s", "10m", "2h", "1d"]:
        return "duration"
    return {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}[of["type"]]


def _plural(kind: str) -> str:
    if kind.startswith("`"):
        return kind.replace(" or ", ", ")
    return f"lists{kind.removeprefix('list')}" if kind.startswith("list") else f"{kind}s"


def _default(field: dataclasses.Field[Any]) -> str:
    value = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    if isinstance(value, timedelta):
        return _duration(value)
    if dataclasses.is_dataclass(value) or value in (None, "", (), {}):
        return "–"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"`{seconds // size}{unit}`"
    return f"`{seconds}s`"


if __name__ == "__main__":
    main()
