"""Playlists by gzip: read as they were meant, and bounded."""

import gzip

import pytest

from tidegate.load.http import BODY_LIMIT
from tidegate.load.playlist import Media, PlaylistError
from tidegate.load.track import parsed

TEXT = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\n7.m4s\n"


def test_the_same_playlist_either_way() -> None:
    media = parsed(gzip.compress(TEXT))
    assert isinstance(media, Media)
    assert media == parsed(TEXT)
    assert media.first_msn == 7


@pytest.mark.parametrize("size", range(2, len(gzip.compress(TEXT, mtime=0))))
def test_one_that_is_cut_off_is_a_mistake(size: int) -> None:
    with pytest.raises(PlaylistError, match="gzip"):
        parsed(gzip.compress(TEXT, mtime=0)[:size])


def test_one_that_is_broken_is_a_mistake() -> None:
    with pytest.raises(PlaylistError, match="broken"):
        parsed(b"\x1f\x8b" + bytes(40))


def test_one_that_unpacks_to_more_than_a_body_may_hold_is_a_mistake() -> None:
    with pytest.raises(PlaylistError, match="too long"):
        parsed(gzip.compress(TEXT + bytes(BODY_LIMIT)))
