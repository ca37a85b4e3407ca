"""What a night would be by another device alone: the next best of those that were worn in it.

Where two devices were worn in the same nights, how far apart they read is known, and a person who
changes from one to the other need not start anew (`models.bridges`). The other value is what the
features would be had the device that counts not been worn: that device is left out with all it
recorded, and the same choice is made among the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from features import night, nights
from features.days import Valued
from features.five_minutes import FiveMinutes
from features.night_signals import From, Temperatures, measure_signals, measure_temperatures
from features.person import Person, share_known

OF_HEART, OF_LOG = "rhr_night", "sleep_frag"
OF_SIGNALS = ("ln_rmssd_night", "resp_night", "temp_dev")
NAMES = (OF_HEART, OF_LOG, *OF_SIGNALS)
"""The features of the index that one night gives; those that weigh a night against others are left out."""


@dataclass(frozen=True)
class Rest:
    """A person without one device, and the windows of five minutes that are left (stream → windows)."""

    person: Person
    fives: Mapping[str, FiveMinutes]

    @cached_property
    def temperatures(self) -> Temperatures:
        """Skin temperature of every night, by those devices."""
        return measure_temperatures(self.person)


def measure_others(
    person: Person, valued: Sequence[Valued], fives: Mapping[str, FiveMinutes]
) -> list[Valued]:
    """`NAMES` by the next best device, where they have a value and another device was worn that night.

    Parameters
    ----------
    person : Person
    valued : sequence of Valued
        What `days.measure_days` found; its order is kept.
    fives : mapping
        Stream → its windows of five minutes.

    Returns
    -------
    list of Valued
        Empty for who wore one device; only measures with a value.
    """
    rests: dict[str, Rest] = {}
    found: dict[tuple[int, str], Mapping[str, From]] = {}
    others = []
    for one in valued:
        if one.feature not in NAMES or one.measure.value is None or one.stream is None:
            continue
        key = one.day, one.stream
        if key not in found:
            if not is_worn_beside(person, *key):
                found[key] = {}
            else:
                if one.stream not in rests:
                    rests[one.stream] = leave_out(person, one.stream, fives)
                found[key] = measure_rest(rests[one.stream], one.day)
        measure, stream = found[key].get(one.feature, (one.measure, None))
        if stream is not None and measure.value is not None:
            others.append(Valued(one.day, one.feature, measure, stream))
    return others


def is_worn_beside(person: Person, day: int, stream: str) -> bool:
    """Whether a device other than `stream` logged some of the night's main sleep, or has its heart rate."""
    one = person.nights.get(day)
    if one is None or one.main is None:
        return False
    main, span = one.main, person.main_span(one)
    logged = (log for name, logs in person.logs.items() if name != stream for log in logs)
    if any(log.start_s < main.end_s and log.end_s > main.start_s for log in logged):
        return True
    hearts = (s.hr_bpm[span] for s in person.streams if s.name != stream)
    return any(share_known(hr_bpm) >= night.LEAST_COVERAGE for hr_bpm in hearts)


def leave_out(person: Person, stream: str, fives: Mapping[str, FiveMinutes]) -> Rest:
    """The person had they not worn one device."""
    rest = replace(
        person,
        streams=tuple(s for s in person.streams if s.name != stream),
        logs={name: logs for name, logs in person.logs.items() if name != stream},
        samples={
            kind: {name: some for name, some in streams.items() if name != stream}
            for kind, streams in person.samples.items()
        },
    )
    return Rest(rest, {name: windows for name, windows in fives.items() if name != stream})


def measure_rest(rest: Rest, day: int) -> dict[str, From]:
    """`NAMES` of a night by the devices that are left; none without a main sleep."""
    one = rest.person.nights.get(day)
    if one is None or one.main is None:
        return {}
    heart = rest.person.heart_of_night(one)
    values = nights.measure_night(rest.person, day)
    signals = measure_signals(rest.person, day, rest.fives, rest.temperatures)
    return {
        OF_HEART: (values[OF_HEART], heart.name if heart else None),
        OF_LOG: (values[OF_LOG], one.stream),
        **{name: signals[name] for name in OF_SIGNALS},
    }
