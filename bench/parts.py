"""LL-HLS parts of 15 kB from a live channel: `python -m bench parts`.

Against nginx with the same bytes as a file, and its cache before us.
"""

from collections.abc import Sequence

from bench import _requests


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when anything was not answered."""
    return _requests.bench(_requests.PARTS, __doc__, argv, cache=True)
