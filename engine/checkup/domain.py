"""The records by which mail programs know that an email is the clinic's own: SPF, DKIM, DMARC (BULK-1).

Google, Yahoo and Microsoft turn bulk mail away that lacks them; a clinic wants them at any volume.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.checkup import Check, not_checked, ok, warning, wrong
from engine.checkup.names import Names, looked_up

_POLICIES = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes, as mail programs see it: the domain of `clinic.email`, who carries its mail, and by which keys."""

    domain: str
    selectors: tuple[tuple[str, Sequence[str]], ...]  # of each real carrier: ("sendgrid", ("s1", "s2"))

    @property
    def real(self) -> bool:
        """Whether its mail leaves this machine: only then does a missing record do harm."""
        return bool(self.selectors)

    @property
    def by_sendgrid(self) -> bool:
        """Whether SendGrid carries some of it."""
        return any(carrier == "sendgrid" for carrier, _ in self.selectors)


def sender_domain(sender: Sender, names: Names) -> Iterator[Check]:
    """SPF, DKIM and DMARC of the domain that stands in From."""
    yield looked_up(_spf, f"SPF of {sender.domain}", sender, names)
    for carrier, selectors in sender.selectors:
        for selector in selectors:
            yield looked_up(_dkim, f"DKIM {selector} of {sender.domain}", carrier, selector, sender, names)
        if not selectors:
            remedy = f'Ask who runs {carrier} for the selector and write: dkim_selectors = ["..."] under [{carrier}]'
            yield not_checked(f"DKIM of {carrier}", "Settings do not say which key signs its mail.", remedy)
    yield looked_up(_dmarc, f"DMARC of {sender.domain}", sender, names)


def _spf(name: str, sender: Sender, names: Names) -> Check:
    records = [text for text in names.texts(sender.domain) if text.lower().split(" ")[0] == "v=spf1"]
    if not records:
        remedy = "Publish one TXT record that begins with v=spf1 and ends with ~all; your mail services say its middle."
        return wrong(name, "There is no SPF record.", remedy, needed=sender.real)
    if len(records) > 1:
        # RFC 7208, section 4.5: more than one counts as an error, which is worse than none.
        remedy = "Put them together into one: mail programs take two for a mistake and trust neither."
        return wrong(name, f"There are {len(records)} SPF records.", remedy, needed=sender.real)
    if sender.by_sendgrid and "include:sendgrid.net" not in records[0].lower().split():
        remedy = (
            "That is right if domain authentication in SendGrid is verified (its CNAME em... stands for it)."
            " Otherwise add include:sendgrid.net"
        )
        return warning(name, f"It does not name SendGrid: {records[0]}", remedy)
    return ok(name, records[0])


def _dkim(name: str, carrier: str, selector: str, sender: Sender, names: Names) -> Check:
    host = f"{selector}._domainkey.{sender.domain}"
    tags = next((tags for tags in map(_tags, names.texts(host)) if "p" in tags), None)
    if tags is None:
        remedy = f"Publish the record that {carrier} shows for {host}, or correct dkim_selectors under [{carrier}]."
        return wrong(name, "There is no key.", remedy, needed=sender.real)
    if not tags["p"]:
        remedy = f"Publish the new key that {carrier} shows, or take this selector out of dkim_selectors."
        return wrong(name, "The key was taken back: its record is empty.", remedy, needed=sender.real)
    return ok(name, f"{carrier} has its key at {host}.")


def _dmarc(name: str, sender: Sender, names: Names) -> Check:
    for domain in _and_above(sender.domain):
        records = [text for text in names.texts(f"_dmarc.{domain}") if text.replace(" ", "").startswith("v=DMARC1")]
        if len(records) == 1:
            return _policy(name, domain, records[0], sender)
        if records:
            remedy = f"Keep one TXT record at _dmarc.{domain}: of several none counts."
            return wrong(name, f"There are {len(records)} DMARC records.", remedy, needed=sender.real)
    remedy = f"Publish a TXT record at _dmarc.{sender.domain}, to begin with: v=DMARC1; p=none"
    return wrong(name, "There is no DMARC record.", remedy, needed=sender.real)


def _policy(name: str, domain: str, record: str, sender: Sender) -> Check:
    tags = _tags(record)
    policy = (tags.get("sp") if domain != sender.domain else None) or tags.get("p", "")
    if policy.lower() not in _POLICIES:
        remedy = f"Correct the record at _dmarc.{domain}: it must say p=none, p=quarantine or p=reject."
        return wrong(name, "It names no policy.", remedy, needed=sender.real)
    strict = tags.get("adkim", "r").lower() == "s"
    aligned = (
        f"Mail passes when its DKIM signature is of {domain} {'itself' if strict else 'or a name below it'};"
        " see that each carrier signs so."
    )
    if policy.lower() == "none":
        return ok(name, record, f"p=none only watches; once all mail passes, p=quarantine protects patients. {aligned}")
    return ok(name, record, aligned)


def _and_above(domain: str) -> Iterator[str]:
    """The domain and those above it, but for the last label: a policy is inherited."""
    labels = domain.split(".")
    for first in range(max(len(labels) - 1, 1)):
        yield ".".join(labels[first:])


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {key.strip().lower(): "".join(value.split()) for key, equals, value in pairs if equals}
