"""The YAML a user writes -> Config. Every problem at once, each with file and line and what to write instead."""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rapidfuzz import fuzz

from monitor.alerts.channels import ChannelSettings, ConsoleSettings, EmailSettings, WebhookSettings, targets
from monitor.alerts.channels.webhook import is_signing_secret
from monitor.alerts.route import Routing
from monitor.config import reading
from monitor.config.reading import Plain
from monitor.config.shape import check_keys, fill, nearest, read_as
from monitor.desk import Rules
from monitor.errors import ConfigError, MonitorError, Problem, SecretError
from monitor.feeds import opml
from monitor.feeds.fetch import FetchSettings
from monitor.model import Feed, Storyline, Terms
from monitor.secret import Secret
from monitor.stories.match import Matcher

PLACES = ("$MONITOR_CONFIG", "config/monitor.yaml", "/etc/monitor/monitor.yaml")
"""Where a configuration is looked for when none is named."""
SECTIONS = {"store", "defaults", "fetch", "retention", "entities", "feeds", "storylines", "channels"}
CHANNELS: dict[str, type[ChannelSettings]] = {
    "console": ConsoleSettings,
    "email": EmailSettings,
    "webhook": WebhookSettings,
}
EVERY = (timedelta(minutes=1), timedelta(days=7))
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,59}$")
_MAIL = re.compile(r"[^@\s<>,;:\"\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")
_TYPO = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every feed and storyline that does not say otherwise."""

    every: timedelta = timedelta(minutes=15)
    """How often a feed is polled."""
    channels: tuple[str, ...] = ()
    """Where alerts go."""
    threshold: float = 0.5
    """From which score on, 0 to 1, an entry belongs to a storyline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are remembered."""

    entries: timedelta = timedelta(days=90)
    """Entries and their places."""
    seen: timedelta = timedelta(days=365)
    """That an entry was there, so that it is not new when it comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration, checked."""

    source: Path
    store: str
    feeds: tuple[Feed, ...]
    storylines: tuple[Storyline, ...]
    channels: Mapping[str, ChannelSettings]
    fetch: FetchSettings = field(default_factory=FetchSettings)
    retention: Retention = field(default_factory=Retention)
    warnings: tuple[Problem, ...] = ()

    def rules(self) -> Rules:
        """What the desk decides by."""
        recipients = {name: targets(settings) for name, settings in self.channels.items()}
        routing = Routing(storylines={s.id: s for s in self.storylines}, targets=recipients)
        return Rules(matcher=Matcher(self.storylines), routing=routing)


def find(named: Path | None) -> Path:
    """The configuration to use: the one that is named, or the first that is found. Raises ConfigError."""
    if named is not None:
        return named
    places = [os.environ.get("MONITOR_CONFIG", ""), *PLACES[1:]]
    for place in places:
        if place and (place == places[0] or Path(place).exists()):
            return Path(place)
    looked = ", ".join(PLACES)
    raise ConfigError(
        [Problem("monitor.yaml", 0, f"No configuration was found (looked at {looked}); `monitor init` writes one.")]
    )


def load(path: Path) -> Config:
    """Read and check a configuration. Raises ConfigError with every problem, in order of line."""
    loader = _Loader(reading.read(_text(path), str(path)), path)
    config = loader.config() if loader.plain.data is not None else None
    if loader.plain.problems or config is None:
        raise ConfigError(
            sorted(set(loader.plain.problems), key=lambda problem: (problem.file, problem.line, problem.message))
        )
    return config


def _text(path: Path) -> bytes:
    """The file's bytes; a folder, pipe or dangling link is a problem, not a hang (C9)."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError([Problem(str(path), 0, "This is not a file; name a YAML file.")])
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, f"The file cannot be read: {error.strerror}.")]) from None


class _Loader:
    """Reads the sections of one file, noting problems and warnings as it goes."""

    def __init__(self, plain: Plain, path: Path) -> None:
        self.plain = plain
        self.folder = path.parent
        self.path = path
        self.warnings: list[Problem] = []

    def config(self) -> Config | None:
        """The configuration; None, or at least a problem noted, when something is wrong."""
        raw = self.plain.data
        if not isinstance(raw, dict):
            self.plain.problem((), "The file must hold sections such as `feeds:` and `storylines:`.")
            return None
        check_keys(self.plain, raw, SECTIONS, ())
        defaults = self._section(Defaults, "defaults")
        channels = self._channels(raw.get("channels", {}))
        if not defaults.channels:
            defaults = replace(defaults, channels=tuple(channels))
        self._check_channels(defaults.channels, channels, ("defaults", "channels"))
        self._check_threshold(defaults.threshold, ("defaults", "threshold"))
        self._check_every(defaults.every, ("defaults", "every"))
        feeds = self._feeds(raw.get("feeds"), defaults)
        storylines = self._storylines(raw, defaults, channels)
        fetch = self._section(FetchSettings, "fetch")
        self._check_fetch(fetch)
        return Config(
            source=self.path, store=self._store(raw), feeds=feeds, storylines=storylines, channels=channels, fetch=fetch,
            retention=self._section(Retention, "retention"), warnings=tuple(self.warnings),
        )  # fmt: skip

    def _section(self, cls: Any, name: str) -> Any:
        raw = self.plain.data.get(name, {})
        return fill(self.plain, cls, raw, (name,)) or cls()

    def _store(self, raw: dict[str, Any]) -> str:
        state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        default = f"sqlite:///{state}/monitor.db" if state else "sqlite:///var/monitor.db"
        store = read_as(self.plain, str, raw.get("store", default), ("store",))
        if isinstance(store, str) and not re.match(r"sqlite:///.+", store):
            self.plain.problem(
                ("store",), "The store is named like sqlite:///var/monitor.db (three slashes, then the file)."
            )
        return str(store)

    # --- channels

    def _channels(self, raw: Any) -> dict[str, ChannelSettings]:
        if not isinstance(raw, dict):
            self.plain.problem(("channels",), "Channels are written as `name: {type: ...}`, one a line.")
            return {}
        if not raw:
            return {"console": ConsoleSettings(type="console")}
        found = {name: self._channel(name, settings) for name, settings in raw.items()}
        return {name: settings for name, settings in found.items() if settings is not None}

    def _channel(self, name: str, raw: Any) -> ChannelSettings | None:
        path = ("channels", name)
        if not _ID.match(name):
            self.plain.problem(path, f"`{name}` cannot name a channel; use small letters, digits and dashes.")
        kind = raw.get("type") if isinstance(raw, dict) else None
        if not isinstance(kind, str) or kind not in CHANNELS:
            said = (
                f"`{kind}` is no type of channel; {nearest(kind, set(CHANNELS))}"
                if isinstance(kind, str)
                else "`type` is missing; write type: email."
            )
            self.plain.problem((*path, "type"), said)
            return None
        settings: ChannelSettings | None = fill(self.plain, CHANNELS[kind], raw, path)
        if isinstance(settings, EmailSettings):
            self._check_email(settings, path)
        elif isinstance(settings, WebhookSettings):
            self._check_webhook(settings, path)
        return settings

    def _check_email(self, settings: EmailSettings, path: reading.Path) -> None:
        addresses = [(settings.sender, (*path, "from")), *((to, (*path, "to", n)) for n, to in enumerate(settings.to))]
        for address, where in addresses:
            if not _MAIL.match(parseaddr(address)[1]) or any(ord(c) < 32 for c in address):  # noqa: PLR2004 - control characters (C12)
                self.plain.problem(
                    where, f"“{' '.join(address.split())[:80]}” is not a mail address; write name@example.org."
                )
        if not settings.to:
            self.plain.problem((*path, "to"), "Nobody would get the mail; write to: [name@example.org].")
        if not 0 < settings.port < 65_536:  # noqa: PLR2004
            self.plain.problem((*path, "port"), "A port is a number from 1 to 65535; mail servers use 587 or 465.")
        if bool(settings.username) != bool(settings.password):
            self.plain.problem(path, "A login needs both `username` and `password`.")
        if settings.username and settings.security == "none":
            self.plain.problem(
                (*path, "security"),
                "With `security: none` the password would travel in the clear; use starttls or tls.",
            )
        self._reveal(settings.password, (*path, "password"))

    def _check_webhook(self, settings: WebhookSettings, path: reading.Path) -> None:
        if isinstance(settings.url, str):
            self._check_url(settings.url, (*path, "url"))
        else:
            self._reveal(settings.url, (*path, "url"))
        for secret in settings.secret if isinstance(settings.secret, tuple) else (settings.secret,):
            revealed = self._reveal(secret, (*path, "secret"))
            if revealed is not None and not is_signing_secret(revealed):
                self.plain.problem(
                    (*path, "secret"),
                    f"What {secret} holds is not a signing secret: whsec_ and 24 to 64 bytes in base64.",
                )
        self._reveal_headers(settings.headers, path)

    def _reveal_headers(self, headers: Mapping[str, str | Secret], path: reading.Path) -> None:
        for name, value in headers.items():
            if isinstance(value, Secret):
                self._reveal(value, (*path, "headers", name))

    def _reveal(self, secret: Secret | None, path: reading.Path) -> str | None:
        if secret is None:
            return None
        try:
            revealed = secret.reveal()
        except SecretError as error:
            self.plain.problem(path, f"The {error}"[:1].upper() + f"The {error}"[1:])
            return None
        if secret.file and Path(secret.file).stat().st_mode & 0o004:
            self._warn(path, f"Everybody on this machine can read {secret}; run chmod 600 on it.")
        return revealed

    def _check_channels(self, named: tuple[str, ...], channels: Mapping[str, Any], path: reading.Path) -> None:
        written = self.plain.data.get("channels")
        known = {*channels, *(written if isinstance(written, dict) else ())}
        for number, name in enumerate(named):
            if name not in known:
                self.plain.problem((*path, number), f"There is no channel `{name}`; {nearest(name, known)}")

    # --- feeds

    def _feeds(self, raw: Any, defaults: Defaults) -> tuple[Feed, ...]:
        if not isinstance(raw, tuple) or not raw:
            self.plain.problem(
                ("feeds",), "There are no feeds to poll; list at least one address under `feeds:`, each after a dash."
            )
            return ()
        feeds: dict[str, Feed] = {}
        for number, line in enumerate(raw):
            path: reading.Path = ("feeds", number)
            for feed in self._feed(line, defaults, path):
                if feed.url in feeds:
                    self.plain.problem(path, f"The feed {feed.url} is listed twice; remove one of them.")
                feeds[feed.url] = feed
        return tuple(feeds.values())

    def _feed(self, raw: Any, defaults: Defaults, path: reading.Path) -> list[Feed]:
        if isinstance(raw, dict) and "opml" in raw:
            return self._opml(raw, defaults, path)
        if isinstance(raw, str):
            raw = {"url": raw}
            self.plain.lines.setdefault((*path, "url"), self.plain.lines[path])
        feed: Feed | None = fill(self.plain, Feed, raw, path)
        if feed is None:
            return []
        self._check_url(feed.url, (*path, "url"))
        self._check_every(feed.every, (*path, "every"))
        self._reveal_headers(feed.headers, path)
        return [feed if "every" in raw else replace(feed, every=defaults.every)]

    def _opml(self, raw: dict[str, Any], defaults: Defaults, path: reading.Path) -> list[Feed]:
        check_keys(self.plain, raw, {"opml", "every"}, path)
        every = read_as(self.plain, timedelta, raw["every"], (*path, "every")) if "every" in raw else defaults.every
        name = read_as(self.plain, str, raw["opml"], (*path, "opml"))
        if not isinstance(name, str) or not isinstance(every, timedelta):
            return []
        try:
            file = self.folder / name
            listed = opml.read(file.read_bytes(), str(file))
        except OSError as error:
            self.plain.problem((*path, "opml"), f"The list {name} cannot be read: {error.strerror}.")
            return []
        except MonitorError as error:
            self.plain.problem((*path, "opml"), str(error))
            return []
        return [replace(feed, every=every) for feed in listed]

    # --- storylines

    def _storylines(
        self, raw: dict[str, Any], defaults: Defaults, channels: Mapping[str, Any]
    ) -> tuple[Storyline, ...]:
        entities = read_as(self.plain, Mapping[str, tuple[str, ...]], raw.get("entities", {}), ("entities",))
        lines = raw.get("storylines")
        if not isinstance(lines, tuple) or not lines:
            self.plain.problem(
                ("storylines",), "There is nothing to follow; describe at least one storyline under `storylines:`."
            )
            return ()
        found: dict[str, Storyline] = {}
        for number, line in enumerate(lines):
            path: reading.Path = ("storylines", number)
            storyline = self._storyline(line, entities if isinstance(entities, dict) else {}, defaults, path)
            if storyline is None:
                continue
            if storyline.id in found:
                self.plain.problem((*path, "id"), f"Two storylines have the id `{storyline.id}`; give each its own.")
            if "channels" in line:
                self._check_channels(storyline.channels, channels, (*path, "channels"))
            found[storyline.id] = storyline
        return tuple(found.values())

    def _storyline(
        self, raw: Any, shared: Mapping[str, tuple[str, ...]], defaults: Defaults, path: reading.Path
    ) -> Storyline | None:
        if isinstance(raw, dict) and "terms" in raw:
            terms = self._terms(raw["terms"], (*path, "terms"))
            settings = {key: value for key, value in raw.items() if key != "terms"}
            storyline: Storyline | None = fill(self.plain, Storyline, settings, path, terms=terms or Terms())
        else:
            storyline = fill(self.plain, Storyline, raw, path)
        if storyline is None:
            return None
        self._check_storyline(storyline, path)
        storyline = replace(
            storyline,
            entities={**shared, **storyline.entities},
            channels=storyline.channels or defaults.channels,
            threshold=storyline.threshold if "threshold" in raw else defaults.threshold,
            seed=self._seed(storyline.seed, (*path, "seed")),
        )
        self._warn_of_typos(storyline, path)
        return storyline

    def _terms(self, raw: Any, path: reading.Path) -> Terms | None:
        """`terms: [a, b]` is short for `terms: {any: [a, b]}`; a term of `all` is short for a group of one."""
        if not isinstance(raw, dict):
            raw = {"any": raw}
        if isinstance(raw.get("all"), tuple):
            raw = raw | {"all": tuple(group if isinstance(group, tuple) else (group,) for group in raw["all"])}
        terms: Terms | None = fill(self.plain, Terms, raw, path)
        if terms is not None and not terms.all and not terms.any:
            self.plain.problem(path, "Without terms under `all` or `any` the storyline would match nothing; add some.")
        for group in [*(terms.all if terms else ()), terms.any if terms else (), terms.none if terms else ()]:
            if any(not re.search(r"\w", term) for term in group):
                self.plain.problem(path, "A term is empty; write a word, a phrase or an entity's name.")
        return terms

    def _check_storyline(self, storyline: Storyline, path: reading.Path) -> None:
        if not _ID.match(storyline.id):
            self.plain.problem(
                (*path, "id"),
                f"`{storyline.id}` cannot be an id; use small letters, digits and dashes, such as `arms-deal`.",
            )
        if not storyline.title.strip():
            self.plain.problem((*path, "title"), "The title is empty; it names the storyline in every alert.")
        self._check_threshold(storyline.threshold, (*path, "threshold"))

    def _seed(self, name: str, path: reading.Path) -> str:
        if not name:
            return ""
        try:
            return (self.folder / name).read_text(encoding="utf-8")[: reading.SIZE_CAP]
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self.plain.problem(path, f"The seed article {name} cannot be read: {why}.")
            return ""

    def _warn_of_typos(self, storyline: Storyline, path: reading.Path) -> None:
        """A term that is nearly an entity's name was probably meant to be it."""
        names = set(storyline.entities)
        aliases = {alias for aliases in storyline.entities.values() for alias in aliases}
        for term in {t for group in storyline.terms.all for t in group} | set(storyline.terms.any):
            for name in sorted(names - aliases):
                if term not in names | aliases and fuzz.ratio(term.lower(), name.lower()) >= _TYPO:
                    self._warn(
                        (*path, "terms"),
                        f"The term “{term}” is nearly the entity “{name}”; write it alike if it is meant.",
                    )

    # --- single values

    def _check_url(self, url: str, path: reading.Path) -> None:
        try:
            parts = urlsplit(url)
            sound = (
                parts.scheme in ("http", "https")
                and bool(parts.hostname)
                and not re.search(r"[\s\\]", url)
                and parts.port != 0
            )
        except ValueError:
            sound = False
        if not sound:
            self.plain.problem(
                path, f"“{' '.join(url.split())[:80]}” is not a web address; write it like https://example.org/feed."
            )

    def _check_every(self, every: timedelta, path: reading.Path) -> None:
        if not EVERY[0] <= every <= EVERY[1]:
            self.plain.problem(path, "A feed is polled every 1m at the most often and every 7d at the least.")

    def _check_threshold(self, threshold: float, path: reading.Path) -> None:
        if not 0 < threshold <= 1:
            self.plain.problem(path, "A threshold lies above 0 and is at most 1, such as 0.5.")

    def _check_fetch(self, fetch: FetchSettings) -> None:
        for number, network in enumerate(fetch.allow_networks):
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                self.plain.problem(
                    ("fetch", "allow_networks", number), f"`{network}` is not a network; write it like 192.168.1.0/24."
                )
        bounds = {
            "workers": (1, 200),
            "per_host": (1, 20),
            "max_redirects": (0, 20),
            "max_bytes": (10_000, 200_000_000),
        }
        for name, (least, most) in bounds.items():
            if not least <= getattr(fetch, name) <= most:
                self.plain.problem(("fetch", name), f"`{name}` is a number from {least} to {most}.")
        if not timedelta(seconds=1) <= fetch.timeout <= timedelta(minutes=5):
            self.plain.problem(("fetch", "timeout"), "A fetch may take from 1s to 5m.")

    def _warn(self, path: reading.Path, message: str) -> None:
        while path and path not in self.plain.lines:
            path = path[:-1]
        self.warnings.append(Problem(self.plain.file, self.plain.lines.get(path, 1), message))
