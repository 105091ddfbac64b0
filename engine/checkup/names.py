"""Asking a name server, within a time, and saying so when none answers."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

import dns.exception
import dns.resolver

from engine.checkup import Check, not_checked

SECONDS = 5.0  # for one question, all servers and tries together
_DNS_PORT = 53

P = ParamSpec("P")


class NoAnswer(Exception):
    """Nobody told whether there is such a record."""


@dataclass(slots=True)
class Names:
    """Asks a resolver. Once it has kept us waiting for nothing it is not asked again."""

    resolver: dns.resolver.Resolver | None
    trouble: str = "This machine knows no resolver."

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, aliases followed. Raises NoAnswer."""
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")]

    def exists(self, name: str) -> bool:
        """Whether the name has an address. Raises NoAnswer."""
        return any(self._ask(name, kind) for kind in ("A", "AAAA"))

    def _ask(self, name: str, kind: str) -> list[Any]:
        if self.resolver is None:
            raise NoAnswer(self.trouble)
        try:
            return list(self.resolver.resolve(name, kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.Timeout:
            self.resolver, self.trouble = None, "No resolver answered."
            raise NoAnswer(self.trouble) from None
        except dns.exception.DNSException as error:
            raise NoAnswer(f"The resolver could not find out ({type(error).__name__}).") from None


def names_by(server: str | None, seconds: float = SECONDS) -> Names:
    """Ask this resolver (`ADDRESS`, `ADDRESS:PORT`, `[ADDRESS]:PORT`), else the machine's own.

    Raises ValueError for what is no address.
    """
    if server is None:
        try:
            resolver = dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            return Names(None)
    else:
        resolver = dns.resolver.Resolver(configure=False)
        address, resolver.port = _address(server)
        resolver.nameservers = [address]
    resolver.lifetime = seconds
    return Names(resolver)


def _address(server: str) -> tuple[str, int]:
    written = re.fullmatch(r"\[([^]]+)\](?::(\d{1,5}))?", server) or re.fullmatch(r"([^:]+)(?::(\d{1,5}))?", server)
    address, port = written.groups() if written else (server, None)
    return str(ipaddress.ip_address(address)), int(port or _DNS_PORT)


def looked_up(check: Callable[Concatenate[str, P], Check], name: str, *args: P.args, **kwargs: P.kwargs) -> Check:
    """What the check of this name found, or that nobody answered."""
    try:
        return check(name, *args, **kwargs)
    except NoAnswer as error:
        return not_checked(name, str(error), "Name a resolver that answers: nurture doctor --resolver ADDRESS")
