"""Stand-ins for the outside: Twilio, SendGrid and an SMTP server on this machine, with a memory and with faults.

They import nothing of the engine, so that what they accepted is the truth against which the engine is measured.

    from tests.fakes.server import read_state
    from tests.fakes.twilio import TwilioFake
    from tests.fakes.web import Fault

    with TwilioFake() as fake:                     # or fake.start() ... fake.stop(); start() again: the same port
        provider = TwilioProvider(fake.account_sid, auth_token=fake.auth_token, base_url=fake.url, ...)
        fake.fail(Fault(end="reset", accepted=True, times=1))
        ...
        assert [taken.message for taken in fake.accepted] == ["m1"]

All three have:
    clock           a callable, aware datetimes: turn it as the engine's own
    accepted        a list of `Taken`, oldest first: every message that was accepted, as often as it was
    requests        how many requests (SMTP: messages offered by MAIL) came, bad ones too
    connections     how many connections came about
    most_at_once    the most connections that stood open at the same moment
    latency         seconds between acceptance and answer
    fail(fault)     the first rule that fits a request is used; mend() takes all away
    forget()        as new, for a fake that serves several tests
    drop()          closes every open connection, as a server does with idle ones
    host, port      and of the HTTP ones `url`, and `seen`, all requests
    context         a client's ssl context that trusts the certificate of `tls=True`; it stands in `CERTIFICATE`

`web.Fault` is for the HTTP ones, `smtp.SmtpFault` for SMTP; see there. As processes of their own:
    python -m tests.fakes.twilio --port 0 --state FILE [--latency 0.1]
The port comes as the first line of the output; each acceptance is a line of JSON in FILE, on the disk before the
answer goes out (`server.read_state(FILE)`). `apart.apart("twilio", "--state", FILE)` starts and ends such a process.
"""
