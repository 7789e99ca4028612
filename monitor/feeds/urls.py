"""Addresses as documents write them: made absolute, and told apart. What is plainly written takes a short way to the same end. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
"""What no address and no key holds: control characters, line breaks and tabs among them."""
_CAP = 2_000
_TRACKING = ("utm_", "at_medium", "at_campaign", "fbclid", "gclid", "ref_src", "ito", "cmpid")
_PATH = r"(?:/[\w!$%&'()*+,./:=@~-]*)?"
_PLAIN = re.compile(rf"https?://[A-Za-z0-9.-]+{_PATH}(?:\?[\w!$%&'()*+,./:=@~?-]+)?", re.ASCII)
"""An absolute address in which there is nothing to resolve, to escape or to drop: most of them."""
_WITHOUT_QUERY = re.compile(rf"https?://(?:www\.)?([a-z0-9.-]*[a-z0-9-])({_PATH})", re.ASCII)
_NAME = re.compile(r"[\w-]+", re.ASCII)


def resolved(link: str, base: str) -> str:
    """An absolute http(s) address, or nothing (X25)."""
    return link[:_CAP] if _PLAIN.fullmatch(link) else _resolved(link, base)


def _resolved(link: str, base: str) -> str:
    link = NOT_IN_A_NAME.sub("", link.encode("utf-8", "replace").decode()).strip()
    if not link:
        return ""
    try:
        absolute = urljoin(base, link)
        parts = urlsplit(absolute)
        return (
            re.sub(r"\s", "%20", absolute)[:_CAP]
            if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            else ""
        )
    except ValueError:
        return ""


def joined(base: str, link: str) -> str:
    """What urllib's urljoin says. Raises ValueError where it does."""
    if _PLAIN.fullmatch(link):
        return link
    return _folder(base) + link if _NAME.fullmatch(link) else urljoin(base, link)


@lru_cache(maxsize=16)
def _folder(base: str) -> str:
    """Where a plain name beside `base` lies."""
    return urljoin(base, "name")[: -len("name")]


def same_link(url: str) -> str:
    """`url` without what changes while the article stays the same: scheme, www, closing slash, tracking parameters (X14)."""
    plain = _WITHOUT_QUERY.fullmatch(url)
    return f"//{plain[1]}{plain[2].rstrip('/')}" if plain else _same_link(url)


@lru_cache(maxsize=8_192)
def _same_link(url: str) -> str:
    try:
        parts = urlsplit(url)
        query = urlencode(
            [
                (name, value)
                for name, value in parse_qsl(parts.query, keep_blank_values=True)
                if not name.lower().startswith(_TRACKING)
            ]
        )
    except ValueError:
        return url
    return urlunsplit(("", parts.netloc.lower().removeprefix("www."), parts.path.rstrip("/"), query, ""))
