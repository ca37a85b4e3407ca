"""Apps for practice and services of therapy: one name each, however a phone, a shop or a person spells it.

What a person did with an app is asked about by the app's name. Apple Health signs with the name on the screen,
Health Connect and Google Health with that of the package, a diary with what somebody typed: under three names
one practice would be three.
"""

from __future__ import annotations

import re
from functools import lru_cache

APPS: tuple[tuple[str, str, str], ...] = (
    (r"better ?help|com\.betterhelp", "therapy", "BetterHelp"),
    (r"talk ?space|com\.talkspace\.talkspaceapp", "therapy", "Talkspace"),
    (r"head ?space|com\.getsomeheadspace\.android", "mindful", "Headspace"),
    (
        r"calm(?: app)?(?=$|:| -| –| meditation| session| app)|com\.calm\.android",
        "mindful",
        "Calm",
    ),
    (r"insight timer|com\.spotlightsix\.zentimerlite2", "mindful", "Insight Timer"),
    (r"waking up app|waking up: beyond|org\.wakingup\.android", "mindful", "Waking Up"),
    (r"ten percent happier|com\.changecollective\.tenpercenthappier", "mindful", "Ten Percent Happier"),
    (r"com\.fitbit\.fitbitmobile", "mindful", "Fitbit"),
    (r"com\.sec\.android\.app\.shealth", "mindful", "Samsung Health"),
)
"""Words in lower case, the kind of event that they mean, the name."""

PATTERNS = tuple((re.compile(rf"(?<!\w)(?:{words})(?!\w)"), name) for words, _, name in APPS)


@lru_cache(maxsize=1024)
def name_app(text: str) -> str:
    """An app by its own name where it is known, else as it is given."""
    folded = " ".join(text.casefold().split())
    return next((name for pattern, name in PATTERNS if pattern.search(folded)), text.strip())
