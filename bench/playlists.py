"""LL-HLS playlists of a live channel: `python -m bench playlists`.

Against nginx with the same bytes as a file, and its cache before us.
"""

from collections.abc import Sequence

from bench import _requests


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when anything was not answered."""
    return _requests.bench(_requests.PLAYLISTS, __doc__, argv, cache=True)
