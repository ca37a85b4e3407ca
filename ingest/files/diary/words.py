"""Words by which an event is known: of a calendar's titles, and of a diary's own column."""

from __future__ import annotations

import re

from ingest.source import APPS, name_app

KINDS = frozenset(
    ["mindful", "therapy", "alcohol", "ill", "travel", "medicine", "change", "mark", "menstruation"]
)
SPELLINGS = {"period": "menstruation", "menses": "menstruation", "periode": "menstruation"}
"""Of a diary's own column only: in a calendar's title a period may be a lesson."""

WORDS: tuple[tuple[str, str | None, str | None], ...] = (
    # What would be mistaken for something below, first.
    (r"physical therapy|physio\w*|occupational therapy|speech therapy|retail therapy|chemo\w*", None, None),
    (r"radiotherapy|aromatherapy|hormone therapy|fever[- ]tree|travel agent|time travel", None, None),
    *APPS,
    # Therapy; in person where the title says so.
    (
        r"(?:psycho)?therap(?:y|ist|ie|eut|eutin)|counsell?(?:ing|or)|psycholog(?:ist|e|in)|psychiatrist|cbt|emdr",
        "therapy",
        None,
    ),
    # Practice.
    (
        r"meditat(?:e|ion|ing)|mindful(?:ness)?|mbsr|breathwork|breathing exercises?|yoga nidra",
        "mindful",
        None,
    ),
    # Medicine before illness: a flu shot is no flu.
    (r"(?:flu|covid) (?:shot|jab|vaccine)|vaccin(?:e|ation)|impfung|booster shot", "medicine", None),
    (r"medicine|medication|meds|antibiotics?|medikamente?", "medicine", None),
    (r"sick(?: day| leave)?|ill|flu|fever|covid|krank|krankmeldung|migraine|migräne", "ill", None),
    (r"alcohol|drinks|beers?|wine|cocktails?|happy hour|bier|wein", "alcohol", None),
    (
        r"flight|travel(?:ling|ing)?|trip|business trip|journey|jet ?lag|flug|reise|dienstreise",
        "travel",
        None,
    ),
)
"""Words, the kind of event they mean, the app or provider; the first row that fits holds. None: not ours."""

PATTERNS = tuple((re.compile(rf"(?<!\w)(?:{words})(?!\w)"), event, app) for words, event, app in WORDS)
IN_PERSON = re.compile(r"(?<!\w)(?:in[- ]person|face to face|vor ort|praxis|office visit)(?!\w)")
OWN_WORD = re.compile(r"[^\W\d_][\w-]{0,29}")
"""A person's own word for an event: one word."""


def name_event(title: str) -> tuple[str, str | None] | None:
    """The kind of event that a title means and the app or provider in it; None if it says neither."""
    text = " ".join(title.casefold().split())
    for pattern, event, app in PATTERNS:
        if pattern.search(text):
            if event is None:
                return None
            return event, "in person" if event == "therapy" and not app and IN_PERSON.search(text) else app
    return None


def name_own(word: str) -> tuple[str, str | None] | None:
    """The kind of event that a diary's own column means: ours, one in its words, or a single word as it is."""
    text = word.strip().casefold()
    text = SPELLINGS.get(text, text)
    if text in KINDS:
        return text, None
    return name_event(text) or ((text, None) if OWN_WORD.fullmatch(text) else None)


def name_provider(text: str) -> str:
    """An app by its name, or where therapy took place; else what was written."""
    return "in person" if IN_PERSON.search(text.casefold()) else name_app(text)
