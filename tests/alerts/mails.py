"""Two mails about an invented story, as they are shown in the documents and looked at in a browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from monitor.alerts.channels.email import compose
from monitor.alerts.digest import compose as digest_of
from monitor.alerts.links import Links
from monitor.alerts.route import delivery_for
from monitor.model import Alert, AlertKind, Chapter, Development, Evidence, Hold, Link, Severity

MORNING = datetime(2026, 3, 5, 7, 12, tzinfo=UTC)
DAM, FERRY = ("dam", "The Orla dam"), ("ferry", "The ferry strike")
LINKS = Links("https://news.example.org", b"an invented key")


def link(outlet: str, title: str, minutes: int) -> Link:
    return Link(
        outlet=outlet, title=title, url=f"https://{outlet.split(maxsplit=1)[0].lower()}.example/{minutes}", published=MORNING + timedelta(minutes=minutes)
    )  # fmt: skip


def told(
    number: int, storyline: tuple[str, str], outlet: str, title: str, severity: Severity = Severity.NORMAL
) -> Alert:
    return Alert(
        id=f"a{number}", kind=AlertKind.NEW, reason="new-fact", explanation="", created_at=MORNING + timedelta(minutes=97 * number),
        storylines=(storyline,), development=f"d{number}", title=title, summary="", evidence=(), outlets=(outlet,),
        reports=(link(outlet, title, 97 * number),), known_before=(), severity=severity,
    )  # fmt: skip


def alert() -> Alert:
    """An evacuation, with all that an alert has."""
    return Alert(
        id="a1", kind=AlertKind.NEW, reason="new-fact",
        explanation="New: it tells of an evacuation; the nearest earlier report is 31% alike: “Cracks found in the Orla dam”.",
        created_at=MORNING, storylines=(DAM,), development="d1", title="Two valleys below the Orla dam are evacuated",
        summary="Some 4,200 people left their homes overnight; engineers say that the eastern wall has moved by three centimetres.",
        evidence=(Evidence(term="Orla dam", found="Orla dam", field="title", score=1.0), Evidence(term="evacuation", found="evacuated", field="title", score=0.9)),
        outlets=("Valley Herald", "Upland Radio"), reports=(link("Valley Herald", "Two valleys evacuated", 0),),
        known_before=(link("Upland Radio", "Cracks found in the Orla dam", -900), link("Valley Herald", "Orla dam closed for inspection", -2400)),
        severity=Severity.HIGH,
    )  # fmt: skip


def digest() -> Alert:
    """A morning's digest of two storylines."""
    alerts = [
        told(0, DAM, "Upland Radio", "Cracks found in the Orla dam", Severity.HIGH),
        told(3, DAM, "Valley Herald", "Two valleys below the Orla dam are evacuated", Severity.CRITICAL),
        told(7, DAM, "Kurier", "Minister orders inquiry into Orla dam’s inspections"),
        told(5, FERRY, "Harbour Post", "Ferry crews vote for a second week of strikes"),
    ]
    background = {
        "dam": Chapter(
            storyline="dam", title=DAM[1], question="Does the dam hold, and who answers for it?", state="surge", folded=37,
            coverage=(0, 1, 0, 2, 1, 3, 7, 12, 9, 6, 8, 4, 2, 1, 0, 0, 1, 2, 5, 6, 3, 2, 1, 1),
            open=(link("Upland Radio", "Director of the dam is said to have resigned", 800),),
        ),
        "ferry": Chapter(
            storyline="ferry", title=FERRY[1], question="When do the ferries run again?", state="developing", folded=6,
            coverage=(0, 0, 0, 0, 1, 2, 3, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
        ),
    }  # fmt: skip
    grown = {
        name: Development(
            id=name, title="", storylines=("dam",), first_report="", started_at=MORNING, last_report_at=MORNING, outlets=outlets, reports=reports
        )
        for name, outlets, reports in (
            ("d0", ("Upland Radio", "Valley Herald"), 9), ("d3", ("Valley Herald", "Upland Radio", "Kurier", "Harbour Post"), 21),
        )
    }  # fmt: skip
    return digest_of(alerts, Hold.DIGEST, MORNING + timedelta(days=1), background, grown)


def html_of(shown: Alert) -> str:
    """The HTML part of the mail about it."""
    delivery = delivery_for(shown, "mail", "desk@example.org", shown.created_at)
    message = message_from_bytes(compose(shown, delivery, "Story monitor <monitor@example.org>", LINKS), policy=default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("html",))
    assert part is not None
    content: str = part.get_content()
    return content
