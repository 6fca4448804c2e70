"""How the simulator's inner functions are compiled.

Law: they read and write arrays that others own, and make none; so no array is counted as held,
which between two threads costs more than all they compute.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "boundscheck": False,
    "_nrt": False,
}


def compiled(function: F) -> F:
    """Machine code that runs without the interpreter and is kept on disk."""
    return cast("F", njit(cache=True, **OPTIONS)(function))


def inlined(function: F) -> F:
    """Part of whoever calls it: a call would hand over every field of every array."""
    return cast("F", njit(inline="always", **OPTIONS)(function))
