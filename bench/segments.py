"""HLS segments of 300 kB from a live channel: `python -m bench segments`.

Against nginx with `sendfile` over the same bytes.
"""

from collections.abc import Sequence

from bench import _requests


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when anything was not answered."""
    return _requests.bench(_requests.SEGMENTS, __doc__, argv)
