from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alerts.channels import EmailSettings
from monitor.config import load
from monitor.config.schema import text as schema_text
from monitor.errors import ConfigError
from monitor.model import Change
from monitor.secret import Secret

ROOT = Path(__file__).parents[2]
FULL = """\
store: sqlite:///data/m.db
defaults: {every: 20m, channels: [mail], threshold: 0.4}
fetch: {contact: desk@example.org, timeout: 10s, allow_networks: [10.0.0.0/8], workers: 4}
retention: {entries: 10d, seen: 100d}
entities:
  Dam: [zapora, 댐]
storylines:
  - id: dam
    title: The dam
    question: Does it hold?
    seed: seed.txt
    threshold: 0.7
    channels: [console]
    updates: [number, contradicted]
    entities: {Mayor: [Jo Bloggs]}
    terms:
      all: [Dam, [Mayor, council]]
      any: [flood]
      none: beaver
  - {id: short, title: Short, terms: [a, b]}
feeds:
  - https://a.example/rss
  - {url: "https://b.example/rss", name: B, every: 1h, language: en, headers: {X-Key: {env: PATH}}}
  - {opml: list.opml}
channels:
  console: {type: console}
  mail:
    type: email
    host: mail.example.org
    from: Desk <desk@example.org>
    to: [ann@example.org, bob@example.org]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "seed.txt").write_text("The dam shows cracks.")
    (tmp_path / "list.opml").write_text(
        '<opml version="2.0"><body><outline text="Group"><outline title="C" xmlUrl="https://c.example/rss"/></outline></body></opml>'
    )
    (tmp_path / "monitor.yaml").write_text(FULL)
    return tmp_path / "monitor.yaml"


def test_everything_that_can_be_written_is_read(path: Path) -> None:
    config = load(path)
    assert config.store == "sqlite:///data/m.db"
    assert [(feed.url, feed.every, feed.name) for feed in config.feeds] == [
        ("https://a.example/rss", timedelta(minutes=20), ""),
        ("https://b.example/rss", timedelta(hours=1), "B"),
        ("https://c.example/rss", timedelta(minutes=20), "C"),
    ]
    assert config.feeds[1].headers == {"X-Key": Secret(env="PATH")}
    dam, short = config.storylines
    assert dam.terms.all == (("Dam",), ("Mayor", "council"))
    assert dam.terms.none == ("beaver",)
    assert dam.updates == (Change.NUMBER, Change.CONTRADICTED)
    assert set(short.updates) == set(Change)
    assert dam.entities == {"Dam": ("zapora", "댐"), "Mayor": ("Jo Bloggs",)}
    assert (dam.seed, dam.threshold, dam.channels) == ("The dam shows cracks.", 0.7, ("console",))
    assert (short.terms.any, short.threshold, short.channels) == (("a", "b"), 0.4, ("mail",))
    assert isinstance(config.channels["mail"], EmailSettings)
    assert config.channels["mail"].to == ("ann@example.org", "bob@example.org")
    assert config.fetch.timeout == timedelta(seconds=10)
    assert config.retention.seen == timedelta(days=100)
    assert config.warnings == ()


def test_a_term_that_is_nearly_an_entity_is_a_warning(path: Path) -> None:
    path.write_text(FULL.replace("council]", "Mayors]"))
    (warning,) = load(path).warnings
    assert "“Mayors” is nearly the entity “Mayor”" in warning.message


def test_without_channels_alerts_go_to_the_console(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("feeds: [https://a.example/rss]\nstorylines: [{id: a, title: A, terms: [a]}]\n")
    assert load(tmp_path / "m.yaml").storylines[0].channels == ("console",)


def store_of(folder: Path, said: str) -> str:
    (folder / "m.yaml").write_text(
        f"feeds: [https://a.example/rss]\nstorylines: [{{id: a, title: A, terms: [a]}}]\nstore: {said}\n"
    )
    return load(folder / "m.yaml").store


def test_a_store_in_postgresql_is_named_by_its_address_or_by_a_secret_that_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C16: a password stands where secrets are, and no message repeats it."""
    monkeypatch.setattr("monitor.secret._revealed", set())
    whole = "postgresql://ann:canary-pass-1@db.example.org/monitor?sslmode=require"
    monkeypatch.setenv("STORE", whole)
    (tmp_path / "address").write_text(f"{whole}\n")
    assert store_of(tmp_path, "postgresql:///monitor") == "postgresql:///monitor"
    assert store_of(tmp_path, "{env: STORE}") == store_of(tmp_path, f"{{file: {tmp_path}/address}}") == whole
    assert "canary" not in repr(load(tmp_path / "m.yaml"))
    for wrong in (
        "{env: NOWHERE}",
        "postgresql://h:port/d",
        "postgresql://ann:canary-pass-1@h/d",
        "postgresql://h/d?password=canary-pass-1",
    ):
        with pytest.raises(ConfigError) as told:
            store_of(tmp_path, wrong)
        assert "canary" not in str(told.value)
    monkeypatch.setenv("STORE", "mysql://ann:canary-pass-1@db.example.org/monitor")
    with pytest.raises(ConfigError, match="What the environment variable STORE holds is no address of a store") as told:
        store_of(tmp_path, "{env: STORE}")
    assert "canary" not in str(told.value)


def test_under_systemd_the_store_lies_in_the_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/monitor")
    (tmp_path / "m.yaml").write_text("feeds: [https://a.example/rss]\nstorylines: [{id: a, title: A, terms: [a]}]\n")
    assert load(tmp_path / "m.yaml").store == "sqlite:////var/lib/monitor/monitor.db"


@pytest.mark.parametrize("name", ["config/monitor.yaml", "monitor/config/starter.yaml"])
def test_the_configurations_we_ship_are_right(name: str) -> None:
    assert load(ROOT / name).warnings == ()


def test_the_default_configuration_follows_enough() -> None:
    config = load(ROOT / "config/monitor.yaml")
    assert 8 <= len(config.storylines) <= 12
    assert len(config.feeds) >= 20
    assert all(storyline.question.endswith("?") for storyline in config.storylines)


def test_the_shipped_schema_is_the_one_that_the_code_makes() -> None:
    """`python -c 'from monitor.config.schema import text; print(text(), end="")' > monitor/config/config.schema.json` renews it."""
    assert (ROOT / "monitor/config/config.schema.json").read_text() == schema_text()


@pytest.mark.parametrize("name", ["config/monitor.yaml", "monitor/config/starter.yaml"])
def test_the_first_line_of_each_configuration_names_the_schema(name: str) -> None:
    first = (ROOT / name).read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert json.loads((ROOT / name).parent.joinpath(first.split("=", 1)[1]).read_text())["title"]
