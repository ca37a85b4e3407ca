"""The verb load: whose data it is, what is new, and that nothing is done twice."""

from __future__ import annotations

import errno
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from fitbit_export import (
    EXPORTED,
    FOLDER,
    NOW,
    SAMPLE,
    hashes_of,
    heart_day,
    left_in_staging,
    load_into,
    rows_of,
    sleep_log,
    vendor_json,
    write_folder,
    write_zip,
)

from ingest.files import fitbit_takeout
from ingest.files.fitbit_takeout import json_streams
from ingest.ledger import PSEUDONYM_LETTERS, LoadError, file_id
from warehouse import staging as warehouse_staging
from warehouse.consent import VERSION
from warehouse.store import WarehouseError, open_warehouse

DAYS = ("2020-03-10", "2020-03-11", "2020-03-12", "2020-03-13")
HR = {f"heart_rate-{d}.json": vendor_json(heart_day(d, 11, step_s=600)) for d in DAYS}
NIGHT = ("2020-03-11T23:00:00", "2020-03-12T07:00:00")
SLEEP = {"sleep-2020-03-10.json": vendor_json([sleep_log(*NIGHT, [(NIGHT[0], "light", 8 * 3600)])])}
LEFT_OUT = {"calories-2020-03-10.json": "[]"}


def test_the_second_load_of_a_zip_or_of_its_folder_changes_no_table(tmp_path: Path) -> None:
    report = load_into(tmp_path, SAMPLE)
    assert (report.enrolled, report.changed, dict(report.rows)["signal.heart_rate"]) == (
        True,
        True,
        1_309_430,
    )
    assert (report.exports[0].files_read, report.exports[0].files_left_out) == (146, 290)
    before, file_before = hashes_of(tmp_path), (tmp_path / "w.duckdb").read_bytes()
    again = load_into(tmp_path, SAMPLE)
    with zipfile.ZipFile(SAMPLE) as opened:
        opened.extractall(tmp_path / "moved" / "elsewhere")
    folder = load_into(tmp_path, tmp_path / "moved")
    for report in (again, folder):
        assert (report.enrolled, report.changed, report.rows) == (False, False, ())
        assert (report.exports[0].files_read, report.exports[0].files_known) == (0, 146)
    assert hashes_of(tmp_path) == before
    assert (tmp_path / "w.duckdb").read_bytes() == file_before
    assert left_in_staging(tmp_path) == []


def test_a_zip_and_its_folder_in_one_load_are_read_once(tmp_path: Path) -> None:
    zipped = write_zip(tmp_path / "e.zip", HR)
    folder = write_folder(tmp_path / "f", HR)
    report = load_into(tmp_path, zipped, folder)
    assert [(e.files_read, e.files_known) for e in report.exports] == [(4, 0), (0, 4)]
    assert rows_of(tmp_path, "select count(*) from signal.heart_rate") == [(4 * 144,)]


def test_only_what_is_new_is_read_and_only_its_day_is_due(tmp_path: Path) -> None:
    three = dict(list(HR.items())[:3])
    load_into(tmp_path, write_zip(tmp_path / "a.zip", three))
    with open_warehouse(tmp_path / "w.duckdb") as con:
        con.execute("delete from meta.due")
    report = load_into(tmp_path, write_zip(tmp_path / "b.zip", HR, datetime(2020, 7, 23)))
    # The third day's last offsets were assumed: now the fourth day shows them, so it is read again.
    assert (report.exports[0].files_read, report.exports[0].files_known) == (2, 2)
    due = rows_of(tmp_path, "select day::varchar, stage from meta.due")
    assert sorted(due) == [("2020-03-13", stage) for stage in ("effects", "features", "reports")]


def test_the_order_of_loading_does_not_matter(tmp_path: Path) -> None:
    shorter = vendor_json(heart_day(DAYS[1], 11, step_s=600)[:-20])
    old = write_zip(tmp_path / "old.zip", HR | {f"heart_rate-{DAYS[1]}.json": shorter}, datetime(2020, 7, 1))
    new = write_zip(tmp_path / "new.zip", HR | SLEEP, datetime(2020, 7, 2))
    other = write_folder(tmp_path / "other", SLEEP | LEFT_OUT, datetime(2020, 6, 1))
    found = set()
    for number, order in enumerate(permutations([old, new, other])):
        place = tmp_path / str(number)
        for path in order:
            load_into(place, path)
        hashes = hashes_of(place)
        found.add(tuple((name, h) for name, h in hashes.items() if name.startswith("signal")))
    assert len(found) == 1


def test_what_lies_between_a_files_first_and_last_stamp_is_complete(tmp_path: Path) -> None:
    load_into(tmp_path, write_zip(tmp_path / "e.zip", HR | SLEEP))
    spans = rows_of(
        tmp_path,
        "select stream, from_utc, to_utc, member from meta.complete join meta.source_file using (file_id)"
        " where member in ('heart_rate-2020-03-10.json', 'sleep-2020-03-10.json') order by all",
    )
    night = (datetime(2020, 3, 11, 12), datetime(2020, 3, 11, 20), "sleep-2020-03-10.json")
    assert spans == [
        (
            "signal.heart_rate",
            datetime(2020, 3, 9, 13, 0, 3),
            datetime(2020, 3, 10, 12, 50, 3),
            next(iter(HR)),
        ),
        ("signal.sleep_episode", *night),
        ("signal.sleep_stage", *night),
    ]


def test_a_sleep_that_a_newer_export_lacks_is_withdrawn_with_its_stages(tmp_path: Path) -> None:
    nights = [(f"2020-03-{d}T23:00:00", f"2020-03-{d + 1}T07:00:00") for d in (10, 11, 12)]
    logs = [sleep_log(*n, [(n[0], "light", 8 * 3600)], logId=i) for i, n in enumerate(nights)]
    load_into(
        tmp_path,
        write_zip(tmp_path / "a.zip", {"sleep-2020-03-10.json": vendor_json(logs)}, datetime(2020, 7, 1)),
    )
    del logs[1]
    load_into(
        tmp_path,
        write_zip(tmp_path / "b.zip", {"sleep-2020-03-10.json": vendor_json(logs)}, datetime(2020, 7, 2)),
    )
    for table in ("sleep_episode", "sleep_stage"):
        assert rows_of(tmp_path, f"select episode from signal.{table} order by 1") == [("0",), ("2",)]


def test_the_ledger_says_what_each_file_gave(tmp_path: Path) -> None:
    load_into(tmp_path, write_zip(tmp_path / "e.zip", HR | SLEEP | LEFT_OUT), device="Charge 3")
    ledger = rows_of(
        tmp_path,
        "select member, source, device, rows, refused, zone_how, exported_utc, file_id, sha256, member_path"
        " from meta.source_file order by member",
    )
    assert [row[0] for row in ledger] == sorted(HR | SLEEP)
    member, source, device, rows, refused, how, exported, identity, sha256, path = ledger[1]
    assert (source, device, rows, refused, how, exported) == (
        "fitbit_takeout",
        "Charge 3",
        144,
        0,
        "export",
        EXPORTED,
    )
    assert path == FOLDER + member
    assert identity == file_id("fitbit_takeout", "Charge 3", member, sha256)
    assert 0 <= identity < 2**63
    assert rows_of(tmp_path, "select distinct file_id from signal.sleep_stage") == [(ledger[-1][7],)]
    assert rows_of(tmp_path, "select files, rows, refused, unclaimed from meta.load") == [
        (5, 4 * 144 + 2, 0, 0)
    ]
    raw = rows_of(
        tmp_path,
        "select record, hr_bpm from signal.heart_rate join meta.source_file using (file_id)"
        f" where member = '{member}' order by t_utc limit 3",
    )
    assert raw == [(0, 60.0), (1, 60.0), (2, 60.0)]


# --- files that are read again -------------------------------------------------------------------


def ledger(place: Path) -> list[tuple[Any, ...]]:
    return rows_of(
        place, "select member, method_version, rows from meta.source_file order by member, file_id"
    )


def test_another_version_of_a_source_reads_known_files_again_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped, folder = write_zip(tmp_path / "e.zip", HR | SLEEP), write_folder(tmp_path / "f", HR)
    load_into(tmp_path, zipped)
    before = hashes_of(tmp_path)
    with open_warehouse(tmp_path / "w.duckdb") as con:
        con.execute("delete from meta.due")
    monkeypatch.setattr(fitbit_takeout, "METHOD_VERSION", "fitbit_takeout-next")
    report = load_into(tmp_path, zipped, folder)
    assert [(e.files_read, e.files_known) for e in report.exports] == [(5, 0), (0, 4)]
    assert ledger(tmp_path) == [
        *((name, "fitbit_takeout-next", 144) for name in sorted(HR)),
        (next(iter(SLEEP)), "fitbit_takeout-next", 2),
    ]
    # The new version reads the same: no row is another, and no day is due.
    assert {n: h for n, h in hashes_of(tmp_path).items() if n.startswith("signal")} == {
        n: h for n, h in before.items() if n.startswith("signal")
    }
    assert rows_of(tmp_path, "select * from meta.due") == []
    assert rows_of(tmp_path, "select count(*) from meta.change") == [(0,)]
    assert not load_into(tmp_path, zipped, folder).changed


def test_rows_that_a_new_version_refuses_are_withdrawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = heart_day(DAYS[0], 11, step_s=600, bpm=60)
    records[5]["value"]["bpm"] = 240
    zipped = write_zip(tmp_path / "e.zip", {f"heart_rate-{DAYS[0]}.json": vendor_json(records)})
    load_into(tmp_path, zipped)
    monkeypatch.setattr(json_streams, "HR_MAX_BPM", 230.0)
    monkeypatch.setattr(fitbit_takeout, "METHOD_VERSION", "fitbit_takeout-next")
    load_into(tmp_path, zipped)
    assert rows_of(tmp_path, "select count(*), max(hr_bpm) from signal.heart_rate") == [(143, 60.0)]
    assert rows_of(tmp_path, "select record from meta.rejected") == [(5,)]
    assert rows_of(tmp_path, "select reason, json_extract(old_row, '$.record')::int from meta.change") == [
        ("read again", 5)
    ]


def test_a_better_clock_moves_rows_and_leaves_none_behind(tmp_path: Path) -> None:
    value = {"date": "03/11/20", "value": 57.5, "error": 6.8}
    resting = {
        "resting_heart_rate-2020-03-10.json": vendor_json([{"dateTime": "03/11/20 00:00:00", "value": value}])
    }
    alone = write_zip(tmp_path / "a.zip", resting, datetime(2020, 7, 1))
    away = {f"heart_rate-{d}.json": vendor_json(heart_day(d, 9, step_s=60)) for d in DAYS}
    both = write_zip(tmp_path / "b.zip", resting | away, datetime(2020, 7, 2))
    seen = []
    for number, order in enumerate([(alone, both), (both, alone), (both,), (alone, both, both, alone)]):
        place = tmp_path / str(number)
        for path in order:
            load_into(place, path)
        seen.append(rows_of(place, "select t_utc, offset_min, value from signal.vital"))
        assert rows_of(place, "select count(distinct file_id) = count(*) from meta.source_file") == [(True,)]
    # The heart-rate files show a clock 9 h ahead, the person's zone would be 11 h.
    assert seen == [[(datetime(2020, 3, 10, 15), 540, 57.5)]] * 4
    assert rows_of(tmp_path / "0", "select reason, day::varchar from meta.change") == [
        ("read again", "2020-03-11")
    ]


def test_a_file_that_is_read_again_in_a_newer_export_has_one_row_in_the_ledger(tmp_path: Path) -> None:
    load_into(tmp_path, write_zip(tmp_path / "a.zip", dict(list(HR.items())[:3])))
    load_into(tmp_path, write_zip(tmp_path / "b.zip", HR, datetime(2020, 7, 23)))
    assert [(name, rows) for name, _, rows in ledger(tmp_path)] == [(name, 144) for name in sorted(HR)]
    assert rows_of(tmp_path, "select distinct exported_utc from meta.source_file") == [
        (datetime(2020, 7, 23),)
    ]


# --- notes beside an export ------------------------------------------------------------------------


def test_notes_beside_an_export_are_listed_and_the_load_succeeds(
    tmp_path: Path, steadyline: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = tmp_path / "download"
    folder.mkdir()
    write_zip(folder / "MyFitbitData.zip", HR)
    write_folder(folder, {"README.md": "# Data of a study", "LICENSE": "CC BY 4.0"})
    words = ("load", str(folder), "--participant", "p", "--timezone", "Australia/Sydney")
    done = steadyline(*words, var=tmp_path / "var")
    assert done.returncode == 0, done.stderr
    for name in ("README.md", "LICENSE"):
        assert name in done.stdout
    report = load_into(tmp_path, folder)
    assert (report.refused, report.refused_wholesale) == (0, False)
    assert sorted((u.path, u.nature) for u in report.unclaimed) == [
        ("LICENSE", "text"),
        ("README.md", "text"),
    ]


def test_a_path_under_which_nothing_is_known_is_refused_beside_one_that_is(tmp_path: Path) -> None:
    zipped = write_zip(tmp_path / "e.zip", HR)
    notes = write_folder(tmp_path / "notes", {"README.md": "# nothing", "LICENSE": "CC BY 4.0"})
    report = load_into(tmp_path, zipped, notes)
    assert report.exports[0].files_read == 4
    assert report.refused_wholesale
    assert [(Path(r.file).name, r.reason.partition(":")[0]) for r in report.refusals] == [
        ("notes", "no source knows any of its 2 files")
    ]


# --- enrolment -----------------------------------------------------------------------------------


def test_a_new_participant_is_enrolled_with_zone_and_consent(tmp_path: Path) -> None:
    report = load_into(tmp_path, write_zip(tmp_path / "e.zip", HR), research=True)
    assert (report.participant, report.enrolled, report.zone) == ("p", True, "Australia/Sydney")
    assert rows_of(tmp_path, "select * from meta.participant") == [("p", "Australia/Sydney", NOW)]
    assert rows_of(tmp_path, "select * from meta.zone_segment") == [
        ("p", datetime(1970, 1, 1), None, "Australia/Sydney", "given")
    ]
    assert rows_of(tmp_path, "select * from meta.consent") == [("p", "research", 1, True, VERSION, NOW)]


def test_consent_is_not_given_unless_it_is_said_and_may_be_said_later(tmp_path: Path) -> None:
    zipped = write_zip(tmp_path / "e.zip", HR)
    asked = "select granted from meta.consent"
    load_into(tmp_path, zipped)
    assert rows_of(tmp_path, asked) == [], "nobody said anything"
    assert load_into(tmp_path, zipped, research=True).changed
    assert rows_of(tmp_path, asked) == [(True,)]
    assert not load_into(tmp_path, zipped).changed
    assert rows_of(tmp_path, asked) == [(True,)]


def test_without_an_id_one_is_made_and_known_files_find_it_again(tmp_path: Path) -> None:
    first = load_into(tmp_path, write_zip(tmp_path / "a.zip", HR), participant=None)
    assert first.participant is not None
    assert first.participant.startswith("p-")
    assert set(first.participant[2:]) <= set(PSEUDONYM_LETTERS)
    more = write_folder(tmp_path / "more", {**dict(list(HR.items())[:1]), **SLEEP})
    second = load_into(tmp_path, more, participant=None, timezone=None)
    assert (second.participant, second.enrolled, second.exports[0].files_read) == (
        first.participant,
        False,
        1,
    )
    stranger = write_zip(
        tmp_path / "c.zip", {"heart_rate-2020-05-01.json": vendor_json(heart_day("2020-05-01", 10))}
    )
    assert load_into(tmp_path, stranger, participant=None).participant != first.participant


def test_files_of_several_participants_need_a_name(tmp_path: Path) -> None:
    zipped = write_zip(tmp_path / "e.zip", HR)
    load_into(tmp_path, zipped, participant="anna")
    load_into(tmp_path, zipped, participant="ben")
    assert rows_of(
        tmp_path, "select participant, count(*) from signal.heart_rate group by all order by 1"
    ) == [
        ("anna", 576),
        ("ben", 576),
    ]
    with pytest.raises(LoadError, match=r"several participants \(anna, ben\).*--participant"):
        load_into(tmp_path, zipped, participant=None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timezone": None}, r"Participant p is not known.*--timezone Europe/Berlin"),
        ({"timezone": None, "participant": None}, r"No participant is known for these files.*--timezone"),
        ({"timezone": "Mars/Phobos"}, r"There is no time zone 'Mars/Phobos'.*IANA"),
        ({"timezone": "Europe/Berln"}, r"did you mean Europe/Berlin"),
        ({"timezone": "sydney"}, r"did you mean Australia/Sydney"),
        ({"participant": "../../etc"}, r"cannot be a participant's id.*letters, digits"),
        ({"participant": "a b"}, "cannot be a participant's id"),
        ({"participant": ""}, "cannot be a participant's id"),
        ({"participant": "-x"}, "cannot be a participant's id"),
        ({"participant": "x" * 65}, "cannot be a participant's id"),
        ({"participant": "x\n"}, "cannot be a participant's id"),
        ({"participant": "'; drop table meta.participant; --"}, "cannot be a participant's id"),
        ({"participant": "Jürgen"}, "cannot be a participant's id"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_nothing_is_written(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(LoadError, match=words) as caught:
        load_into(tmp_path, write_zip(tmp_path / "e.zip", HR), **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "w.duckdb").exists()


def test_an_unknown_participant_is_told_who_is_enrolled(tmp_path: Path) -> None:
    load_into(tmp_path, write_zip(tmp_path / "e.zip", HR), participant="anna")
    with pytest.raises(LoadError, match=r"Participant ana is not known.*\(anna\)"):
        load_into(tmp_path, write_zip(tmp_path / "f.zip", SLEEP), participant="ana", timezone=None)


def test_another_zone_for_an_enrolled_participant_is_refused(tmp_path: Path) -> None:
    load_into(tmp_path, write_zip(tmp_path / "e.zip", HR))
    with pytest.raises(LoadError, match="enrolled with the zone Australia/Sydney, not Europe/Berlin"):
        load_into(tmp_path, write_zip(tmp_path / "f.zip", SLEEP), timezone="Europe/Berlin")
    assert load_into(tmp_path, write_zip(tmp_path / "f.zip", SLEEP), timezone=None).changed


def test_the_ledger_keeps_the_files_of_one_person_from_another(tmp_path: Path) -> None:
    zipped = write_zip(tmp_path / "e.zip", HR)
    load_into(tmp_path, zipped, participant="anna")
    report = load_into(tmp_path, zipped, participant="ben")
    assert report.exports[0].files_read == 4


# --- what goes wrong around it --------------------------------------------------------------------


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"There is nothing at .*nowhere"):
        load_into(tmp_path, tmp_path / "nowhere")


def test_progress_ends_at_all_bytes(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    load_into(
        tmp_path, write_zip(tmp_path / "e.zip", HR), progress=lambda done, total: seen.append((done, total))
    )
    sizes = sum(len(content) for content in HR.values())
    assert seen[-1] == (sizes, sizes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(warehouse_staging.pq, "write_table", refuse)
        yield


def test_a_full_disk_is_said_and_the_same_command_works_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped = write_zip(tmp_path / "e.zip", HR)
    with (
        full_disk(monkeypatch),
        pytest.raises(WarehouseError, match=r"No space left.*free some space.*again"),
    ):
        load_into(tmp_path, zipped)
    assert not (tmp_path / "w.duckdb").exists()
    assert left_in_staging(tmp_path) == []
    assert load_into(tmp_path, zipped).changed


def test_a_staging_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "staging").write_text("a file is in the way")
    with pytest.raises(LoadError, match="Could not stage in"):
        load_into(tmp_path, write_zip(tmp_path / "e.zip", HR))


def test_what_a_load_writes_is_for_its_owner_only(tmp_path: Path) -> None:
    load_into(tmp_path, write_zip(tmp_path / "e.zip", HR))
    assert stat.S_IMODE((tmp_path / "w.duckdb").stat().st_mode) == 0o600
    shutil.rmtree(tmp_path / "staging")


def test_no_name_or_address_reaches_the_warehouse(tmp_path: Path) -> None:
    secret = "jane.doe@example.org"
    inside = {f"MyFitbitData/JaneDoe/Physical Activity/{name}": content for name, content in HR.items()}
    profile = {"MyFitbitData/JaneDoe/Your Profile/Profile.csv": f"name,{secret}"}
    load_into(tmp_path, write_folder(tmp_path / "Jane Doe", inside | profile))
    paths = rows_of(tmp_path, "select member_path from meta.source_file order by 1")
    assert paths == [(f"MyFitbitData/…/Physical Activity/{name}",) for name in sorted(HR)]
    for table in ("meta.source_file", "meta.load", "meta.complete", "meta.participant"):
        assert "Jane" not in str(rows_of(tmp_path, f"select * from {table}"))
    assert secret.encode() not in (tmp_path / "w.duckdb").read_bytes()
