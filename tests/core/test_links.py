"""Signed links: they read back what they were made of, and nothing else reads as a link."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.links import LASTS, Expired, Forged, Link, LinkKind, Links, unsubscribe_headers

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
LINKS = Links("https://clinic.example", b"the clinic's own key, 32 bytes.")
IDS = st.integers(min_value=0, max_value=2**40 - 1)
KINDS = st.sampled_from(LinkKind)
DAYS = st.datetimes(datetime(2020, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def token(url: str) -> str:
    return url.removeprefix("https://clinic.example/l/")


@given(KINDS, IDS, DAYS)
def test_a_link_reads_back_what_it_was_made_of(kind: LinkKind, message_id: int, expires: datetime) -> None:
    made = token(LINKS.make(kind, message_id, expires))
    assert len(made) == 22
    assert set(made) <= set(LETTERS)
    assert made[-1] not in "-_"  # a mail program would leave it out of the link
    assert LINKS.read(made, expires) == Link(kind, message_id)
    assert LINKS.read(made, expires + timedelta(days=1)) == Expired(kind, message_id)
    assert made == token(LINKS.make(kind, message_id, expires))


@given(KINDS, IDS, DAYS, st.integers(0, 21), st.sampled_from(LETTERS))
def test_one_changed_letter_is_a_forgery(
    kind: LinkKind, message_id: int, expires: datetime, place: int, letter: str
) -> None:
    made = token(LINKS.make(kind, message_id, expires))
    changed = made[:place] + letter + made[place + 1 :]
    assert changed == made or LINKS.read(changed, expires) == Forged()


@pytest.mark.parametrize("letter", LETTERS)
def test_a_link_has_one_spelling(letter: str) -> None:
    made = token(LINKS.make(LinkKind.BOOKING, 7, NOW))
    assert made[-1] == letter or LINKS.read(made[:-1] + letter, NOW) == Forged()


@given(st.one_of(st.text(), st.text(alphabet=LETTERS, min_size=22, max_size=22)))
def test_made_up_text_is_a_forgery(text: str) -> None:
    assert LINKS.read(text, NOW) == Forged()


@given(IDS)
def test_a_link_shows_neither_its_message_nor_its_kind(message_id: int) -> None:
    # Neighbours share no letters beyond chance: half of 22 would be far beyond it.
    first = token(LINKS.make(LinkKind.BOOKING, message_id, NOW))
    other = token(LINKS.make(LinkKind.GUIDE, message_id, NOW))
    assert sum(a == b for a, b in zip(first, other, strict=True)) < 11


def test_a_link_is_valid_through_its_last_day() -> None:
    made = token(LINKS.make(LinkKind.CHECK_IN, 9, datetime(2026, 12, 1, 0, 0, tzinfo=UTC)))
    assert LINKS.read(made, datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC)) == Link(LinkKind.CHECK_IN, 9)
    assert LINKS.read(made, datetime(2026, 12, 2, 0, 0, tzinfo=UTC)) == Expired(LinkKind.CHECK_IN, 9)


def test_the_key_before_is_still_read_and_no_longer_used() -> None:
    old = LINKS.make(LinkKind.BOOKING, 7, NOW)
    turned = replace(LINKS, key=b"a newer key of the same clinic..", previous=LINKS.key)
    assert turned.read(token(old), NOW) == Link(LinkKind.BOOKING, 7)
    assert turned.make(LinkKind.BOOKING, 7, NOW) != old
    assert replace(turned, previous=None).read(token(old), NOW) == Forged()


def test_another_clinics_key_reads_nothing() -> None:
    stranger = replace(LINKS, key=b"another clinic's key, 32 bytes..")
    assert stranger.read(token(LINKS.make(LinkKind.BOOKING, 7, NOW)), NOW) == Forged()


def test_only_the_links_that_a_template_prints_are_made() -> None:
    made = LINKS.make_all({"contact.first_name", "link.booking", "link.check_in"}, 7, NOW)
    assert set(made) == {"booking", "check_in"}
    assert LINKS.read(token(made["booking"]), NOW) == Link(LinkKind.BOOKING, 7)


@pytest.mark.parametrize("kind", [LinkKind.UNSUBSCRIBE, LinkKind.PREFERENCES])
def test_the_ways_out_work_for_four_hundred_days(kind: LinkKind) -> None:
    assert LASTS[kind] >= timedelta(days=400)
    made = LINKS.make_all({f"link.{kind}"}, 7, NOW)[kind]
    assert LINKS.read(token(made), NOW + timedelta(days=400)) == Link(kind, 7)


@pytest.mark.parametrize(
    ("base", "key"),
    [
        ("http://clinic.example", b"k" * 32),
        ("http://localhost.evil.example", b"k" * 32),
        ("clinic.example", b"k" * 32),
        ("https://clinic.example", b"short"),
    ],
)
def test_an_open_base_or_a_short_key_is_refused(base: str, key: bytes) -> None:
    with pytest.raises(ValueError, match=r"https://|too short"):
        Links(base, key)


def test_the_key_does_not_show() -> None:
    assert "key" not in repr(LINKS) and "clinic's own" not in repr(LINKS)


def test_unsubscribe_headers_are_one_click_with_https_first() -> None:
    assert unsubscribe_headers("https://clinic.example/l/abc", "stop@clinic.example") == (
        (
            "List-Unsubscribe",
            "<https://clinic.example/l/abc>, <mailto:stop@clinic.example?subject=unsubscribe>",
        ),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )


def test_one_click_is_not_promised_on_this_machine() -> None:
    url = Links("http://localhost:8000", LINKS.key).make(LinkKind.UNSUBSCRIBE, 7, NOW)
    assert unsubscribe_headers(url, "stop@clinic.example") == (
        ("List-Unsubscribe", "<mailto:stop@clinic.example?subject=unsubscribe>"),
    )


@pytest.mark.parametrize(
    ("url", "mailto"),
    [
        ("http://clinic.example/l/abc", "stop@clinic.example"),
        ("https://clinic.example/l/abc\r\nBcc: x", "stop@clinic.example"),
        ("https://clinic.example/l/abc", "stop@clinic.example>\n, <mailto:x@example.com"),
    ],
)
def test_unsubscribe_headers_refuse_what_would_break_out(url: str, mailto: str) -> None:
    with pytest.raises(ValueError, match="https address"):
        unsubscribe_headers(url, mailto)
