"""Exports of tables: what is in them, that it is what the warehouse holds, and that nothing is half-written."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
import study_warehouse
from study_warehouse import DAYS, NOW, WHY, Someone, build

from features.catalog import BY_NAME
from reports.export import export as exporting
from reports.export.export import Wanted, export
from reports.export.folder import ExportError
from reports.export.manifest import describe_code, find_commit
from warehouse.consent import ConsentChangedError, list_releases, write_consent
from warehouse.ddl import create_wide_views
from warehouse.publish import PERSONAL_FEATURES
from warehouse.store import WarehouseError, open_warehouse

ROOT = Path(__file__).resolve().parent.parent
STUDY = [
    Someone("anna", raw=True, tags={"mindful": 2}),
    Someone("berta", source="oura", age_band="30-44"),
    Someone("carl", research=False, raw=True),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("made") / "w.duckdb", STUDY)


@pytest.fixture(scope="module")
def made_otherwise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("other") / "w.duckdb", STUDY[::-1], order=7)


@pytest.fixture
def warehouse(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "w.duckdb"))


def run(url: Path, to: Path, kind: str = "parquet", **more: Any) -> dict[str, Any]:
    return export(url, to, Wanted(kind, **more), code={"version": "1"}, now=NOW)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def ask(url: Path, sql: str) -> list[tuple[Any, ...]]:
    with open_warehouse(url, read_only=True) as con:
        return con.execute(sql).fetchall()


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- what is in it -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_same_inputs_give_the_same_bytes_in_any_order_of_loading(
    kind: str, warehouse: Path, made_otherwise: Path, tmp_path: Path
) -> None:
    run(warehouse, tmp_path / "one", kind, raw=True)
    run(made_otherwise, tmp_path / "two", kind, raw=True)
    one, two = bytes_of(tmp_path / "one"), bytes_of(tmp_path / "two")
    assert list(one) == list(two)
    assert [name for name in one if one[name] != two[name]] == []
    assert len(one[f"feature_value.{kind}"]) > 1000


def test_rows_are_those_of_the_warehouse_of_who_allows_research(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out")
    found = pq.read_table(tmp_path / "out" / "feature_value.parquet").to_pylist()
    sql = "select * from feature.value where participant <> 'carl' and feature <> 'felt_stress' order by 1, 2, 3"
    with open_warehouse(warehouse, read_only=True) as con:
        held = con.execute(sql).to_arrow_table().to_pylist()
    # But for the names that they gave their devices.
    assert found == [{**row, "source": f"{row['source'].split('/')[0]}/device 1"} for row in held]
    assert len(found) == 2 * DAYS * (len(study_warehouse.FEATURES) - 1)
    every = b"".join(bytes_of(tmp_path / "out").values())
    assert b"carl" not in every
    assert b"felt_stress" not in every
    assert b"cycle_start" not in every


def test_what_is_only_state_or_stays_with_the_person_does_not_leave(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out", "csv")
    names = {path.stem for path in (tmp_path / "out").iterdir()}
    assert {"feature_night", "feature_day", "model_index_day", "data_yield", "dictionary"} <= names
    assert not names & {"model_alert_part", "model_shift_run", "model_effect", "model_agreement"}
    assert not names & {"signal_beat", "signal_event", "study_tag", "study_person", "meta_participant"}


def test_csv_says_what_parquet_says(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "p", "parquet", raw=True)
    run(warehouse, tmp_path / "c", "csv", raw=True)

    def text(value: Any) -> str:
        if hasattr(value, "tzinfo"):
            assert value.tzinfo is not None
            return value.strftime("%Y-%m-%dT%H:%M:%S")
        return (
            {True: "true", False: "false"}[value]
            if isinstance(value, bool)
            else ""
            if value is None
            else str(value)
        )

    for path in sorted((tmp_path / "p").glob("*.parquet")):
        rows, told = pq.read_table(path).to_pylist(), read_csv(tmp_path / "c" / f"{path.stem}.csv")
        assert len(rows) == len(told)
        for row, said in zip(rows, told, strict=True):
            for name, value in row.items():
                shown = said[name]
                if isinstance(value, float):
                    assert float(shown) == value
                elif hasattr(value, "tzinfo"):
                    assert shown.endswith("Z")
                    assert shown.startswith(text(value))
                else:
                    assert shown == text(value)


def test_csv_follows_rfc_4180(tmp_path: Path) -> None:
    url = build(tmp_path / "w.duckdb", [Someone('a "quoted", name')])
    run(url, tmp_path / "out", "csv")
    first, second = (tmp_path / "out" / "feature_value.csv").read_bytes().split(b"\r\n")[:2]
    assert (
        first
        == b"participant,day,feature,value,se,n_obs,coverage,quality,reason,source,method_version,input_hash"
    )
    assert second.startswith(b'"a ""quoted"", name",2021-03-20,dst,7.0,2.0,2,2.0,good,,')


def test_the_lines_of_the_readme_read_every_file(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("parquet", "csv"):
        run(warehouse, tmp_path / kind, kind)
        monkeypatch.chdir(tmp_path / kind)
        readme = Path("README.txt").read_text(encoding="utf-8")
        lines = dict(
            line.split(maxsplit=1) for line in readme.splitlines() if line.startswith(("  pandas", "  Duck"))
        )
        for path in sorted(Path().glob(f"*.{kind}")):
            if path.stem in {"data_yield", "missing", "dictionary"}:
                continue
            told = {
                name: line.replace("feature_night", path.stem).replace(', parse_dates=["day"]', "")
                for name, line in lines.items()
            }
            frame = eval(told["pandas"], {"pandas": pd})
            rows = eval(told["DuckDB"], {"duckdb": duckdb}).fetchall()
            assert len(frame) == len(rows)
            assert f"  {path.name} " in readme
        night = eval(lines["pandas"], {"pandas": pd})
        assert night["tst_min"].tolist() == [7 + d / 3 for d in range(DAYS)] * 2


def test_the_dictionary_tells_of_every_column_of_every_file(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out", "csv", raw=True)
    told: dict[str, list[str]] = {}
    for row in read_csv(tmp_path / "out" / "dictionary.csv"):
        told.setdefault(row["table"], []).append(row["column"])
        assert row["meaning"], row
        assert row["minimum_data"], row
        assert row["reference"], row
        if row["table"] == "feature_night" and row["column"] not in ("participant", "day"):
            feature = BY_NAME[row["column"]]
            assert (row["unit"], row["formula"]) == (feature.unit, feature.formula)
            assert row["since_version"] == feature.since_version
    files = {p.stem: p for p in (tmp_path / "out").glob("*.csv") if p.stem != "dictionary"}
    assert set(told) == set(files)
    for name, path in files.items():
        with path.open(newline="", encoding="utf-8") as file:
            assert next(csv.reader(file)) == told[name]


def test_what_is_only_noted_makes_no_record_longer(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "one")
    with open_warehouse(warehouse) as con:
        # A note of eleven months later has made features of its day, all of them missing but one.
        con.execute(
            "insert into feature.value select * replace (date '2022-02-28' as day, null as source)"
            " from feature.value where participant = 'anna' and day = '2021-03-31'"
        )
    run(warehouse, tmp_path / "two")
    before, after = (read_csv(tmp_path / name / "data_yield.csv") for name in ("one", "two"))
    assert before == after
    assert (after[0]["last_day"], after[0]["days"]) == ("2021-03-31", "12")


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_dictionary_says_the_types_that_duckdb_reads(kind: str, hidden: bool, tmp_path: Path) -> None:
    url = build(tmp_path / "w.duckdb", [Someone("anna"), Someone("berta")])
    export(url, tmp_path / "out", Wanted(kind, deidentify=hidden, k=2 if hidden else None), code={}, now=NOW)
    told = {(r["table"], r["column"]): r["type"] for r in read_csv(tmp_path / "out" / "dictionary.csv")}
    for name, start in (("feature_hour", "hour"), ("feature_episode", "start"), ("feature_episode", "end")):
        column = f"{start}_{'local' if hidden else 'utc'}"
        path = tmp_path / "out" / f"{name}.{kind}"
        ((found,),) = duckdb.execute(f"select distinct typeof({column}) from '{path}'").fetchall()
        assert found == told[name, column]
        assert found == ("TIMESTAMP" if hidden else "TIMESTAMP WITH TIME ZONE")


def test_data_yield_and_missing_values_worked_out_by_hand(warehouse: Path, tmp_path: Path) -> None:
    with open_warehouse(warehouse) as con:
        # Anna: a second device gave ten minutes more on one day, and no heart rate at all on another.
        con.execute(
            "insert into feature.data_yield select * replace ('oura/x' as source, yielded_min + 10 as yielded_min)"
            " from feature.data_yield where participant = 'anna' and day = '2021-03-20'"
        )
        con.execute("delete from feature.data_yield where participant = 'anna' and day = '2021-03-22'")
        con.execute(
            "update model.index_day set \"index\" = null, reason = 'learning: 1 of 5 days' where day < '2021-03-22'"
        )
    run(warehouse, tmp_path / "out")
    anna, berta = read_csv(tmp_path / "out" / "data_yield.csv")
    whole = 12 * 1440
    assert (anna["participant"], anna["first_day"], anna["last_day"]) == ("anna", "2021-03-20", "2021-03-31")
    assert [anna[n] for n in ("days", "days_with_values", "valid_days", "valid_nights")] == [
        "12",
        "12",
        "12",
        "0",
    ]
    assert anna["index_days"] == "10"
    assert float(anna["heart_rate_share"]) == pytest.approx((whole - 60 + 10 - 1440) / whole)
    assert float(berta["heart_rate_share"]) == pytest.approx((whole - 60) / whole)
    assert float(anna["worn_share"]) == pytest.approx((whole - 60 - 1440) / whole)
    missing = [tuple(row.values()) for row in read_csv(tmp_path / "out" / "missing.csv")]
    assert missing == [
        (person, feature, reason, days)
        for person in ("anna", "berta")
        for feature, reason, days in (("index", "learning", "2"), ("rhr_night", WHY.split(":")[0], "1"))
    ]


def test_the_manifest_says_what_made_it_and_nothing_of_where(warehouse: Path, tmp_path: Path) -> None:
    code = describe_code(ROOT)
    manifest = export(warehouse, tmp_path / "out", Wanted("parquet"), code=code, now=NOW)
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert code["libraries"]["duckdb"] == duckdb.__version__
    files = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.name != "manifest.json"}
    assert {n: f["sha256"] for n, f in manifest["files"].items()} == {
        n: hashlib.sha256(b).hexdigest() for n, b in files.items()
    }
    assert manifest["files"]["feature_night.parquet"]["rows"] == 2 * DAYS
    assert manifest["methods"]["feature.value"]["versions"] == ["features-4"]
    assert (manifest["people"], manifest["consent"]) == (2, {"research": "1"})
    told = (tmp_path / "out" / "manifest.json").read_text(encoding="utf-8")
    assert not [
        word for word in (str(tmp_path), "/tmp", os.uname().nodename, str(NOW.date())) if word in told
    ]


def test_a_changed_input_changes_the_manifest(warehouse: Path, tmp_path: Path) -> None:
    before = run(warehouse, tmp_path / "one")["methods"]
    with open_warehouse(warehouse) as con:
        con.execute(
            "update model.index_day set input_hash = 'x' where participant = 'anna' and day = '2021-03-20'"
        )
    after = run(warehouse, tmp_path / "two")["methods"]
    assert [name for name in before if before[name] != after[name]] == ["model.index_day"]


def test_the_commit_is_read_from_a_checkout_in_each_of_its_forms(tmp_path: Path) -> None:
    assert find_commit(tmp_path) is None
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\naaaa refs/heads/main-2\nabcd refs/heads/main\n")
    assert find_commit(tmp_path) == "abcd"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "main").write_text("ef01\n")
    assert find_commit(tmp_path) == "ef01"
    (git / "HEAD").write_text("1234\n")
    assert find_commit(tmp_path) == "1234"


# --- who allowed it ----------------------------------------------------------------------------


def test_what_left_is_noted_of_each_person(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "one", raw=True)
    run(warehouse, tmp_path / "two", "csv", participants=("anna",))
    with open_warehouse(warehouse, read_only=True) as con:
        noted = {
            p: [(r.format, r.raw, r.times) for r in list_releases(con, p)] for p in ("anna", "berta", "carl")
        }
    assert noted == {
        "anna": [("csv", False, 1), ("parquet", True, 1)],
        "berta": [("parquet", False, 1)],
        "carl": [],
    }


def test_raw_series_leave_of_those_only_who_allow_them(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out", raw=True)
    beats = pq.read_table(tmp_path / "out" / "signal_beat.parquet")
    assert beats["participant"].unique().to_pylist() == ["anna"]
    assert beats["rr_ms"].to_pylist() == [812.25] * 20
    assert beats.column_names == [
        "participant",
        "source",
        "device",
        "t_utc",
        "offset_min",
        "rr_ms",
        "gap_before",
        "tick_ms",
        "sensor",
    ]
    assert pq.read_table(tmp_path / "out" / "feature_night.parquet").num_rows == 2 * DAYS
    write_consent(warehouse, "anna", "raw", False, now=NOW)
    with pytest.raises(ExportError, match="None of these people allows raw series"):
        run(warehouse, tmp_path / "again", raw=True)


@pytest.mark.parametrize("purpose", ["research", "raw"])
def test_consent_taken_back_in_mid_export_leaves_nothing_behind(
    purpose: str, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = exporting.releasing

    def take_back(*args: Any, **words: Any) -> Any:
        write_consent(warehouse, "anna", purpose, False, now=NOW)
        return asked(*args, **words)

    monkeypatch.setattr(exporting, "releasing", take_back)
    with pytest.raises(ConsentChangedError, match=f"anna took the consent to {purpose} back"):
        run(warehouse, tmp_path / "out", raw=True)
    assert [path.name for path in tmp_path.iterdir()] == ["w.duckdb"]
    assert ask(warehouse, "from meta.released") == []


def write_fake(con: Any, participants: list[str], folder: Path, *, aliases: Any) -> list[tuple[str, int]]:
    (folder / "fake.json").write_text(json.dumps([participants, aliases]), encoding="utf-8")
    return [("fake.json", 3)]


def test_a_person_hands_their_own_data_to_a_clinic_without_consent_to_research(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(exporting.STANDARDS, "fhir", (__name__, "write_fake"))
    manifest = run(warehouse, tmp_path / "own", "fhir", participants=("carl",))
    assert json.loads((tmp_path / "own" / "fake.json").read_text()) == [["carl"], None]
    assert manifest["consent"] is None
    assert manifest["files"]["fake.json"]["rows"] == 3
    readme = (tmp_path / "own" / "README.txt").read_text(encoding="utf-8")
    assert re.search(r"fake\.json +what is told of one person\n", readme)
    assert "omitted.csv says what is not here" in readme
    with open_warehouse(warehouse, read_only=True) as con:
        assert [(r.way, r.format, r.raw) for r in list_releases(con, "carl")] == [("export", "fhir", False)]
    run(warehouse, tmp_path / "all", "fhir")
    assert json.loads((tmp_path / "all" / "fake.json").read_text())[0] == ["anna", "berta"]
    with pytest.raises(ExportError, match="carl cannot be exported, since they do not allow research"):
        run(warehouse, tmp_path / "research", "fhir", participants=("carl",), deidentify=True)


# --- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("xlsx"), "There is no format 'xlsx': there are parquet, csv, omh, fhir."),
        (Wanted("csv", ("dora",)), "There is no participant dora: 'steadyline status' lists them."),
        (Wanted("csv", ("carl",)), "carl cannot be exported, since they do not allow research"),
        (Wanted("csv", ("new",)), "new cannot be exported, since nothing was computed of their data yet"),
        (Wanted("fhir", ("new",)), "new cannot be exported, since nothing was computed of their data yet"),
        (Wanted("fhir", raw=True), "--raw goes with parquet or csv"),
        (Wanted("csv", raw=True, deidentify=True), "--raw does not go with --deidentify: a series of beats"),
        (Wanted("csv", left_out=frozenset(["tag"])), "--leave-out goes with --deidentify"),
        (Wanted("csv", k=5), "--k goes with --deidentify: other exports hide nobody among others."),
        (Wanted("fhir", ("anna", "carl")), "carl cannot be exported, since they do not allow research"),
        (
            Wanted("omh", ("carl", "anna", "carl")),
            "carl cannot be exported, since they do not allow research",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_sentence(
    wanted: Wanted, said: str, warehouse: Path, tmp_path: Path
) -> None:
    with open_warehouse(warehouse) as con:
        con.execute("insert into meta.participant values ('new', 'UTC', ?)", [NOW])
    write_consent(warehouse, "new", "research", True, now=NOW)
    with pytest.raises(ExportError) as error:
        export(warehouse, tmp_path / "out", wanted, code={}, now=NOW)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["w.duckdb"]


def test_nobody_to_export_is_said(tmp_path: Path) -> None:
    url = build(tmp_path / "w.duckdb", [Someone("carl", research=False)])
    with pytest.raises(ExportError, match="Nobody here can be exported"):
        run(url, tmp_path / "out")
    with pytest.raises(WarehouseError, match="There is no warehouse"):
        run(tmp_path / "none.duckdb", tmp_path / "out")


@pytest.mark.parametrize("there", ["folder", "file", "dangling link", "full folder"])
def test_what_is_there_already_is_never_touched(there: str, warehouse: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if there == "file":
        out.write_text("mine")
    elif there == "dangling link":
        out.symlink_to(tmp_path / "nowhere")
    else:
        out.mkdir()
    if there == "full folder":
        (out / "mine").write_text("mine")
    with pytest.raises(ExportError, match="is there already: give --to a folder that is not there yet"):
        run(warehouse, out)
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(
        ["out", "w.duckdb", *(["mine"] if there == "full folder" else [])]
    )


def test_a_folder_that_appears_meanwhile_is_not_overwritten(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = exporting.releasing

    def appear(*args: Any, **words: Any) -> Any:
        (tmp_path / "out").mkdir()
        return asked(*args, **words)

    monkeypatch.setattr(exporting, "releasing", appear)
    with pytest.raises(ExportError, match="is there already"):
        run(warehouse, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_folder_above_has_to_be_there(warehouse: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"There is no folder .*none for out: make it and run again"):
        run(warehouse, tmp_path / "none" / "out")


def test_an_export_is_for_its_owner_only(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert (stat.S_IMODE((tmp_path / "out").stat().st_mode), modes) == (0o700, {0o600})


def start(code: str, url: Path, to: Path, kind: str = "csv") -> subprocess.CompletedProcess[str]:
    script = f"""
import os, resource, signal, sys
from datetime import datetime
from pathlib import Path
from reports.export.export import Wanted, export
from warehouse.errors import ExplainedError
{code}
try:
    export({str(url)!r}, Path({str(to)!r}), Wanted({kind!r}), code={{}}, now=datetime(2026, 1, 1), progress=step)
except ExplainedError as error:
    sys.exit(str(error))
"""
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )


FULL = """
def fill():
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
def step(done, of, name):
    fill()
"""
FULL_LATE = f"""
{FULL}
from reports.export import export as exporting
made = exporting.NAME
def late(*args, **words):
    fill()
    return made(*args, **words)
exporting.NAME = late
step = None
"""


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("csv", FULL),
        ("parquet", FULL),
        ("csv", FULL_LATE.replace("NAME", "write_dictionary")),
        ("csv", FULL_LATE.replace("NAME", "write_readme")),
        ("csv", FULL_LATE.replace("NAME", "write_manifest")),
        ("omh", FULL_LATE.replace("NAME", "write_standard")),
        ("fhir", FULL_LATE.replace("NAME", "write_standard")),
        ("fhir", FULL_LATE.replace("NAME", "copy_tables")),
    ],
    ids=["csv", "parquet", "dictionary", "readme", "manifest", "omh", "fhir", "copy"],
)
def test_a_full_disk_is_said_in_one_sentence_and_leaves_nothing(
    kind: str, code: str, warehouse: Path, tmp_path: Path
) -> None:
    done = start(code, warehouse, tmp_path / "out", kind)
    assert done.returncode == 1, done.stderr
    assert "the disk is full" in done.stderr or "File too large" in done.stderr
    assert "nothing was left behind" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["w.duckdb"]
    assert ask(warehouse, "from meta.released") == []


def test_a_killed_export_leaves_nothing_visible_and_the_next_run_tidies_up(
    warehouse: Path, tmp_path: Path
) -> None:
    kill = "def step(done, of, name):\n    if done == 5: os.kill(os.getpid(), signal.SIGKILL)"
    assert start(kill, warehouse, tmp_path / "out").returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert len(list((tmp_path / ".out.new").iterdir())) == 5
    run(warehouse, tmp_path / "out", "csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "w.duckdb"]


def test_an_export_that_is_being_written_is_left_alone(warehouse: Path, tmp_path: Path) -> None:
    other = tmp_path / ".out.new"
    other.mkdir()
    (other / "half").write_text("half")
    handle = os.open(other, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(ExportError, match="Another export is writing"):
        run(warehouse, tmp_path / "out")
    assert (other / "half").read_text() == "half"
    os.close(handle)


def test_an_export_that_is_asked_to_end_leaves_nothing(warehouse: Path, tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        script = f"""
import os
from cli import export as command
from reports.export import export as exporting
made = exporting.write_dictionary
def late(*args, **words):
    assert len(list(__import__("pathlib").Path({str(tmp_path)!r}, ".out.new").iterdir())) > 5
    os.kill(os.getpid(), {int(number)})
    return made(*args, **words)
exporting.write_dictionary = late
from cli.main import main
main()
"""
        words = ["--warehouse", str(warehouse), "export", "--to", str(tmp_path / "out")]
        environ = {**os.environ, "STEADYLINE_VAR": str(tmp_path / "var")}
        done = subprocess.run(
            [sys.executable, "-c", script, *words], cwd=ROOT, env=environ, capture_output=True, check=False
        )
        assert done.returncode == 128 + number, done.stderr
        assert "w.duckdb" in {path.name for path in tmp_path.iterdir()}
        assert not [path.name for path in tmp_path.iterdir() if "out" in path.name]


# --- the command -------------------------------------------------------------------------------


def test_the_command_exports_tells_and_explains(
    warehouse: Path, tmp_path: Path, steadyline: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def say(*words: str) -> subprocess.CompletedProcess[str]:
        return steadyline("--warehouse", str(warehouse), "export", *words, var=tmp_path / "var")

    told = say("--to", str(tmp_path / "one"), "--json", "--raw")
    assert told.returncode == 0, told.stderr
    manifest = json.loads(told.stdout)
    assert manifest == json.loads((tmp_path / "one" / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["parameters"]) >= {"parameters.toml", "priors.csv"}
    assert told.stderr.startswith("Series of beats and minutes tell who somebody is")
    short = say("--to", str(tmp_path / "two"), "--format", "csv", "--participant", "anna")
    assert short.stdout.endswith(" rows, people: 1\n"), short.stderr
    refused = say("--to", str(tmp_path / "two"))
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (1, 1)
    assert say("--to", str(tmp_path / "three"), "--leave-out", "source", "--deidentify").stderr.startswith(
        "--leave-out takes age_band or tag, not 'source'."
    )


def test_wide_tables_are_the_views_of_the_warehouse(warehouse: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path / "out")
    with open_warehouse(warehouse) as con:
        create_wide_views(con)
        for grain in ("night", "day"):
            found = pq.read_table(tmp_path / "out" / f"feature_{grain}.parquet")
            sql = f"select * from feature.\"{grain}\" where participant <> 'carl' order by participant, day"
            expected = con.execute(sql).to_arrow_table()
            kept = [name for name in expected.column_names if name not in PERSONAL_FEATURES]
            assert found.column_names == kept
            assert found.to_pylist() == expected.select(kept).to_pylist()
