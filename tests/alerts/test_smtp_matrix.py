"""Fourteen faults of a mail server at each of six verbs: 84 cases, each decided as the table says (D1-D11)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.alerts.channels import smtp
from monitor.alerts.channels.email import EmailChannel, EmailSettings, compose
from monitor.errors import DeliveryError
from tests.alerts.samples import make_alert, make_delivery
from tests.alerts.servers import Scripted

VERBS = ("hello", "ehlo", "mail", "rcpt", "data", "body")
FAULTS = {
    "shutting down": "421 shutting down", "busy": "450 busy", "greylisted": "451 come back", "full": "452 no room",
    "syntax": "500 what", "sequence": "503 bad sequence", "login wanted": "530 log in first", "unknown": "550 not here",
    "too large": "552 too large", "refused": "554 policy", "hangs": "hang", "drips": "drip", "hangs up": "drop", "garbage": "\x00\xff?",
}  # fmt: skip
R, F, P = "retry", "final", "pause"
TABLE = {
    #                hello ehlo mail rcpt data body
    "shutting down": (R, R, R, R, R, R),
    "busy": (R, R, R, R, R, R),
    "greylisted": (R, R, R, R, R, R),  # D3
    "full": (R, R, R, R, R, R),
    "syntax": (R, R, P, F, F, F),  # D2: 5xx is final for that recipient; of the sender it concerns the channel
    "sequence": (R, R, P, F, F, F),
    "login wanted": (P, P, P, P, P, P),  # D6: the channel rests, so that no account is locked
    "unknown": (R, R, P, F, F, F),
    "too large": (F, F, F, F, F, F),  # D9
    "refused": (R, R, P, F, F, F),
    "hangs": (R, R, R, R, R, R),  # D8
    "drips": (R, R, R, R, R, R),  # D8
    "hangs up": (R, R, R, R, R, R),  # D7 at the body: the same Message-ID comes again
    "garbage": (R, R, R, R, R, R),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("verb", VERBS)
def test_every_fault_at_every_verb_is_decided_as_the_table_says(
    fault: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "LONGEST", 0.5)
    script = {verb: FAULTS[fault]} | ({"helo": FAULTS[fault]} if verb == "ehlo" else {})
    alert, delivery = make_alert(), make_delivery()
    with Scripted(**script) as server:
        settings = EmailSettings(
            type="email", host="localhost", port=server.port, sender="m@desk.example", to=(delivery.target,), security="none",
            timeout=timedelta(seconds=0.3),
        )  # fmt: skip
        with pytest.raises(DeliveryError, match=r"^The mail server localhost ") as caught:
            EmailChannel(settings).send(alert, delivery, lambda _line: None)
    assert caught.value.verdict == TABLE[fault][VERBS.index(verb)]
    assert server.mails == ([compose(alert, delivery, "m@desk.example")] if verb == "body" else [])


def test_the_table_has_every_case() -> None:
    assert len(FAULTS) * len(VERBS) == sum(map(len, TABLE.values())) == 84
    assert TABLE.keys() == FAULTS.keys()
