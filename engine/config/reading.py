"""settings.toml and the environment are read and checked here, all their mistakes told at once."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from engine.config.mistakes import ENVIRONMENT, FILE, Place, at, findings_of, is_secret, section_at, variable
from engine.config.secrets_kept_out import without_secrets
from engine.config.settings import Settings
from engine.config.together import unfit_together
from engine.core.campaign import Refused
from engine.core.findings import Finding
from engine.core.nearest import nearest
from engine.core.toml_text import Document, read_toml


def find_project(given: Path | None = None) -> Path:
    """The project's folder: the one given, else NURTURE_PROJECT, else the current one."""
    return (given or Path(os.environ.get("NURTURE_PROJECT") or ".")).resolve()


def load_settings(project: Path | None = None, now: datetime | None = None) -> Settings:
    """Read `settings.toml` in the project's folder, and the environment over it.

    `now` is the present moment: what is said to be signed or decided may not lie after it. Without it that is not
    looked at. Raises Refused with a finding for everything that is wrong; none repeats a value that may be a secret.
    """
    folder = find_project(project)
    document = _read(folder)
    data, findings = without_secrets(document)
    findings += [Finding(FILE, t.line, t.column, "", t.problem, t.remedy) for t in document.troubles]
    findings += _misspelt_variables()
    try:
        environment: dict[str, Any] = EnvSettingsSource(Settings)()
        unknown = {key: value for key, value in data.items() if key not in Settings.model_fields}
        findings += [_no_such_section(key, document) for key in unknown]
        settings = Settings(**{key: value for key, value in data.items() if key not in unknown})
    except SettingsError as error:
        findings.append(_no_json(error))
    except ValidationError as error:
        findings += findings_of(error, document, environment)
    else:
        findings += unfit_together(settings, document, now)
    if findings:
        raise Refused(sorted(findings, key=lambda finding: (finding.file, finding.line, finding.column)))
    settings._project = folder
    settings._in_file, settings._in_environment = data, environment
    settings._variables = frozenset(name.upper() for name in os.environ)
    return settings


def _read(folder: Path) -> Document:
    path = folder / FILE
    try:
        return read_toml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        problem = f"There is no {FILE} in this folder, which is where the project is looked for."
        remedy = "Go to the project's folder, or name it: nurture --project FOLDER"
    except UnicodeDecodeError:
        problem, remedy = "It is not a text file in UTF-8.", "Save it as UTF-8 in your editor."
    except OSError as error:
        problem, remedy = f"It cannot be read ({error.strerror}).", "Check that you may read it."
    raise Refused([Finding(FILE, 0, 0, "", problem, remedy)])


def _no_such_section(key: str, document: Document) -> Finding:
    known = [name for name, field in Settings.model_fields.items() if not is_secret(field)]
    near = nearest(key, known)
    remedy = f'Did you mean "{near}"?' if near else f"There are: {', '.join(known)}."
    return Finding(FILE, *at(document, (key,), of_key=True), key, "There is no such setting.", remedy)


def _misspelt_variables() -> Iterator[Finding]:
    """Variables that look like settings and are none: a misspelt one would be overlooked in silence."""
    sections = [name.upper() for name in Settings.model_fields]
    alone = ["SECRET_KEY", "PROJECT"]
    joined = {known.replace("__", "_"): known for known in _variables()}
    for written in sorted(os.environ):
        name = written.upper().removeprefix("NURTURE_")
        section, nested, _ = name.partition("__")
        if name == written.upper() or section in sections or name in alone:
            continue
        near = nearest(section, sections if nested else alone)
        if known := joined.get(written.upper().replace("__", "_")):
            remedy = f"Did you mean {known}? Two underscores are needed after the section's name."
        elif nested or near:
            remedy = f"Did you mean {written.upper().replace(section, near)}?" if near else "Unset it."
        else:
            continue
        yield Finding(ENVIRONMENT, 0, 0, written, "There is no such setting.", remedy)


def _variables(section: type[BaseModel] = Settings, above: Place = ()) -> Iterator[str]:
    """The variables of all settings, but for those in lists and named sections."""
    for name in section.model_fields:
        place = (*above, name)
        inner = section_at(place)
        if inner is None:
            yield variable(place)
        else:
            yield from _variables(inner, place)


def _no_json(error: SettingsError) -> Finding:
    field = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "")
    name = f"NURTURE_{field.upper()}"
    remedy = f"Set its values one by one, as in {name}__NAME=value."
    return Finding(ENVIRONMENT, 0, 0, name, "A whole section in one variable must be JSON.", remedy)
