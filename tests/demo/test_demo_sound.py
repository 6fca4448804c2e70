"""The test sound: a beep on the second of the wall clock, joined without a click."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.demo.sound import BEEP_S, CHANNELS, RATE, sample_at, sound

NOON_S = 1_790_000_000


def test_beep_fills_the_first_tenth_of_each_second() -> None:
    two_seconds = sound(sample_at(NOON_S * 1_000_000), 2 * RATE)[0]
    loud = np.flatnonzero(np.abs(two_seconds) > 0.01)
    for second in (0, RATE):
        beep = loud[(loud >= second) & (loud < second + RATE)] - second
        assert beep[0] < 0.005 * RATE
        assert beep[-1] == pytest.approx(BEEP_S * RATE, abs=0.005 * RATE)


def test_beep_has_a_thousand_waves_a_second() -> None:
    beep = sound(sample_at(NOON_S * 1_000_000), round(BEEP_S * RATE))[0]
    assert np.argmax(np.abs(np.fft.rfft(beep, RATE))) == pytest.approx(1000, abs=2)


def test_nothing_clicks() -> None:
    wave = sound(sample_at(NOON_S * 1_000_000) - RATE // 2, 2 * RATE)[0]
    steepest = 2 * np.pi * 1000 / RATE * np.max(np.abs(wave))
    assert np.max(np.abs(np.diff(wave))) <= steepest * 1.01


@settings(deadline=None)
@given(st.integers(0, 1 << 62), st.lists(st.integers(1, 3000), min_size=1, max_size=8))
def test_pieces_of_any_length_join_to_the_same_sound(first: int, lengths: list[int]) -> None:
    pieces, at = [], first
    for length in lengths:
        pieces.append(sound(at, length))
        at += length
    assert all(piece.dtype == np.float32 and piece.shape[0] == CHANNELS for piece in pieces)
    assert np.array_equal(np.concatenate(pieces, axis=1), sound(first, at - first))
