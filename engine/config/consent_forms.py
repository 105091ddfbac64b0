"""The forms on which people agreed, word for word: what an import's consent rests on (decision 15)."""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from engine.config.values import Language, Line, OneCap, Section, Unfit, Url
from engine.core.consent import Purpose
from engine.core.contact import Channel


class ConsentBox(Section):
    """One box on a form: ticking it is consent for one channel and these purposes."""

    channel: Channel = Field(description="email or sms.", examples=["email"])
    purposes: tuple[Literal[Purpose.MARKETING, Purpose.APPOINTMENT, Purpose.CARE], ...] = Field(
        min_length=1, description="What it allows: marketing, appointment, care.", examples=[["marketing"]]
    )
    wording: Line = Field(
        description="Exactly what the person agreed to, word for word, as the form showed it.",
        examples=["Please email me the guide."],
    )
    frequency: OneCap | None = Field(
        default=None,
        description="The number of messages that the form advertised. It is never exceeded.",
        examples=["4 per 30 days"],
    )

    @model_validator(mode="after")
    def _advertised(self) -> Self:
        if self.channel is Channel.SMS and Purpose.MARKETING in self.purposes and self.frequency is None:
            raise Unfit(
                "Consent to marketing texts does not hold without the number of messages that was advertised"
                " (TCPA-C-2), and `frequency` is missing.",
                'Write it as the form has it: frequency = "4 per 30 days"',
            )
        return self


class ConsentForm(Section):
    """One version of a form on which people agreed. A form that changes gets a new name here."""

    url: Url = Field(description="Where the form stood.", examples=["https://harborclinic.example/guide"])
    language: Language = Field(description="The form's language.", examples=["en"])
    valid_from: date = Field(description="The first day it was shown.", examples=[date(2026, 1, 1)])
    valid_to: date | None = Field(
        default=None,
        description="The last day it was shown; without it, it still is.",
        examples=[date(2026, 12, 31)],
    )
    boxes: tuple[ConsentBox, ...] = Field(
        min_length=1,
        description="Its boxes.",
        examples=[[{"channel": "email", "purposes": ["marketing"], "wording": "Please email me the guide."}]],
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise Unfit("It ends (`valid_to`) before it begins (`valid_from`).", "Change one of the two.")
        covered = [(box.channel, purpose) for box in self.boxes for purpose in box.purposes]
        if len(set(covered)) < len(covered):
            raise Unfit("Two of its boxes are for the same channel and purpose.", "Keep the one that was shown.")
        return self

    def box(self, channel: Channel, purpose: Purpose) -> ConsentBox | None:
        """The box whose wording covers this channel and purpose."""
        return next((box for box in self.boxes if box.channel is channel and purpose in box.purposes), None)

    def shown_on(self, day: date) -> bool:
        """Whether somebody could fill it in on that day (the clinic's calendar)."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
