"""Tidegate: a live video cloud that a small team runs on its own machines."""
