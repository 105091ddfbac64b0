"""Where people may be, by all that they said and by the number they call from."""

import pytest

from engine.core.jurisdiction import phone_places, zip_place
from tests.core.people import ANC, CHI, DEN, HON, LA, NY, PHX, RULES, somebody


@pytest.mark.parametrize(
    ("known", "home", "zones", "states", "certain"),
    [
        pytest.param(
            {"zone": HON, "zip": "10001", "state": "NY", "phone": "+13105550100"},
            (HON, "own word"),
            (HON, NY, LA),
            ("NY", "CA"),
            False,
            id="own word first, the rest stays possible",
        ),
        pytest.param({"zip": "10001"}, (NY, "ZIP"), (NY,), ("NY",), True, id="ZIP"),
        pytest.param({"zip": "10001-1234"}, (NY, "ZIP"), (NY,), ("NY",), True, id="ZIP+4"),
        pytest.param({"zip": "79901", "state": "TX"}, (DEN, "ZIP"), (DEN,), ("TX",), True, id="ZIP narrows its state"),
        pytest.param(
            {"zip": "10001", "state": "TX"},
            (NY, "ZIP"),
            (NY, CHI, DEN),
            ("NY", "TX"),
            False,
            id="ZIP against state",
        ),
        pytest.param({"state": "tx "}, (CHI, "state"), (CHI, DEN), ("TX",), False, id="a state in two zones"),
        pytest.param({"state": "MA"}, (NY, "state"), (NY,), ("MA",), True, id="a state in one zone"),
        pytest.param(
            {"phone": "+15125550100"},
            (CHI, "area code"),
            (CHI,),
            ("TX",),
            False,
            id="area code is never certain",
        ),
        pytest.param({"zip": "78701", "phone": "+15125550100"}, (CHI, "ZIP"), (CHI,), ("TX",), True, id="all agree"),
        pytest.param(
            {"zip": "1940", "phone": "+16175550100"},
            (NY, "area code"),
            (NY,),
            ("MA",),
            False,
            id="unreadable ZIP",
        ),
        pytest.param({"zip": "09012"}, (DEN, "clinic"), (DEN,), (), False, id="military ZIP is nowhere"),
        pytest.param({}, (DEN, "clinic"), (DEN,), (), False, id="nothing known: the clinic"),
        pytest.param(
            {"phone": "+18005550100"},
            (DEN, "clinic"),
            (NY, CHI, DEN, PHX, LA, ANC, "America/Adak", HON),
            (),
            False,
            id="toll-free: anywhere",
        ),
        pytest.param(
            {"zip": "10115", "country": "DE"},
            ("Europe/Berlin", "country"),
            ("Europe/Berlin",),
            (),
            True,
            id="a German ZIP",
        ),
        pytest.param(
            {"state": "ON"},
            ("America/Toronto", "state"),
            ("America/Toronto", "America/Winnipeg"),
            (),
            False,
            id="Ontario",
        ),
        pytest.param(
            {"country": "PR"},
            ("America/Puerto_Rico", "state"),
            ("America/Puerto_Rico",),
            ("PR",),
            True,
            id="a territory",
        ),
        pytest.param(
            {"phone": "+17875550100"},
            ("America/Puerto_Rico", "area code"),
            ("America/Puerto_Rico",),
            ("PR",),
            False,
            id="its code",
        ),
        pytest.param(
            {"phone": "+442079460000"},
            ("Europe/London", "country"),
            ("Europe/London",),
            (),
            False,
            id="phone abroad",
        ),
        pytest.param(
            {"phone": "+18765550100"},
            ("America/Jamaica", "country"),
            ("America/Jamaica",),
            (),
            False,
            id="Jamaica is +1 too",
        ),
        pytest.param({"zip": "06390"}, (NY, "ZIP"), (NY,), ("NY",), True, id="five digits beat three"),
        pytest.param({"zip": "83414"}, (DEN, "ZIP"), (DEN,), ("WY",), True, id="Wyoming behind Idaho's prefix"),
        pytest.param({"zip": "32401"}, (NY, "ZIP"), (NY, CHI), ("FL",), False, id="a prefix in two zones"),
        pytest.param({"zip": "86515"}, (PHX, "ZIP"), (PHX, DEN), ("AZ",), False, id="the Navajo Nation"),
    ],
)
def test_whereabouts(
    known: dict[str, str],
    home: tuple[str, str],
    zones: tuple[str, ...],
    states: tuple[str, ...],
    certain: bool,
) -> None:
    place = somebody(known)
    assert (place.home_zone, place.home_from) == home
    assert (place.zones, place.states, place.certain) == (zones, states, certain)


def test_country_is_known_from_the_address_or_else_from_the_phone() -> None:
    assert somebody({"zip": "10001"}).country == "US"
    assert somebody({"phone": "+13055550100"}).country == "US"
    assert somebody({"phone": "+14165550100"}).country == "CA"
    assert somebody({"country": "GB", "phone": "+13055550100"}).countries == ("GB", "US")
    assert somebody({"phone": "+18005550100"}).country is None


def test_zones_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="“Chicago” is no time zone"):
        somebody({"zone": "Chicago"})


def test_helpers_for_intake() -> None:
    found = zip_place("02139", RULES)
    assert found is not None
    assert found.states == ("MA",)
    assert zip_place("2139", RULES) is None
    assert zip_place("02139-12", RULES) is None
    assert zip_place("abcde", RULES) is None
    assert [p.states for p in phone_places("+18505550100", RULES)] == [("FL",)]
    assert phone_places("+18005550100", RULES) == ()
    assert phone_places(None, RULES) == ()
