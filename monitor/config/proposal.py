"""Proposed storylines, and feeds, as YAML: by themselves, to be pasted, or put into a configuration of which nothing else changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from monitor.alerts.clean import line
from monitor.config import reading
from monitor.config.reading import Plain
from monitor.errors import ConfigError, MonitorError, Problem
from monitor.model import Feed, Storyline
from monitor.stories.seed import Draft, Proposal, unused_id

_WIDTH = 118
_PLAIN = re.compile(r"[^\W\d_](?:[\w .'\u2018\u2019-]*[\w.\u2019])?")
_QUOTE_CAP = 240
_NAME_CAP = 60
_EMPTY = (
    yaml.BlockEndToken,
    yaml.KeyToken,
    yaml.StreamEndToken,
    yaml.DocumentEndToken,
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
)
Entities = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a configuration holds already, as far as a proposal has to know."""

    text: str
    file: str
    plain: Plain
    ids: frozenset[str]
    entities: Entities


def standing(text: bytes, file: str) -> Standing:
    """Read what stands in a configuration, right or not yet right. Raises ConfigError where it is no YAML."""
    plain = reading.read(text, file)
    if plain.problems:
        raise ConfigError(plain.problems)
    if not isinstance(plain.data, dict):
        raise ConfigError([Problem(file, 1, "The file must hold sections such as `feeds:` and `storylines:`.")])
    lines, entities = plain.section("storylines"), plain.section("entities")
    ids = (
        {one["id"] for one in lines if isinstance(one, dict) and isinstance(one.get("id"), str)}
        if isinstance(lines, tuple)
        else set()
    )
    known = entities.items() if isinstance(entities, dict) else ()
    return Standing(text.decode(), file, plain, frozenset(ids), {name: _names(aliases) for name, aliases in known})


def _names(aliases: Any) -> tuple[str, ...]:
    return tuple(a for a in (aliases if isinstance(aliases, tuple) else (aliases,)) if isinstance(a, str))


# --- by itself


def as_yaml(proposal: Proposal, headline: str) -> str:
    """The proposal as two sections with comments, ready to be pasted."""
    entities = "\n".join(_entity(name, aliases, "  ") for name, aliases in proposal.entities.items())
    lines = _Storylines(proposal.drafts, "").block("  ")
    return (
        f"# Proposed from \u201c{line(headline, _QUOTE_CAP)}\u201d.\n"
        "# Look it over; then put the lines of each section under the section of the same name in your configuration.\n\n"
        + (
            f"# Who and what the article speaks of; add their names in other languages.\nentities:\n{entities}\n\n"
            if entities
            else ""
        )
        + f"storylines:\n{lines}\n"
    )


def _storyline(draft: Draft, indent: str, seed: str | None) -> Iterator[str]:
    """The lines of a storyline; `seed` is a file's name, empty to show how one is given, None for none."""
    told = draft.storyline
    inner = f"{indent}  "
    yield f"{indent}- id: {scalar(told.id)}"
    yield f"{inner}title: {scalar(told.title)}"
    if draft.quote:
        yield f"{inner}# The article says: \u201c{line(draft.quote, _QUOTE_CAP)}\u201d"
    yield f"{inner}question: {scalar(told.question)}" if told.question else f"{inner}# question: what is open here?"
    if seed:
        yield f"{inner}seed: {scalar(seed)}"
    elif seed == "":
        yield f"{inner}# seed: article.txt      # the article's text, in a file beside the configuration; with it, matching begins surer"
    yield f"{inner}terms:"
    if told.terms.all:
        yield f"{inner}  all:                     # at least one of each list"
        yield from (_listed("- ", group, f"{inner}    ") for group in told.terms.all)
    if told.terms.any:
        yield _listed("any: ", told.terms.any, f"{inner}  ")


def _entity(name: str, aliases: Sequence[str], indent: str) -> str:
    return _listed(f"{scalar(name)}: ", aliases, indent)


def _listed(opening: str, items: Iterable[str], indent: str) -> str:
    """`opening[item, item]`, continued on further lines where it gets long."""
    lines, current = [], f"{indent}{opening}["
    for item in map(scalar, items):
        if len(current) + len(item) > _WIDTH and not current.endswith("["):
            lines.append(current.rstrip())
            current = f"{indent}{' ' * min(len(opening), 4)} "
        current += f"{item}, "
    return "\n".join([*lines, f"{current.removesuffix(', ')}]"])


def scalar(text: str) -> str:
    """`text` as YAML on one line that means this very text, also inside brackets."""
    text = line(text, 10_000)
    if _PLAIN.fullmatch(text) and yaml.safe_load(f"[{text}]") == [text]:
        return text
    return json.dumps(text, ensure_ascii=False)


# --- put into a configuration


def renamed(proposal: Proposal, taken: Iterable[str]) -> Proposal:
    """The proposal with ids that are not `taken`."""
    used = set(taken)
    drafts = []
    for draft in proposal.drafts:
        name = unused_id(draft.storyline.id, used)
        used.add(name)
        drafts.append(replace(draft, storyline=replace(draft.storyline, id=name)))
    return replace(proposal, drafts=tuple(drafts))


def extended(there: Standing, proposal: Proposal, seed: str) -> str:
    """The configuration's text with the proposal put in; every character that was there stays. Raises MonitorError where it cannot.

    `seed` is the name of the file that holds the article's text, for the first storyline.
    """
    refused = MonitorError(
        f"{there.file} is laid out so that nothing can be put in safely; paste what `monitor track` prints without --into."
    )
    try:
        text = _put(there.text, "entities", _Entities(proposal.entities)) if proposal.entities else there.text
        text = _put(text, "storylines", _Storylines(proposal.drafts, seed))
    except yaml.YAMLError:
        raise refused from None
    after = reading.read(text.encode(), there.file)
    if after.problems or not _keeps(there.plain.data, after.data, proposal):
        raise refused
    return text


def with_feeds(there: Standing, feeds: Sequence[Feed]) -> str:
    """The configuration's text with these feeds put in, those that stand there already left out. Raises MonitorError where it cannot."""
    stood = there.plain.section("feeds")
    lines = stood if isinstance(stood, tuple) else ()
    known = {
        one["url"] if isinstance(one, dict) and "url" in one else one for one in lines if isinstance(one, str | dict)
    }
    fresh = [feed for feed in feeds if feed.url not in known]
    if not fresh:
        return there.text
    refused = MonitorError(
        f"{there.file} is laid out so that nothing can be put in safely; write the feed there yourself."
    )
    try:
        text = _put(there.text, "feeds", _Feeds(fresh))
    except yaml.YAMLError:
        raise refused from None
    after = reading.read(text.encode(), there.file)
    if after.problems or after.data != there.plain.data | {"feeds": (*lines, *(_as_set(feed) for feed in fresh))}:
        raise refused
    return text


def feed_line(url: str, name: str) -> str:
    """A feed as the configuration has it, on one line."""
    said = {"url": url} | ({"name": line(name, _NAME_CAP)} if line(name, _NAME_CAP) else {})
    return "{" + ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in said.items()) + "}"


def _as_set(feed: Feed) -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load(feed_line(feed.url, feed.name))
    return found


def _keeps(before: Any, after: Any, proposal: Proposal) -> bool:
    """Whether the configuration means what it meant before, and the proposal besides."""
    own = ("entities", "storylines")
    lines = before.get("storylines")
    entities = before.get("entities")
    stood = lines if isinstance(lines, tuple) else ()
    known = entities if isinstance(entities, dict) else {}
    return (
        {key: value for key, value in before.items() if key not in own}
        == {key: value for key, value in after.items() if key not in own}
        and after["storylines"][: len(stood)] == stood
        and [one["id"] for one in after["storylines"][len(stood) :]]
        == [draft.storyline.id for draft in proposal.drafts]
        and (
            not proposal.entities
            or after["entities"] == known | {name: tuple(a) for name, a in proposal.entities.items()}
        )
    )


@dataclass(frozen=True, slots=True)
class _Entities:
    entities: Entities

    def block(self, indent: str) -> str:
        return "\n".join(_entity(name, aliases, indent) for name, aliases in self.entities.items())

    def flow(self) -> str:
        return ", ".join(f"{scalar(name)}: {_flow(aliases)}" for name, aliases in self.entities.items())


@dataclass(frozen=True, slots=True)
class _Feeds:
    feeds: Sequence[Feed]

    def block(self, indent: str) -> str:
        return "\n".join(f"{indent}- {feed_line(feed.url, feed.name)}" for feed in self.feeds)

    def flow(self) -> str:
        return ", ".join(feed_line(feed.url, feed.name) for feed in self.feeds)


@dataclass(frozen=True, slots=True)
class _Storylines:
    drafts: Sequence[Draft]
    seed: str

    def block(self, indent: str) -> str:
        seeds = [self.seed, *[None] * len(self.drafts)]
        return "\n\n".join(
            "\n".join(_storyline(draft, indent, seed)) for draft, seed in zip(self.drafts, seeds, strict=False)
        )

    def flow(self) -> str:
        seeds = [self.seed, *[""] * len(self.drafts)]
        return ", ".join(
            _flow_storyline(draft.storyline, seed) for draft, seed in zip(self.drafts, seeds, strict=False)
        )


_Section = _Entities | _Feeds | _Storylines


def _flow(items: Iterable[str]) -> str:
    return f"[{', '.join(map(scalar, items))}]"


def _flow_storyline(told: Storyline, seed: str) -> str:
    terms = [f"all: [{', '.join(map(_flow, told.terms.all))}]"] if told.terms.all else []
    terms += [f"any: {_flow(told.terms.any)}"] if told.terms.any else []
    settings = [("question", told.question), ("seed", seed)]
    more = "".join(f", {key}: {scalar(value)}" for key, value in settings if value)
    return f"{{id: {scalar(told.id)}, title: {scalar(told.title)}{more}, terms: {{{', '.join(terms)}}}}}"


def _put(text: str, section: str, new: _Section) -> str:
    """`text` with something new at the end of a section, which is made where there is none."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    if isinstance(node, yaml.MappingNode) and node.flow_style:
        raise MonitorError(
            "The configuration is written in one pair of braces; write each section on lines of its own first."
        )
    number = next((n for n, (key, _) in enumerate(pairs) if key.value == section), None)
    if number is None:
        opened = text if not text or text.endswith("\n") else text + _newline(text)
        return opened + _lines(text, f"\n{section}:\n{new.block('  ')}\n")
    value = pairs[number][1]
    bound = pairs[number + 1][0].start_mark.index if number + 1 < len(pairs) else len(text)
    last = [
        token
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if token.start_mark.index < bound and not isinstance(token, _EMPTY)
    ]
    if isinstance(value, yaml.CollectionNode) and value.flow_style:
        return _put_in_brackets(text, value, last, new)
    column = value.start_mark.column if isinstance(value, yaml.CollectionNode) else 2
    gap = "\n" if isinstance(new, _Storylines) and isinstance(value, yaml.CollectionNode) else ""
    at = _end_of_section(text, last[-1], bound)
    before = "" if text[:at].endswith("\n") else "\n"
    return text[:at] + _lines(text, f"{before}{gap}{new.block(' ' * column)}\n") + text[at:]


def _put_in_brackets(text: str, value: yaml.CollectionNode, tokens: Sequence[Any], new: _Section) -> str:
    inside = [token for token in tokens if value.start_mark.index < token.start_mark.index < value.end_mark.index - 1]
    at = inside[-1].end_mark.index if inside else value.start_mark.index + 1
    comma = "" if not inside else " " if isinstance(inside[-1], yaml.FlowEntryToken) else ", "
    return text[:at] + comma + new.flow() + text[at:]


def _end_of_section(text: str, last: Any, bound: int) -> int:
    """Where a section's last line ends, the indented comments that follow it included."""
    at: int = last.end_mark.index
    if last.end_mark.column or not text[:at].endswith("\n"):
        end = text.find("\n", at)
        at = len(text) if end < 0 else end + 1
    end = at
    while end < min(bound, len(text)):
        stop = text.find("\n", end)
        stop = len(text) if stop < 0 else stop + 1
        written = text[end:stop]
        if written.strip() and not (written[0] == " " and written.lstrip().startswith("#")):
            break
        end = stop
        at = end if written.strip() else at
    return at


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _lines(text: str, new: str) -> str:
    """`new` with the line ends of `text`."""
    return new.replace("\n", _newline(text))
