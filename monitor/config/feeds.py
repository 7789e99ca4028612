"""The section `feeds`: addresses, addresses with settings, and lists of addresses in OPML files."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path as File
from typing import Any

from monitor.config import files, rules
from monitor.config.defaults import Defaults
from monitor.config.reading import WRONG, Path, Plain, shown
from monitor.config.shape import check_keys, fill, read_as
from monitor.errors import MonitorError
from monitor.feeds import opml
from monitor.model import Feed

_LIST_CAP = 5_000_000


def read(plain: Plain, raw: Any, defaults: Defaults, folder: File) -> tuple[Feed, ...]:
    """Every feed once. One that is written out takes precedence over the same one in a list."""
    if not isinstance(raw, tuple) or not raw:
        said = "There are no feeds to poll; list at least one address under `feeds:`, each after a dash."
        plain.problem(("feeds",), said)
        return ()
    written: dict[str, Feed] = {}
    listed: dict[str, Feed] = {}
    for number, line in enumerate(raw):
        path: Path = ("feeds", number)
        if isinstance(line, dict) and "opml" in line:
            listed |= {feed.url: feed for feed in _list(plain, line, defaults, path, folder)}
        elif feed := _feed(plain, line, defaults, path):
            if feed.url in written:
                plain.problem(path, f"The feed {shown(feed.url)} is listed twice; remove one of them.")
            written[feed.url] = feed
    return tuple((written | {url: feed for url, feed in listed.items() if url not in written}).values())


def _feed(plain: Plain, raw: Any, defaults: Defaults, path: Path) -> Feed | None:
    settings = {"url": raw} if isinstance(raw, str) else raw
    feed: Feed | None = fill(plain, Feed, settings, path)
    if feed is None:
        return None
    every = feed.every if "every" in settings else defaults.every
    return replace(feed, every=every, slowest=feed.slowest or defaults.slowest)


def _list(plain: Plain, raw: dict[str, Any], defaults: Defaults, path: Path, folder: File) -> list[Feed]:
    check_keys(plain, raw, {"opml", "every"}, path)
    every = read_as(plain, timedelta, raw["every"], (*path, "every")) if "every" in raw else defaults.every
    if every is not WRONG:
        rules.EVERY(plain, every, (*path, "every"))
    name = read_as(plain, str, raw["opml"], (*path, "opml"))
    if name is WRONG:
        return []
    like = Feed(url="", every=defaults.every if every is WRONG else every, slowest=defaults.slowest)
    where = (*path, "opml")
    try:
        listed = opml.read(files.read(folder / name, _LIST_CAP), str(folder / name), like)
    except files.UnreadableError as error:
        plain.problem(where, f"The list {shown(name)} cannot be read: {error}.")
        return []
    except MonitorError as error:
        plain.problem(where, str(error))
        return []
    before = len(plain.problems)
    for feed in listed:
        rules.web_address(plain, feed.url, where)
    return listed if len(plain.problems) == before and every is not WRONG else []
