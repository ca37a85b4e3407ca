"""What the sheet says of the things a person tried: verdict, estimate, days and checks, a paragraph each."""

from __future__ import annotations

from collections.abc import Sequence

from reports import sentences
from reports.catalogue import Language, say
from reports.read_tried import Effect
from reports.tried import Finding
from reports.tried_words import as_read, name_tried, start_large, why_sentence, write_range
from reports.words import and_list

DIGITS = {"index": 1, "felt_stress": 1, "ln_rmssd": 0, "tst_min": 0}
NAMES = {"index": "index", "felt_stress": "felt", "ln_rmssd": "rmssd", "tst_min": "tst_min"}
"""What the sheet calls each outcome (sheet.<name>.name)."""


def tell_tried(finding: Finding, language: Language) -> tuple[str, str]:
    """One question and its answer: the name of what was tried, and the sentences after it."""
    effect = finding.effect
    what = name_tried(effect.event, effect.app, language)
    name = start_large(say(language, "sheet.tried.item", what=what))
    if effect.verdict == "cannot_tell":
        return name, why_sentence(effect, language)
    verdict = start_large(say(language, f"effect.verdict.{effect.verdict}"))
    texts = [verdict, *tell_estimate(effect, language), tell_days(effect, language)]
    return name, " ".join([*texts, *tell_checks(effect, language), *tell_also(finding, language)])


def tell_estimate(effect: Effect, language: Language) -> list[str]:
    """The difference with its interval, in the outcome's unit and in SDs; whether it is early."""
    if effect.effect is None or effect.lo is None or effect.hi is None:
        return []
    numbers = (
        write_signed(as_read(effect.outcome, x), DIGITS[effect.outcome], language)
        for x in (effect.effect, effect.lo, effect.hi)
    )
    text = say(
        language,
        "sheet.tried.estimate",
        outcome=say(language, f"sheet.{NAMES[effect.outcome]}.name"),
        unit=say(language, f"sheet.tried.unit.{effect.outcome}"),
        level=99 if effect.early else 95,
        sd=write_sd(effect.effect_sd, language),
        **dict(zip(("effect", "lo", "hi"), numbers, strict=True)),
    )
    return [text, say(language, "sheet.tried.early")] if effect.early else [text]


def tell_days(effect: Effect, language: Language) -> str:
    """On how many days it rests."""
    return say(
        language,
        f"sheet.tried.days.{effect.question}",
        without=effect.days_without,
        with_it=effect.days_with,
        sessions=effect.sessions,
        range=write_range(effect.first, effect.last, language),
    )


def tell_checks(effect: Effect, language: Language) -> list[str]:
    """What other ways of looking say, as far as each applies."""
    checks = [] if effect.phi is None else [tell_phi(effect, language)]
    if effect.placebo_share is not None:
        checks.append(say(language, "sheet.tried.placebo", share=write_plain(effect.placebo_share, language)))
    if effect.without_a_week_lo_sd is not None:
        ends = (effect.without_a_week_lo_sd, effect.without_a_week_hi_sd)
        lo, hi = (write_sd(x, language) for x in ends)
        checks.append(say(language, "sheet.tried.week", lo=lo, hi=hi))
    if effect.without_weeks_before_sd is not None:
        sd = write_sd(effect.without_weeks_before_sd, language)
        checks.append(say(language, "sheet.tried.before", sd=sd))
    if effect.tau is not None:
        checks.append(say(language, "sheet.tried.tau", tau=write_sd(effect.tau, language)))
    if effect.taken_back:
        checks.append(say(language, "sheet.tried.unsteady"))
    return [say(language, "sheet.tried.checks", list=and_list(checks, language))] if checks else []


def tell_phi(effect: Effect, language: Language) -> str:
    """The lag-1 correlation, and the difference with it fixed at two other values where that was looked at."""
    phi = write_plain(effect.phi, language)
    if effect.phi_low_sd is None or effect.phi_high_sd is None:
        return say(language, "sheet.tried.phi_alone", phi=phi)
    low, high = (write_sd(x, language) for x in (effect.phi_low_sd, effect.phi_high_sd))
    return say(language, "sheet.tried.phi", phi=phi, low=low, high=high)


def tell_note(findings: Sequence[Finding], language: Language) -> str:
    """How they were judged, and what they do not show."""
    methods = {finding.effect.method for finding in findings}
    keys: list[str] = [key for key in ("randomisation", "autoregressive") if key in methods]
    if any(f.effect.question == "since_start" and f.effect.lo is not None for f in findings):
        keys.append("start")
    return " ".join(say(language, f"sheet.tried.{key}") for key in (*keys, "note"))


def tell_also(finding: Finding, language: Language) -> list[str]:
    """The exploratory outcomes, with how many of such findings are false at most."""
    items = [
        say(
            language,
            "sheet.tried.also_item",
            outcome=say(language, f"sheet.{NAMES[effect.outcome]}.name"),
            verdict=say(language, f"effect.word.{effect.verdict}"),
            q=write_plain(effect.q_value, language),
        )
        for effect in finding.also
    ]
    return [say(language, "sheet.tried.also", list=and_list(items, language))] if items else []


def write_signed(value: float, digits: int, language: Language) -> str:
    """A number with its sign."""
    return sentences.number(language, value, digits=digits, signed=True)


def write_sd(value: float | None, language: Language) -> str:
    """A number of SDs; a dash where there is none."""
    return "–" if value is None else write_signed(value, 2, language)


def write_plain(value: float | None, language: Language) -> str:
    """A share or a correlation; a dash where there is none."""
    return "–" if value is None else sentences.number(language, value, digits=2)
