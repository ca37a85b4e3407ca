"""`--format fhir`: one Bundle of FHIR R4 a person, our own codes, and what is not in it.

Every bundle is validated as a whole before it is written. `fhir.resources` knows R4B, whose resources that
are used here have the same elements as those of R4 (docs/standards.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.codesystem import CodeSystem
from pydantic import ValidationError

from reports.export.fhir_resources import Resource, Subject, make_resources
from reports.export.manifest import write_private
from reports.export.moments import Aliases, find_alias, show_span
from reports.export.omitted import list_unmeasured, list_unsaid, write_omitted
from reports.export.read_standards import (
    HEART_RATE_OF_DAY,
    Span,
    Told,
    read_catalogue,
    read_installation_id,
    read_recorded,
)
from reports.export.standard_measures import CODES, HEART_RATE_METHOD, INDEX, INDEX_METHOD, MEASURES
from warehouse.errors import ExplainedError
from warehouse.store import Connection

LEVELS = {
    "much_calmer": "2 or less of 100",
    "calmer": "3 to 15 of 100",
    "usual": "16 to 84 of 100: about two days in three",
    "higher": "85 to 97 of 100",
    "much_higher": "98 or more of 100",
}
SAID = (*(m.feature for m in MEASURES if m.feature != HEART_RATE_OF_DAY), "window_estimated")
"""Features of the catalogue of which a bundle says something."""
WHY_NOT = {
    "ln_rmssd_night": "logarithm of rmssd_night, which is in it",
    "onset_clock_h": "start of the night's effectivePeriod",
    "wake_clock_h": "end of the night's effectivePeriod",
    "offset_onset_min": "offset in the night's effectivePeriod",
    "offset_wake_min": "offset in the night's effectivePeriod",
    "valid_night": "the note of each value says its quality",
    "valid_day": "the note of each value says its quality",
}


def write_fhir(
    con: Connection, people: Sequence[str], folder: Path, *, aliases: Aliases
) -> list[tuple[str, int]]:
    """Write a bundle for each person, `codes.json` and `omitted.csv` into an empty folder.

    Parameters
    ----------
    con : connection
        A copy of the rows of a warehouse (`read_standards.copied_rows`).
    people : sequence of str
        Pseudonyms; whoever calls has asked for their consent.
    folder : Path
        Exists and is empty.
    aliases : mapping or None
        Person → study id and shift of dates; None where the export is not de-identified.

    Returns
    -------
    list of (str, int)
        Each file, and how many resources, codes or rows are in it.

    Raises
    ------
    ExplainedError
        If a resource is not valid, which is an error of ours.
    """
    catalogue, installation = read_catalogue(con), read_installation_id(con)
    written, omitted = [], list_unsaid(catalogue, SAID, WHY_NOT)
    for person in sorted(people):
        alias = find_alias(aliases, person)
        recorded = read_recorded(con, person, hidden=alias is not None)
        label = person if alias is None else alias.study_id
        subject = Subject(installation, label, alias, recorded, catalogue)
        name = f"{subject.label}.json"
        bundle = make_bundle(subject)
        check_resource(bundle, name)
        write_private(folder / name, write_lines(bundle))
        written.append((name, len(bundle["entry"])))
        omitted += list_unmeasured(subject.label, recorded, SAID)
    codes = make_codes(catalogue)
    check_resource(codes, "codes.json")
    write_private(folder / "codes.json", json.dumps(codes, ensure_ascii=False, indent=1) + "\n")
    written.append(("codes.json", len(codes["concept"])))
    written.append(("omitted.csv", write_omitted(folder / "omitted.csv", omitted)))
    return sorted(written)


def make_bundle(subject: Subject) -> Resource:
    """Everything of one person as a collection; its references hold within it."""
    bundle: Resource = {"resourceType": "Bundle", "id": subject.id_of("bundle"), "type": "collection"}
    last = subject.recorded.last
    if last is not None:
        # Not when it was written, which would make two equal exports differ: up to when it is known.
        offset_min = max(subject.recorded.days.items())[1].end_offset_min
        bundle["timestamp"] = show_span(Span(last, last, offset_min, offset_min), subject.alias)[1]
    entries = [{"fullUrl": f"urn:uuid:{made['id']}", "resource": made} for made in make_resources(subject)]
    return bundle | {"entry": entries}


def make_codes(catalogue: Mapping[str, Told]) -> Resource:
    """Describe our own codes as a CodeSystem, with what the catalogue says of each."""
    own = {HEART_RATE_OF_DAY: HEART_RATE_METHOD, INDEX.feature: INDEX_METHOD}
    about = {name: told.definition for name, told in catalogue.items()} | own
    concepts = [
        {"code": m.feature, "display": m.display, "definition": about.get(m.feature, m.display)}
        for m in (*MEASURES, INDEX)
    ]
    band = "where the index of the day lies with a probability of 80 %"
    concepts.append({"code": "band80", "display": "80 % band", "definition": band})
    words = "what the index of the day is called in words"
    concepts.append({"code": "level", "display": "Level in words", "definition": words})
    concepts += [
        {"code": code, "display": code.replace("_", " "), "definition": told} for code, told in LEVELS.items()
    ]
    return {
        "resourceType": "CodeSystem",
        "id": "steadyline-codes",
        "url": CODES,
        "name": "SteadylineCodes",
        "title": "Codes of Steadyline",
        "status": "active",
        "description": "What a measure is where no code of LOINC is known to mean the same.",
        "caseSensitive": True,
        "content": "complete",
        "count": len(concepts),
        "concept": concepts,
    }


def check_resource(made: Resource, name: str) -> None:
    """Validate a bundle with all that is in it, or a code system.

    Raises
    ------
    ExplainedError
        Names the first element that is wrong.
    """
    try:
        (Bundle if made["resourceType"] == "Bundle" else CodeSystem).model_validate(made)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ExplainedError(
            f"{name} would not be valid FHIR ({where}: {first['msg']}), so nothing was exported:"
            " this is an error of Steadyline, please report it with this sentence."
        ) from error


def write_lines(bundle: Resource) -> str:
    """Write a bundle as JSON, an entry a line."""
    entries = ",\n".join(_dump(entry) for entry in bundle["entry"])
    head = _dump({key: value for key, value in bundle.items() if key != "entry"})
    return f'{head[:-1]},"entry":[\n{entries}\n]}}\n'


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
