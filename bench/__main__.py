"""`python -m bench NAME …` runs `bench/NAME.py`."""

import importlib
import pkgutil
import sys

import bench

names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__))
names = [name for name in names if not name.startswith("_")]
if len(sys.argv) < 2 or sys.argv[1] not in names:
    sys.exit(f"usage: python -m bench NAME; NAME is one of {', '.join(names)}")
sys.exit(importlib.import_module(f"bench.{sys.argv[1]}").main(sys.argv[2:]))
