"""The clinic's public address: links in messages and providers' callbacks lead there."""

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from engine.checkup import Check, ok, warning, wrong
from engine.checkup.names import SECONDS, Names, looked_up
from engine.providers.wire import NoAnswer, NotSent, Wire

# RFC 2606, RFC 6761, RFC 6762: names that nobody on the internet can have.
_NOT_PUBLIC = frozenset({"example", "internal", "invalid", "local", "localhost", "test"})
_SETTING = "clinic.public_url"


def public_url(url: str, names: Names, *, needed: bool) -> Iterator[Check]:
    """Whether others can reach it. `needed`: messages really leave, so that somebody will try."""
    check = public_name(url, needed=needed)
    yield check
    if check.remedy:
        return
    host = urlsplit(url).hostname or ""
    yield looked_up(resolves, "public URL: DNS", host, names, needed=needed)
    yield answers(url, needed=needed)


def public_name(url: str, *, needed: bool) -> Check:
    """https, and a name that the internet and Twilio accept."""
    name, parts = "public URL", urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return wrong(name, f"{url} is not https.", f"Write the address with https:// in {_SETTING}.", needed=needed)
    if "_" in host:
        found = f"{host} has an underscore: Twilio calls no such name."
        return wrong(name, found, f"Use another name in {_SETTING}.", needed=needed)
    last = host.rpartition(".")[2]
    if "." not in host or ":" in host or last.isdigit() or last in _NOT_PUBLIC:
        found = f"{host} is no name that others can reach."
        return wrong(name, found, f"Write a public name in {_SETTING}.", needed=needed)
    return ok(name, f"{url} is https, with a public name.")


def resolves(name: str, host: str, names: Names, *, needed: bool) -> Check:
    """Whether the name has an address in DNS. Raises names.NoAnswer."""
    if names.exists(host):
        return ok(name, f"{host} has an address.")
    return wrong(name, f"{host} has no address.", f"Publish an A or AAAA record for {host}.", needed=needed)


def answers(url: str, *, needed: bool) -> Check:
    """Whether anything answers there, with whatever status, behind a certificate that is trusted."""
    name, wire = "public URL: answer", Wire(url, connect=SECONDS, total=SECONDS)
    try:
        status = wire.call("GET", f"{urlsplit(url).path}/", {"Accept": "*/*"}).status
    except NotSent as error:
        if isinstance(error.__context__, ssl.SSLError):
            remedy = "Put a certificate there that browsers trust, for this name and in date."
            return wrong(name, error.detail, remedy, needed=needed)
        return _nothing_yet(name, error.detail)
    except NoAnswer as error:
        return _nothing_yet(name, error.detail)
    finally:
        wire.close()
    return ok(name, f"It answers ({status}).")


def _nothing_yet(name: str, detail: str) -> Check:
    # Its pages come in a later part of nurture; until then this is no failure.
    return warning(name, detail, "Nothing answers yet: the pages come with `nurture web`. Have the name and TLS ready.")
