"""Compiled loops that may take their sums in the order which the processor likes best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

REORDERED = {"reassoc", "contract", "nsz"}
"""Sums in any order, products joined to them; NaN and infinity keep their meaning."""


def compiled_sums(function: F) -> F:
    """Compile with numba as `features.compiled` does, with leave to reorder sums: several at a time."""
    try:
        return cast("F", njit(cache=True, nogil=True, error_model="numpy", fastmath=REORDERED)(function))
    except RuntimeError:  # numba finds no folder it may write to
        return cast("F", njit(nogil=True, error_model="numpy", fastmath=REORDERED)(function))
