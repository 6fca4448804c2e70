"""Fuzz targets: one module each, its invariant the first sentence of its docstring.

A target has `SEEDS`, whole valid inputs, and `one(data)`, which raises only when the invariant is
broken. `python -m bench fuzz` drives them; the tests replay the seeds and every find.
"""
