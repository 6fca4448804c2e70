"""Measurements and long checks: `python -m bench NAME`."""
