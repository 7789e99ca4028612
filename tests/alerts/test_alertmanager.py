"""Alerts to an Alertmanager: a real server that looks at them as the API's description says (openapi.yaml, v2)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings

from monitor.alerts.channels import AlertmanagerSettings, open_channel
from monitor.alerts.channels.alertmanager import posted
from monitor.errors import DeliveryError
from monitor.feeds.fetch import Gate
from monitor.feeds.settings import FetchSettings
from monitor.model import Alert, AlertKind, Reply, Severity
from monitor.secret import Secret
from tests.alerts.samples import HOSTILE, alerts, make_alert, make_delivery
from tests.end_to_end.world import free_port, serving
from tests.needed import lacking

HOUR = timedelta(hours=1)
Post = Callable[[str, bytes, Mapping[str, str]], Reply]


def faults(alert: dict[str, Any]) -> list[str]:
    """What an Alertmanager would not take."""
    found = [
        f"key {key}" for key in alert if key not in {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
    ]
    named = {**alert["labels"], **alert["annotations"]}
    found += [
        name
        for name, value in named.items()
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) or not isinstance(value, str)
    ]
    found += [f"empty {name}" for name, value in named.items() if not value]
    starts, ends = (datetime.fromisoformat(alert[key]) for key in ("startsAt", "endsAt"))
    found += ["times"] if starts.tzinfo is None or not starts < ends else []
    return found + ([] if "alertname" in alert["labels"] else ["no alertname"])


@dataclass
class Manager:
    """An Alertmanager's way in."""

    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    status: int = 200


@pytest.fixture
def manager() -> Iterator[Manager]:
    manager = Manager()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            manager.heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            wrong = [fault for alert in body for fault in faults(alert)]
            manager.taken += body if not wrong else []
            self.send_response(400 if wrong else manager.status)
            said = json.dumps(wrong).encode()
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None: ...

    with serving(Handler) as port:
        manager.url = f"http://127.0.0.1:{port}"
        yield manager


@pytest.fixture
def post() -> Iterator[Post]:
    gate = Gate(FetchSettings(allow_networks=("127.0.0.0/8",)))
    yield gate.post
    gate.close()


def send(manager: Manager, post: Post, alert: Alert, **changed: Any) -> list[str]:
    told: list[str] = []
    settings = AlertmanagerSettings(type="alertmanager", url=manager.url, **changed)
    open_channel(settings, post).send(alert, make_delivery(channel="am", target=""), told.append)
    return told


def test_an_alert_arrives_with_storyline_severity_and_reason_as_labels(manager: Manager, post: Post) -> None:
    send(manager, post, make_alert(severity=Severity.HIGH))
    (alert,) = manager.taken
    assert manager.heard[0][0] == "/api/v2/alerts"
    assert alert["labels"] == {
        "alertname": "NewsDevelopment", "alert": "d-1f00-new", "storyline": "orla-dam", "severity": "high", "reason": "new-fact",
        "kind": "new", "development": "d-1f00",
    }  # fmt: skip
    assert alert["annotations"]["title"] == "Two valleys below the Orla dam are evacuated"
    assert alert["annotations"]["storyline_title"] == "The Orla dam"
    assert alert["generatorURL"] == "https://herald.example/orla"
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-03-05T12:00:00+00:00", "2026-03-05T13:00:00+00:00")


def test_every_kind_of_alert_is_taken(manager: Manager, post: Post) -> None:
    for kind in AlertKind:
        send(
            manager,
            post,
            make_alert(kind=kind, development="", reports=(), storylines=(), summary=""),
            resolve_after=HOUR,
        )
    assert [alert["labels"]["alertname"] for alert in manager.taken] == [
        "NewsDevelopment", "NewsUpdate", "NewsBaseline", "NewsState", "NewsDigest", "NewsNotice", "NewsTest",
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(alerts)
def test_no_words_of_a_feed_make_an_alert_that_is_not_taken(alert: Alert) -> None:
    assert faults(json.loads(json.dumps([posted(alert, HOUR)]))[0]) == []


def test_a_login_goes_with_it_and_into_no_transcript(
    manager: Manager, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AM_TOKEN", "Bearer canary-token")
    told = send(manager, post, make_alert(), headers={"Authorization": Secret(env="AM_TOKEN")})
    assert manager.heard[0][1]["authorization"] == "Bearer canary-token"
    assert "canary" not in " ".join(told)


@pytest.mark.parametrize(("status", "verdict"), [(500, "retry"), (400, "retry"), (302, "retry"), (410, "disable")])
def test_an_alertmanager_that_does_not_take_it_is_judged_like_any_receiver(
    status: int, verdict: str, manager: Manager, post: Post
) -> None:
    """D13-D16."""
    manager.status = status
    with pytest.raises(DeliveryError) as caught:
        send(manager, post, make_alert())
    assert caught.value.verdict == verdict
    assert "Alertmanager" in str(caught.value)


def test_one_that_is_not_there_is_tried_again(post: Post) -> None:
    with pytest.raises(DeliveryError, match="The Alertmanager was not reached"):
        send(Manager(f"http://127.0.0.1:{free_port()}"), post, make_alert())


# --- the real thing


@pytest.fixture
def real(tmp_path: Path) -> Iterator[str]:
    """A running Alertmanager (Debian's package prometheus-alertmanager)."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        lacking("there is no Alertmanager; Debian's package prometheus-alertmanager brings it")
    (tmp_path / "am.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    port = free_port()
    options = {
        "config.file": tmp_path / "am.yml", "storage.path": tmp_path / "data", "web.listen-address": f"127.0.0.1:{port}",
        "cluster.listen-address": "",
    }  # fmt: skip
    command = [program, *(f"--{name}={value}" for name, value in options.items())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 20
        while not answers(f"http://127.0.0.1:{port}/-/ready"):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        running.terminate()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.ConnectionError:
        return False


def test_a_real_alertmanager_takes_alerts_and_knows_one_again(real: str, post: Post) -> None:
    settings = AlertmanagerSettings(type="alertmanager", url=real)
    now = datetime.now(UTC)
    for number, title in enumerate(["Two valleys evacuated", *HOSTILE, "Two valleys evacuated"]):
        alert = make_alert(
            id=f"d-{number % (len(HOSTILE) + 1)}-new", title=title, severity=Severity.HIGH, created_at=now
        )
        open_channel(settings, post).send(alert, make_delivery(channel="am", target=""), lambda _line: None)
    taken = requests.get(f"{real}/api/v2/alerts", timeout=5).json()
    assert len(taken) == len(HOSTILE) + 1
    (first,) = [alert for alert in taken if alert["labels"]["alert"] == "d-0-new"]
    assert (first["labels"]["severity"], first["annotations"]["title"]) == ("high", "Two valleys evacuated")
    assert first["status"]["state"] in ("active", "unprocessed")
