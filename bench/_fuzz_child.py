"""The process of one fuzz target: `python -m bench._fuzz_child TARGET [libFuzzer arguments]`.

All of `tidegate` that the target imports is instrumented, so that libFuzzer sees new branches.
"""

import importlib
import sys

import atheris

with atheris.instrument_imports(include=["tidegate"]):
    target = importlib.import_module(f"fuzz.{sys.argv[1]}")

atheris.Setup([sys.argv[1], *sys.argv[2:]], target.one)
atheris.Fuzz()
