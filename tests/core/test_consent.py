"""Consent and suppression: what stands after everything that was said."""

import pytest

from engine.core.consent import PURPOSES, Purpose, Suppression, SuppressionReason, consent_for, suppressed
from tests.core.moments import utc
from tests.core.situations import EMAIL, PHONE, consent

JAN, FEB, MAR = (utc(t) for t in ("Fri 2027-01-01 12:00", "Mon 2027-02-01 12:00", "Mon 2027-03-01 12:00"))


@pytest.mark.parametrize(
    ("rows", "stands"),
    [
        pytest.param([], None, id="nothing was said"),
        pytest.param([consent(PHONE, given=JAN)], 1, id="yes"),
        pytest.param(
            [consent(PHONE, given=JAN), consent(PHONE, given=FEB, granted=False, number=2)],
            None,
            id="yes, then no",
        ),
        pytest.param(
            [consent(PHONE, given=JAN, granted=False), consent(PHONE, given=FEB, number=2)],
            2,
            id="no, then yes",
        ),
        pytest.param(
            [consent(PHONE, given=MAR, granted=False), consent(PHONE, given=FEB, number=2)],
            None,
            id="an old yes written down after a newer no",
        ),
        pytest.param(
            [consent(PHONE, given=JAN), consent(PHONE, given=JAN, granted=False, number=2)],
            None,
            id="at one moment the last written",
        ),
        pytest.param([consent(EMAIL, given=JAN)], None, id="another address"),
        pytest.param([consent(PHONE, Purpose.CARE, given=JAN)], None, id="another purpose"),
    ],
)
def test_consent_for(rows, stands) -> None:
    found = consent_for(rows, PHONE.key, Purpose.MARKETING)
    assert (found.id if found else None) == stands
    assert consent_for(reversed(rows), PHONE.key, Purpose.MARKETING) == found


STOP, BOUNCED, COMPLAINT = SuppressionReason.STOP, SuppressionReason.BOUNCED, SuppressionReason.COMPLAINT


def said(*rows: tuple[SuppressionReason, bool], purpose: Purpose = Purpose.CARE) -> list[Suppression]:
    return [Suppression(i, PHONE.key, purpose, reason, lifted) for i, (reason, lifted) in enumerate(rows)]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param([], None, id="open"),
        pytest.param(said((STOP, False)), STOP, id="closed"),
        pytest.param(said((STOP, False), (STOP, True)), None, id="lifted"),
        pytest.param(said((STOP, False), (STOP, True), (STOP, False)), STOP, id="closed again"),
        pytest.param(said((BOUNCED, False), (STOP, False), (STOP, True)), BOUNCED, id="lifting one leaves the other"),
        pytest.param(said((COMPLAINT, False), (STOP, False)), STOP, id="STOP is named first"),
        pytest.param(said((STOP, True)), None, id="a lift of nothing"),
        pytest.param(said((STOP, False), purpose=Purpose.MARKETING), None, id="closed for another purpose"),
    ],
)
def test_suppressed(rows, reason) -> None:
    assert suppressed(rows, PHONE.key, Purpose.CARE) is reason
    assert suppressed(reversed(rows), PHONE.key, Purpose.CARE) is reason
    assert suppressed(rows, EMAIL.key, Purpose.CARE) is None


def test_service_is_nothing_that_anybody_consents_to() -> None:
    assert set(PURPOSES) == set(Purpose) - {Purpose.SERVICE}
