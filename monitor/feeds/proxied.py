"""By the proxy of the configuration: what requests knows of proxies, over connections that are guarded like the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import SSLError
from urllib3.poolmanager import ProxyManager

if TYPE_CHECKING:
    from monitor.feeds.wire import Target


class Proxied(HTTPAdapter):
    """A requests adapter whose connections are of the given classes, and lead to one proxy; it trusts these authorities."""

    def __init__(
        self, proxy: str, classes: dict[str, type[HTTPConnectionPool]], connections: int, authorities: str
    ) -> None:
        self._proxies, self._classes, self._authorities = {"http": proxy, "https": proxy}, classes, authorities
        super().__init__(pool_connections=connections, pool_maxsize=connections, max_retries=0)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> ProxyManager:
        """The pools of connections to the proxy."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = self._classes
        return manager

    def ask(
        self, method: str, target: Target, headers: dict[str, str], body: bytes | None, seconds: tuple[float, float]
    ) -> BaseHTTPResponse:
        """Send a request, and wait for the head of the answer. Raises what urllib3 raises, or an OSError with it inside."""
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, target.url, body
        request.headers = CaseInsensitiveDict(headers)
        try:
            # Not session.send: it reads a redirect's whole body, however large it unpacks, even when told not to follow (H4).
            response = self.send(request, stream=True, timeout=seconds, verify=self._authorities, proxies=self._proxies)
        except requests.exceptions.SSLError as error:
            raise SSLError(error) from error
        except requests.Timeout as error:
            raise TimeoutError(str(error)) from error
        answer: BaseHTTPResponse = response.raw
        return answer

    def build_response(self, req: requests.PreparedRequest, resp: BaseHTTPResponse) -> requests.Response:
        """The answer, without cookies: none are kept."""
        response = requests.Response()
        response.request, response.url = req, req.url or ""
        response.raw, response.status_code = resp, resp.status
        return response
