"""What a receiver of a POST answered, and what follows from it; the same for every channel that posts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from monitor.alerts import render
from monitor.errors import DeliveryError
from monitor.model import Reply
from monitor.secret import Secret, mask

_GONE = 410
_THROTTLES = (429, 502, 503, 504)
_LONGEST_WAIT = timedelta(hours=24)


def judge_reply(reply: Reply, now: datetime, who: str) -> None:
    """Return when `who` took it; else raise the DeliveryError that says what follows (D12-D16)."""
    if 200 <= reply.status < 300:  # noqa: PLR2004
        return
    if reply.status == _GONE:
        raise DeliveryError(
            f"The {who} says that it is gone (410); the channel is off until you resume it.",
            verdict="disable",
        )
    after = _retry_after(reply.headers, now) if reply.status in _THROTTLES else None
    raise DeliveryError(
        f"The {who} answered {reply.status} instead of 2xx: {said(reply)}".rstrip(": ") + ".", after=after
    )


def _retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the receiver wants to be left alone: seconds, or a date by its own clock; None when it named neither."""
    value = headers.get("retry-after", "").strip()
    try:
        if value.isascii() and value.isdigit():
            return timedelta(seconds=min(int(value[:9]), _LONGEST_WAIT.total_seconds()))
        wait = _date(value) - (_date(headers["date"]) if "date" in headers else now)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), _LONGEST_WAIT)


def _date(value: str) -> datetime:
    parsed = parsedate_to_datetime(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def said(reply: Reply) -> str:
    """The first words of an answer."""
    return render.line(mask(reply.body[:2_000].decode("utf-8", "replace")), 200).rstrip(".")


def reveal(value: str | Secret) -> str:
    """The text of a setting that may be a secret. Raises SecretError."""
    return value.reveal() if isinstance(value, Secret) else value


def tell(
    transcript: Callable[[str], None], url: str, headers: Mapping[str, str], theirs: Collection[str], size: int
) -> None:
    """Show a request: of its address no more than the host, of `theirs` only the names, since the rest may be as good as a password."""
    transcript(mask(f"> POST {urlsplit(url).scheme}://{urlsplit(url).hostname}/... ({size} bytes)"))
    for name, value in headers.items():
        transcript(f"> {name}: {'...' if name in theirs else value}")
