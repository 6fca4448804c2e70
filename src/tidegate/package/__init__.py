"""Samples to logs; playlists from an index, as pure functions."""
