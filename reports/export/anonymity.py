"""Whether a de-identified export hides each person among others: k-anonymity, and what a group would tell.

Sweeney 2002 (doi:10.1142/S0218488502001648): in every group of people who share what others may know of them
(age band, devices) there are at least k. Notes are counted one kind at a time: each kind that leaves was
noted by at least k people (k^m-anonymity with m = 1, Terrovitis 2008, doi:10.14778/1453856.1453874). Four
kinds are counted as sensitive too (l-diversity with l = 2, Machanavajjhala 2007, doi:10.1145/1217299.1217302): in
no group do all have one that others of the study have not.

Values of features are sensitive too, but real numbers of many days differ between any two people, so that
every group is as diverse as it is large, and counting them would say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warehouse.errors import ExplainedError

K = 10
"""How many people at the least share what others may know of them."""
MAY_BE_LEFT_OUT = ("age_band", "tag")
FIXED_TAGS = ("alcohol", "change", "eda_scan", "ill", "mark", "medicine", "mindful", "therapy", "travel")
"""Kinds of notes that Steadyline knows; all others are a person's own words. Cycle logs never leave."""
SENSITIVE_TAGS = ("alcohol", "ill", "medicine", "therapy")


class AnonymityError(ExplainedError):
    """An export would let somebody be found: the columns, how few share them, what to do.

    `words` are the own words that too few people use: for whoever exports, not for a log.
    """

    def __init__(self, text: str, words: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.words = tuple(words)


@dataclass(frozen=True)
class Telling:
    """A group of people who all noted a sensitive kind, while others of the study did not."""

    tag: str
    people: int


@dataclass(frozen=True)
class Counted:
    """How many people share what.

    `alone` holds the sizes of the groups by one column, `together` those by all columns, `tags` how many
    people noted each kind, `telling` the groups that a sensitive note gives away.
    """

    people: int
    alone: Mapping[str, Sequence[int]]
    together: Sequence[int]
    tags: Mapping[str, int]
    telling: Sequence[Telling]


def choose_tags(tags: Mapping[str, int], k: int) -> list[str]:
    """Choose the kinds of notes that leave: fixed ones that at least k people noted, and all own words.

    An own word that too few use is not quietly left out, since whoever exports has to see it:
    `check_anonymity` refuses it.
    """
    return sorted(tag for tag, people in tags.items() if people >= k or tag not in FIXED_TAGS)


def check_anonymity(counted: Counted, k: int) -> None:
    """Refuse an export in which fewer than k people share what others may know of them.

    Raises
    ------
    AnonymityError
        Names the columns, and how many people share the rarest value of each.
    """
    words = sorted(tag for tag, people in counted.tags.items() if people < k and tag not in FIXED_TAGS)
    faults = list_faults(counted, k)
    if words:
        rarest = min(counted.tags[word] for word in words)
        faults.append(f"the rarest own word in tag is used by {count_people(rarest)}")
    for told in counted.telling if not faults else ():
        faults.append(
            f"all {told.people} people who share one age_band and source have '{told.tag}' in tag, which others"
            " of the study have not"
        )
    if faults:
        raise AnonymityError(
            f"This export would let somebody be found. At least {k} people have to share what others may know of"
            f" them (--k), but {'; '.join(faults)}. Nothing was written: {advise(counted, k)}.",
            words,
        )


def list_faults(counted: Counted, k: int) -> list[str]:
    """Say which columns make groups of fewer than k people: each alone, else all of them together."""
    if counted.people < k:
        return [f"there {'is' if counted.people == 1 else 'are'} only {count_people(counted.people)}"]
    faults = [
        f"the rarest {column} is shared by {count_people(min(sizes))}"
        for column, sizes in counted.alone.items()
        if min(sizes) < k
    ]
    if not faults and min(counted.together) < k:
        both = " and ".join(counted.alone)
        faults.append(f"the rarest {both} together are shared by {count_people(min(counted.together))}")
    return faults


def advise(counted: Counted, k: int) -> str:
    """Say what may help."""
    if counted.people < k:
        return "wait for more people, or choose a smaller --k knowing what docs/export.md says of it"
    return (
        "leave a column out (--leave-out age_band, --leave-out tag), or name with --participant only people"
        " who are alike"
    )


def count_people(number: int) -> str:
    """Write a number of people: 1 person, 3 people."""
    return f"{number} {'person' if number == 1 else 'people'}"
