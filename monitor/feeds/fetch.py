"""The gate: the one way out to the web, for feeds and for webhooks. Addresses are judged, time and size are bounded."""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from tempfile import SpooledTemporaryFile
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    IncompleteRead,
    InvalidHeader,
    NameResolutionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)  # fmt: skip
from urllib3.util import make_headers

from monitor import __version__
from monitor.errors import FeedError, MonitorError, SecretError, plainly
from monitor.feeds.address import Policy
from monitor.feeds.settings import FetchSettings
from monitor.feeds.wire import Deadlines, Forbidden, NoAuthorities, Target, Unanswered, Wire
from monitor.model import Feed, FeedState, Reply, Response
from monitor.secret import Secret, mask

_ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/json;q=0.8, application/xml;q=0.8, */*;q=0.5"
_ACCEPT_PAGE = "text/html, application/xhtml+xml, text/plain;q=0.8, */*;q=0.5"
_REDIRECTS = (301, 302, 303, 307, 308)
_PERMANENT = (301, 308)
_HIDDEN = ("set-cookie", "www-authenticate", "authorization")
_LINKS_CAP = 4_000
_CHUNK = 64 * 1024
_IN_MEMORY = 256 * 1024
"""What is longer waits on disk until it is complete."""
_REPLY_CAP = 64 * 1024
_POST_TIME = 25.0
_MOST_ENCODINGS = 2
_PLAIN = re.compile(
    r"(https?)://([a-z0-9][a-z0-9.-]*)(?::([1-9]\d{0,3}|[1-5]\d{4}))?(/[\w~,:@=+./-]*(?:\?[\w~,:@=+&./-]+)?)", re.ASCII
)
"""An address in which nothing has to be escaped, left out or written in another way: most of them."""
_CODINGS = frozenset(("gzip", "x-gzip", "deflate", "", "identity", "none", "utf-8"))
"""What can be unpacked, and what servers say of a body that is not packed."""


class GateError(MonitorError):
    """A request could not be carried out; `reason` is a short stable code."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Gate:
    """Fetches feeds and posts to webhooks; safe to use from many threads."""

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._deadlines = Deadlines()
        # No session of requests: it would look for cookies, proxies and a .netrc, none of which are wanted (H33)
        self._wire = Wire(
            Policy(settings.allow_networks), self._deadlines, connections=settings.workers, proxy=settings.proxy, ca_file=settings.ca_file,
        )  # fmt: skip
        contact = f"; +{settings.contact}" if settings.contact else ""
        self.closed = False
        """Whether what was under way has been cut."""
        self._agent = f"news-story-monitor/{__version__} (feed reader{contact})"

    def page(self, url: str) -> Response:
        """Get a web page, within the same limits as a feed. Raises FeedError."""
        return self._get(url, {"Accept": _ACCEPT_PAGE}, conditional=False)

    def fetch(self, feed: Feed, state: FeedState) -> Response:
        """Get a feed if it changed since `state`. Raises FeedError with the reason and, where told, when to come back."""
        try:
            own = {name: value.reveal() if isinstance(value, Secret) else value for name, value in feed.headers.items()}
        except SecretError as error:  # it went since the start: this feed's trouble, and no other's
            raise FeedError("secret", str(error)) from None
        validators = {"If-None-Match": state.etag, "If-Modified-Since": state.last_modified}
        headers = {"Accept": _ACCEPT, **own, **{name: value for name, value in validators.items() if value}}
        return self._get(state.address or feed.url, headers, conditional=bool(state.etag or state.last_modified))

    def _get(self, url: str, headers: dict[str, str], *, conditional: bool) -> Response:
        try:
            with self._deadlines.within(self._settings.timeout.total_seconds()) as deadline:
                answer, at, moved_to = self._follow(url, headers, deadline)
                try:
                    brought = self._response(answer, at, conditional=conditional, deadline=deadline)
                    return replace(brought, moved_to=moved_to) if moved_to else brought
                finally:
                    _let_go(answer)
        except GateError as error:
            raise FeedError(error.reason, str(error)) from None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post `body`; no redirect is followed, 64 kB of the answer are read. Raises GateError."""
        with self._deadlines.within(_POST_TIME) as deadline:
            answer, _ = self._request("POST", url, dict(headers), body)
            try:
                said = _read(answer, _REPLY_CAP, deadline, cut=True)
                return Reply(status=answer.status, headers=_headers(answer), body=said)
            except (HTTPError, OSError):  # the receiver has answered; what it says beyond the status is not needed
                return Reply(status=answer.status, headers=_headers(answer), body=b"")
            finally:
                _let_go(answer)

    def close(self) -> None:
        """Cut what is under way and let go of all connections."""
        self.closed = True
        self._deadlines.close()
        self._wire.close()

    def retire(self) -> None:
        """Close it when the polls that are under way, and still use it, are over."""
        later = threading.Timer(2 * self._settings.timeout.total_seconds(), self.close)
        later.daemon = True
        later.start()

    def _follow(self, url: str, headers: dict[str, str], deadline: float) -> tuple[BaseHTTPResponse, str, str]:
        """Walk the redirects ourselves: each hop is judged anew, and nothing of ours goes to another host (H9-H13, H32).

        Returns the answer at the end, its address, and the address up to which all redirects were permanent, if any was.
        """
        chain, moved_to, permanent = [url], "", True
        while True:
            answer, at = self._request("GET", chain[-1], headers)
            if answer.status not in _REDIRECTS:
                return answer, at, moved_to
            permanent = permanent and answer.status in _PERMANENT
            location = answer.headers.get("location", "")
            _let_go(answer)
            target = _target(chain[-1], location.strip())
            told = mask(" -> ".join([*chain, target or location[:500]]))
            if not target:
                raise GateError("redirect", f"The server redirects to nowhere useful: {told}.")
            if len(chain) > self._settings.max_redirects or target in chain:
                raise GateError("redirect", f"The server redirects in circles: {told}.")
            if (
                urlsplit(chain[-1]).scheme == "https"
                and urlsplit(target).scheme == "http"
                and not self._settings.allow_downgrade
            ):
                raise GateError("redirect", f"The server redirects from https to http, which is refused: {told}.")
            if urlsplit(target).netloc != urlsplit(_bare(chain[-1])).netloc:
                headers = {"Accept": _ACCEPT}
            chain.append(target)
            moved_to = target if permanent else moved_to
            if time.monotonic() > deadline:
                raise GateError("timeout", "The server took too long to redirect.")

    def _request(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[BaseHTTPResponse, str]:
        """The answer, and the address as it was asked for."""
        address = _bare(url)
        headers = {"User-Agent": self._agent, "Accept-Encoding": "gzip, deflate", **headers}
        if body is not None:
            headers["Content-Length"] = str(len(body))
        try:
            target = _target_of(address)
            if "@" in url:
                headers = _with_login(headers, *_credentials(url))
            limit = min(self._settings.timeout.total_seconds(), self._deadlines.remaining)
            ask = partial(self._wire.ask, method, target, _each_once(headers), body, limit)
            try:
                return ask(), target.url
            except (OSError, ProtocolError) as error:
                if self.closed or not any(
                    isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in _chain(error)
                ):
                    raise
                return ask(), target.url  # H36: a connection that was kept open may have been closed meanwhile
        except (HTTPError, OSError, ValueError) as error:
            raise self._gate_error(error, address) from None

    def _gate_error(self, error: Exception, url: str) -> GateError:
        """What is told of `error`; a connection that was cut at its deadline breaks in any way, and is told as late."""
        return _gate_error(TimeoutError() if self._deadlines.passed and not self.closed else error, url)

    def _response(self, answer: BaseHTTPResponse, url: str, *, conditional: bool, deadline: float) -> Response:
        status, headers = answer.status, _headers(answer)
        if status == 304:  # noqa: PLR2004
            if not conditional:
                raise FeedError("not-modified", "The server says that nothing changed, though it was not asked that.")
            answer.release_conn()  # a 304 has no body to read, and closing would close the connection too
            return Response(url=url, status=status, headers=headers, not_modified=True)
        if not 200 <= status < 300:  # noqa: PLR2004
            raise _status_error(status, headers)
        codings = [coding.strip().lower() for coding in headers.get("content-encoding", "").split(",")]
        if len(codings) > _MOST_ENCODINGS:
            raise FeedError("encoding", "The answer is packed too many times over.")
        if not _CODINGS.issuperset(codings):
            raise FeedError("encoding", "The answer is packed in a way that nobody asked for, and cannot be unpacked.")
        try:
            body = _read(answer, self._settings.max_bytes, deadline)
        except (HTTPError, OSError) as error:
            raise self._gate_error(error, url) from None
        links = _links(headers["link"]) if "link" in headers else {}
        hub, topic = (_target(url, links.get(rel, "")) for rel in ("hub", "self"))
        return Response(
            url=url,
            status=status,
            headers=headers,
            body=body,
            digest=hashlib.blake2b(body, digest_size=16).hexdigest(),
            hub=hub,
            topic=topic or url,
        )


def _read(answer: BaseHTTPResponse, cap: int, deadline: float, *, cut: bool = False) -> bytes:
    """The inflated body, at most `cap` bytes of it (H3, H4); with `cut`, the rest is left unread.

    While it comes, little of it is in memory: dozens of large ones may come at a time, and most of those are never used.
    """
    size = 0
    with SpooledTemporaryFile(_IN_MEMORY) as body:
        while chunk := answer.read(_CHUNK, decode_content=True):
            body.write(chunk)
            size += len(chunk)
            if size > cap:
                if cut:
                    break
                raise FeedError("too-large", f"The answer is larger than {cap // 1024} kB.")
            if time.monotonic() > deadline:
                break
        if time.monotonic() > deadline:  # a connection that was cut looks like one that has ended
            raise TimeoutError
        body.seek(0)
        return body.read(cap)


def _let_go(answer: BaseHTTPResponse) -> None:
    """Close what was not read to its end; the connection of an answer that was is kept for the next request."""
    answer.close()
    answer.release_conn()


def _headers(answer: BaseHTTPResponse) -> dict[str, str]:
    return {low: value for name, value in answer.headers.itermerged() if (low := name.lower()) not in _HIDDEN}


def _links(header: str) -> dict[str | None, str]:
    """What a Link header names, by what it is to the feed."""
    from requests.utils import parse_header_links  # noqa: PLC0415 - most answers have none, and to load it takes long

    return {link.get("rel"): link["url"] for link in parse_header_links(header[:_LINKS_CAP])}


def _status_error(status: int, headers: Mapping[str, str]) -> FeedError:
    after = retry_after(headers) if status in (429, 503) else None
    if status == 410:  # noqa: PLR2004
        return FeedError("gone", "The server says that this address has ended for good (410).", gone=True)
    if status == 429:  # noqa: PLR2004
        return FeedError(
            "throttled", "The server asks to be polled less often (429).", retry_after=after or timedelta(hours=4)
        )
    if status == 403 and "cf-mitigated" in headers:  # noqa: PLR2004
        return FeedError("bot-wall", "A wall against bots stands before this address (403).")
    names = {401: "wants a login", 403: "forbids this address", 404: "knows no such address"}
    return FeedError(
        f"http-{status}", f"The server {names.get(status, 'answered with an error')} ({status}).", retry_after=after
    )


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long the server asks to be left alone: seconds, or a date measured against its own clock (H18-H20)."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value) if len(value) < 10 else 10**9)  # noqa: PLR2004
    try:
        until = parsedate_to_datetime(value)
        sent = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(timedelta(0), until - sent)
    except (ValueError, TypeError, OverflowError):
        return None


def _gate_error(error: Exception, url: str) -> GateError:
    """One sentence and a code for whatever went wrong below: the first row of the table that fits any part of the cause."""
    chain = _chain(error)
    told = {"host": urlsplit(url).hostname or url, "url": url, "why": mask(" ".join(plainly(chain[-1]).split()))[:200]}
    for kinds, reason, sentence in _CAUSES:
        if any(isinstance(cause, kinds) for cause in chain):
            return GateError(reason, sentence.format(**told))
    return GateError("connection", "{host} cannot be reached: {why}.".format(**told))


_CAUSES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str, str], ...] = (
    (
        Forbidden,
        "forbidden",
        "{host} leads to a private address; allow its network under fetch: allow_networks if you mean it.",
    ),
    (Unanswered, "dns-failed", "No name server answers for {host}; it is asked again at the next poll."),
    (NameResolutionError, "dns", "No address is known for {host}; check the spelling, or the network."),
    (NoAuthorities, "tls", "The certificate of {host} cannot be checked: {why}."),
    (ssl.SSLCertVerificationError, "tls", "The certificate of {host} cannot be trusted: {why}."),
    (SSLError, "tls", "{host} does not speak TLS: {why}."),
    ((ReadTimeoutError, TimeoutError), "timeout", "{host} took too long to answer."),
    (DecodeError, "encoding", "{host} sent a body that cannot be unpacked."),
    ((IncompleteRead, http.client.IncompleteRead), "truncated", "{host} broke off in the middle of its answer."),
    ((ConnectionResetError, BrokenPipeError), "connection", "{host} broke the connection: {why}."),
    (
        (http.client.HTTPException, ProtocolError, InvalidHeader),
        "protocol",
        "{host} does not speak proper HTTP: {why}.",
    ),
    (ValueError, "address", "{url} is not an address that can be fetched."),
)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        current = todo.pop(0)
        if isinstance(current, BaseException) and current not in chain:
            chain.append(current)
            todo += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
    return chain


def _target(url: str, location: str) -> str:
    """Where a redirect or a link from `url` leads; empty when it is no web address (H9)."""
    try:
        target = urljoin(_bare(url), location) if location else ""
        return target if urlsplit(target).scheme in ("http", "https") else ""
    except ValueError:
        return ""


@lru_cache(4_096)
def _credentials(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or "")


def _each_once(headers: dict[str, str]) -> dict[str, str]:
    """Of those that differ in upper and lower case only, the last."""
    each = {name.lower(): (name, value) for name, value in headers.items()}
    return headers if len(each) == len(headers) else dict(each.values())


def _with_login(headers: dict[str, str], user: str, password: str) -> dict[str, str]:
    """With the login that an address names, instead of any other (RFC 7617)."""
    if not user:
        return headers
    return headers | {"Authorization": make_headers(basic_auth=f"{user}:{password}")["authorization"]}


@lru_cache(4_096)
def _target_of(address: str) -> Target:
    """The address as it is asked for: names in their ASCII form, what must be escaped is escaped."""
    plain = _PLAIN.fullmatch(address)
    if plain and "/." not in address:
        scheme, host, port, path = plain.groups()
        return Target(address, scheme, host, int(port) if port else None, path)
    from requests import PreparedRequest  # noqa: PLC0415 - loaded where it is used

    prepared = PreparedRequest()
    prepared.prepare_url(address, None)
    parts = urlsplit(str(prepared.url))
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Target(str(prepared.url), parts.scheme, parts.hostname or "", parts.port, path)


@lru_cache(4_096)
def _bare(url: str) -> str:
    """`url` without a login and fragment (H34). Raises GateError for what is no http(s) address."""
    if _PLAIN.fullmatch(url):
        return url
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise GateError("address", "The address cannot be read; check its spelling.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c in url for c in "\\\r\n\t "):
        raise GateError("address", "The address is not of the form https://host/path.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return urlunsplit((parts.scheme, f"{host}:{port}" if port else host, parts.path, parts.query, ""))
