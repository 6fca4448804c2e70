"""What is wrong with a TOML file that a person wrote, in one line a mistake.

Law: a line begins with the path of the key, and says what to write instead.
"""

import difflib
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file. Raises `ValueError` with the path and the reason."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not TOML: {error}") from error


def complaints(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """One line a mistake; for a key that is unknown, the nearest that is known."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        where = problem["loc"]
        said = problem["msg"].removeprefix("Value error, ")
        if not where:
            lines.append(said)
        elif problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(where[-1]), _known(where[:-1], root), 1, 0.5)
            mend = f"; did you mean {near[0]}?" if near else ""
            lines.append(f"{_path(where)}: there is no such key{mend}")
        else:
            lines.append(f"{_path(where)}: {said[:1].lower()}{said[1:]}")
    return lines


def _path(where: Iterable[int | str]) -> str:
    text = ""
    for step in where:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _known(where: Sequence[int | str], root: type[BaseModel]) -> list[str]:
    """The keys of the table that stands at this path."""
    model: Any = root
    for step in where:
        field = model.model_fields.get(step) if hasattr(model, "model_fields") else None
        if field is not None:
            model = field.annotation
        tables = [each for each in (model, *get_args(model)) if hasattr(each, "model_fields")]
        model = tables[0] if tables else model
    return list(getattr(model, "model_fields", ()))
