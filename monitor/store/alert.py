"""An alert as the JSON it is kept in, and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from monitor.model import Alert, AlertKind, Chapter, Evidence, Link, Severity, Told


def to_json(alert: Alert) -> dict[str, Any]:
    """An alert as JSON values."""
    content: dict[str, Any] = _plain(asdict(alert))
    return content


def from_json(content: dict[str, Any]) -> Alert:
    """The alert that `to_json` wrote, by this version of the program or an earlier one."""
    return Alert(
        **content
        | {
            "kind": AlertKind(content["kind"]),
            "created_at": datetime.fromisoformat(content["created_at"]),
            "storylines": tuple((identifier, title) for identifier, title in content["storylines"]),
            "evidence": tuple(Evidence(**evidence) for evidence in content["evidence"]),
            "outlets": tuple(content["outlets"]),
            "reports": tuple(map(_link, content["reports"])),
            "known_before": tuple(map(_link, content["known_before"])),
            "first": _link(content["first"]) if content.get("first") else None,
            "severity": Severity(content.get("severity", Severity.NORMAL)),
            "chapters": tuple(map(_chapter, content.get("chapters", ()))),
        }
    )


def _chapter(content: dict[str, Any]) -> Chapter:
    told = tuple(map(_told, content["told"]))
    lists = {"coverage": tuple(content["coverage"]), "open": tuple(map(_link, content["open"]))}
    return Chapter(**content | lists | {"told": told})


def _told(content: dict[str, Any]) -> Told:
    return Told(
        **content
        | {
            "kind": AlertKind(content["kind"]),
            "severity": Severity(content["severity"]),
            "outlets": tuple(content["outlets"]),
            "report": _link(content["report"]) if content["report"] else None,
            "at": datetime.fromisoformat(content["at"]),
        }
    )


def _link(content: dict[str, Any]) -> Link:
    return Link(**content | {"published": datetime.fromisoformat(content["published"])})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
