"""A Django project in one file: SQLite, and SendGrid by django-anymail. Told by PEER, as `one_message` is.

`text`, `html` and `subject` have {{ first_name }}.
"""

import json
import os
from typing import Any

import django  # type: ignore[import-not-found]
from django.conf import settings  # type: ignore[import-not-found]
from django.core.management import call_command  # type: ignore[import-not-found]

told: dict[str, Any] = json.loads(os.environ.get("PEER", "{}"))


def begin(*apps: str, **more: object) -> None:
    """Configure it with these apps and make the tables."""
    options = {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"}
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{told['folder']}/django.db", "OPTIONS": options}
    settings.configure(
        SECRET_KEY="benchmark",
        USE_TZ=True,
        DATABASES={"default": database},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "anymail", *apps],
        EMAIL_BACKEND="anymail.backends.sendgrid.EmailBackend",
        ANYMAIL={"SENDGRID_API_KEY": "SG.benchmark", "SENDGRID_API_URL": f"{told['url']}/v3/"},
        DEFAULT_FROM_EMAIL="hello@harborclinic.example",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        **more,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def in_django(words: str, name: str) -> str:
    """The words, with another word for {{ first_name }}."""
    return words.replace("{{ first_name }}", "{{ " + name + " }}")
