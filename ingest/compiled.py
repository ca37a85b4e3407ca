"""What compiled loops over bytes are made of: numba, and eight bytes at a time.

This module needs numba, which takes half a second to import: import it only where bytes are read. Numba looks
at the file of the calling function alone when it asks whether what it keeps on disk is still good: after a
change here, change the dates of the callers' files too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

Bytes = npt.NDArray[np.uint8]
Words64 = npt.NDArray[np.uint64]
F = TypeVar("F", bound=Callable[..., Any])

MAX_DIGITS = 15
"""So many digits are exact in a float64, and one division by a power of ten then rounds right."""
PAD_BYTES = 8
"""So many bytes must follow what is compared: words are loaded whole."""
EIGHT = np.uint64(8)


def compiled(function: F) -> F:
    """Compile with numba, kept on disk where there is a place to keep it."""
    try:
        return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # neither the package's folder nor the user's can be written
        return cast("F", njit(nogil=True, error_model="numpy")(function))


def compile_load(_context: Any, buf: Any, _p: Any) -> Any:
    """Signature and code of `load`, as numba asks for them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(types.Array(types.uint8, 1, "C", readonly=not buf.mutable), types.intp), generate


load = cast("Callable[[Bytes, int], np.uint64]", intrinsic(compile_load))
"""Eight bytes from any place as one word, the first byte lowest: one instruction."""


def spell(word: bytes) -> Words64:
    """A word as it is compared: for every eight bytes their value and the bits that count."""
    padded = word.ljust(-(-len(word) // 8) * 8, b"\0")
    counts = (b"\xff" * len(word)).ljust(len(padded), b"\0")
    pairs = [np.frombuffer(text, "<u8") for text in (padded, counts)]
    return np.stack(pairs, axis=1).ravel().astype(np.uint64)


@compiled
def matches(buf: Bytes, p: int, word: Words64) -> bool:
    """Whether a word, as `spell` writes it, stands at a place."""
    for i in range(0, word.size, 2):  # noqa: SIM110 - a loop that numba compiles well
        if load(buf, p + 4 * i) & word[i + 1] != word[i]:
            return False
    return True


@compiled
def same_bytes(buf: Bytes, p: int, other: Bytes, q: int, length: int) -> bool:
    """Whether the same bytes stand at two places; the last ones are looked at first, as they differ most."""
    rest = length & 7
    whole = length - rest
    if rest > 0 and (load(buf, p + whole) ^ load(other, q + whole)) << (EIGHT * np.uint64(8 - rest)) != 0:
        return False
    for i in range(0, whole, 8):  # noqa: SIM110 - a loop that numba compiles well
        if load(buf, p + i) != load(other, q + i):
            return False
    return True
