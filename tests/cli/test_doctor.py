"""`nurture doctor` finds what is wrong, says what to do, and sends nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from engine.checkup import Check, Verdict
from engine.checkup.domain import Sender, sender_domain
from engine.checkup.machine import Reading, clocks, space
from engine.checkup.names import names_by
from engine.checkup.reach import answers, public_name, resolves
from engine.checkup.sending import addresses
from engine.config import load_settings
from engine.store import open_store
from tests.fakes.dns import DnsFake, Table
from tests.fakes.server import CERTIFICATE
from tests.fakes.smtp import SmtpFake
from tests.fakes.twilio import TwilioFake
from tests.fakes.web import Reply, Request, WebFake

OK, WARNING, FAILED, NOT_CHECKED = Verdict
SECRET = "k" * 40
SMTP = {
    "SECRET_KEY": SECRET,
    "SENDING__EMAIL": "smtp",
    "SENDING__REHEARSAL": "true",
    "SMTP__HOST": "127.0.0.1",
    "SMTP__PORT": "1",
    "SMTP__USERNAME": "nurture",
    "SMTP__PASSWORD": "hunter2-hunter2",
}


def file_of(nurture) -> Path:
    """The SQLite file."""
    return Path(make_url(nurture.database).database or "")


@pytest.fixture
def nurture(nurture):
    """With a database as nurture itself makes it: for its owner only."""
    file_of(nurture).chmod(0o600)
    return nurture


@pytest.fixture
def resolver():
    """A name server that knows nothing: no test asks the world."""
    with DnsFake({}) as server:
        yield server


@pytest.fixture
def doctor(nurture, resolver):
    """`doctor(code=1)`: its checks by their names."""

    def run(code=0):
        out = nurture("doctor", "--json", "--resolver", resolver.address, code=code).stdout
        return {check["name"]: Check(**check) for check in map(json.loads, out.splitlines())}

    return run


@pytest.fixture
def chosen(monkeypatch):
    """`chosen(SMTP)`: settings, by the environment."""

    def put(variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"NURTURE_{name}", value)

    return put


TWILIO = {
    "TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO__AUTH_TOKEN": "0" * 32,
    "TWILIO__FROM_NUMBER": "+16175550142",
}


def by_twilio(fake: TwilioFake) -> dict[str, str]:
    return {
        "SECRET_KEY": SECRET,
        "SENDING__SMS": "twilio",
        "SENDING__REHEARSAL": "true",
        "TWILIO__ACCOUNT_SID": fake.account_sid,
        "TWILIO__AUTH_TOKEN": fake.auth_token,
        "TWILIO__FROM_NUMBER": "+16175550142",
        "TWILIO__BASE_URL": fake.url,
    }


# ------------------------------------------------------------------------------------------- the whole command


def test_a_clinic_that_only_rehearses_is_told_what_is_left_to_do_and_nothing_fails(nurture, resolver):
    shown = nurture("doctor", "--resolver", resolver.address).stdout
    assert "ok           database: schema: It is that of this version.\n" in shown
    assert "warning      public URL: go.harborclinic.example is no name that others can reach.\n" in shown
    assert "             -> Write a public name in clinic.public_url.\n" in shown
    assert "not checked  clock: Nothing here tells the time" in shown
    assert shown.splitlines()[-1].endswith("0 failed, 1 not checked. Nothing was sent.")


def test_every_mistake_in_the_settings_is_told_and_the_rest_waits(doctor, edit, nurture, resolver):
    edit("settings.toml", 'zone = "America/New_York"', 'zone = "America/NewYork"')
    edit("settings.toml", 'state = "MA"', 'state = "Massachusetts"')
    shown = nurture("doctor", "--resolver", resolver.address, code=1).stdout
    assert "FAILED       settings: settings.toml:9:8  clinic.zone: There is no such time zone.\n" in shown
    assert "settings.toml:10:9  clinic.state: " in shown
    assert doctor(code=1)["everything else"].verdict == NOT_CHECKED


def test_secrets_are_named_and_never_shown(nurture, resolver, chosen):
    chosen(SMTP)
    for form in ((), ("--json",)):
        shown = nurture("doctor", "--resolver", resolver.address, *form, code=1).output
        assert "NURTURE_SECRET_KEY, NURTURE_SMTP__PASSWORD" in shown
        assert SECRET not in shown
        assert "hunter2" not in shown


@pytest.mark.parametrize("server", ["nonsense", "10.0.0.1:x", "https://10.0.0.1"])
def test_a_resolver_that_is_no_address_is_not_understood(nurture, server):
    assert "--resolver: write a machine's address" in nurture("doctor", "--resolver", server, code=2).stderr


# ------------------------------------------------------------------------------------------------ the database


def test_a_database_that_is_not_there_yet_is_not_made(nurture, doctor, tmp_path):
    nurture.database = f"sqlite:///{tmp_path}/new/nurture.db"
    assert doctor()["database"].verdict == NOT_CHECKED
    assert not (tmp_path / "new").exists()


def test_what_is_written_to_try_is_taken_back(doctor):
    assert [doctor()["database: writing"].verdict for _ in range(2)] == [OK, OK]


def test_a_damaged_file_is_found(nurture, doctor):
    path = file_of(nurture)
    content = path.read_bytes()
    path.write_bytes(content[:20_000] + b"\xff" * 4096 + content[24_096:])
    found = doctor(code=1)["database: integrity"]
    assert found.verdict == FAILED
    assert "the file is damaged" in found.found


def test_what_is_no_database_is_found(nurture, doctor):
    path = file_of(nurture)
    path.write_bytes(b"Dear Ann, " * 1000)
    assert doctor(code=1)["database"].found == "It cannot be opened (DatabaseError)."


def test_a_file_that_others_may_read_is_found(nurture, doctor):
    path = file_of(nurture)
    assert doctor()["database: file"].verdict == OK
    path.chmod(0o640)
    assert doctor(code=1)["database: file"].remedy == f"chmod 600 {path}"


def test_a_database_of_another_version_is_found(nurture, doctor, databases, tmp_path):
    nurture.database = databases.new("sqlite", tmp_path, migrated=False)
    open_store(nurture.database).engine.connect().close()
    assert "Run: nurture migrate" in doctor(code=1)["database: schema"].found


def test_postgresql_that_forgets_commits_is_found_and_its_clock_is_read(nurture, doctor, databases, tmp_path):
    nurture.database = databases.new("postgresql", tmp_path, migrated=True)
    found = doctor(code=1)  # the tests' server is told to be forgetful
    assert "fsync = off and synchronous_commit = off" in found["database: durability"].found
    assert found["database: writing"].verdict == OK
    assert found["clock against PostgreSQL"].verdict == OK


def test_a_database_that_cannot_be_written_is_found(nurture, doctor, databases, tmp_path):
    url = databases.new("postgresql", tmp_path, migrated=True)
    nurture.database = f"{url}&options=-c%20default_transaction_read_only%3Don"
    found = doctor(code=1)["database: writing"]
    assert (found.verdict, found.found) == (FAILED, "Nothing can be written (ReadOnlySqlTransaction).")


def test_a_server_that_does_not_run_is_found(nurture, doctor):
    nurture.database = "postgresql+psycopg://nurture:hunter2@127.0.0.1:1/nurture"
    found = doctor(code=1)["database"]
    assert (found.verdict, found.found) == (FAILED, "It cannot be opened (OperationalError).")


# --------------------------------------------------------------------------------------------- disk and clock


@pytest.mark.parametrize(
    ("free", "verdict"), [(1_000_000_000, OK), (999_999_999, WARNING), (100_000_000, WARNING), (99_999_999, FAILED)]
)
def test_little_space_is_a_warning_and_hardly_any_a_failure(free, verdict):
    assert space("disk", Path("/"), free).verdict == verdict


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, OK), (5, OK), (-6, WARNING), (6, WARNING), (60, WARNING), (-61, FAILED), (61, FAILED)]
)
def test_a_clock_that_is_off_is_found(seconds, verdict):
    noon = datetime(2026, 11, 23, 17, tzinfo=UTC)
    [check] = clocks([Reading("twilio", noon + timedelta(seconds=seconds), noon)])
    assert check.verdict == verdict
    assert ("slow" in check.found) == (seconds > 5)


# ------------------------------------------------------------------------------------------------ the providers


def test_a_provider_that_takes_our_credentials_is_asked_and_given_nothing(doctor, chosen):
    with TwilioFake() as fake:
        chosen(by_twilio(fake))
        found = doctor(code=1)  # public_url is an example's
        assert found["twilio: access"].verdict == OK
        assert found["clock against twilio"].verdict == OK
        assert fake.requests == 1
        assert fake.accepted == []


def test_a_provider_that_refuses_our_credentials_is_found(doctor, chosen):
    with TwilioFake() as fake:
        chosen({**by_twilio(fake), "TWILIO__AUTH_TOKEN": "0" * 32})
        found = doctor(code=1)["twilio: access"]
    assert found.verdict == FAILED
    assert "NURTURE_TWILIO__AUTH_TOKEN" in found.remedy


def test_a_refused_api_key_is_called_by_its_own_variable(doctor, chosen):
    with TwilioFake() as fake:
        chosen({**by_twilio(fake), "TWILIO__API_KEY_SID": "SK" + "0" * 32, "TWILIO__API_KEY_SECRET": "x"})
        remedy = doctor(code=1)["twilio: access"].remedy
    assert "NURTURE_TWILIO__API_KEY_SECRET" in remedy
    assert "AUTH_TOKEN" not in remedy


class Elsewhere(WebFake):
    """Something that is no provider."""

    def answer(self, request: Request) -> Reply:
        return Reply(404)


def test_a_finding_that_says_what_to_mend_has_no_other_remedy(doctor, chosen):
    with Elsewhere() as site:
        chosen({**SENDGRID, "SENDGRID__BASE_URL": site.url})
        found = doctor(code=1)["sendgrid: access"]
    assert found.found == "That is no SendGrid API (base_url of [sendgrid])."
    assert found.remedy == ""


def test_a_relay_without_starttls_is_not_blamed_on_the_password(doctor, chosen):
    with SmtpFake() as relay:
        chosen({**SMTP, "SMTP__HOST": relay.host, "SMTP__PORT": str(relay.port)})
        found = doctor(code=1)["smtp: access"]
    assert "STARTTLS" in found.found
    assert found.remedy == ""


@pytest.mark.parametrize(
    ("variables", "url", "found"),
    [
        ({"SENDING__EMAIL": "sendgrid"}, "SENDGRID__BASE_URL", "nothing reaches an inbox"),
        ({"SENDING__SMS": "twilio"}, "TWILIO__BASE_URL", "nothing reaches a phone"),
    ],
)
def test_a_base_url_that_is_not_the_provider_s_own_is_a_warning(project, chosen, variables, url, found):
    chosen({**SENDGRID, "SENDING__EMAIL": "mailbox", **TWILIO, **variables})
    chosen({url: "http://127.0.0.1:1"})
    [check] = addresses(load_settings(project))
    assert check.verdict == WARNING
    assert found in check.found
    chosen({url: "https://api.eu.sendgrid.com" if "SENDGRID" in url else "https://api.dublin.ie1.twilio.com"})
    assert list(addresses(load_settings(project))) == []


def test_a_machine_whose_clock_is_slow_is_found_by_the_provider_s(doctor, chosen):
    with TwilioFake(clock=lambda: datetime.now(UTC) + timedelta(minutes=2)) as fake:
        chosen(by_twilio(fake))
        assert doctor(code=1)["clock against twilio"].verdict == FAILED


def test_a_relay_that_cannot_be_reached_is_found(doctor, chosen):
    chosen(SMTP)
    found = doctor(code=1)["smtp: access"]
    assert found.verdict == FAILED
    assert "DNS, firewall, proxy" in found.remedy
    assert "127.0.0.1:1" in found.found


# ------------------------------------------------------------------------------------------- health information


NOWHERE = "http://127.0.0.1:1"
SENDGRID = {
    "SECRET_KEY": SECRET,
    "SENDING__EMAIL": "sendgrid",
    "SENDING__REHEARSAL": "true",
    "SENDGRID__API_KEY": "SG.0000000000000000",
    "SENDGRID__BASE_URL": NOWHERE,
}
BAA = {"SMTP__BAA__SIGNED_BY": "Dr. Maria Ortiz", "SMTP__BAA__ON": "2026-01-31"}


def test_without_a_covered_relay_it_says_whose_emails_are_held(doctor, chosen):
    chosen(SENDGRID)
    found = doctor(code=1)
    assert found["sendgrid: health information"].found.startswith("It carries general education only")
    assert found["emails to patients"].verdict == WARNING
    assert "are held (phi_provider)" in found["emails to patients"].found
    assert found["texts to patients"].verdict == OK  # by the mailbox
    assert found["rehearsal"].verdict == WARNING


def test_an_agreement_is_named_with_who_signed_it_and_when(doctor, chosen):
    chosen({**SENDGRID, **SMTP, "SENDING__EMAIL": "sendgrid,smtp"})
    assert doctor(code=1)["smtp: health information"].verdict == WARNING
    chosen(BAA)
    found = doctor(code=1)
    assert "signed by Dr. Maria Ortiz on 2026-01-31" in found["smtp: health information"].found
    assert found["emails to patients"].verdict == OK


def test_a_signed_agreement_without_the_account_s_flag_covers_nobody(doctor, chosen):
    with TwilioFake() as fake:
        chosen(by_twilio(fake))
        chosen({"TWILIO__BAA__SIGNED_BY": "Dr. Maria Ortiz", "TWILIO__BAA__ON": "2026-01-31"})
        assert "hipaa_project = true" in doctor(code=1)["twilio: health information"].remedy
        chosen({"TWILIO__BAA__HIPAA_PROJECT": "true"})
        assert doctor(code=1)["twilio: health information"].verdict == OK


def test_counsel_s_choice_is_shown_with_name_and_day(doctor, chosen):
    chosen({"PHI__ENQUIRER_POLICY": "by_content", "PHI__DECIDED_BY": "Jane Roe", "PHI__DECIDED_ON": "2026-01-31"})
    shown = doctor()["enquirer policy"].found
    assert shown == "by_content: who ever booked counts as a patient. Decided by Jane Roe on 2026-01-31."


def test_it_says_who_answers_stop(doctor, chosen):
    with TwilioFake() as fake:
        chosen(by_twilio(fake))
        assert doctor(code=1)["STOP and HELP"].verdict == OK
        chosen({"SMS__STOP_REPLY_BY": "engine"})
        assert "two answers" in doctor(code=1)["STOP and HELP"].found


# --------------------------------------------------------------------------------------------- the public URL


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://localhost:8000", "is not https"),
        ("https://go_there.clinic.com", "has an underscore"),
        ("https://localhost", "no name that others can reach"),
        ("https://clinic.local", "no name that others can reach"),
        ("https://go.clinic.example", "no name that others can reach"),
        ("https://192.0.2.1", "no name that others can reach"),
        ("https://[2001:db8::1]", "no name that others can reach"),
    ],
)
def test_a_url_that_nobody_could_follow_is_found(url, problem):
    check = public_name(url, needed=True)
    assert check.verdict == FAILED
    assert problem in check.found
    assert public_name(url, needed=False).verdict == WARNING


def test_a_public_name_is_looked_up():
    assert public_name("https://go.clinic.com", needed=True).verdict == OK
    table: Table = {("four.clinic.com", "A"): ["192.0.2.1"], ("six.clinic.com", "AAAA"): ["2001:db8::1"]}
    with DnsFake(table) as server:
        names = names_by(server.address)
        verdicts = [resolves("DNS", f"{host}.clinic.com", names, needed=True).verdict for host in ("four", "six", "no")]
    assert verdicts == [OK, OK, FAILED]


class Site(WebFake):
    """Answers that it has no such page."""

    def answer(self, request: Request) -> Reply:
        return Reply(404)


def test_an_answer_of_any_status_counts_and_a_certificate_that_is_not_trusted_does_not(monkeypatch):
    with Site(tls=True) as site:
        url = f"https://localhost:{site.port}"
        assert answers(url, needed=True).verdict == FAILED
        assert answers(url, needed=False).verdict == WARNING
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
        assert answers(url, needed=True).found == "It answers (404)."


def test_where_nothing_answers_yet_it_is_no_failure():
    check = answers("https://localhost:1", needed=True)
    assert check.verdict == WARNING
    assert "`nurture web`" in check.remedy


# ------------------------------------------------------------------------------------------- the sender's domain

CLINIC = "clinic.com"
SPF = (CLINIC, "TXT")
DKIM = (f"s1._domainkey.{CLINIC}", "TXT")
DMARC = (f"_dmarc.{CLINIC}", "TXT")
KEY = f"v=DKIM1; k=rsa; p={'A' * 392}"  # longer than one string of a TXT record
GOOD: Table = {SPF: ["v=spf1 include:sendgrid.net ~all", "other=1"], DKIM: [KEY], DMARC: ["v=DMARC1; p=reject"]}


def examined(table: Table, domain: str = CLINIC, **server) -> dict[str, Check]:
    sender = Sender(domain, (("sendgrid", ("s1",)),))
    with DnsFake(table, **server) as fake:
        checks = list(sender_domain(sender, names_by(fake.address, seconds=0.3)))
    return {check.name.split(" ")[0]: check for check in checks}


def test_a_domain_with_its_records_is_in_order():
    assert [check.verdict for check in examined(GOOD).values()] == [OK, OK, OK]


@pytest.mark.parametrize(
    ("which", "changed", "verdict", "said"),
    [
        ("SPF", {SPF: ["other=1"]}, FAILED, "There is no SPF record."),
        ("SPF", {SPF: ["v=spf10 -all"]}, FAILED, "There is no SPF record."),
        ("SPF", {SPF: ["v=spf1 -all", "v=spf1 ~all"]}, FAILED, "There are 2 SPF records."),
        ("SPF", {SPF: ["v=spf1 include:other.net -all"]}, WARNING, "It does not name SendGrid"),
        ("DKIM", {DKIM: []}, FAILED, "There is no key."),
        ("DKIM", {DKIM: ["v=DKIM1; p="]}, FAILED, "The key was taken back"),
        ("DMARC", {DMARC: []}, FAILED, "There is no DMARC record."),
        ("DMARC", {DMARC: ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, FAILED, "There are 2 DMARC records."),
        ("DMARC", {DMARC: ["v=DMARC1; p=maybe"]}, FAILED, "It names no policy."),
    ],
)
def test_a_record_that_is_missing_or_wrong_is_found(which, changed, verdict, said):
    check = examined({**GOOD, **changed})[which]
    assert check.verdict == verdict
    assert said in check.found
    assert check.remedy


def test_a_key_behind_an_alias_is_found():
    alias: Table = {(DKIM[0], "CNAME"): ["s1.domainkey.u1.wl.sendgrid.net"]}
    there: Table = {("s1.domainkey.u1.wl.sendgrid.net", "TXT"): [KEY]}
    assert examined({**alias, **there})["DKIM"].verdict == OK


def test_a_policy_is_inherited_from_the_domain_above():
    above: Table = {(f"_dmarc.{CLINIC}", "TXT"): ["v=DMARC1; p=reject; sp=none; adkim=s"]}
    check = examined(above, domain=f"mail.{CLINIC}")["DMARC"]
    assert check.verdict == OK
    assert "p=none only watches" in check.remedy
    assert f"of {CLINIC} itself" in check.remedy


def test_a_relay_whose_keys_are_not_named_is_not_checked():
    with DnsFake(GOOD) as fake:
        checks = list(sender_domain(Sender(CLINIC, (("smtp", ()),)), names_by(fake.address)))
    assert [check.verdict for check in checks] == [OK, NOT_CHECKED, OK]


def test_missing_records_are_no_failure_while_no_email_leaves():
    with DnsFake({}) as fake:
        checks = list(sender_domain(Sender(CLINIC, ()), names_by(fake.address)))
    assert [check.verdict for check in checks] == [WARNING, WARNING]


def test_where_no_resolver_answers_nothing_is_claimed_and_it_is_asked_once():
    sender = Sender(CLINIC, (("sendgrid", ("s1",)),))
    with DnsFake(GOOD, silent=True) as fake:
        checks = list(sender_domain(sender, names_by(fake.address, seconds=0.3)))
    assert {check.verdict for check in checks} == {NOT_CHECKED}
    assert {name for name, _ in fake.asked} == {CLINIC}


def test_one_name_that_cannot_be_found_out_hides_no_other():
    found = examined(GOOD, broken=frozenset({CLINIC}))
    assert [check.verdict for check in found.values()] == [NOT_CHECKED, OK, OK]


def test_what_strangers_published_cannot_drive_the_terminal(nurture, edit, chosen):
    edit("settings.toml", "hello@harborclinic.example", f"hello@{CLINIC}")
    with DnsFake({SPF: ["v=spf1 \x1b[2J ~all"]}) as server:
        shown = nurture("doctor", "--resolver", server.address).stdout
    assert "v=spf1 \N{REPLACEMENT CHARACTER}[2J ~all" in shown


@pytest.fixture(autouse=True)
def _every_word_signed(monkeypatch):
    """With real providers no unsigned word may pass, and nothing here is about that."""
    monkeypatch.setenv("NURTURE_SIGNOFF__DEMO", "false")
