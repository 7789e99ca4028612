"""Connections for the gate: dialled only to a permitted address, and cut when their time is up.

requests has no total deadline, and a server that sends a byte now and then never trips its timeouts (H1, H2). So each
connection is registered while it is used, and one thread cuts those whose deadline has passed.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import certifi
from urllib3 import BaseHTTPResponse, Retry, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.poolmanager import PoolManager
from urllib3.util.ssl_ import create_urllib3_context

from monitor.errors import plainly
from monitor.feeds.address import Policy
from monitor.feeds.head import Reply
from monitor.feeds.lanes import step_aside

_DIAL = 10.0
"""Seconds in which a machine takes a connection; half of what is left, where it has more addresses."""
_RESOLVERS = 4
"""Look-ups at the same time for each worker: one that hangs in the C library cannot be cut, and must hold up no other (H26)."""
_ours: Any = itemgetter("scheme", "host", "port")
_ONCE = Retry(False, redirect=False)  # noqa: FBT003 - so urllib3 has it
_NAME, _VALUE = re.compile(r"[\w-]+", re.ASCII), re.compile(r"[!-?A-~][ -~]*")
"""A header in which there is nothing to be found fault with: most of them. One with `@` at the beginning may be urllib3's own sign."""


class Target(NamedTuple):
    """What is asked for: its address, and the parts of it that say of whom, and for what."""

    url: str
    scheme: str
    host: str
    port: int | None
    path: str


class Forbidden(OSError):  # noqa: N818 - reads as what happened
    """A host leads only to addresses that may not be contacted."""


class Unanswered(OSError):  # noqa: N818 - reads as what happened
    """No name server had an answer, not even that there is no such name."""


class NoAuthorities(OSError):  # noqa: N818 - reads as what happened
    """The certificates by which servers are judged cannot be read."""


class Deadlines:
    """Cuts connections whose time is up, from one thread that sleeps while there are none."""

    def __init__(self) -> None:
        self._current = threading.local()
        self._watched: dict[int, tuple[float, socket.socket]] = {}
        self._changed = threading.Condition()
        self._looks_at = float("inf")
        """When the thread looks next, if nobody wakes it."""
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def within(self, seconds: float) -> Iterator[float]:
        """Everything this thread does on a connection inside ends at the deadline (monotonic seconds), which is given."""
        deadline = time.monotonic() + seconds
        self._current.deadline = deadline
        try:
            yield deadline
        finally:
            self._current.deadline = None
            with self._changed:
                self._watched.pop(threading.get_ident(), None)

    def watch(self, sock: socket.socket) -> None:
        """Note that this thread now uses `sock`."""
        deadline = getattr(self._current, "deadline", None)
        if deadline is None:
            return
        with self._changed:
            self._watched[threading.get_ident()] = (deadline, sock)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            if deadline < self._looks_at:
                self._changed.notify()

    @property
    def remaining(self) -> float:
        """Seconds this thread has left, at least a little."""
        deadline = getattr(self._current, "deadline", None)
        return max(0.05, deadline - time.monotonic()) if deadline else 60.0

    @property
    def passed(self) -> bool:
        """Whether this thread has no time left."""
        deadline = getattr(self._current, "deadline", None)
        return deadline is not None and time.monotonic() >= deadline

    def close(self) -> None:
        """Cut everything and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for thread, (deadline, sock) in list(self._watched.items()):
                    if self._closed or deadline <= now:
                        with suppress(OSError):
                            sock.shutdown(socket.SHUT_RDWR)
                        del self._watched[thread]
                if self._closed:
                    return
                self._looks_at = min((deadline for deadline, _ in self._watched.values()), default=float("inf"))
                self._changed.wait(min(self._looks_at - now, threading.TIMEOUT_MAX))


class Wire:
    """Connections that obey a Policy and Deadlines, kept for the next request."""

    def __init__(
        self, policy: Policy, deadlines: Deadlines, *, connections: int, proxy: str = "", ca_file: str = ""
    ) -> None:
        self._policy, self._deadlines, self._ca_file = policy, deadlines, ca_file
        self._resolvers = ThreadPoolExecutor(_RESOLVERS * connections, thread_name_prefix="dns")
        classes = _pool_classes(self)
        self._pools = PoolManager(num_pools=connections, maxsize=connections)
        self._pools.pool_classes_by_scheme = classes
        # all else that two pools may differ in is the same here, and takes as long to compare as to send a request
        self._pools.key_fn_by_scheme = dict.fromkeys(classes, _ours)
        self._by_proxy: Any = None
        if proxy:
            from monitor.feeds.proxied import Proxied  # noqa: PLC0415 - loaded where it is used

            self._by_proxy = Proxied(proxy, classes, connections, ca_file or certifi.where())

    def ask(
        self, method: str, target: Target, headers: dict[str, str], body: bytes | None, seconds: float
    ) -> BaseHTTPResponse:
        """Send a request, and wait for the head of the answer: at most so many seconds for each step. Raises what urllib3 raises.

        By a proxy where there is one: then it is looked at whether the address may be asked for as it is written.
        """
        if self._by_proxy is not None:
            if not all(map(self._policy.permits, _numbers(target.host))):
                raise Forbidden(f"{target.host} may not be contacted")
            answer: BaseHTTPResponse = self._by_proxy.ask(method, target, headers, body, (_DIAL, seconds))
            return answer
        tls = {"ssl_context": self._tls} if target.scheme == "https" else None
        pool = self._pools.connection_from_host(target.host, target.port, target.scheme, tls)
        return pool.urlopen(
            method, target.path, body=body, headers=headers, retries=_ONCE, redirect=False, assert_same_host=False,
            preload_content=False, decode_content=False, timeout=Timeout(connect=_DIAL, read=seconds),
        )  # fmt: skip

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """What all connections go by: to read the authorities takes as long as to poll ten feeds."""
        authorities = self._ca_file or certifi.where()
        context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
        try:
            context.load_verify_locations(**{"capath" if Path(authorities).is_dir() else "cafile": authorities})
        except OSError as error:
            raise NoAuthorities(OSError(f"{authorities} cannot be read ({plainly(error)})")) from None
        return context

    def close(self) -> None:
        """Close the pools and let go of name look-ups under way."""
        self._pools.clear()
        if self._by_proxy is not None:
            self._by_proxy.close()
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    def dial(self, connection: HTTPConnection) -> socket.socket:
        """Connect to the first permitted address that answers: the very one that was judged (H30, H31)."""
        host = connection._dns_host.rstrip(".")  # noqa: SLF001 - where urllib3 keeps the name to resolve
        addresses = self._resolve(connection, host)  # with a proxy, the proxy's: the user named it, wherever it is
        permitted = [address for address in addresses if self._by_proxy or self._policy.permits(address[4][0])]
        if not permitted:
            raise Forbidden(f"{host} leads to an address that may not be contacted")
        failure: OSError | None = None
        for left, (family, kind, protocol, _, address) in enumerate(_alternating(permitted), start=-len(permitted)):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(min(_DIAL, self._deadlines.remaining / min(-left, 2)))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                self._deadlines.watch(sock)
                return sock
        raise NewConnectionError(connection, f"{failure}") from failure

    def watch(self, connection: HTTPConnection) -> None:
        """Time what this thread does on a connection that was kept open."""
        if connection.sock is not None:
            self._deadlines.watch(connection.sock)

    def _resolve(self, connection: HTTPConnection, host: str) -> list[Any]:
        looked_up = self._resolvers.submit(socket.getaddrinfo, host, connection.port, 0, socket.SOCK_STREAM)
        try:
            return looked_up.result(self._deadlines.remaining)
        except TimeoutError:
            raise TimeoutError(f"looking up {host} took too long") from None
        except UnicodeError:
            raise NameResolutionError(host, connection, socket.gaierror("not a host name")) from None
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise Unanswered(str(error)) from None
            raise NameResolutionError(host, connection, error) from error


def _numbers(host: str) -> list[str]:
    """The address that a host is written as, in any of the ways that are understood anywhere (H30); none where it is a name."""
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return ["127.0.0.1"]
    with suppress(OSError, UnicodeError):
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)]
    return []


def _alternating(addresses: list[Any]) -> list[Any]:
    """Addresses of both families in turn, each family in its order: where one does not work, the other is soon tried (H27)."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    second = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for pair in zip_longest(first, second) for address in pair if address]


def _pool_classes(wire: Wire) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        response_class = Reply

        def _new_conn(self) -> socket.socket:
            return wire.dial(self)

        def connect(self) -> None:
            step_aside()
            super().connect()

        def putheader(self, header: str, *values: str) -> None:  # type: ignore[override]  # as urllib3 has it
            """What is plain needs none of the looks that urllib3 and the standard library take at it."""
            value = values[0]
            if len(values) == 1 and isinstance(value, str) and _NAME.fullmatch(header) and _VALUE.fullmatch(value):
                self._output(f"{header}: {value}".encode("ascii"))  # type: ignore[attr-defined]
            else:
                super().putheader(header, *values)

        def getresponse(self) -> Any:
            wire.watch(self)
            return super().getresponse()

    class Secure(Plain, HTTPSConnection): ...

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
