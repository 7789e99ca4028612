"""`monitor track`: an article from a file, the web or standard input -> storylines, shown or put into a configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from monitor.config import edit, files
from monitor.config.proposal import extended, renamed, standing
from monitor.errors import FeedError, MonitorError
from monitor.feeds.article import SIZE_CAP, Article, read_article
from monitor.feeds.fetch import Gate
from monitor.feeds.settings import FetchSettings
from monitor.stories.seed import Proposal, propose


@dataclass(frozen=True, slots=True)
class Added:
    """What was put into a configuration."""

    ids: tuple[str, ...]
    entities: tuple[str, ...]
    seed: Path
    """The file with the article's text."""


def fetched(source: str, standard_input: BinaryIO, settings: FetchSettings) -> Article:
    """The article that `source` names: an http(s) address, `-` for standard input, else a file. Raises MonitorError."""
    if source == "-":
        return read_article(standard_input.read(SIZE_CAP + 1), "Standard input")
    if re.match(r"https?://", source, re.IGNORECASE):
        return from_web(source, settings)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source):
        raise MonitorError(f"{source} is no web address; write it like https://example.org/article.")
    try:
        return read_article(files.read(Path(source), SIZE_CAP + 1), source)
    except files.UnreadableError as error:
        raise MonitorError(f"{source} cannot be read: {error}.") from None


def from_web(url: str, settings: FetchSettings) -> Article:
    """The article at a web address. Raises MonitorError."""
    gate = Gate(settings)
    try:
        answer = gate.page(url)
    except FeedError as error:
        raise MonitorError(f"The article cannot be fetched. {error}") from None
    finally:
        gate.close()
    return read_article(answer.body, answer.url, content_type=answer.headers.get("content-type", ""))


def proposed(article: Article, known: Mapping[str, tuple[str, ...]] | None = None) -> Proposal:
    """What an article proposes to follow; `known` entities are used as they are. Raises MonitorError."""
    return propose(article.title, article.text, language=article.language, outlet=article.outlet, known=known)


def put_into(path: Path, article: Article, adjust: Callable[[Proposal], Proposal] = lambda proposal: proposal) -> Added:
    """Put the storylines of an article into a configuration, as a person adjusted them, and its text into a file beside it.

    Nothing that was there changes, and nothing at all does unless the outcome is right. Raises ConfigError, MonitorError.
    """
    before = edit.text_of(path)
    there = standing(before, str(path))
    proposal = renamed(adjust(proposed(article, there.entities)), there.ids)
    seed = _unused(path.parent, proposal.drafts[0].storyline.id)
    text = extended(there, proposal, seed.name)
    try:
        files.create(seed, _as_text(article))
    except OSError as error:
        raise MonitorError(f"{seed} cannot be written: {error.strerror}.") from None
    try:
        edit.replace(path, before, text)
    except BaseException:
        seed.unlink()
        raise
    return Added(tuple(draft.storyline.id for draft in proposal.drafts), tuple(proposal.entities), seed)


def _unused(folder: Path, name: str) -> Path:
    names = (f"{name}{number}.txt" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(folder / each for each in names if not (folder / each).exists())


def _as_text(article: Article) -> bytes:
    text = article.text.strip()
    return (f"{article.title}\n\n{text}\n" if article.title else f"{text}\n").encode("utf-8", "replace")
