"""Bytes of a Sabre file to checked structs.

Law: whatever the bytes are, the answer is a whole value or a `BadFile` that says where.
"""

from pathlib import Path
from typing import TypeVar

import msgspec

from tidegate.sim.exact.errors import BadFile

LARGEST = 64 * 1024 * 1024
"""Bytes of a file: thirty times the largest that Sabre comes with."""

Shape = TypeVar("Shape")


def read(path: Path, what: str) -> bytes:
    """The bytes of a file that is not too large; `what` it should be is for the error's text."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise BadFile(f"{path}: cannot read the {what}: {error.strerror}") from error
    if len(data) > LARGEST:
        raise BadFile(f"{path}: more than {LARGEST >> 20} MB; a {what} is shorter")
    return data


def decode(data: bytes, shape: type[Shape], name: str) -> Shape:
    """JSON as `shape`; `name` begins the error's text."""
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise BadFile(f"{name}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFile(f"{name}: not JSON: {error}") from error
    except RecursionError as error:
        raise BadFile(f"{name}: nested too deep") from error
