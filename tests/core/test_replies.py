"""Exact words by SMS, and clear wishes in comments; a patient's own sentences are neither."""

import json
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.contact import Channel
from engine.core.replies import Kind, meaning, read_comment

BOTH = {Channel.EMAIL, Channel.SMS}
SMS = {Channel.SMS}
EMAIL = {Channel.EMAIL}


@pytest.mark.parametrize(
    "word",
    [
        *("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"),  # the FCC's list
        *("stopall", "optout"),  # Twilio's
        *("remove", "arret", "td"),  # carriers', French Canada's
    ],
)
@pytest.mark.parametrize("written", ["{}", " {} ", "{}.", "“{}”", "{}!!!", "*{}*", "{} 🙏"])
def test_each_stop_word_in_any_dress_is_stop(word: str, written: str) -> None:
    assert meaning(written.format(word)).kind is Kind.STOP
    assert meaning(written.format(word.upper())).kind is Kind.STOP


@pytest.mark.parametrize(
    "written",
    [
        "ＳＴＯＰ",
        "S.T.O.P",
        "St\u200bop",
        "STOP STOP stop",
        "\nStop\n",
        "Opt-Out",
        "Arrêt",
        "🛑",
        "⛔️",
        "🛑🛑",
        "Please stop",
        "stop all",
    ],
)
def test_stop_in_disguise_is_stop(written: str) -> None:
    assert meaning(written).kind is Kind.STOP


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("START", Kind.START),
        ("Unstop.", Kind.START),
        ("help", Kind.HELP),
        ("INFO?", Kind.HELP),
        ("yes", Kind.OTHER),  # decision 12: YES alone never lifts ours
        ("", Kind.OTHER),
        ("?!", Kind.OTHER),
        ("1", Kind.OTHER),
        ("Can I cancel my Tuesday appointment?", Kind.OTHER),
        ("I'll stop by tomorrow", Kind.OTHER),
        ("start again please", Kind.OTHER),
        ("stop start", Kind.OTHER),
        ("✋ wait", Kind.OTHER),
    ],
)
def test_other_words(written: str, kind: Kind) -> None:
    assert meaning(written).kind is kind


def test_yes_says_why_it_lifts_nothing() -> None:
    assert "lifts no STOP" in (meaning("Yes!").note or "")


@pytest.mark.parametrize(
    ("comment", "channels"),
    [
        ("STOP", BOTH),
        ("🛑", BOTH),
        ("Stop. I have found another clinic.", BOTH),
        ("please stop", BOTH),
        ("stop contacting me", BOTH),
        ("I said stop messaging me!", BOTH),
        ("do not contact me", BOTH),
        ("Please do not call, text, or email me", BOTH),
        ("Do not text or email me", BOTH),
        ("stop sending me texts and emails", BOTH),
        ("don't send me anything", BOTH),
        ("no more messages", BOTH),
        ("remove me", BOTH),
        ("take me off your list", BOTH),
        ("unsubscribe me from everything", BOTH),
        ("leave me alone", BOTH),
        ("not interested anymore, thanks", BOTH),
        ("I withdraw my consent", BOTH),
        ("I don't want to hear from you", BOTH),
        ("I do not want to receive these", BOTH),
        ("no me escriban", BOTH),
        ("No más por favor", BOTH),
        ("no quiero recibir mensajes", BOTH),
        ("wrong person", BOTH),
        ("do not text me, email only", SMS),
        ("DON’T TEXT ME", SMS),
        ("Please stop texting me", SMS),
        ("no texts please", SMS),
        ("I prefer email, no texts.", SMS),
        ("Email only please", SMS),
        ("no more calls or texts", SMS),
        ("wrong number", SMS),
        ("lose my number", SMS),
        ("do not call me", SMS),  # the law counts a text as a call
        ("please don't call or text", SMS),
        ("don't email me", EMAIL),
        ("stop sending me emails", EMAIL),
        ("I do not want any e-mails", EMAIL),
        ("no newsletters", EMAIL),
        ("text only", EMAIL),
        ("dejen de mandarme correos", EMAIL),
    ],
)
def test_a_clear_wish_closes_what_it_names(comment: str, channels: set[Channel]) -> None:
    heard = read_comment(comment)
    assert heard is not None
    assert heard.channels == channels


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "Please call me after 5pm",
        "my pain won't stop",
        "Is it covered by insurance?",
        "¿Hablan español?",
        "I have a pacemaker and take warfarin",
        'My husband "Bob" said I should ask',
        "Line one\nline two",
        "😊 hope to hear soon",
        "[click](http://evil.example)",
        '=HYPERLINK("http://evil.example","click")',
        "{{ 7*7 }} {% raw %}",
        "I want to stop this pain",
        "I want it to stop.",
        "My knee won't stop bothering me",
        "the pain never leaves me alone and will not leave me alone",
        "I don't want any surgery",
        "I don't want more injections",
        "I don't want to get worse",
        "I'm not interested in surgery",
        "will it ever go away?",
        "Can you take me on Friday?",
        "I take my phone off at night",
        "they never call me back",
        "you don't call back",
        "why don't you call me?",
        "did you lose my number?",
        "please do not call me before 10",
        "Don't text me at work",
        "no calls after 8pm",
        "do not hesitate to call me",
        "don't call me, text me",
        "I had to quit running",
        "Do I have to stop taking blood thinners?",
        "my doctor told me to stop. Is that right?",
        "when does the course end",
        "I'll stop by tomorrow",
        "Can I cancel my Tuesday appointment?",
        "No emails came through",
        "no mas dolor",
        "I can only text after 5",
        "please text me the address",
    ],
)
def test_a_patients_own_sentence_is_no_revocation(comment: str) -> None:
    assert read_comment(comment) is None


@given(st.text())
def test_no_text_breaks_the_readings(text: str) -> None:
    meaning(text)
    heard = read_comment(text)
    assert heard is None or heard.channels


@given(st.text(alphabet=" \t.,;!?\"'’“”()*🙏\u200b\ufe0f", max_size=8), st.text(alphabet=" .!🙂\n", max_size=8))
def test_nothing_around_stop_hides_it(before: str, after: str) -> None:
    assert meaning(f"{before}StOp{after}").kind is Kind.STOP


@pytest.mark.parametrize("filling", ["do not text ", "please stop sending me ", "no more texts and ", "x, "])
def test_a_very_long_comment_is_read_at_once(filling: str) -> None:
    began = process_time()
    read_comment(filling * 5_000)
    assert process_time() - began < 5  # it is a tenth of a second; looked at letter by letter it was a minute


@pytest.mark.contract
def test_the_rule_data_agrees(shared: Path) -> None:
    """What the compliance data calls a revocation is heard; what is to be reviewed is left to staff."""
    optout = json.loads((shared / "compliance" / "rules.json").read_text(encoding="utf-8"))["optout"]
    assert [word for word in optout["exact"] if meaning(word).kind is not Kind.STOP] == []
    heard = {text: "REVOKE" if read_comment(text) else "not" for text, _ in optout["cases"]}
    assert heard == {text: "REVOKE" if said == "REVOKE" else "not" for text, said in optout["cases"]}
