"""Ingest: a protocol in, samples out."""
