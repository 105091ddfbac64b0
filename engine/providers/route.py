"""The way to a server as the environment says: by a proxy or straight, and whose certificates are trusted."""

import os
import ssl
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass


@dataclass(frozen=True, slots=True)
class Route:
    """How an HTTP server is reached, and what every request to it begins with."""

    host: str  # of the server, for TLS and for details
    secure: bool
    near: tuple[str, int]  # what we connect to: the server, or the proxy before it
    prefix: str  # stands before every path
    common: str  # the headers that all requests have
    tunnel: bytes = b""  # what asks the proxy for a way through; empty where none is needed

    @classmethod
    def to(cls, base_url: str) -> Self:
        """Read HTTP_PROXY, HTTPS_PROXY and NO_PROXY; raises ValueError for an address that cannot be used."""
        server = urlsplit(base_url)
        host, secure, path = server.hostname, server.scheme == "https", server.path.rstrip("/")
        if server.scheme not in {"http", "https"} or not host or not base_url.isascii():
            raise ValueError("A base URL begins with http:// or https:// and names a host, in ASCII.")
        own = server.netloc.rpartition("@")[2]
        port = server.port or (443 if secure else 80)
        common = f"Host: {own}\r\nAccept-Encoding: identity\r\n"
        proxy = None if proxy_bypass(host) else getproxies().get(server.scheme)
        if not proxy:
            return cls(host, secure, (host, port), path, common)
        near, ticket = _proxy(proxy)
        if not secure:
            return cls(host, secure, near, f"http://{own}{path}", common + ticket)
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        tunnel = f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n{ticket}\r\n"
        return cls(host, secure, near, path, common, tunnel.encode("ascii"))

    @property
    def whom(self) -> str:
        """The server for a detail, and the proxy when one stands before it."""
        return self.host if self.near[0] == self.host else f"{self.host} by the proxy {self.near[0]}"


def _proxy(url: str) -> tuple[tuple[str, int], str]:
    """Where it is, and the header that it wants."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname or not url.isascii():
        raise ValueError("A proxy (HTTP_PROXY, HTTPS_PROXY) begins with http:// and names a host, in ASCII.")
    return (parts.hostname, parts.port or 80), _ticket(parts)


def _ticket(proxy: SplitResult) -> str:
    if proxy.username is None:
        return ""
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return f"Proxy-Authorization: Basic {b64encode(pair.encode()).decode('ascii')}\r\n"


def trusting() -> ssl.SSLContext:
    """Certificates as `requests` would take them: REQUESTS_CA_BUNDLE, else SSL_CERT_FILE and the system's."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if not bundle:
        context = ssl.create_default_context()
    elif Path(bundle).is_dir():
        context = ssl.create_default_context(capath=bundle)
    elif Path(bundle).is_file():
        context = ssl.create_default_context(cafile=bundle)
    else:
        raise ValueError("REQUESTS_CA_BUNDLE names neither a file nor a folder. Correct it or take it away.")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
