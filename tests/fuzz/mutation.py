"""Changes to files that parsers may not expect, some by what the bytes mean, some by bytes alone."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from .inputs import Input

Change = Callable[[bytes, random.Random], bytes]

TOKEN = re.compile(
    rb"\"[^\"\n]{0,200}\"|\d{4}-\d\d-\d\d[T ][\d:.]+|[-+]?\d+(?:\.\d+)?|[A-Za-z_]+|[^\w\s]|\n", re.ASCII
)
DIGIT = re.compile(rb"\d")
NUMBERS = (
    b"0", b"-0", b"-1", b"1", b"1e308", b"1e999", b"1e-320", b"NaN", b"Infinity", b"-inf", b"0x10", b"1_0", b"1,5",
    b"2147483648", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"1e19",
    b"1720000000000", b"253402300800000", b"-62135596800", b"99999999999999999999", b"0.1" + b"0" * 400,
    "٣".encode(), "½".encode(), b"+5", b"5.", b".5", b"1e", b"--1",
)  # fmt: skip
STAMPS = (
    b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59Z", b"1970-01-01T00:00:00", b"2099-01-01 00:00:00", b"2024-02-30",
    b"2024-03-31T02:30:00", b"2024-10-27T02:30:00", b"2024-01-01T24:00:00", b"2024-01-01T00:00:00+99:99",
    b"2024-01-01T00:00:00.123456789Z", b"01/01/00 00:00:00", b"12/31/99 23:59:59", b"13/13/2024", b"24:00", b"23:59:60",
    b"2024-13-01", b"-2024-01-01", b"292277-01-01T00:00:00", b"20240101T000000Z", b"20240101", b"12:00:00 AM",
)  # fmt: skip
OTHERS = (
    b"", b" ", b"null", b"true", b"[]", b"{}", b'""', b'"', b"'", b",", b";", b"\t", b"|", b"\r", b"\n", b"\r\n", b"\0",
    b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\\", b"\\u0000", b"\\ud800", b"a" * 2000, b"[" * 2000, b'{"a":' * 2000,
    "\u2028".encode(), "\u00a0".encode(), "\u0085".encode(), b"\x1c", b"<", b">", b"/>", b"&lt;", b"&#0;",
    b"&x;", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"[[1,2],[3]]", b"nan", b"None", b"__import__('os')", b"(",
    b"no data",
)  # fmt: skip
WORDS = (
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\x00\x00", b"\xff\xff", b"\xff\x7f", b"\x00\x80", b"\x00" * 4,
    b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x00\x00\x00\x10", b"\xff\xff\xff\x0f",
)  # fmt: skip
FIT_HEAD, FIT_SUM = 12, 2
MOST_BYTES = 1 << 18


def make_mutator(
    seeds: Sequence[Input], *, binary: bool, change_bytes: Callable[[bytes, int], bytes]
) -> Callable[[bytes, int, int], bytes]:
    """What makes a new input of an old one.

    Parameters
    ----------
    seeds
        Whole files: parts of them, and their names, come into others.
    binary
        Whether the format is FIT.
    change_bytes
        The fuzzer's own mutation, of bytes to at most so many.
    """
    heads = [seed.write().partition(b"\n")[0] for seed in seeds]
    texts = [seed.content for seed in seeds]
    changes: list[Change] = [repeat_part, drop_part, swap_parts]
    changes += [write_word] * 3 if binary else [change_token] * 4 + [change_digit] * 2 + [change_lines] * 3
    if not binary:
        changes.append(recode)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        dice = random.Random(seed)
        head, _, body = data.partition(b"\n")
        if dice.random() < 0.02:
            head = dice.choice(heads)
        for _ in range(dice.choice((1, 1, 1, 2, 4))):
            kind = dice.random()
            if kind < 0.25:
                body = change_bytes(body, max(max_size - len(head) - 1, 1))
            elif kind < 0.32:
                body = splice(body, dice.choice(texts), dice)
            else:
                body = dice.choice(changes)(body, dice)
        if binary and dice.random() < 0.7:
            body = mend_length(body)
        return (head + b"\n" + body)[:max_size]

    return mutate


def two_places(body: bytes, dice: random.Random, most: int = 400) -> tuple[int, int]:
    """A part of the bytes, mostly short."""
    start = dice.randrange(len(body) + 1)
    return start, min(len(body), start + dice.randrange(1, most))


def repeat_part(body: bytes, dice: random.Random) -> bytes:
    """The same part many times: what costs the square of its length shows."""
    start, stop = two_places(body, dice)
    count = dice.choice((1, 1, 2, 3, 8, 64, 1000)) if dice.random() < 0.2 else 1
    return body[:stop] + (body[start:stop] * count)[:MOST_BYTES] + body[stop:]


def drop_part(body: bytes, dice: random.Random) -> bytes:
    """A part is missing, or the rest of the file."""
    start, stop = two_places(body, dice)
    return body[:start] if dice.random() < 0.1 else body[:start] + body[stop:]


def swap_parts(body: bytes, dice: random.Random) -> bytes:
    """A part stands at another place."""
    start, stop = two_places(body, dice)
    part, rest = body[start:stop], body[:start] + body[stop:]
    place = dice.randrange(len(rest) + 1)
    return rest[:place] + part + rest[place:]


def splice(body: bytes, other: bytes, dice: random.Random) -> bytes:
    """A part of another file in the place of a part."""
    start, stop = two_places(body, dice)
    first, last = two_places(other, dice)
    return body[:start] + other[first:last] + body[stop:]


def change_token(body: bytes, dice: random.Random) -> bytes:
    """Another word, number or stamp in the place of one, odd or out of the same file."""
    found = pick(TOKEN, body, dice)
    if found is None:
        return dice.choice(OTHERS)
    kinds = dice.choice((NUMBERS, STAMPS, OTHERS, None))
    other = pick(TOKEN, body, dice)
    new = dice.choice(kinds) if kinds else other[0] if other else b""
    if found[0][:1] == b'"' and found[0] != b'"' and dice.random() < 0.8:
        new = b'"' + new.strip(b'"') + b'"'
    return body[: found.start()] + new + body[found.end() :]


def change_digit(body: bytes, dice: random.Random) -> bytes:
    """One digit becomes another, or two, or none."""
    found = pick(DIGIT, body, dice)
    if found is None:
        return body
    new = dice.choice((b"", b"0", b"9", b"%d" % dice.randrange(100)))
    return body[: found.start()] + new + body[found.end() :]


def pick(pattern: re.Pattern[bytes], body: bytes, dice: random.Random) -> re.Match[bytes] | None:
    """A match at about any place."""
    return pattern.search(body, dice.randrange(len(body) + 1)) or pattern.search(body)


def change_lines(body: bytes, dice: random.Random) -> bytes:
    """Lines are doubled, dropped, moved, or begin with another's cells."""
    lines = body.split(b"\n")
    first, second = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(4):
        case 0:
            lines.insert(second, lines[first])
        case 1:
            del lines[first]
        case 2:
            lines[first], lines[second] = lines[second], lines[first]
        case _:
            cells, others = lines[first].split(b","), lines[second].split(b",")
            place = dice.randrange(len(cells))
            cells[place : place + 1] = others[place : place + dice.randrange(3)]
            lines[first] = b",".join(cells)
    return b"\n".join(lines)


def recode(body: bytes, dice: random.Random) -> bytes:
    """The same text in another encoding or with other line ends."""
    text = body.decode("utf-8", "replace")
    match dice.randrange(4):
        case 0:
            return text.encode("utf-16")
        case 1:
            return b"\xef\xbb\xbf" + body
        case 2:
            return body.replace(b"\n", b"\r\n")
        case _:
            return body.replace(b",", b";").replace(b".", b",")


def write_word(body: bytes, dice: random.Random) -> bytes:
    """An extreme number of one, two or four bytes."""
    word = dice.choice(WORDS)
    place = dice.randrange(len(body) + 1)
    return body[:place] + word + body[place + len(word) :]


def mend_length(body: bytes) -> bytes:
    """A FIT file whose header says how long it really is: else a decoder reads no further."""
    if len(body) <= FIT_HEAD + FIT_SUM:
        return body
    size = max(len(body) - body[0] - FIT_SUM, 0)
    return body[:4] + size.to_bytes(4, "little") + body[8:]
