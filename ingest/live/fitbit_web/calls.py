"""Calls that the package lacks, or asks for with an address that no server is known to understand."""

from __future__ import annotations

from datetime import date
from typing import Any


class MoreCalls:
    """What a `fitbit.Fitbit` can be asked besides; goes before it in a class's bases.

    A day is a date, a text such as 2026-10-25, or 'today'. With `end_date` a call asks for a range, with `details` for
    every value of a night instead of one.
    """

    API_ENDPOINT: str
    API_VERSION: float

    def make_request(self, *args: Any, **kwargs: Any) -> Any:
        """Ask; the package's."""
        return super().make_request(*args, **kwargs)  # type: ignore[misc]  # of the class behind this one

    def hrv(
        self, base_date: date | str = "today", end_date: date | str | None = None, *, details: bool = False
    ) -> Any:
        """Heart rate variability in sleep."""
        return self._ask("hrv", base_date, end_date, details=details)

    def spo2(
        self, base_date: date | str = "today", end_date: date | str | None = None, *, details: bool = False
    ) -> Any:
        """Oxygen saturation in sleep."""
        return self._ask("spo2", base_date, end_date, details=details)

    def breathing_rate(
        self, base_date: date | str = "today", end_date: date | str | None = None, *, details: bool = False
    ) -> Any:
        """Breaths a minute in sleep."""
        return self._ask("br", base_date, end_date, details=details)

    def skin_temperature(self, base_date: date | str = "today", end_date: date | str | None = None) -> Any:
        """Skin temperature in sleep, from the usual."""
        return self._ask("temp/skin", base_date, end_date)

    def active_zone_minutes(self, base_date: date | str = "today", end_date: date | str | None = None) -> Any:
        """Active zone minutes of days."""
        return self._ask("activities/active-zone-minutes", base_date, end_date or "1d")

    def get_sleep(self, date: date) -> Any:
        """Sleep of a day, in the version that is set; the package writes 2026-1-5 for 2026-01-05."""
        return self._ask("sleep", date, None)

    def _ask(self, what: str, first: date | str, last: date | str | None, *, details: bool = False) -> Any:
        """Ask for days of something."""
        days = [
            day if isinstance(day, str) else f"{day:%Y-%m-%d}" for day in (first, last) if day is not None
        ]
        path = f"{what}/date/{'/'.join(days)}{'/all' if details else ''}.json"
        return self.make_request(f"{self.API_ENDPOINT}/{self.API_VERSION}/user/-/{path}")
