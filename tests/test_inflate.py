"""Members of a zip as streams: the bytes that `zipfile` gives, or an error, never others."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import inflate
from ingest.export import OPEN_ERRORS, READ_ERRORS
from ingest.inflate import Inflated, ZipInside, open_inside

LOCAL = struct.Struct("<4s5H3L2H")
"""Magic, version, flags, method, time, date, CRC, packed size, size, length of the name and of the rest."""


def noise(size: int, seed: int, letters: int) -> bytes:
    """Bytes that shrink the less the more letters they are of."""
    return bytes(random.Random(seed).choices(range(letters), k=size))


content = st.one_of(
    st.binary(max_size=2000),
    st.builds(
        noise,
        st.sampled_from([1, 1023, 1 << 14, (1 << 18) - 1, 1 << 18, 700_000]),
        st.integers(0, 9),
        st.sampled_from([1, 4, 256]),
    ),
)


def pack(path: Path, members: list[bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for number, data in enumerate(members):
            made.writestr(f"{number}.json", data)
    return path


def entries(path: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(path) as opened:
        return opened.infolist()


def chunks(stream: io.RawIOBase, sizes: list[int]) -> Iterator[bytes]:
    """Read a stream in chunks of these sizes, over and over, to its end."""
    while True:
        for size in sizes:
            found = stream.read(size)
            if not found:
                return
            assert size < 0 or len(found) <= size
            yield found


@settings(deadline=None, max_examples=40)
@given(
    members=st.lists(content, min_size=1, max_size=3),
    sizes=st.lists(st.sampled_from([1000, 1024, 65_536, 1 << 18, 1 << 20]), min_size=1, max_size=3),
)
def test_a_member_in_any_chunks_has_the_bytes_that_zipfile_gives(
    members: list[bytes], sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = pack(tmp_path_factory.mktemp("z") / "z.zip", members)
    with zipfile.ZipFile(path) as opened:
        for entry, data in zip(opened.infolist(), members, strict=True):
            assert opened.read(entry) == data
            with Inflated(path, entry) as stream:
                assert b"".join(chunks(stream, sizes)) == data
            with Inflated(path, entry) as stream:
                assert stream.readall() == data
            with Inflated(path, entry) as stream, io.BufferedReader(stream) as buffered:
                assert buffered.read() == data


def test_single_bytes_and_what_is_left_come_in_order(tmp_path: Path) -> None:
    path = pack(tmp_path / "z.zip", [b"0123456789"])
    with Inflated(path, entries(path)[0]) as stream:
        assert [stream.read(1), stream.read(3), stream.read(0), stream.read(), stream.read()] == [
            b"0",
            b"123",
            b"",
            b"456789",
            b"",
        ]


def damaged(tmp_path: Path, data: bytes, **change: int) -> tuple[Path, zipfile.ZipInfo]:
    """A zip with one member, and what it declares of it, with something else declared."""
    path = pack(tmp_path / "z.zip", [data])
    (entry,) = entries(path)
    for name, value in change.items():
        setattr(entry, name, value)
    return path, entry


DATA = noise(400_000, 1, 16)


@pytest.mark.parametrize("size", [-1, 1000, 1 << 18])
def test_a_wrong_checksum_is_found_with_the_last_byte(tmp_path: Path, size: int) -> None:
    path, entry = damaged(tmp_path, DATA, CRC=zlib.crc32(DATA) ^ 1)
    with Inflated(path, entry) as stream, pytest.raises(zipfile.BadZipFile, match=r"CRC-32.*0\.json"):
        list(chunks(stream, [size]))


def test_less_declared_than_there_is_gives_no_more_and_is_found(tmp_path: Path) -> None:
    path, entry = damaged(tmp_path, DATA, file_size=1500)
    with Inflated(path, entry) as stream:
        assert stream.read(1000) == DATA[:1000]
        with pytest.raises(zipfile.BadZipFile, match="CRC-32"):
            stream.read(1000)


@pytest.mark.parametrize(
    "change", [{"file_size": len(DATA) + 1}, {"compress_size": 1000}, {"compress_size": 0}]
)
def test_more_declared_than_there_is_is_found(tmp_path: Path, change: dict[str, int]) -> None:
    path, entry = damaged(tmp_path, DATA, **change)
    with Inflated(path, entry) as stream, pytest.raises(EOFError, match="shorter than the zip declares"):
        list(chunks(stream, [1 << 16]))


def test_a_zip_that_was_cut_after_its_list_was_read_is_found(tmp_path: Path) -> None:
    path, entry = damaged(tmp_path, DATA)
    path.write_bytes(path.read_bytes()[:100_000])
    with Inflated(path, entry) as stream, pytest.raises(EOFError, match="the zip ends inside of it"):
        list(chunks(stream, [1 << 16]))


@pytest.mark.parametrize("offset", [4, 10**9])
def test_no_header_where_a_member_should_begin_is_found_and_the_file_closed(
    tmp_path: Path, offset: int, recwarn: pytest.WarningsRecorder
) -> None:
    path, entry = damaged(tmp_path, DATA, header_offset=offset)
    with pytest.raises(zipfile.BadZipFile, match=r"no member begins where.*0\.json"):
        Inflated(path, entry)
    assert not recwarn.list


def test_the_headers_own_name_and_extra_bytes_are_skipped(tmp_path: Path) -> None:
    # The list may have other lengths than the member's own header: Java and macOS write such zips.
    packed = zlib.compressobj(wbits=-15)
    raw = packed.compress(DATA) + packed.flush()
    header = LOCAL.pack(b"PK\x03\x04", 20, 8, 8, 0, 0, 0, 0, 0, 6, 9) + b"0.json" + b"E" * 9
    (tmp_path / "z.zip").write_bytes(b"before" + header + raw)
    entry = zipfile.ZipInfo("0.json")
    entry.header_offset, entry.CRC = 6, zlib.crc32(DATA)
    entry.file_size, entry.compress_size, entry.compress_type = len(DATA), len(raw), zipfile.ZIP_DEFLATED
    with Inflated(tmp_path / "z.zip", entry) as stream:
        assert stream.read() == DATA


@settings(deadline=None, max_examples=60)
@given(place=st.integers(0, 2000), value=st.integers(0, 255))
def test_a_damaged_byte_gives_the_right_bytes_or_an_error(
    place: int, value: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = noise(3000, 2, 8)
    path, entry = damaged(tmp_path_factory.mktemp("z"), data)
    whole = bytearray(path.read_bytes())
    whole[place % len(whole)] = value
    path.write_bytes(whole)
    try:
        with Inflated(path, entry) as stream:
            found = stream.read()
    except READ_ERRORS:
        return
    assert found == data


# --- a zip inside a zip ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(
    reads=st.lists(st.tuples(st.integers(0, 130_000), st.integers(0, 40_000)), min_size=1, max_size=12),
    letters=st.sampled_from([1, 16, 256]),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_a_zip_inside_reads_at_any_place_as_a_file_does(
    reads: list[tuple[int, int]], letters: int, method: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = noise(120_000, 3, letters)
    path = pack(tmp_path_factory.mktemp("z") / "z.zip", [b"first", data], method)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(inflate, "MARK_BYTES", 5000)
        inside = ZipInside(path, entries(path)[1])
    for place, size in reads:
        assert inside.seek(place) == place
        assert inside.read(size) == data[place : place + size]
        assert inside.tell() == min(place + size, max(place, len(data)))
    assert (inside.seek(-7, io.SEEK_END), inside.read()) == (119_993, data[-7:])
    assert len(inside.marks) <= inflate.MARKS + 1


def test_no_more_is_inflated_than_from_the_nearest_mark_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflate, "MARK_BYTES", 10_000)
    data = noise(300_000, 4, 256)
    path = pack(tmp_path / "z.zip", [data])
    inside = ZipInside(path, entries(path)[0])
    inflated = 0
    go_on = ZipInside.go_on

    def count(self: ZipInside, file: io.BufferedReader, most: int) -> bytes:
        nonlocal inflated
        part = go_on(self, file, most)
        inflated += len(part)
        return part

    monkeypatch.setattr(ZipInside, "go_on", count)
    assert b"".join(chunks(inside, [700])) == data
    assert inflated == 300_000, "in order, every byte is inflated once"
    for place in (250_000, 10, 260_000, 249_000):  # behind and ahead of where it stands
        inflated = 0
        inside.seek(place)
        assert inside.read(10) == data[place : place + 10]
        assert inflated <= inside.apart + 10 + 700


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_inside_that_ends_too_early_is_found(tmp_path: Path, method: int) -> None:
    inner = pack(tmp_path / "i.zip", [noise(5000, 5, 256)]).read_bytes()
    path = pack(tmp_path / "z.zip", [inner], method)
    (entry,) = entries(path)
    assert open_inside(path, entry).read("0.json") == noise(5000, 5, 256)
    entry.file_size += 100
    with pytest.raises(EOFError, match="shorter"):
        open_inside(path, entry)
    entry.file_size = len(inner) // 2
    with pytest.raises(zipfile.BadZipFile):
        open_inside(path, entry)


def test_a_list_of_files_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = pack(tmp_path / "i.zip", [b"x"] * 300).read_bytes()
    path = pack(tmp_path / "z.zip", [inner])
    monkeypatch.setattr(inflate, "DIRECTORY_BYTES", 300 * (46 + 8))
    assert len(open_inside(path, entries(path)[0]).infolist()) == 300
    monkeypatch.setattr(inflate, "DIRECTORY_BYTES", 300 * 46)
    with pytest.raises(zipfile.BadZipFile, match="list of files is longer"):
        open_inside(path, entries(path)[0])


@settings(deadline=None, max_examples=60)
@given(place=st.integers(0, 1 << 16), value=st.integers(0, 255))
def test_a_damaged_zip_inside_gives_the_right_bytes_or_an_error(
    place: int, value: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("z")
    data = [noise(600, 6, 8), b"[]"]
    inner = bytearray(pack(folder / "i.zip", data).read_bytes())
    inner[place % len(inner)] = value
    path = pack(folder / "z.zip", [bytes(inner)])
    try:
        opened = open_inside(path, entries(path)[0])
        found = [opened.read(entry) for entry in opened.infolist()]
    except OPEN_ERRORS:
        return
    assert set(found) <= set(data)
