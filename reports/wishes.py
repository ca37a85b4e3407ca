"""What a person asked for, as reports read it from their settings (warehouse.preferences)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from reports.catalogue import ENGLISH, Language, load_language

NO_CONSENT = "no consent to pages"
PAGES_REFUSED = (
    "{who} does not allow pages, so none is written or shown: 'steadyline consent --participant {who}' tells more,"
    " and pages=yes allows them."
)
HINT_SETTINGS = ("age_band", "avoid", "shift_work")
"""Hints are given only to who set all of these: what is not set is not guessed."""


@dataclass(frozen=True)
class Wishes:
    """What a person asked for; without settings, what everybody gets.

    `gentle`: words only, no alerts. `prompts`: ask how the week felt. `country`: whose help lines; None
    where not said. `settings`: all of them, as they were set.
    """

    gentle: bool = False
    prompts: bool = True
    country: str | None = None
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def hints(self) -> bool:
        """Whether everything that a hint depends on was said."""
        return all(name in self.settings for name in HINT_SETTINGS)

    @property
    def shift_work(self) -> bool:
        """Whether hours are not this person's to choose."""
        return self.settings.get("shift_work") == "yes"

    @property
    def avoid(self) -> frozenset[str]:
        """Topics to leave out."""
        return frozenset(self.settings.get("avoid", "none").split(",")) - {"none"}


def read_wishes(settings: Mapping[str, str]) -> Wishes:
    """What the settings of a person ask for."""
    return Wishes(
        gentle=settings.get("gentle") == "yes",
        prompts=settings.get("prompts") != "no",
        country=settings.get("country"),
        settings=MappingProxyType(dict(settings)),
    )


def choose_language(settings: Mapping[str, str]) -> Language:
    """The language that a person reads, with their own hours and degrees; English where not said."""
    language = load_language(settings.get("language", ENGLISH))
    return replace(
        language,
        hours=int(settings.get("clock", language.hours)),
        units=settings.get("units", language.units),
    )


def why_no_page(settings: Mapping[str, str], *, allowed: bool) -> str | None:
    """Why a person gets no page: 'paused', 'no consent to pages' or 'under 18'; None where they get one.

    `allowed` says whether they allow pages (`warehouse.consent`). A week without a page has no row in
    `report.week`; the command says why.
    """
    if settings.get("age_band") == "under18":
        return "under 18"
    if not allowed:
        return NO_CONSENT
    return "paused" if settings.get("pause") == "yes" else None
