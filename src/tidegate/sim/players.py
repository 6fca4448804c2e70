"""Two million players as one array: a record of 56 bytes a viewer's place.

Law: a place below the audience's number at a moment holds a viewer; when a session ends, another
viewer takes the place at once. Nothing here depends on how many threads advance it.
"""

import numpy as np
import numpy.typing as npt

AWAY, STARTING, PLAYING, FROZEN = 0, 1, 2, 3
NOBODY = 255
"""No candidate is banned."""

PLAYER = np.dtype(
    [
        ("group", np.uint16),  # whose: region, ISP and access
        ("session", np.uint16),  # the how-manieth viewer of this place
        ("kind", np.uint8),
        ("line", np.uint8),  # which chain the access line follows
        ("level", np.uint8),  # where that chain stands
        ("state", np.uint8),
        ("rung", np.uint8),  # of the chunk asked for
        ("place", np.uint8),  # k of the group's candidates
        ("banned", np.uint8),  # the k that failed
        ("stalls", np.uint8),  # of this session, 255 at most
        ("mean_kbps", np.float32),  # of the access line
        ("buffer_s", np.float32),  # media ahead
        ("lag_s", np.float32),  # playhead behind the encoder
        ("left_kbit", np.float32),  # still to come of the chunk asked for
        ("wait_s", np.float32),  # until its first byte
        ("spent_s", np.float32),  # since that byte
        ("clock_s", np.float32),  # since the request to join; then of the stall under way
        ("fast_kbps", np.float32),  # two moving means of the throughput, begun at 0
        ("slow_kbps", np.float32),
        ("fast_left", np.float32),  # the share of that beginning that is still in them
        ("slow_left", np.float32),
    ],
    align=True,
)


def empty(count: int) -> npt.NDArray[np.void]:
    """Places without viewers."""
    players = np.zeros(count, PLAYER)
    players["banned"] = NOBODY
    return players
