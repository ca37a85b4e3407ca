"""Folders and zips: what may be read is read as it stands, what would harm is left out and said."""

from __future__ import annotations

import io
import random
import stat
import struct
import tracemalloc
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from conftest import ROOT
from fitbit_export import hashes_of, load_into, write_folder

from ingest import export
from ingest.export import nature, walk
from ingest.files import fitbit_takeout
from ingest.registry import claim
from ingest.source import Member

WHEN = (2020, 7, 22, 0, 0, 0)
FIXTURES = ROOT / "tests" / "fixtures"


def make_zip(path: Path, members: dict[str, bytes], **attributes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, WHEN)
            for key, value in attributes.items():
                setattr(info, key, value)
            made.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def reasons(container: export.Container) -> dict[str, str]:
    return {r.path: r.reason for r in container.refused}


def test_a_folder_and_a_zip_of_it_give_the_same_members(tmp_path: Path) -> None:
    files = {"a/one.json": b"[1]", "two.txt": b"x" * 3000}
    for name, content in files.items():
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_bytes(content)
    zipped = walk([make_zip(tmp_path / "z.zip", files)])[0]
    folder = walk([tmp_path / "f"])[0]
    assert sorted((m.path, m.size_bytes, m.digest.sha256) for m in zipped.members) == sorted(
        (m.path, m.size_bytes, m.digest.sha256) for m in folder.members
    )
    assert {m.path: m.read() for m in zipped.members} == files
    assert zipped.members[0].modified_utc == datetime(2020, 7, 22)


def test_nothing_is_unpacked_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_zip(tmp_path / "z.zip", {"a.json": b"[1]"})
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("tempfile.mkdtemp", lambda *_, **__: pytest.fail("a temporary folder was made"))
    assert walk([made])[0].members[0].read() == b"[1]"
    assert sorted(tmp_path.rglob("*")) == before


def test_the_edges_of_a_member_are_its_first_and_last_kilobyte() -> None:
    for size in (0, 5, 1024, 1025, (1 << 18) - 1, (1 << 18) + 7, (1 << 19) + 1):
        data = bytes(i * 31 % 251 for i in range(1024)) * (size // 1024) + bytes(range(256))[: size % 1024]
        member = Member("x", len(data), datetime(2020, 1, 1), lambda data=data: io.BytesIO(data))
        assert member.digest.head == data[:1024]
        assert member.digest.tail == data[-1024:]


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "C:/evil.json", "a\\..\\evil.json"]
)
def test_a_path_that_leads_out_of_the_zip_is_refused_and_the_rest_is_read(tmp_path: Path, name: str) -> None:
    found = walk([make_zip(tmp_path / "z.zip", {name: b"[]", "good.json": b"[]"})])[0]
    assert [m.path for m in found.members] == ["good.json"]
    assert "leads out of the zip" in next(iter(reasons(found).values()))


def test_a_bomb_is_refused_unread_and_the_rest_is_read(tmp_path: Path) -> None:
    found = walk([make_zip(tmp_path / "z.zip", {"bomb.json": b"0" * (5 << 20), "good.json": b"[]"})])[0]
    assert [m.path for m in found.members] == ["good.json"]
    assert "zip bomb" in reasons(found)["bomb.json"]


def test_a_zip_that_declares_too_much_is_refused_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_zip(tmp_path / "z.zip", {"a.json": b"[]", "b.json": b"[]"})
    monkeypatch.setattr(export, "MAX_TOTAL_BYTES", 3)
    assert walk([made])[0].members == ()
    monkeypatch.undo()
    monkeypatch.setattr(export, "MAX_MEMBERS", 1)
    assert "2 files" in reasons(walk([made])[0])[str(made)]


def test_a_member_that_lies_about_its_size_gives_no_more_than_it_said(tmp_path: Path) -> None:
    made = make_zip(tmp_path / "z.zip", {"a.json": b"0" * 100_000})
    data = made.read_bytes()
    made.write_bytes(data.replace(struct.pack("<L", 100_000), struct.pack("<L", 10)))
    member = walk([made])[0].members[0]
    with pytest.raises(export.READ_ERRORS):
        assert len(member.read()) <= 10


def test_links_deep_paths_encrypted_and_double_members_are_refused(tmp_path: Path) -> None:
    link = make_zip(tmp_path / "l.zip", {"x": b"/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16)
    assert "link" in reasons(walk([link])[0])["x"]
    deep = "d/" * 40 + "x.json"
    assert "folders deep" in reasons(walk([make_zip(tmp_path / "d.zip", {deep: b"[]"})])[0])[deep]
    secret = make_zip(tmp_path / "e.zip", {"x.json": b"[]"})
    data = bytearray(secret.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    secret.write_bytes(data)
    assert "encrypted" in reasons(walk([secret])[0])["x.json"]
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as made:
        made.writestr("x.json", "[]")
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("x.json", "[1]")
    twice = walk([tmp_path / "t.zip"])[0]
    assert ([m.read() for m in twice.members], "twice" in reasons(twice)["x.json"]) == ([b"[]"], True)


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("[]")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "x.json").symlink_to(tmp_path / "secret.json")
    (tmp_path / "f" / "loop").symlink_to(tmp_path / "f", target_is_directory=True)
    found = walk([tmp_path / "f"])[0]
    assert found.members == ()
    assert "link" in reasons(found)["x.json"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "empty"), (b"PK\x03\x04 broken off", "broke off"), (b"no zip at all", "broke off")],
)
def test_a_zip_that_is_none_is_refused_with_what_to_do(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "z.zip"
    path.write_bytes(content)
    reason = reasons(walk([path])[0])[str(path)]
    assert expected in reason
    assert "download" in reason


def test_a_piece_of_a_split_zip_says_that_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / "export.zip.001"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    assert "split zip" in reasons(walk([path])[0])[str(path)]


def test_numbered_parts_are_one_export(tmp_path: Path) -> None:
    make_zip(tmp_path / "takeout-1-001.zip", {"heart_rate-2020-03-10.json": b"[]"})
    make_zip(tmp_path / "takeout-1-002.zip", {"sleep-2020-03-10.json": b"[]"})
    parts = walk([tmp_path])
    assert [(Path(p.root).name, len(p.members)) for p in parts] == [("takeout-1.zip", 2)]


# --- zips inside a zip -------------------------------------------------------------------------------


def zip_bytes(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        for name, content in members.items():
            opened.writestr(zipfile.ZipInfo(name, WHEN), content, method)
    return made.getvalue()


FITS = {f"{n}.fit": random.Random(n).randbytes(50_000) for n in range(40)}
FOLDER = "DI_CONNECT/DI-Connect-Uploaded-Files/"


@pytest.mark.parametrize("inner", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("outer", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_of_a_zip_inside_a_zip_are_read_where_they_lie(
    tmp_path: Path, inner: int, outer: int
) -> None:
    whole = {f"{FOLDER}Part1.zip": zip_bytes(FITS, inner), f"{FOLDER}Part2.ZIP": zip_bytes({"x.fit": b"x"})}
    (tmp_path / "z.zip").write_bytes(zip_bytes(whole | {"notes.txt": b"hello"}, outer))
    before = sorted(tmp_path.rglob("*"))
    (found,) = walk([tmp_path])
    assert found.refused == ()
    expected = {f"{FOLDER}Part1.zip/{name}": data for name, data in FITS.items()}
    expected |= {f"{FOLDER}Part2.ZIP/x.fit": b"x", "notes.txt": b"hello"}
    assert [m.path for m in found.members] == list(expected)
    assert {m.path: m.read() for m in reversed(found.members)} == expected
    assert (found.members[0].name, found.members[0].size_bytes) == ("0.fit", 50_000)
    assert found.members[0].modified_utc == datetime(2020, 7, 22)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_bytes_of_a_zip_inside_are_not_held(tmp_path: Path) -> None:
    size = 24 << 20
    inner = zip_bytes(
        {f"{n}.fit": random.Random(n).randbytes(size // 8) for n in range(8)}, zipfile.ZIP_STORED
    )
    (tmp_path / "z.zip").write_bytes(zip_bytes({"Part1.zip": inner}))
    del inner
    tracemalloc.start()
    (found,) = walk([tmp_path / "z.zip"])
    for member in found.members:
        with member.open() as stream:
            while stream.read(1 << 16):
                pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.members) == 8
    assert most < size / 4


def test_a_zip_two_levels_deep_or_too_large_or_one_too_many_is_listed_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deepest = zip_bytes({"x.fit": b"x"})
    made = make_zip(tmp_path / "z.zip", {"a.zip": zip_bytes({"b.zip": deepest}), "c.zip": deepest})

    def listed() -> list[tuple[str, str]]:
        return [(m.path, nature(m.head())) for m in walk([made])[0].members]

    inside = "a zip inside: unpack it and load the folder"
    assert listed() == [("a.zip/b.zip", inside), ("c.zip/x.fit", "text")]
    monkeypatch.setattr(export, "MAX_INSIDE", 1)
    assert listed() == [("a.zip/b.zip", inside), ("c.zip", inside)]
    monkeypatch.setattr(export, "MAX_INSIDE_BYTES", 10)
    assert listed() == [("a.zip", inside), ("c.zip", inside)]


def test_what_would_harm_inside_a_zip_inside_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    secret = bytearray(zip_bytes({"s.fit": b"secret"}))
    secret[secret.index(b"PK\x01\x02") + 8] |= 1
    inside = {
        "bad.zip": zip_bytes({"../up.fit": b"x", "bomb.fit": b"0" * (5 << 20), "good.fit": b"good"}),
        "secret.zip": bytes(secret),
        "broken.zip": zip_bytes({"x.fit": b"x" * 9000})[:-30],
        "empty.zip": b"",
        "no.zip": b"no zip at all",
    }
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as opened:  # stored: the zip itself shrinks nothing
        for name, content in inside.items():
            opened.writestr(name, content)
    (found,) = walk([tmp_path / "z.zip"])
    assert [m.path for m in found.members] == ["bad.zip/good.fit"]
    said = reasons(found)
    assert "leads out of the zip" in said["bad.zip/../up.fit"]
    assert "zip bomb" in said["bad.zip/bomb.fit"]
    assert "encrypted" in said["secret.zip/s.fit"]
    assert "broke off" in said["broken.zip"]
    assert "broke off" in said["no.zip"]
    assert "empty" in said["empty.zip"]
    assert len(said) == 6


def test_a_bomb_of_two_moderate_steps_is_refused(tmp_path: Path) -> None:
    # Each step shrinks less than the limit by itself, both together far more.
    member = b"".join(random.Random(n).randbytes(20) * 100 for n in range(600))
    inner = zip_bytes({f"{n}.fit": member for n in range(60)})
    made = make_zip(tmp_path / "z.zip", {"inner.zip": inner, "good.fit": b"good"})
    packed = zipfile.ZipFile(made).getinfo("inner.zip")
    assert packed.file_size < export.MAX_RATIO * packed.compress_size
    assert 60 * len(member) > export.MAX_RATIO * packed.compress_size
    (found,) = walk([made])
    assert [m.path for m in found.members] == ["good.fit"]
    assert "zip bomb" in reasons(found)["inner.zip"]


def test_limits_count_what_is_inside_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = zip_bytes({"1.fit": b"x" * 600, "2.fit": b"x" * 600})
    made = make_zip(tmp_path / "z.zip", {"a.zip": inner, "b.zip": inner, "c.fit": b"x"})
    assert len(walk([made])[0].members) == 5
    monkeypatch.setattr(export, "MAX_MEMBERS", 5)  # three entries and the two of the first
    (found,) = walk([made])
    assert [m.path for m in found.members] == ["a.zip/1.fit", "a.zip/2.fit", "c.fit"]
    assert "7 files" in reasons(found)["b.zip"]
    monkeypatch.undo()
    monkeypatch.setattr(export, "MAX_TOTAL_BYTES", 2 * len(inner) + 1 + 1200)
    (found,) = walk([made])
    assert [m.path for m in found.members] == ["a.zip/1.fit", "a.zip/2.fit", "c.fit"]
    assert "above the limits" in reasons(found)["b.zip"]


def test_an_account_export_loads_its_zips_as_the_folder_of_what_they_hold(tmp_path: Path) -> None:
    fits = {p.name: p.read_bytes() for p in sorted((FIXTURES / "garmin_fit").glob("*.fit"))}
    half = len(fits) // 2
    parts = [dict(list(fits.items())[:half]), dict(list(fits.items())[half:])]
    whole = {f"{FOLDER}UploadedFiles_0-_Part{n}.zip": zip_bytes(part) for n, part in enumerate(parts)}
    zipped = load_into(tmp_path / "z", make_zip(tmp_path / "account.zip", whole))
    folder = load_into(tmp_path / "f", write_folder(tmp_path / "unpacked", fits, datetime(2020, 7, 22)))
    assert (zipped.exports[0].source, zipped.exports[0].files_read) == ("garmin_fit", len(fits))
    assert zipped.rows == folder.rows != ()
    assert {n: h for n, h in hashes_of(tmp_path / "z").items() if n.startswith("signal")} == {
        n: h for n, h in hashes_of(tmp_path / "f").items() if n.startswith("signal")
    }
    again = load_into(tmp_path / "z", tmp_path / "unpacked")
    assert (again.exports[0].files_read, again.changed) == (0, False)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "PDF"),
        (b"\xff\xd8\xff\xe0", "JPEG image"),
        (b"\xef\xbb\xbf [1]", "JSON"),
        (b"<?xml", "XML or HTML"),
        (b"a,b\n1,2\n", "text with commas"),
        ("Größe".encode(), "text"),
        (b"\x00\x01\x02\xfe\xff\xfe", "binary"),
        (b"PK\x03\x04", "a zip inside: unpack it and load the folder"),
    ],
)
def test_an_unclaimed_file_is_described_by_its_first_bytes(head: bytes, expected: str) -> None:
    assert nature(head) == expected


def test_every_member_has_one_source_or_is_unclaimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def member(name: str) -> Member:
        return Member(f"any/folder/{name}", 0, datetime(2020, 1, 1), lambda: pytest.fail("was opened"))

    monkeypatch.setattr("ingest.registry.SOURCES", (fitbit_takeout,))
    found = claim([member("heart_rate-2020-03-10.json"), member("heart_rate.json"), member("x.pdf")])
    assert {name: [m.name for m in members] for name, members in found.by_source.items()} == {
        "fitbit_takeout": ["heart_rate-2020-03-10.json"]
    }
    assert [m.name for m in found.nobodys] == ["heart_rate.json", "x.pdf"]
    monkeypatch.setattr("ingest.registry.SOURCES", (fitbit_takeout, fitbit_takeout))
    found = claim([member("steps-2020-03-10.json")])
    assert [(m.name, names) for m, names in found.disputed] == [
        ("steps-2020-03-10.json", "fitbit_takeout and fitbit_takeout")
    ]
    assert found.by_source == {}
