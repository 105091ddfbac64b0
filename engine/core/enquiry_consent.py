"""The ticked boxes of a form's export: which of them give consent, and why the others do not."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from engine.core import timing
from engine.core.consent import Purpose
from engine.core.contact import Channel, Refusal
from engine.core.enquiry_cells import says_yes, unclear_yes
from engine.core.enquiry_mapping import ConsentColumn
from engine.core.enquiry_mapping import Mapping as ColumnMapping
from engine.core.enquiry_table import Problem


class Form(Protocol):
    """A consent form, as settings describe it."""

    @property
    def language(self) -> str: ...
    def box(self, channel: Channel, purpose: Purpose, /) -> object | None: ...
    def shown_on(self, day: date, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent that a row gives: for one channel and purpose, by the wording of one form."""

    channel: Channel
    purpose: Purpose
    form: str
    given_at: datetime
    ip: str | None = field(repr=False)


def consent_troubles(mapping: ColumnMapping, forms: Mapping[str, Form]) -> tuple[Problem, ...]:
    """Why consent columns cannot count, whatever a row says: told once, before an import (decision 15)."""
    found = ((column.column, _trouble(column, forms)) for column in mapping.consents)
    return tuple(Problem(column, no.problem, no.remedy) for column, no in found if no is not None)


def _trouble(column: ConsentColumn, forms: Mapping[str, Form]) -> Refusal | None:
    if column.form is None:
        return Refusal(
            "The mapping names no consent form for this column.",
            "Describe the form in settings ([consent_forms]) and write form = “its name” in the mapping.",
        )
    form = forms.get(column.form)
    if form is None:
        return Refusal(
            f"Settings have no consent form “{column.form}”.",
            "Add it under [consent_forms], with the exact wording, or correct the name in the mapping.",
        )
    if form.box(column.channel, column.purpose) is None:
        return Refusal(
            f"The consent form “{column.form}” has no box for {column.channel} and {column.purpose}.",
            "Add the box under [consent_forms], or correct the channel and purpose in the mapping.",
        )
    return None


@dataclass(frozen=True, slots=True)
class Boxes:
    """What decides on one row's boxes besides its ticks. `usable`: channels whose address takes messages."""

    mapping: ColumnMapping
    forms: Mapping[str, Form]
    clinic_zone: str
    usable: Set[Channel]
    revoked: Set[Channel]

    def read(
        self, said: Mapping[str, str], given_at: datetime, ip: str | None
    ) -> tuple[tuple[Grant, ...], tuple[str, ...]]:
        """The consents that these cells give, and a sentence on each box that is not empty and yet none."""
        grants: list[Grant] = []
        sentences: list[str] = []
        for column in self.mapping.consents:
            cell = said[column.column]
            ticked = says_yes(cell, self.mapping.yes)
            if ticked is None:
                sentences.append(unclear_yes(cell, column.column))
            elif ticked:
                grant = self._grant(column, given_at, ip)
                if isinstance(grant, Grant):
                    grants.append(grant)
                else:
                    sentences.append(f"“{column.column}” was ticked but gives no consent. {grant}")
        return tuple(grants), tuple(sentences)

    def _grant(self, column: ConsentColumn, given_at: datetime, ip: str | None) -> Grant | str:
        """The consent, or why this tick is none."""
        if column.channel in self.revoked:
            return "The person's own words say no."
        if column.channel not in self.usable:
            what = "email address" if column.channel is Channel.EMAIL else "phone number that takes texts"
            return f"There is no usable {what}."
        trouble = _trouble(column, self.forms)
        if trouble is not None or column.form is None:
            return str(trouble)
        if not self.forms[column.form].shown_on(timing.local(given_at, self.clinic_zone).date()):
            return f"The consent form “{column.form}” was not in use on that day (`valid_from`, `valid_to`)."
        return Grant(column.channel, column.purpose, column.form, given_at, ip)
