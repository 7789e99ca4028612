"""Commands around the configuration: init, check, track, discover, password, test-alert, doctor, version."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import FAILED, AsJson, ConfigFile, app, as_text, complete
from monitor.cli.output import count, print_json, say
from monitor.errors import ConfigError, MonitorError


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write monitor.yaml.")] = Path("config"),
) -> None:
    """Write a commented, working configuration with one storyline."""
    target = directory / "monitor.yaml"
    if target.exists():
        raise MonitorError(f"{target} exists already and was left as it is; name another folder.")
    package = resources.files("monitor.config")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, source in (("monitor.yaml", "starter.yaml"), ("config.schema.json", "config.schema.json")):
            (directory / name).write_text(package.joinpath(source).read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise MonitorError(f"{target} cannot be written: {error.strerror}.") from None
    say(f"{target} is written. Look into it, then: monitor run -c {target}")


@app.command()
def check(config: ConfigFile = None, json: AsJson = False) -> int:  # noqa: FBT002 - Typer's way
    """Check the configuration: every problem at once, with file and line."""
    from monitor.config import find, load  # noqa: PLC0415

    try:
        checked = load(find(config))
    except ConfigError as error:
        if not json:
            raise
        print_json(
            {
                "valid": False,
                "problems": [{"file": p.file, "line": p.line, "message": p.message} for p in error.problems],
            }
        )
        return 78
    told = {"feeds": len(checked.feeds), "storylines": len(checked.storylines), "channels": list(checked.channels)}
    if json:
        print_json({"valid": True, "warnings": [str(warning) for warning in checked.warnings], **told})
        return 0
    for warning in checked.warnings:
        say(f"warning: {warning}")
    names = ", ".join(checked.channels)
    what = f"{count(len(checked.storylines), 'storyline')}, {count(len(checked.feeds), 'feed')}"
    say(f"{checked.source} is right: {what}, alerts by {names}.")
    return 0


@app.command()
def track(
    article: Annotated[
        str, typer.Argument(metavar="ARTICLE", help="A text or HTML file, an address, or - for standard input.")
    ],
    into: Annotated[
        Path | None, typer.Option("--into", metavar="FILE", help="Put the storylines into this configuration.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Propose storylines from an article: entities, terms and what it leaves open."""
    import io  # noqa: PLC0415

    from monitor.config import fetch_settings  # noqa: PLC0415
    from monitor.config.proposal import as_yaml  # noqa: PLC0415
    from monitor.feeds.settings import FetchSettings  # noqa: PLC0415
    from monitor.track import fetched, proposed, put_into  # noqa: PLC0415

    source = as_text(article)
    place = into or _configured(config)
    given = sys.stdin.buffer if sys.stdin else io.BytesIO()
    found = fetched(source, given, fetch_settings(place) if place else FetchSettings())
    if into is None:
        proposal = proposed(found)
        say(as_yaml(proposal, found.title or found.text.strip().partition("\n")[0]).rstrip("\n"))
        return
    added = put_into(into, found)
    say(f"{into} has {count(len(added.ids), 'new storyline')}: {', '.join(added.ids)}.")
    say(
        f"The article's text is in {added.seed}. Look the new lines over; a daemon that runs takes them up when it is told to reload."
    )


def _configured(named: Path | None) -> Path | None:
    """The configuration, where there is one or one is named."""
    from monitor.config import find  # noqa: PLC0415

    try:
        return find(named)
    except ConfigError:
        return None


@app.command()
def discover(
    site: Annotated[str, typer.Argument(metavar="URL", help="A site's address, or a page of it.")],
    config: ConfigFile = None,
    json: AsJson = False,  # noqa: FBT002
) -> None:
    """Find the feeds of a site, as lines for the configuration."""
    from dataclasses import asdict  # noqa: PLC0415

    from monitor.config import fetch_settings  # noqa: PLC0415
    from monitor.config.proposal import feed_line  # noqa: PLC0415
    from monitor.discover import discover as find_feeds  # noqa: PLC0415
    from monitor.feeds.settings import FetchSettings  # noqa: PLC0415

    place = _configured(config)
    found = find_feeds(as_text(site), fetch_settings(place) if place else FetchSettings())
    if json:
        print_json([asdict(f) | {"newest": f.newest.isoformat() if f.newest else None} for f in found])
        return
    for feed in found:
        newest = f", the newest of {feed.newest:%-d %B %Y}" if feed.newest else ""
        say(f"  - {feed_line(feed.url, feed.title)}    # {count(feed.entries, 'entry', 'entries')}{newest}")


@app.command()
def password() -> None:
    """Ask for a password of the page and print the line of the configuration by which it is known."""
    import sys  # noqa: PLC0415

    from monitor.web.login import LONGEST, SHORTEST, kept  # noqa: PLC0415

    if sys.stdin is not None and sys.stdin.isatty():
        chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        chosen = (sys.stdin.readline() if sys.stdin else "").rstrip("\r\n")
    if not SHORTEST <= len(chosen) <= LONGEST:
        raise MonitorError(f"A password of the page has {SHORTEST} letters or more, {LONGEST} at most.")
    say(f'web: {{password: "{kept(chosen)}"}}')


@app.command("test-alert")
def try_channel(
    channel: Annotated[
        str, typer.Argument(metavar="CHANNEL", help="A channel of the configuration.", autocompletion=complete.channels)
    ],
    config: ConfigFile = None,
    json: AsJson = False,  # noqa: FBT002
) -> int:
    """Send a sample alert and show the whole conversation; done only if the receiver took it."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from monitor.config import find, load  # noqa: PLC0415
    from monitor.sample import send  # noqa: PLC0415

    conversation: list[str] = []
    tell = conversation.append if json else lambda text: say(f"  {text}")
    with redirect_stdout(sys.stderr if json else sys.stdout):  # the console tells there
        failures = send(channel, load(find(config)), datetime.now(UTC), tell)
    if json:
        print_json({"channel": channel, "accepted": not failures, "errors": failures, "transcript": conversation})
    else:
        say("\n".join(failures) if failures else f"{channel} took the test alert.")
    return FAILED if failures else 0


@app.command()
def doctor(
    config: ConfigFile = None,
    dkim_selector: Annotated[
        str,
        typer.Option("--dkim-selector", metavar="NAME", help="The name of the key that your mail server signs with."),
    ] = "",
    json: AsJson = False,  # noqa: FBT002
) -> int:
    """Look over all that alerts need to arrive: servers, what the sender's domain publishes, secrets, the store. Nothing is sent."""
    from dataclasses import asdict  # noqa: PLC0415
    from datetime import UTC, datetime  # noqa: PLC0415

    from monitor.config import find, load  # noqa: PLC0415
    from monitor.doctor import Level, examine  # noqa: PLC0415
    from monitor.doctor.lookup import Lookup  # noqa: PLC0415

    found = []
    for finding in examine(load(find(config)), Lookup(), datetime.now(UTC), as_text(dkim_selector)):
        found.append(finding)
        if not json:
            say(f"{finding.level:<8} {finding.subject}: {finding.said}")
    if json:
        print_json([asdict(finding) for finding in found])
    return FAILED if any(finding.level is Level.PROBLEM for finding in found) else 0


@app.command()
def version() -> None:
    """Print the version."""
    from monitor import __version__  # noqa: PLC0415

    say(__version__)
