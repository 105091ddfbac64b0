"""The words of the rules in Spanish: what they refuse, what they let through, and the shipped Spanish messages."""

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Severity
from engine.core.gate import Concern, Role, judge_sequence, judge_whole
from engine.core.gate.units import plain
from engine.core.render import Email, EmailTemplate, Sms, SmsTemplate
from engine.core.segments import segments
from tests.core.gate.shipped import PURPOSES, ROOT, TEMPLATES, content_rules, scene, shipped, told

RULES = content_rules()
SPANISH = RULES.languages["es"]

SENTENCES = tomllib.loads((Path(__file__).parent / "data" / "spanish.toml").read_text(encoding="utf-8"))


def cases(table: str) -> list[Any]:
    """The rule and the words of each sentence of one table of data/spanish.toml."""
    return [pytest.param(rule, words, id=words) for rule, every in SENTENCES[table].items() for words in every]


TEXTS_REFUSED = [
    ("HIP-3", Purpose.APPOINTMENT, "Su inyección de células madre es mañana."),
    ("HIP-3", Purpose.CARE, "¿Todavía le duele la rodilla?"),
    ("HIP-3", Purpose.CARE, "Recuerde su terapia de hoy."),
    ("HIP-3", Purpose.MARKETING, "La guia sobre el dolor cronico esta lista."),
    ("PROMO-1", Purpose.APPOINTMENT, "Su cita es el martes. 10 % de descuento si trae a alguien."),
    ("PROMO-1", Purpose.CARE, "Déjenos una reseña en Google."),
    ("PROMO-1", Purpose.CARE, "Recomiéndenos a un amigo."),
    ("PROMO-1", Purpose.APPOINTMENT, "Su consulta es gratis este mes."),
    ("TPL-KW-1", Purpose.APPOINTMENT, "Responda CANCEL si no puede venir."),
    ("TPL-KW-1", Purpose.APPOINTMENT, "Responde ALTO para cambiar la hora."),
    ("TPL-KW-1", Purpose.APPOINTMENT, "Responda STOP para cancelar su cita."),
    ("TPL-KW-1", Purpose.APPOINTMENT, "Envíe la palabra YES para confirmar."),
    ("CTIA-5", Purpose.MARKETING, "Le damos un préstamo para pagarlo."),
    ("CTIA-5", Purpose.MARKETING, "Participe en la rifa de marzo."),
]
TEXTS_LET_THROUGH = [
    ("HIP-3", Purpose.CARE, "¿Qué tal sigue con su plan?"),
    ("PROMO-1", Purpose.APPOINTMENT, "Puede venir con un familiar. Cambiar la hora no le cuesta nada."),
    ("TPL-KW-1", Purpose.APPOINTMENT, "Responda 1 para confirmar."),
    ("TPL-KW-1", Purpose.MARKETING, "Responda HELP para recibir ayuda o STOP para darse de baja."),
    ("CTIA-5", Purpose.CARE, "Gracias por venir. Nos vemos pronto."),
]


def in_email(words: str, purpose: Purpose = Purpose.MARKETING, first_name: str = "Ana") -> list[Concern]:
    """What is said against some words of an email, not against what it lacks as a whole."""
    email = Email("Una nota", "Para usted", f"<p>{words}</p>", words)
    found = judge_whole(email, scene(purpose=purpose, language="es"), RULES, (first_name,))
    return [concern for concern in found if concern.phrase]


def in_text(words: str, purpose: Purpose, role: Role = "") -> list[Concern]:
    """Everything that is said against a text message."""
    there = scene(purpose=purpose, channel=Channel.SMS, language="es", role=role)
    return list(judge_whole(Sms(words, segments(words)), there, RULES, ("Ana",)))


def without_accents(words: str) -> str:
    """As many people type: canto for cantó; ñ stays ñ."""
    apart = unicodedata.normalize("NFD", words)
    return unicodedata.normalize("NFC", re.sub(r"(?<![nN])[\u0300-\u036f]", "", apart))


def grave(found: list[Concern]) -> set[str]:
    return {concern.rule for concern in found if concern.severity is Severity.ERROR}


@pytest.mark.parametrize(("rule", "words"), cases("refused"))
def test_a_claim_is_refused_with_and_without_accents_and_in_capitals(rule: str, words: str) -> None:
    for written in (words, without_accents(words), words.upper()):
        assert rule in grave(in_email(written)), written


@pytest.mark.parametrize(("rule", "words"), cases("warned"))
def test_what_needs_a_look_is_shown_with_and_without_accents(rule: str, words: str) -> None:
    for written in (words, without_accents(words)):
        assert rule in {concern.rule for concern in in_email(written)}, written


@pytest.mark.parametrize(("rule", "words"), cases("let_through"))
def test_an_honest_sentence_near_to_a_rule_is_let_through(rule: str, words: str) -> None:
    for written in (words, without_accents(words)):
        assert in_email(written) == [], written


@pytest.mark.parametrize(("rule", "words"), cases("read_again"))
def test_a_claim_that_is_denied_is_to_be_read_once_more(rule: str, words: str) -> None:
    assert [(concern.rule, concern.severity) for concern in in_email(words)] == [(rule, Severity.WARNING)]


@pytest.mark.parametrize(("rule", "purpose", "words"), TEXTS_REFUSED, ids=[words for _, _, words in TEXTS_REFUSED])
def test_a_text_message_is_refused(rule: str, purpose: Purpose, words: str) -> None:
    whole = f"Harbor Clinic: {words} STOP para darse de baja."
    for written in (whole, without_accents(whole)):
        assert rule in grave(in_text(written, purpose)), written


@pytest.mark.parametrize(("rule", "purpose", "words"), TEXTS_LET_THROUGH, ids=[w for _, _, w in TEXTS_LET_THROUGH])
def test_a_text_message_is_let_through(rule: str, purpose: Purpose, words: str) -> None:
    assert in_text(f"Harbor Clinic: {words} STOP para darse de baja.", purpose) == []


def test_every_rule_of_words_has_a_sentence_here_that_breaks_it_and_one_that_does_not() -> None:
    broken = {*SENTENCES["refused"], *SENTENCES["warned"], *(rule for rule, *_ in TEXTS_REFUSED)}
    kept = {*SENTENCES["let_through"], *(rule for rule, *_ in TEXTS_LET_THROUGH)} - {"any"}
    looked_for = {key if key != "HEALTH-1" else "HIP-3" for key in SPANISH.patterns}
    assert looked_for == broken == kept


@pytest.mark.parametrize("rule", [key for key in SPANISH.patterns if SPANISH.patterns[key].instead])
def test_what_is_offered_instead_breaks_no_rule(rule: str) -> None:
    assert grave(in_email(SPANISH.patterns[rule].instead)) == set()


@pytest.mark.parametrize("name", ["Dolores", "Milagros", "Remedios", "Salud", "Consuelo", "Socorro", "Angustias"])
def test_a_name_that_is_a_word_of_a_rule_is_let_through_as_a_name(name: str) -> None:
    words = f"Harbor Clinic: {name}, su cita: martes, 1 de diciembre. STOP para darse de baja."
    there = scene(purpose=Purpose.APPOINTMENT, channel=Channel.SMS, language="es")
    assert judge_whole(Sms(words, segments(words)), there, RULES, (name,)) == ()
    assert in_email(f"Hola, {name}:", first_name=name) == []


def test_dolores_as_a_word_is_found_though_somebody_is_called_so() -> None:
    words = "Harbor Clinic: Dolores, ¿siguen sus dolores? STOP para darse de baja."
    there = scene(purpose=Purpose.CARE, channel=Channel.SMS, language="es")
    found = judge_whole(Sms(words, segments(words)), there, RULES, ("Dolores",))
    assert [(concern.rule, concern.phrase) for concern in found] == [("HIP-3", "dolores")]


@pytest.mark.parametrize(
    ("hedge", "words"),
    [
        ("H1", "Estos productos no están aprobados por la FDA para la rodilla."),
        ("H1", "Todavia no cuentan con la aprobacion de la FDA, es decir: no tienen aprobación de la FDA."),
        ("H2", "Hay personas que no mejoran."),
        ("H2", "Algunas personas dicen sentir menos dolor después, y otras no."),
        ("H3", "Los riesgos son dolor, hinchazon, sangrado e infeccion."),
        ("H4", "Una infección crónica, un cáncer activo o un trastorno de la sangre pueden descartarlo."),
        ("H5", "Pregúntele también a su propia doctora."),
        ("H7", "Este correo no es para emergencias."),
    ],
)
def test_a_hedge_is_known_in_other_words_than_its_own(hedge: str, words: str) -> None:
    assert SPANISH.hedges[hedge].pattern.search(plain(words))


@pytest.mark.parametrize(
    ("hedge", "words"),
    [
        ("H1", "Está aprobado por la FDA."),
        ("H2", "Las personas mejoran."),
        ("H3", "No hay riesgo de dolor."),
        ("H4", "Un cáncer activo no es problema."),
        ("H5", "Hable con nuestro médico."),
        ("H7", "En una emergencia escríbanos."),
    ],
)
def test_what_says_the_contrary_is_no_hedge(hedge: str, words: str) -> None:
    assert not SPANISH.hedges[hedge].pattern.search(plain(words))


@pytest.mark.parametrize(
    ("fact", "words", "other"),
    [
        ("F-3", "Aquí usamos solo células adultas.", "Las células adultas están en la grasa."),
        ("F-10", "Las células se extraen de la médula ósea.", "La médula ósea guarda unas pocas."),
        ("F-11", "Se pone por vía intravenosa.", "Venga con tiempo."),
        ("F-12", "Se inyecta en la articulación.", "Un hombro o una articulación que duele."),
        ("F-13", "Se inyecta en un músculo.", "Una célula de un músculo."),
        ("F-14", "Se inyecta en la columna.", "Los discos de la columna."),
        ("F-15", "Vuelve a su casa el mismo día.", "Ejercicios en casa los demás días."),
        ("F-18", "Descanse las primeras dos semanas.", "Ya van dos semanas."),
        ("F-21", "El seguro por lo general no lo cubre.", "Pregúntele a su seguro si pagaría una parte."),
    ],
)
def test_a_fact_that_the_clinic_must_confirm_is_recognised(fact: str, words: str, other: str) -> None:
    for written in (words, without_accents(words)):
        assert SPANISH.facts[fact].pattern.search(plain(written)), written
    assert not SPANISH.facts[fact].pattern.search(plain(other))


@pytest.mark.parametrize(
    ("role", "purpose", "words", "rule"),
    [
        ("opt_in", Purpose.MARKETING, "Gracias por pedir el folleto. STOP para darse de baja.", "OPT-1"),
        ("help", Purpose.SERVICE, "Ayuda: 617-555-0142. STOP para darse de baja.", "OPT-2"),
        ("stop", Purpose.SERVICE, "Gracias por avisarnos.", "OPT-3"),
        ("", Purpose.MARKETING, "¿Hablamos? Llame al 617-555-0142.", "CTIA-2"),
    ],
)
def test_a_text_that_carriers_want_more_of_is_refused(role: Role, purpose: Purpose, words: str, rule: str) -> None:
    assert rule in grave(in_text(f"Harbor Clinic: {words}", purpose, role))


# ------------------------------------------------------------------------------------------------- the shipped words


def test_every_english_message_is_there_in_spanish() -> None:
    def names(language: str) -> set[str]:
        return {one.template.file.replace(f".{language}.", ".") for one in shipped(language)}

    assert names("es") == names("en")


def test_the_spanish_messages_print_what_the_english_ones_print() -> None:
    """Only names may differ: one with an accent makes a text cost three times as much."""
    english = {one.template.file: one.template for one in shipped("en")}
    for one in shipped("es"):
        ours, theirs = one.template, english[one.template.file.replace(".es.", ".")]
        assert ours.fields ^ theirs.fields <= {"contact.first_name"}, ours.file
        if isinstance(ours, EmailTemplate):
            assert isinstance(theirs, EmailTemplate)
            assert (ours.phi, ours.attach_calendar) == (theirs.phi, theirs.attach_calendar), ours.file


def test_nothing_is_said_against_the_shipped_spanish_messages() -> None:
    assert [str(finding) for one in shipped("es") for finding in one.judged.findings] == []


@pytest.mark.parametrize("campaign", [name for name in PURPOSES if name != "service"])
def test_no_spanish_message_of_a_campaign_repeats_another(campaign: str) -> None:
    assert judge_sequence(told(campaign, "es"), scene(purpose=PURPOSES[campaign], language="es"), RULES) == ()


def test_spanish_emails_are_easy_to_read() -> None:
    levels = [one.judged.reading for one in shipped("es") if isinstance(one.template, EmailTemplate)]
    assert all(level is not None and level >= SPANISH.limits.reading for level in levels)


def text(file: str) -> SmsTemplate:
    template = next(one.template for one in shipped("es") if one.template.file == file)
    assert isinstance(template, SmsTemplate)
    return template


TEXTS = [file.relative_to(ROOT).as_posix() for file in sorted(TEMPLATES.glob("*/*.es.sms.txt"))]


def as_sent(template: SmsTemplate, first_name: str | None, day: str) -> Sms:
    there = scene(channel=Channel.SMS, language="es")
    link = f"https://go.harborclinic.example/l/{'x' * 22}"
    return template.render(
        {
            "contact": {"first_name": first_name},
            "clinic": {"brand": there.brand, "phone": there.phone, "site": "https://harborclinic.example"},
            "link": dict.fromkeys(("booking", "guide", "preferences", "check_in"), link),
            "anchor": {"day": day, "time": "10:30 a. m."},
        }
    )


@pytest.mark.parametrize("file", TEXTS)
def test_a_spanish_text_goes_in_one_part_and_on_a_saturday_in_two(file: str) -> None:
    template, signing_up = text(file), "welcome_text" in file
    wednesday = as_sent(template, "Maximiliana Carolina", "miércoles, 30 de septiembre")
    assert wednesday.segments.encoding == "GSM-7"
    assert wednesday.segments.count == 1 + signing_up
    assert as_sent(template, "Maximiliana Carolina", "sábado, 30 de septiembre").segments.count <= 2
    assert as_sent(template, None, "martes, 1 de diciembre").segments.count == 1 + signing_up


def test_one_oclock_reads_as_well_as_ten() -> None:
    """“A las 1:00” would be wrong: no Spanish message puts an article before the time."""
    for one in shipped("es"):
        assert not re.search(r"\ba las? \{\{ anchor\.time", one.source), one.template.file
        assert not re.search(r"anchor\.time \}\}\.", one.source), f"{one.template.file}: a. m.."
