"""The YAML a user writes -> Config. Every problem at once, each with file and line and what to write instead."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from monitor.alerts.channels import ChannelSettings, policy, targets
from monitor.alerts.notice import Operator
from monitor.alerts.policy import Policy
from monitor.alerts.route import Routing
from monitor.alerts.severity import Outlets
from monitor.config import channels, feeds, files, place, reading, storylines
from monitor.config.defaults import Defaults, Retention
from monitor.config.reading import Plain
from monitor.config.shape import check_keys, fill
from monitor.errors import ConfigError, Problem
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, Storyline
from monitor.secret import mask
from monitor.serve import WebSettings

if TYPE_CHECKING:
    from monitor.desk import Rules

__all__ = ["PLACES", "Config", "Defaults", "Retention", "checked", "fetch_settings", "find", "load"]

PLACES = ("$MONITOR_CONFIG", "config/monitor.yaml", "/etc/monitor/monitor.yaml")
"""Where a configuration is looked for when none is named."""
T = TypeVar("T", Defaults, FetchSettings, Operator, Outlets, Retention, WebSettings)
_SECTIONS = {
    "store",
    "defaults",
    "fetch",
    "retention",
    "entities",
    "feeds",
    "storylines",
    "channels",
    "outlets",
    "operator",
    "web",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration, checked."""

    source: Path
    store: str = field(repr=False)
    """Its address, which may hold a password."""
    feeds: tuple[Feed, ...]
    storylines: tuple[Storyline, ...]
    channels: Mapping[str, ChannelSettings]
    fetch: FetchSettings = field(default_factory=FetchSettings)
    retention: Retention = field(default_factory=Retention)
    outlets: Outlets = field(default_factory=Outlets)
    operator: Operator = field(default_factory=Operator)
    web: WebSettings = field(default_factory=WebSettings)
    warnings: tuple[Problem, ...] = ()

    def rules(self) -> Rules:
        """What the desk decides by."""
        from monitor.desk import Rules  # noqa: PLC0415 - and with it the database and all that stories are told by
        from monitor.stories.match import Matcher  # noqa: PLC0415

        recipients = {name: targets(settings) for name, settings in self.channels.items()}
        routing = Routing(
            storylines={s.id: s for s in self.storylines},
            targets=recipients,
            policies=self.policies(),
            outlets=self.outlets,
        )
        return Rules(matcher=Matcher(self.storylines), routing=routing)

    def policies(self) -> Mapping[str, Policy]:
        """When each channel's readers want to hear of alerts."""
        return {name: policy(settings) for name, settings in self.channels.items()}


def find(named: Path | None) -> Path:
    """The configuration to use: the one that is named, or the first that is found. Raises ConfigError."""
    if named is not None:
        return named
    if set_to := os.environ.get("MONITOR_CONFIG"):
        return Path(set_to)
    for usual in PLACES[1:]:
        if os.path.lexists(usual):  # C9: a dangling link is told, not passed over
            return Path(usual)
    looked = ", ".join(PLACES)
    said = f"No configuration was found (looked at {looked}); `monitor init` writes one."
    raise ConfigError([Problem("monitor.yaml", 0, said)])


def load(path: Path) -> Config:
    """Read and check a configuration. Raises ConfigError with every problem, in order of line."""
    return checked(_text(path), path)


def checked(text: bytes, path: Path) -> Config:
    """Check what stands, or shall stand, in the file `path`. Raises ConfigError with every problem, in order of line."""
    plain = reading.read(text, str(path))
    config = None if plain.problems and plain.data is None else _config(plain, path)
    if plain.problems or config is None:
        raise ConfigError(_in_order(plain.problems))
    return replace(config, warnings=tuple(_in_order(plain.warnings)))


def fetch_settings(path: Path) -> FetchSettings:
    """How to behave on the web, by a configuration of which no other section need be right yet. Raises ConfigError."""
    plain = reading.read(_text(path), str(path))
    settings = _section(plain, FetchSettings, "fetch") if isinstance(plain.data, dict) else FetchSettings()
    if plain.problems:
        raise ConfigError(_in_order(plain.problems))
    return settings


def _text(path: Path) -> bytes:
    try:
        return files.read(path, reading.SIZE_CAP + 1)
    except files.UnreadableError as error:
        raise ConfigError([Problem(str(path), 0, f"The file cannot be read: {error}.")]) from None


def _in_order(problems: list[Problem]) -> list[Problem]:
    masked = {replace(problem, message=mask(problem.message)) for problem in problems}  # C16
    return sorted(masked, key=lambda problem: (problem.file, problem.line, problem.message))


def _config(plain: Plain, path: Path) -> Config | None:
    """The configuration; with at least a problem noted when something is wrong."""
    if not isinstance(plain.data, dict):
        plain.problem((), "The file must hold sections such as `feeds:` and `storylines:`.")
        return None
    check_keys(plain, plain.data, _SECTIONS, ())
    written = plain.section("channels")
    found = channels.read(plain, written)
    known = {*found, *(written if isinstance(written, dict) else ())}
    defaults: Defaults = _section(plain, Defaults, "defaults")
    defaults = replace(defaults, channels=defaults.channels or tuple(found))
    for section in ("defaults", "operator"):
        named = plain.section(section)
        if isinstance(named, dict) and "channels" in named:
            channels.check_named(plain, named["channels"], known, (section, "channels"))
    retention: Retention = _section(plain, Retention, "retention")
    if retention.seen < retention.entries:
        plain.problem(
            ("retention", "seen"), "`seen` must last at least as long as `entries`, or old news would be new again."
        )
    return Config(
        source=path,
        store=place.read(plain),
        feeds=feeds.read(plain, plain.section("feeds"), defaults, path.parent),
        storylines=storylines.read(plain, defaults, known, path.parent),
        channels=found,
        fetch=_section(plain, FetchSettings, "fetch"),
        retention=retention,
        outlets=_section(plain, Outlets, "outlets"),
        operator=_section(plain, Operator, "operator"),
        web=_web(plain),
    )


def _section(plain: Plain, cls: type[T], name: str) -> T:
    return fill(plain, cls, plain.section(name), (name,)) or cls()


def _web(plain: Plain) -> WebSettings:
    web: WebSettings = _section(plain, WebSettings, "web")
    if web.page and not web.is_open and not web.has_login:
        said = "Others than this machine's own users could open the page, so it stays shut until it has a password; `monitor password` makes one."
        plain.warn(("web",), said)
    return web
