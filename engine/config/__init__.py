"""Settings: what the clinic decides, read once, checked, each value with the place it came from."""

from engine.config.consent_forms import ConsentBox, ConsentForm
from engine.config.provenance import Shown, provenance
from engine.config.reading import find_project, load_settings
from engine.config.settings import DEVELOPMENT_KEY, Clinic, Settings

__all__ = [
    "DEVELOPMENT_KEY",
    "Clinic",
    "ConsentBox",
    "ConsentForm",
    "Settings",
    "Shown",
    "find_project",
    "load_settings",
    "provenance",
]
