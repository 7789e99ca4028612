"""Connections for the gate: dialled only to a permitted address, and cut when their time is up.

requests has no total deadline, and a server that sends a byte now and then never trips its timeouts (H1, H2). So each
connection is registered while it is used, and one thread cuts those whose deadline has passed.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import zip_longest
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.poolmanager import PoolManager, ProxyManager

from monitor.feeds.address import Policy
from monitor.feeds.head import Reply

_DIAL = 10.0
"""Seconds in which a machine takes a connection; half of what is left, where it has more addresses."""
_RESOLVERS = 4
"""Look-ups at the same time for each worker: one that hangs in the C library cannot be cut, and must hold up no other (H26)."""


_TLS = {"cert_reqs": "CERT_REQUIRED"}


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


class GuardedAdapter(HTTPAdapter):
    """A requests adapter whose connections obey a Policy and Deadlines."""

    def __init__(
        self, policy: Policy, deadlines: Deadlines, *, connections: int, proxy: str = "", ca_file: str = ""
    ) -> None:
        self._policy = policy
        self._verify: bool | str = ca_file or True
        self._deadlines = deadlines
        self._proxies = {"http": proxy, "https": proxy} if proxy else None
        self._resolvers = ThreadPoolExecutor(_RESOLVERS * connections, thread_name_prefix="dns")
        super().__init__(pool_connections=connections, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:  # noqa: FBT001, FBT002
        """Build pools of guarded connections."""
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> ProxyManager:
        """The pools of connections to a proxy, guarded like the others."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = _pool_classes(self)
        return manager

    def ask(
        self, method: str, target: Target, headers: dict[str, str], body: bytes | None, seconds: float
    ) -> BaseHTTPResponse:
        """Send a request, and wait for the head of the answer: at most so many seconds for each step. Raises what urllib3 raises.

        What requests does around urllib3 is mostly for cookies, redirects and proxies, and takes as long as to send the request.
        Of that only proxies are wanted here, so only what goes to one goes that way, and raises what requests raises.
        """
        if self._proxies:
            return self._ask_proxy(method, target, headers, body, (_DIAL, seconds))
        pool = self.poolmanager.connection_from_host(target.host, target.port, target.scheme, _TLS)
        if target.scheme == "https":
            self.cert_verify(pool, target.url, self._verify, None)  # type: ignore[no-untyped-call]
        answer: BaseHTTPResponse = pool.urlopen(
            method, target.path, body=body, headers=headers, retries=False, redirect=False, assert_same_host=False,
            preload_content=False, decode_content=False, timeout=Timeout(connect=_DIAL, read=seconds),
        )  # fmt: skip
        return answer

    def _ask_proxy(
        self, method: str, target: Target, headers: dict[str, str], body: bytes | None, seconds: tuple[float, float]
    ) -> BaseHTTPResponse:
        """By the proxy of the configuration. Raises Forbidden for what that must not be asked for."""
        if not all(map(self._policy.permits, _numbers(target.host))):
            raise Forbidden(f"{target.host} may not be contacted")
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, target.url, body
        request.headers = CaseInsensitiveDict(headers)
        # Not session.send: it reads a redirect's whole body, however large it unpacks, even when told not to follow (H4).
        response = self.send(request, stream=True, timeout=seconds, verify=self._verify, proxies=self._proxies)
        answer: BaseHTTPResponse = response.raw
        return answer

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """The answer, without cookies: none are kept."""
        response = requests.Response()
        response.request, response.url = req, req.url or ""
        response.raw, response.status_code = resp, resp.status
        return response

    def close(self) -> None:
        """Close the pools and let go of name look-ups under way."""
        super().close()
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    def dial(self, connection: HTTPConnection) -> socket.socket:
        """Connect to the first permitted address that answers: the very one that was judged (H30, H31)."""
        host = connection._dns_host.rstrip(".")  # noqa: SLF001 - where urllib3 keeps the name to resolve
        addresses = self._resolve(connection, host)  # with a proxy, the proxy's: the user named it, wherever it is
        permitted = [address for address in addresses if self._proxies or self._policy.permits(address[4][0])]
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


def _pool_classes(adapter: GuardedAdapter) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        response_class = Reply

        def _new_conn(self) -> socket.socket:
            return adapter.dial(self)

        def getresponse(self) -> Any:
            adapter.watch(self)
            return super().getresponse()

    class Secure(HTTPSConnection):
        response_class = Reply

        def _new_conn(self) -> socket.socket:
            return adapter.dial(self)

        def getresponse(self) -> Any:
            adapter.watch(self)
            return super().getresponse()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
