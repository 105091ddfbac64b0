"""django-post-office: queued with a template, rendered and sent by its own `send_queued_mail`, as it comes."""

import logging
import signal

from benchmarks.peers.clinic_in_django import begin, told


def main() -> None:
    """Queue them, then send what is queued, and wait to be stopped."""
    begin("post_office", POST_OFFICE={"BACKENDS": {"default": "anymail.backends.sendgrid.EmailBackend"}})
    logging.getLogger("post_office").setLevel(logging.ERROR)
    from post_office import mail  # type: ignore[import-not-found]
    from post_office.models import EmailTemplate  # type: ignore[import-not-found]

    template = EmailTemplate.objects.create(
        name="guide", subject=told["subject"], content=told["text"], html_content=told["html"]
    )
    common = {"sender": "hello@harborclinic.example", "template": template, "context": {"first_name": "Ann"}}
    people = [f"a{who}@example.com" for who in range(1, told["count"] + 1)]
    mail.send_many([{"recipients": person, "render_on_delivery": True, **common} for person in people])
    mail.send_queued_mail_until_done(lockfile=f"{told['folder']}/post_office")
    signal.pause()


if __name__ == "__main__":
    main()
