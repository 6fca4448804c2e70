"""Which fuzz targets there are, and the inputs that are known for each."""

import importlib
import pkgutil
from pathlib import Path

import fuzz

FINDS = Path(__file__).parent.parent / "tests" / "fuzz_finds"
TARGETS = sorted(module.name for module in pkgutil.iter_modules(fuzz.__path__))


def seeds(target: str) -> list[bytes]:
    """The whole, valid inputs that the target's module lists."""
    return list(importlib.import_module(f"fuzz.{target}").SEEDS)


def finds(target: str) -> list[Path]:
    """The inputs that once broke the target, kept for good."""
    return sorted(path for path in (FINDS / target).glob("*") if path.is_file())
