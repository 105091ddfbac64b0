"""A tiny name server on loopback: TXT, A and CNAME from a table, over UDP."""

import socket
import threading
from collections.abc import Mapping
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Table = Mapping[tuple[str, str], list[str]]
LONGEST_STRING = 255


class DnsFake:
    """Answers questions from `table`: {("clinic.example", "TXT"): ["v=spf1 -all"]}. What is not there does not exist.

    `broken` names are answered SERVFAIL; a `silent` server answers nothing at all. `asked` holds every question.
    """

    def __init__(self, table: Table, *, broken: frozenset[str] = frozenset(), silent: bool = False) -> None:
        self.table = {(name.lower(), kind): values for (name, kind), values in table.items()}
        self.broken, self.silent = broken, silent
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """Where it listens: 127.0.0.1:PORT."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> "DnsFake":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())  # an empty question ends it
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, client = self._socket.recvfrom(65535)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            name = query.question[0].name.to_text(omit_final_dot=True).lower()
            kind = dns.rdatatype.to_text(query.question[0].rdtype)
            self.asked.append((name, kind))
            if not self.silent:
                self._socket.sendto(self._answer(query, name, kind).to_wire(max_size=65535), client)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        if name in self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        if alias := self.table.get((name, "CNAME")):
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{alias[0]}."))
            name = alias[0].lower()
        if values := self.table.get((name, kind)):
            texts = [_quoted(value) for value in values] if kind == "TXT" else values
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *texts))
        elif not any(known == name for known, _ in self.table):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response


def _quoted(text: str) -> str:
    """A TXT value as zone files write it: strings of at most 255 characters, put together by who reads them."""
    parts = [text[at : at + LONGEST_STRING] for at in range(0, max(len(text), 1), LONGEST_STRING)]
    return " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
