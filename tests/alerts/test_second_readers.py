"""What is sent, read by others than Python: webhooks by the reference library for JavaScript, mails by postal-mime."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.alerts import render
from monitor.alerts.channels.email import compose
from monitor.alerts.channels.webhook import sign
from monitor.model import Alert, AlertKind, Link
from tests.alerts.samples import HOSTILE, HOSTILE_URLS, NOON, make_alert, make_delivery
from tests.needed import lacking

NPM = Path(__file__).parents[1] / "npm"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def readers() -> str:
    """Node, with the packages of tests/npm."""
    node = shutil.which("node")
    if node is None or not (NPM / "node_modules").is_dir():
        lacking(
            "node is not here" if node is None else "the packages are not here; `npm ci --prefix tests/npm` brings them"
        )
    return node


def read(node: str, asked: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = "".join(json.dumps(question) + "\n" for question in asked)
    done = subprocess.run(
        [node, NPM / "readers.mjs"], input=lines, capture_output=True, text=True, timeout=100, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def hostile(chance: random.Random, number: int) -> Alert:
    """An alert of the worst of feeds."""

    def words() -> str:
        return " ".join(chance.sample(HOSTILE, k=chance.randint(1, 3)))

    links = tuple(
        Link(outlet=words(), title=words(), url=chance.choice(HOSTILE_URLS), published=NOON)
        for _ in range(chance.randint(0, 4))
    )
    return make_alert(
        id=f"d-{number}", kind=chance.choice(list(AlertKind)), title=words(), summary=words(), explanation=words(), reports=links,
        known_before=links[:2], storylines=((f"s{number % 7}", words()),), outlets=(words(), words()),
    )  # fmt: skip


def test_a_thousand_payloads_verify_and_a_thousand_tampered_ones_do_not(readers: str) -> None:
    """Goal 17, T15: by the reference libraries for JavaScript and for Python."""
    chance, now = random.Random(17), datetime.now(UTC)
    asked: list[dict[str, Any]] = []
    for number in range(1_000):
        body = json.dumps(render.payload(hostile(chance, number)), ensure_ascii=False, allow_nan=False)
        headers = sign(f"msg_d-{number}", now, body, [SECRET])
        asked.append({"secret": SECRET, "headers": headers, "body": body})
        at = chance.randrange(len(body))
        kind = number % 3
        tampered = body[:at] + chr(ord(body[at]) ^ 1) + body[at + 1 :] if kind == 0 else body
        other = (
            {"webhook-id": f"msg_e-{number}"}
            if kind == 1
            else {"webhook-timestamp": str(int(now.timestamp()) - 1)}
            if kind == 2
            else {}
        )
        asked.append({"secret": SECRET, "headers": headers | other, "body": tampered})
    assert [answer["valid"] for answer in read(readers, asked)] == [True, False] * 1_000
    assert [verified(question) for question in asked] == [True, False] * 1_000


def verified(question: dict[str, Any]) -> bool:
    try:
        Webhook(question["secret"]).verify(question["body"].encode(), question["headers"])
    except (WebhookVerificationError, UnicodeError):
        return False
    return True


def test_during_a_change_of_secrets_either_verifies(readers: str) -> None:
    """D21."""
    new = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    headers = sign("msg_1", datetime.now(UTC), "{}", [SECRET, new])
    asked = [{"secret": secret, "headers": headers, "body": "{}"} for secret in (SECRET, new)]
    assert [answer["valid"] for answer in read(readers, asked)] == [True, True]


@pytest.mark.parametrize("count", [150, pytest.param(1_000, marks=pytest.mark.soak)])
def test_mails_read_the_same_by_a_parser_that_is_not_pythons(count: int, readers: str) -> None:
    """Goal 18, T8."""
    chance = random.Random(18)
    alerts = [hostile(chance, number) for number in range(count)]
    deliveries = [make_delivery(id=f"d-{number}-x", root="d-r" if number % 2 else "") for number in range(count)]
    mails = [compose(a, d, "Story Monitor <m@desk.example>") for a, d in zip(alerts, deliveries, strict=True)]
    for mail in mails:
        assert max(map(len, mail.split(b"\r\n"))) <= 78
        assert len(mail) < 100_000
    asked = ({"mail": base64.b64encode(mail).decode()} for mail in mails)
    for alert, delivery, found in zip(alerts, deliveries, read(readers, asked), strict=True):
        assert found["subject"] == render.subject(alert)
        assert found["from"] == {"name": "Story Monitor", "address": "m@desk.example"}
        assert found["to"] == [{"name": "", "address": "ann@desk.example"}]
        assert found["messageId"] == f"<{delivery.id}@desk.example>"
        assert found.get("references") == ("<d-r@desk.example>" if delivery.root else None)
        assert found["text"].replace("\r\n", "\n").rstrip() == render.text(alert).rstrip()
        assert found["html"].replace("\r\n", "\n").rstrip() == render.html(alert).rstrip()
        assert len(set(found["headers"])) == len(found["headers"])
        assert not {"bcc", "cc"} & set(found["headers"])
