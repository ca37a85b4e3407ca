"""De-identified exports: nothing in them tells who somebody is, where, or when; each is hidden among k."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from study_warehouse import (
    CLOCKS_CHANGE,
    DAYS,
    FIRST_DAY,
    NOW,
    SERIAL,
    Someone,
    build,
    hours_of,
    people,
    rows_of,
)

from reports.export.anonymity import AnonymityError, Counted, Telling, check_anonymity, choose_tags
from reports.export.deidentify import ZONE_FEATURES, redeclare
from reports.export.export import Wanted, export
from reports.export.read import count_shared
from warehouse.aliases import WEEKS, Alias, draw_alias, draw_aliases, read_aliases
from warehouse.publish import PUBLISHED
from warehouse.store import open_warehouse
from warehouse.tables import find_table

K = 3
SUNDAY_BEFORE = CLOCKS_CHANGE - timedelta(days=7)
VALUE = find_table("feature.value")
STUDY = [
    *people(3, age_band="30-44", tags={"mindful": 2, "menstruation": 1}),
    *(Someone(f"otto-{i}", source="oura", age_band="45-59", tags={"mindful": 1}) for i in range(3)),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("made") / "w.duckdb", STUDY)


@pytest.fixture
def warehouse(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "w.duckdb"))


def run(url: Path, to: Path, kind: str = "parquet", *, k: int = K, **more: Any) -> dict[str, Any]:
    return export(url, to, Wanted(kind, deidentify=True, k=k, **more), code={}, now=NOW)


def aliases_of(url: Path) -> dict[str, Alias]:
    with open_warehouse(url, read_only=True) as con:
        return read_aliases(
            con, [p for (p,) in con.execute("select participant from meta.participant").fetchall()]
        )


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(folder / f"{name}.parquet").to_pylist()


def change(url: Path, sql: str) -> None:
    with open_warehouse(url) as con:
        con.execute(sql)


# --- nothing of the original -------------------------------------------------------------------


def test_no_cell_holds_a_pseudonym_a_device_a_hash_a_zone_or_an_own_date(
    warehouse: Path, tmp_path: Path
) -> None:
    run(warehouse, tmp_path / "p")
    run(warehouse, tmp_path / "c", "csv")
    known = aliases_of(warehouse)
    ids = {alias.study_id: alias for alias in known.values()}
    true_days = {FIRST_DAY + timedelta(days=d) for d in range(-2, DAYS + 1)}
    hashes = {row["input_hash"] for one in STUDY for row in rows_of(VALUE, one)}
    telling = {
        *known,
        SERIAL,
        "Watch",
        "Berlin",
        "2021-era",
        "Headspace",
        "menstruation",
        *hashes,
        *ZONE_FEATURES,
    }
    seen = 0
    for path in (tmp_path / "p").glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            alias = ids[row["participant"]] if "participant" in row else None
            for name, value in row.items():
                seen += 1
                if path.stem != "feature_catalog":
                    assert not [word for word in telling if word in str(value)], (path.stem, name, value)
                day = value.date() if isinstance(value, datetime) else value
                if isinstance(day, date):
                    assert alias is not None
                    assert day not in true_days or alias.shift_days > -7 * 3
                    assert day - timedelta(days=alias.shift_days) in true_days, (path.stem, name, value)
                assert getattr(value, "tzinfo", None) is None
                assert "utc" not in name
                assert "offset" not in name
    assert seen > 5000
    for path in (tmp_path / "c").iterdir():
        text = path.read_text(encoding="utf-8")
        told = {word for word in telling if word in text}
        assert told <= ({"menstruation"} if path.stem in {"feature_catalog", "dictionary"} else set()), (
            path.name
        )
        if path.suffix == ".csv":
            days = {date.fromisoformat(day) for day in re.findall(r"(?<=,)\d{4}-\d\d-\d\d", text)}
            moved = {day + timedelta(days=a.shift_days) for a in known.values() for day in true_days}
            assert days <= moved, path.name


def test_ids_and_shifts_are_drawn_once_and_later_exports_join(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "one")
    first = aliases_of(warehouse)
    run(warehouse, tmp_path / "two")
    assert aliases_of(warehouse) == first
    same = [
        (p.read_bytes() == (tmp_path / "two" / p.name).read_bytes()) for p in (tmp_path / "one").iterdir()
    ]
    assert all(same)
    assert len({alias.study_id for alias in first.values()}) == len(STUDY)
    draw_aliases(warehouse, ["new", *first])
    assert {p: a for p, a in aliases_of(warehouse).items() if p != "new"} == first


def test_dates_move_back_by_whole_weeks_and_by_every_number_of_them() -> None:
    drawn = [draw_alias(set()) for _ in range(4000)]
    assert {alias.shift_days for alias in drawn} == {-7 * weeks for weeks in range(1, WEEKS + 1)}
    assert len({alias.study_id for alias in drawn}) == 4000
    assert all(re.fullmatch("s[0-9a-f]{10}", alias.study_id) for alias in drawn)


def test_an_id_that_somebody_has_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["aa", "aa", "bb"])
    monkeypatch.setattr("warehouse.aliases.secrets.token_hex", lambda size: next(drawn))
    assert draw_alias({"saa"}).study_id == "sbb"


def test_weekdays_stay_and_every_value_is_the_true_one(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out")
    known = aliases_of(warehouse)
    back = {alias.study_id: (person, alias.shift_days) for person, alias in known.items()}
    found = {
        (
            back[row["participant"]][0],
            row["day"] - timedelta(days=back[row["participant"]][1]),
            row["feature"],
        ): row["value"]
        for row in rows(tmp_path / "out", "feature_value")
    }
    hidden = {"felt_stress", *ZONE_FEATURES}
    expected = {
        (row["participant"], row["day"], row["feature"]): row["value"]
        for one in STUDY
        for row in rows_of(VALUE, one)
        if row["feature"] not in hidden
    }
    # The count of minutes worn on the day of 23 hours is told as of 24: 9.67 · 24 / 23.
    expected |= {(one.participant, CLOCKS_CHANGE, "worn_min"): 10.0 for one in STUDY}
    assert found == expected
    assert all(alias.shift_days % 7 == 0 for alias in known.values())


def test_instants_are_told_by_the_own_clock_and_sundays_are_left_out(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out")
    alias = aliases_of(warehouse)["anna-00"]
    moved = timedelta(days=alias.shift_days)
    hours = [
        r["hour_local"] for r in rows(tmp_path / "out", "feature_hour") if r["participant"] == alias.study_id
    ]
    days = [FIRST_DAY + timedelta(days=d) for d in range(DAYS)]
    assert len(hours_of(CLOCKS_CHANGE)) == 23
    assert hours == [
        datetime(day.year, day.month, day.day, hour) + moved
        for day in days
        if day not in (SUNDAY_BEFORE, CLOCKS_CHANGE)
        for hour in range(24)
    ]
    # The hour that begins nine in the morning UTC begins at ten, and after the change at eleven.
    change(
        warehouse,
        "update feature.episode set start_utc = day + interval 9 hour, end_utc = day + interval 10 hour,"
        " offset_min = case when day < '2021-03-28' then 60 else 120 end",
    )
    run(warehouse, tmp_path / "again")
    told = [r for r in rows(tmp_path / "again", "feature_episode") if r["participant"] == alias.study_id]
    assert [r["start_local"] - moved for r in told] == [
        datetime(day.year, day.month, day.day, 10 if day < CLOCKS_CHANGE else 11)
        for day in days
        if day not in (SUNDAY_BEFORE, CLOCKS_CHANGE)
    ]
    assert {r["end_local"] - r["start_local"] for r in told} == {timedelta(hours=1)}


def test_a_day_of_23_hours_does_not_show_in_the_data_yield(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out")
    found = rows(tmp_path / "out", "feature_data_yield")
    assert len(found) == len(STUDY) * DAYS
    assert {(r["yielded_min"], r["worn_min"], r["valid_h"]) for r in found} == {(1440, 1440, 24)}
    assert "minutes" not in found[0]


def test_devices_are_numbered_in_order_of_first_use(warehouse: Path, tmp_path: Path) -> None:
    first, then = "fitbit_takeout/Zoe, first", "fitbit_takeout/Anna, then"
    for table in (t for t in PUBLISHED if t.kind == "result"):
        for column in {"source", "segment"} & set(table.arrow_schema.names):
            era = " || '@2021-era'" if column == "segment" else ""
            change(
                warehouse,
                f"update {table.full_name} set {column} = case when day < '2021-03-25' then '{first}'"
                f" else '{then}' end {era} where participant like 'anna%'",
            )
    change(
        warehouse,
        "update model.alert set source = 'oura/ring' where participant like 'anna%' and day = '2021-03-29'",
    )
    run(warehouse, tmp_path / "out")
    alias = aliases_of(warehouse)["anna-01"]
    people_out = {r["participant"]: r["source"] for r in rows(tmp_path / "out", "study_person")}
    assert people_out[alias.study_id] == "fitbit_takeout-1, fitbit_takeout-2, oura-1"
    for table, column in (("feature_window", "source"), ("model_baseline", "segment")):
        mine = [r for r in rows(tmp_path / "out", table) if r["participant"] == alias.study_id]
        days = {r["day"] - timedelta(days=alias.shift_days): r[column] for r in mine}
        assert {days[date(2021, 3, d)] for d in (20, 22, 23, 24)} == {"fitbit_takeout-1"}
        assert {days[date(2021, 3, d)] for d in (25, 26, 27, 29, 30, 31)} == {"fitbit_takeout-2"}
    change(
        warehouse,
        "update feature.value set source = 'polar/x' where participant = 'anna-00' and day = '2021-03-22'",
    )
    with pytest.raises(AnonymityError, match="the rarest source is shared by 1 person"):
        run(warehouse, tmp_path / "rare")


@pytest.mark.parametrize("table", [t for t in PUBLISHED if t.kind == "result"], ids=lambda t: t.full_name)
def test_a_table_leaves_without_offsets_hashes_and_instants(table: Any) -> None:
    names = redeclare(table).arrow_schema.names
    assert not [n for n in names if n.endswith("_utc") or n in ("offset_min", "input_hash")]
    gone = {"offset_min", "input_hash"} | {"data_yield": {"minutes"}, "value": {"n_obs"}}.get(
        table.name, set()
    )
    assert len(names) == len([c for c in table.columns if c.name not in gone])
    assert set(redeclare(table).key) <= set(names)


@pytest.mark.parametrize("kind", ["omh", "fhir", "csv"])
def test_the_readme_says_what_times_are_and_no_hash_joins_other_exports(
    kind: str, warehouse: Path, tmp_path: Path
) -> None:
    hidden = run(warehouse, tmp_path / "hidden", kind)
    open_one = export(warehouse, tmp_path / "open", Wanted(kind), code={}, now=NOW)
    told, other = (
        (tmp_path / name / "README.txt").read_text(encoding="utf-8") for name in ("hidden", "open")
    )
    assert ("'Z' after a time, or an offset of zero, is local time and not UTC" in told) == (kind != "csv")
    assert "not UTC" not in other
    assert all(set(methods) == {"versions"} for methods in hidden["methods"].values())
    for methods in open_one["methods"].values():
        assert methods["inputs"] not in (tmp_path / "hidden" / "manifest.json").read_text(encoding="utf-8")


# --- k -----------------------------------------------------------------------------------------


def counted_by_hand(
    tmp_path: Path, classes: list[tuple[str | None, str]], tags: Sequence[tuple[int, str]] = ()
) -> Counted:
    with open_warehouse(tmp_path / "k.duckdb") as con:
        con.execute("create temp table leaving_class (participant varchar, age_band varchar, source varchar)")
        con.execute("create temp table leaving_tag (participant varchar, day date, tag varchar)")
        for i, (age, source) in enumerate(classes):
            con.execute("insert into leaving_class values (?, ?, ?)", [f"p{i}", age, source])
        for i, tag in tags:
            con.execute("insert into leaving_tag values (?, '2021-01-01', ?)", [f"p{i}", tag])
            con.execute("insert into leaving_tag values (?, '2021-01-02', ?)", [f"p{i}", tag])
        return count_shared(con, ["age_band", "source"])


TABLE = [
    ("18-29", "a"),
    ("18-29", "a"),
    ("18-29", "b"),
    ("30-44", "a"),
    ("30-44", "b"),
    (None, "a"),
    (None, "a"),
]
"""By hand: ages 3, 2 and 2 (nobody said), sources 5 and 2, together 2, 1, 1, 1 and 2."""


def test_groups_are_counted_as_by_hand(tmp_path: Path) -> None:
    counted = counted_by_hand(tmp_path, TABLE, [(0, "mindful"), (3, "mindful"), (3, "therapy")])
    assert counted.people == 7
    assert counted.alone == {"age_band": [2, 2, 3], "source": [2, 5]}
    assert counted.together == [1, 1, 1, 2, 2]
    assert counted.tags == {"mindful": 2, "therapy": 1}


def test_what_is_too_rare_is_named_with_how_few_share_it(tmp_path: Path) -> None:
    counted = counted_by_hand(tmp_path, TABLE)
    with pytest.raises(
        AnonymityError, match=r"the rarest age_band and source together are shared by 1 person\. Nothing"
    ):
        check_anonymity(counted, 2)
    with pytest.raises(
        AnonymityError,
        match="the rarest age_band is shared by 2 people; the rarest source is shared by 2 people",
    ):
        check_anonymity(counted, 3)
    with pytest.raises(AnonymityError, match="there are only 7 people"):
        check_anonymity(counted, 8)
    check_anonymity(counted_by_hand(tmp_path / "even", [("18-29", "a")] * 2 + [("30-44", "b")] * 2), 2)


def test_a_group_that_all_share_a_sensitive_note_is_refused_unless_the_whole_study_does(
    tmp_path: Path,
) -> None:
    classes: list[tuple[str | None, str]] = [("18-29", "a")] * 2 + [("30-44", "a")] * 2
    telling = counted_by_hand(tmp_path, classes, [(0, "therapy"), (1, "therapy"), (2, "therapy")])
    assert telling.telling == [Telling("therapy", 2)]
    with pytest.raises(
        AnonymityError, match="all 2 people who share one age_band and source have 'therapy' in tag"
    ):
        check_anonymity(telling, 2)
    spread = counted_by_hand(tmp_path / "a", classes, [(0, "therapy"), (2, "therapy")])
    whole = counted_by_hand(tmp_path / "b", classes, [(i, "therapy") for i in range(4)])
    mild = counted_by_hand(tmp_path / "c", classes, [(0, "mindful"), (1, "mindful")])
    for counted in (spread, whole, mild):
        assert counted.telling == []
        check_anonymity(counted, 2)


def test_fixed_kinds_that_are_rare_stay_and_own_words_are_never_dropped_in_silence() -> None:
    tags = {"therapy": 4, "mindful": 5, "gig with zoe": 1, "yoga": 5}
    assert choose_tags(tags, 5) == ["gig with zoe", "mindful", "yoga"]


def test_a_planted_rare_word_is_refused_and_not_told_in_the_sentence(warehouse: Path, tmp_path: Path) -> None:
    change(
        warehouse,
        "insert into stored.event by name (select 0 as stream_id, 'gig with zoe' as event,"
        " timestamp '2021-03-25' as t_utc, 60 as offset_min)",
    )
    with pytest.raises(AnonymityError) as error:
        run(warehouse, tmp_path / "out")
    assert "the rarest own word in tag is used by 1 person" in str(error.value)
    assert error.value.words == ("gig with zoe",)
    assert not [word for word in ("zoe", "anna") if word in str(error.value)]
    assert [path.name for path in tmp_path.iterdir()] == ["w.duckdb"]
    assert run(warehouse, tmp_path / "without", left_out=frozenset(["tag"]))["people"] == len(STUDY)
    assert not (tmp_path / "without" / "study_tag.parquet").exists()


def test_the_study_passes_and_says_how_well_it_hides(warehouse: Path, tmp_path: Path) -> None:
    change(
        warehouse,
        "insert into stored.event by name (select 0 as stream_id, 'therapy' as event,"
        " timestamp '2021-03-25' as t_utc, 60 as offset_min)",
    )
    found = run(warehouse, tmp_path / "out")["anonymity"]
    assert found == {
        "k": 3,
        "columns": ["age_band", "source"],
        "smallest_group": 3,
        "kinds_of_notes_left_out": 1,
    }
    known = aliases_of(warehouse)
    tags = {(r["participant"], r["day"], r["tag"]) for r in rows(tmp_path / "out", "study_tag")}
    assert tags == {
        (
            known[one.participant].study_id,
            date(2021, 3, 24 + d) + timedelta(days=known[one.participant].shift_days),
            "mindful",
        )
        for one in STUDY
        for d in range(one.tags["mindful"])
    }
    ages = {(r["participant"], r["age_band"]) for r in rows(tmp_path / "out", "study_person")}
    assert ages == {(known[one.participant].study_id, one.age_band) for one in STUDY}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"k": 4}, "the rarest age_band is shared by 3 people; the rarest source is shared by 3 people"),
        ({"k": 10}, "there are only 6 people"),
        ({"participants": ("anna-00",)}, "there is only 1 person"),
    ],
)
def test_too_few_people_are_refused(more: dict[str, Any], said: str, warehouse: Path, tmp_path: Path) -> None:
    with pytest.raises(AnonymityError, match=said):
        run(warehouse, tmp_path / "out", **more)
    assert not (tmp_path / "out").exists()


def test_a_column_left_out_is_neither_counted_nor_written(warehouse: Path, tmp_path: Path) -> None:
    change(warehouse, "update meta.setting set value = '60plus' where participant = 'anna-00'")
    with pytest.raises(AnonymityError, match="the rarest age_band is shared by 1 person"):
        run(warehouse, tmp_path / "out")
    assert run(warehouse, tmp_path / "out", left_out=frozenset(["age_band"]))["anonymity"]["columns"] == [
        "source"
    ]
    assert list(rows(tmp_path / "out", "study_person")[0]) == ["participant", "source"]
    assert "60plus" not in "".join(p.read_text() for p in (tmp_path / "out").glob("*.csv"))


def test_the_command_hides_ten_and_shows_the_rare_word_to_who_asks(
    warehouse: Path, tmp_path: Path, steadyline: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def say(*words: str) -> subprocess.CompletedProcess[str]:
        return steadyline(
            "--warehouse", str(warehouse), "export", "--deidentify", *words, var=tmp_path / "var"
        )

    refused = say("--to", str(tmp_path / "out"))
    assert refused.returncode == 1
    assert "At least 10 people have to share" in refused.stderr
    change(
        warehouse,
        "insert into stored.event by name (select 0 as stream_id, 'gig' as event,"
        " timestamp '2021-03-25' as t_utc, 60 as offset_min)",
    )
    rare = say("--to", str(tmp_path / "out"), "--k", "3")
    assert rare.stderr.splitlines()[0] == "Own words that too few people use: gig"
    passed = say("--to", str(tmp_path / "out"), "--k", "3", "--leave-out", "tag")
    assert passed.stdout.endswith("people: 6\n"), passed.stderr
