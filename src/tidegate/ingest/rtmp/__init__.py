"""RTMP 1.0 ingest: bytes in, media out (Adobe, "RTMP Specification 1.0", 21 December 2012)."""
