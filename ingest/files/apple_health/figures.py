"""Figures straight from bytes: numbers, stamps and times, each in a few instructions.

`scan` is compiled with these inside, and numba looks at the file of `scan` alone when it asks whether
what it keeps on disk is still good: after a change here, change that file's date too.
"""

from __future__ import annotations

import numpy as np

from ingest.compiled import MAX_DIGITS, compiled

from .shape import Bytes

NO = -1
POWERS = np.array([10.0**n for n in range(MAX_DIGITS + 1)])


@compiled
def read_wall(buf: Bytes, p: int, stop: int) -> int:
    """Read a wall-clock time as milliseconds within twelve hours; NO if it is of no known layout.

    Hours, minutes, seconds and a fraction are groups of digits with one byte between them. What
    stands before and after may be a word for the half of the day in any language.
    """
    while p < stop and not 48 <= buf[p] <= 57:
        p += 1
    total = 0
    for group in range(4):
        value = digits = 0
        while p < stop and 48 <= buf[p] <= 57:
            value = value * 10 + buf[p] - 48
            digits += 1
            p += 1
        if digits == 0 or digits > 3 or (group < 3 and digits > 2):
            return NO
        if group == 3:
            total = total * 1000 + value * 10 ** (3 - digits)
        elif (group == 0 and value > 23) or (group > 0 and value > 59):
            return NO
        else:
            total = total * 60 + (value % 12 if group == 0 else value)
            if p >= stop or not 44 <= buf[p] <= 58:
                return NO
            p += 1
    while p < stop:
        if 48 <= buf[p] <= 57:
            return NO
        p += 1
    return total


@compiled
def read_number(buf: Bytes, p: int, stop: int) -> tuple[int, float]:
    """Read a plain decimal number: 0 and the number, 1 where it has too many digits, or NO."""
    negative = buf[p] == 45
    if negative:
        p += 1
    mantissa, digits, decimals, point = 0, 0, 0, -1
    while p < stop:
        c = buf[p]
        if 48 <= c <= 57:
            if digits < MAX_DIGITS:
                mantissa = mantissa * 10 + c - 48
            digits += 1
            decimals += point >= 0
        elif c == 46 and point < 0 and digits > 0 and p + 1 < stop:
            point = p
        else:
            return NO, np.nan
        p += 1
    if digits == 0:
        return NO, np.nan
    if digits > MAX_DIGITS:
        return 1, np.nan
    value = mantissa / POWERS[decimals]
    return 0, -value if negative else value


@compiled
def two(buf: Bytes, p: int) -> int:
    """Two digits as a number; 1000 where they are none."""
    a, b = np.int64(buf[p]) - 48, np.int64(buf[p + 1]) - 48
    return a * 10 + b if 0 <= a <= 9 and 0 <= b <= 9 else 1000  # type: ignore[return-value]


@compiled
def count_days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar; -1000000 where there is no such date."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 31
    if month in (4, 6, 9, 11):
        longest = 30
    elif month == 2:
        longest = 29 if leap else 28
    if not (1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= longest):
        return -1_000_000
    y = year - (month <= 2)
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@compiled
def read_stamp(buf: Bytes, p: int, stop: int) -> tuple[bool, int]:
    """Read a stamp such as `2018-09-10 02:28:55 -0700` as microseconds of UTC since 1970."""
    if stop - p != 25 or buf[p + 4] != 45 or buf[p + 7] != 45 or buf[p + 10] != 32 or buf[p + 19] != 32:
        return False, 0
    if buf[p + 13] != 58 or buf[p + 16] != 58 or (buf[p + 20] != 43 and buf[p + 20] != 45):
        return False, 0
    hour, minute, second = two(buf, p + 11), two(buf, p + 14), two(buf, p + 17)
    zone_h, zone_min = two(buf, p + 21), two(buf, p + 23)
    if hour > 23 or minute > 59 or second > 59 or zone_h > 23 or zone_min > 59:
        return False, 0
    century, year = two(buf, p), two(buf, p + 2)
    days = count_days(century * 100 + year, two(buf, p + 5), two(buf, p + 8))
    if year > 99 or days == -1_000_000:
        return False, 0
    offset_min = zone_h * 60 + zone_min
    local_s = days * 86_400 + hour * 3600 + minute * 60 + second
    utc_s = local_s - 60 * offset_min if buf[p + 20] == 43 else local_s + 60 * offset_min
    return True, utc_s * 1_000_000
