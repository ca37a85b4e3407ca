"""Loops that numba compiles, once a machine.

Keep what a compiled function calls in its own file: numba looks at that file alone when it asks
whether what it kept on disk still holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile with numba when first called, kept on disk where there is a place to keep it."""
    try:
        return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # numba finds no folder it may write to
        return cast("F", njit(nogil=True, error_model="numpy")(function))
