"""docs/alerts.yml and docs/grafana.json ask for what /metrics tells, by labels that are there, in expressions that Prometheus understands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as read_text

from monitor import metrics
from monitor.model import Feed, FeedState
from monitor.store import Connection, Store, feeds, outbox, stories
from monitor.web import app
from tests.alerts.samples import NOON, make_alert, make_delivery
from tests.needed import lacking
from tests.test_daemon import FERRY
from tests.web.sites import make_site

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "docs/alerts.yml").read_text())
BOARD = json.loads((ROOT / "docs/grafana.json").read_text())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
ALERTS = [(rule["alert"], rule["expr"]) for group in RULES["groups"] for rule in group["rules"]]
EXPRESSIONS = [*ALERTS, *((panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"])]
OF_PROMETHEUS = {"up", "job", "instance"}
"""What Prometheus itself knows of each program that it asks."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def scraped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """/metrics of a monitor of which everything can be told."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('scraped')}/monitor.db"
        else:
            url = stack.enter_context(request.getfixturevalue("postgresql").schema())
        yield scraped_from(stack.enter_context(closing(Store.open(url))))


def scraped_from(store: Store) -> str:

    def fill(tx: Connection) -> None:
        feeds.sync(tx, [Feed(url="https://herald.example/rss")], NOON)
        feeds.save(tx, FeedState(url="https://herald.example/rss", next_poll_at=NOON - timedelta(hours=1), failures=3))
        stories.sync(tx, [FERRY], NOON)
        outbox.add(tx, [make_alert()], [make_delivery()])
        outbox.pause(tx, "mail", None, "It said 410.")

    store.write(fill)
    metrics.FAILURES.labels("timeout")
    metrics.TRIES.labels("mail", "sent")
    client = app.create(make_site(store, lambda: NOON)).test_client()
    return client.get("/metrics").text


def series(scraped: str) -> dict[str, set[str]]:
    """Name -> its labels."""
    found: dict[str, set[str]] = {}
    for family in read_text(scraped):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_what_is_asked_for_is_told(title: str, expression: str, scraped: str) -> None:
    known = series(scraped)
    bare = re.sub(r'"[^"]*"', '""', expression)
    named = set(re.findall(r"\b(?:monitor|process|python)_\w+", bare)) or {"up"}
    assert named <= known.keys() | OF_PROMETHEUS
    labels = set(re.findall(r'(\w+)\s*(?:=~|!=|!~|=)\s*""', bare))
    labels |= {label.strip() for listed in re.findall(r"by \(([^)]+)\)", bare) for label in listed.split(",")}
    assert labels <= set().union(*(known.get(name, set()) for name in named)) | OF_PROMETHEUS


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panels_legend_names_labels_that_are_left(panel: dict[str, Any], scraped: str) -> None:
    for target in panel["targets"]:
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        kept = re.findall(r"by \(([^)]+)\)", target["expr"])
        whole = series(scraped)[re.findall(r"\b(?:monitor|process)_\w+", target["expr"])[0]]
        assert named <= ({label.strip() for label in kept[0].split(",")} if kept else whole)


def test_the_documents_tell_every_metric_and_no_other(scraped: str) -> None:
    told = set(re.findall(r"^\| `(monitor_\w+)` \|", (ROOT / "docs/server.md").read_text(), re.MULTILINE))
    ours = {
        f"{f.name}_total" if f.type == "counter" else f.name
        for f in read_text(scraped)
        if f.name.startswith("monitor_")
    }
    assert told == ours


def test_every_alert_says_what_is_and_what_to_do() -> None:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "description"}
            assert rule["labels"]["severity"] in ("warning", "critical")


def test_the_dashboard_lays_its_panels_beside_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        lacking("promtool is not here; Debian's package prometheus brings it")
    return found


def test_prometheus_takes_the_rules_and_every_panels_expression(promtool: str, tmp_path: Path) -> None:
    said = [expression.replace("$__rate_interval", "5m").replace("$job", "monitor") for _, expression in EXPRESSIONS]
    rules = [{"record": f"x:{number}", "expr": expression} for number, expression in enumerate(said)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    command = [promtool, "check", "rules", str(ROOT / "docs/alerts.yml"), str(tmp_path / "panels.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_prometheus_finds_no_fault_with_the_metrics(promtool: str, scraped: str) -> None:
    ours = "\n".join(line for line in scraped.splitlines() if "monitor_" in line) + "\n"
    done = subprocess.run(
        [promtool, "check", "metrics"], input=ours, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
