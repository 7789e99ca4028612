"""Words and addresses of strangers, made fit to stand among ours: one line, bounded, harmless, in their own direction."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, urlsplit, urlunsplit

LINE_CAP = 300
URL_CAP = 2_000
_JOINERS_AND_MARKS = "\u200c\u200d\u200e\u200f\u061c"
"""Format characters that honest text needs: emoji and Persian joiners, marks of direction."""
_UNFIT = ("Cc", "Cf", "Cs", "Co")
_NO_CHARACTER = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)
"""Code points that are none, which XML refuses (X6)."""
_SEEN = re.compile(
    "[^\\s\u034f\u061c\u115f\u1160\u17b4\u17b5\u200c-\u200f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What leaves ink, or may: all but blanks that count as letters and marks that show only beside others."""
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_URL_SAFE = "/%:@!$&'()*+,;=~?-._"
_RIGHT_TO_LEFT = ("R", "AL")
_WORD = 20


def line(value: str, cap: int = LINE_CAP) -> str:
    """`value` as one line of printable text, at most `cap` characters long, empty where nothing of it shows (T1, T3, T5, T6, T8, T13)."""
    value = printable(" ".join(value[: cap * 8].split()))
    return cut(" ".join(value.split()), cap) if _SEEN.search(value) else ""


def printable(value: str) -> str:
    """`value` without the characters that command a terminal, hide, or turn text around."""
    return value if value.isprintable() else "".join(filter(fit, value))


def fit(character: str) -> bool:
    """Whether a character may stand among ours."""
    if character in _JOINERS_AND_MARKS:
        return True
    return unicodedata.category(character) not in _UNFIT and not _NO_CHARACTER.match(character)


def cut(value: str, cap: int) -> str:
    """`value` shortened to `cap` characters, between words where possible and never inside a visible character (T3)."""
    if len(value) <= cap:
        return value
    end = cap - 1
    while end > cap // 2 and _continues(value, end):
        end -= 1
    space = value.rfind(" ", max(1, end - _WORD), end + 1)
    return value[: space if space > 0 else end].rstrip() + "…"


def isolate(value: str) -> str:
    """`value` for a line of plain text, fenced off where it runs from right to left, so that it turns nothing else around."""
    if not value.isascii() and any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in value):
        return f"\u2068{value}\u2069"
    return value


def safe_url(url: str) -> str:
    """`url` in plain ASCII, without a login, if it is an http(s) address; else nothing (T9, T11, T16)."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host if host.isascii() else host.encode("idna").decode("ascii")
        path, query, fragment = (quote(part, safe=_URL_SAFE) for part in (parts.path, parts.query, parts.fragment))
    except ValueError:  # UnicodeError is one
        return ""
    if parts.scheme not in ("http", "https") or "\\" in url or not _HOST.fullmatch(host):
        return ""
    shown = f"[{host}]" if ":" in host else host
    cleaned = urlunsplit((parts.scheme, f"{shown}:{port}" if port else shown, path, query, fragment))
    return cleaned if len(cleaned) <= URL_CAP else ""


def host(url: str) -> str:
    """The host that `url` really leads to, as it is dialled (T16)."""
    return urlsplit(safe_url(url)).hostname or ""


def _continues(value: str, at: int) -> bool:
    """Whether the visible character before `at` goes on there: accents, joined emoji, skin tones, flags, Korean syllables."""
    before, after = value[at - 1], value[at]
    if unicodedata.category(after).startswith("M") or "\u200d" in (before, after):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\u1160" <= after <= "\u11ff":
        return True
    return _is_flag_letter(after) and _flag_letters_before(value, at) % 2 == 1


def _flag_letters_before(value: str, at: int) -> int:
    start = at
    while start > 0 and _is_flag_letter(value[start - 1]):
        start -= 1
    return at - start


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
