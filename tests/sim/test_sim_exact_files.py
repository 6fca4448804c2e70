"""A trace or movie file is read whole, or refused with its name, the key's path and what is due."""

import json
from pathlib import Path

import pytest

from tidegate.sim.exact import (
    BadFile,
    BadOptions,
    Movie,
    Period,
    Trace,
    files,
    parse_movie,
    parse_trace,
    read_movie,
    read_trace,
    trace,
)

PERIOD = {"duration_ms": 1000, "bandwidth_kbps": 2500, "latency_ms": 20}
MOVIE = {
    "segment_duration_ms": 2000,
    "bitrates_kbps": [300, 800],
    "segment_sizes_bits": [[600_000, 1_600_000], [500_000, 1_400_000], [1, 2]],
}


def test_a_trace_is_read() -> None:
    read = parse_trace(json.dumps([PERIOD, PERIOD | {"bandwidth_kbps": 0}]).encode())
    assert read == Trace((Period(1000, 2500, 20), Period(1000, 0, 20)))
    assert read.duration_ms == 2000
    assert read.mean_kbps == 1250


def test_keys_that_are_not_ours_do_not_matter() -> None:
    assert parse_trace(json.dumps([PERIOD | {"comment": [1, {}]}]).encode()).mean_kbps == 2500


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not JSON"),
        ("[", "not JSON"),
        ("[NaN]", "malformed"),
        ("{}", "Expected `array`"),
        ("[]", "length >= 1"),
        (json.dumps([PERIOD, {"duration_ms": 1}]), "missing required field `bandwidth_kbps`"),
        (json.dumps([PERIOD, PERIOD | {"duration_ms": 0}]), "$[1].duration_ms"),
        (json.dumps([PERIOD | {"duration_ms": 9e7}]), "$[0].duration_ms"),
        (json.dumps([PERIOD | {"bandwidth_kbps": -1}]), "$[0].bandwidth_kbps"),
        (json.dumps([PERIOD | {"bandwidth_kbps": 2e9}]), "$[0].bandwidth_kbps"),
        (json.dumps([PERIOD | {"bandwidth_kbps": "5"}]), "got `str` - at `$[0].bandwidth_kbps`"),
        (json.dumps([PERIOD | {"latency_ms": 60_001}]), "$[0].latency_ms"),
        ('[{"duration_ms": 1e999}]', "out of range"),
        (json.dumps([PERIOD | {"bandwidth_kbps": 0}]), "bandwidth_kbps is 0 in every period"),
        ('[{"x":' + "[" * 5000, "nested too deep"),
    ],
)
def test_a_trace_that_is_none_says_where(content: str, says: str) -> None:
    with pytest.raises(BadFile) as caught:
        parse_trace(content.encode(), "line.json")
    assert str(caught.value).startswith("line.json: ")
    assert says in str(caught.value)


def test_a_trace_has_at_most_a_million_periods() -> None:
    one = json.dumps(PERIOD, separators=(",", ":")).encode()
    many = b",".join([one] * (trace.MOST_PERIODS + 1))
    assert len(many) < files.LARGEST
    with pytest.raises(BadFile, match="length <= 1000000"):
        parse_trace(b"[%b]" % many)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"segment_duration_ms": 0}, "$.segment_duration_ms"),
        ({"segment_duration_ms": 60_001}, "$.segment_duration_ms"),
        ({"bitrates_kbps": []}, "$.bitrates_kbps"),
        ({"bitrates_kbps": [0, 800]}, "$.bitrates_kbps[0]"),
        ({"bitrates_kbps": [800, 800]}, "`bitrates_kbps[1]` must be above the one before"),
        ({"bitrates_kbps": [800, 300]}, "`bitrates_kbps[1]` must be above the one before"),
        ({"bitrates_kbps": list(range(1, 66))}, "length <= 64"),
        ({"segment_sizes_bits": []}, "$.segment_sizes_bits"),
        ({"segment_sizes_bits": [[1, 2], [1]]}, "`segment_sizes_bits[1]` has 1 sizes for 2"),
        ({"segment_sizes_bits": [[1, 0]]}, "$.segment_sizes_bits[0][1]"),
        ({"segment_sizes_bits": [[1, None]]}, "got `null`"),
    ],
)
def test_a_movie_that_is_none_says_where(change: dict[str, object], says: str) -> None:
    with pytest.raises(BadFile) as caught:
        parse_movie(json.dumps(MOVIE | change).encode(), "film.json")
    assert str(caught.value).startswith("film.json: ")
    assert says in str(caught.value)


def test_files_are_read_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(MOVIE))
    assert read_movie(path).bitrates_kbps == (300, 800)
    path.write_text(json.dumps([PERIOD]))
    assert read_trace(path).mean_kbps == 2500


def test_a_file_that_is_missing_or_too_large_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(BadFile, match=r"none\.json: cannot read the network trace: No such file"):
        read_trace(path)
    monkeypatch.setattr(files, "LARGEST", 100)
    path.write_bytes(bytes(101))
    with pytest.raises(BadFile, match=r"none\.json: more than .* a movie is shorter"):
        read_movie(path)


@pytest.mark.parametrize(("seconds", "count"), [(0.1, 1), (2, 1), (2.1, 2), (6, 3), (13, 7)])
def test_a_movie_is_cut_or_begun_again(seconds: float, count: int) -> None:
    movie = parse_movie(json.dumps(MOVIE).encode())
    sizes = movie.lasting(seconds).segment_sizes_bits
    assert sizes == (movie.segment_sizes_bits * 3)[:count]


@pytest.mark.parametrize("seconds", [0, -1, 1e9, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(BadOptions, match="at most 100,000 segments"):
        Movie(2000, (300,), ((1,),)).lasting(seconds)
