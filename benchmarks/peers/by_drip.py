"""django-drip-campaigns: one drip that all users match, sent by its own loop."""

import signal

from benchmarks.peers.clinic_in_django import begin, in_django, told


def main() -> None:
    """Make the users and the drip, then send it, and wait to be stopped."""
    begin("drip", ROOT_URLCONF="drip.urls")
    from django.contrib.auth.models import User  # type: ignore[import-not-found]
    from drip.models import Drip, QuerySetRule  # type: ignore[import-not-found]

    people = [
        User(username=f"u{who}", email=f"a{who}@example.com", first_name="Ann") for who in range(1, told["count"] + 1)
    ]
    User.objects.bulk_create(people)
    words = in_django(told["html"], "user.first_name")
    drip = Drip.objects.create(name="guide", enabled=True, subject_template=told["subject"], body_html_template=words)
    QuerySetRule.objects.create(
        drip=drip, method_type="filter", field_name="date_joined", lookup_type="lte", field_value="now-0 days"
    )
    drip.drip.run()
    signal.pause()


if __name__ == "__main__":
    main()
