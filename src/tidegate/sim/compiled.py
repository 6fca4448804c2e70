"""How the simulator's inner functions are compiled, and where the machine code is kept.

Law: they read and write arrays that others own, and make none; so no array is counted as held,
which between two threads costs more than all they compute. Kept code is found by a digest of all
their sources: what is inlined from another file is part of it.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import config

F = TypeVar("F", bound=Callable[..., Any])
# Fast mathematics as far as every number stays a number: sums keep their order, NaN its meaning.
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "boundscheck": False,
    "_nrt": False,
    "fastmath": {"contract", "arcp", "nsz", "afn"},
}


def compiled(function: F) -> F:
    """Machine code that runs without the interpreter and is kept on disk."""
    with _kept():
        return cast("F", njit(cache=True, **OPTIONS)(function))


def inlined(function: F) -> F:
    """Part of whoever calls it: a call would hand over every field of every array."""
    return cast("F", njit(inline="always", **OPTIONS)(function))


@contextmanager
def _kept() -> Iterator[None]:
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = str(_folder())  # type: ignore[attr-defined]
    try:
        yield
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]


@cache
def _folder() -> Path:
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for source in sorted([*here.glob("*.py"), here.parent / "dispatch" / "assign.py"]):
        digest.update(source.read_bytes())
    home = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "tidegate" / digest.hexdigest()[:16]
