"""Folders and zips: what may be read is read as it stands, what would harm is left out and said."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from ingest import export
from ingest.export import nature, walk
from ingest.files import fitbit_takeout
from ingest.registry import claim
from ingest.source import Member

WHEN = (2020, 7, 22, 0, 0, 0)


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
