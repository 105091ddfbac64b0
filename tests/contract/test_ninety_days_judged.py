"""The ninety days of the shared enquiries once more, with Prism between the engine and Twilio, and before SendGrid.

All that the engine asks of the two, and all that our fakes answer, is judged by the official documents: what Prism
refuses would not stand in the log as sent.
"""

from pathlib import Path

import pytest

from tests.contract.conftest import Judged
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.smtp import SmtpFake
from tests.fakes.twilio import TwilioFake
from tests.flows.three import EXPORT, Outside, by_three

pytestmark = [pytest.mark.contract, pytest.mark.slow]


def test_every_request_of_the_ninety_days_is_as_the_official_documents_have_it(
    twilio: Judged[TwilioFake], sendgrid: Judged[SendGridFake], tmp_path: Path
) -> None:
    with SmtpFake() as smtp:
        outside = Outside(twilio.fake, sendgrid.fake, smtp)
        by_three(
            outside, f"sqlite:///{tmp_path}/judged.db", tmp_path, EXPORT, texts_by=twilio.url, mail_by=sendgrid.url
        )
    assert twilio.fake.requests == len(twilio.fake.accepted)
    assert sendgrid.fake.requests == len(sendgrid.fake.accepted)
