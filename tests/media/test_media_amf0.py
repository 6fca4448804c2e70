"""AMF0: what is written is read; what an encoder sent is read; what is damaged is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.media import MediaError, amf0

LEAVES = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.builds(amf0.Date, st.floats(allow_nan=False))
)
VALUES: st.SearchStrategy[amf0.Value] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=4))
def test_what_is_written_is_read(values: list[amf0.Value]) -> None:
    assert amf0.decode_all(amf0.encode(*values)) == values


@given(VALUES)
def test_every_prefix_raises(value: amf0.Value) -> None:
    data = amf0.encode(value)
    assert amf0.decode(b"\x00" + data, 1) == (value, 1 + len(data))
    for size in range(len(data)):
        with pytest.raises(amf0.Amf0Error):
            amf0.decode(data[:size])


@given(st.binary(max_size=60))
def test_any_bytes_are_values_or_an_error(data: bytes) -> None:
    try:
        values = amf0.decode_all(data)
    except amf0.Amf0Error:
        return
    again = amf0.decode_all(amf0.encode(*values))
    assert amf0.encode(*again) == amf0.encode(*values)


def test_an_ecma_array_is_read_to_its_end_whatever_its_count() -> None:
    array = amf0.encode(amf0.EcmaArray(width=1280.0, stereo=True))
    assert array[0] == 8
    assert array[1:5] == b"\x00\x00\x00\x02"
    wrong = array[:1] + bytes(4) + array[5:]
    assert amf0.decode_all(wrong + b"\x05") == [{"width": 1280.0, "stereo": True}, None]


def test_its_error_is_media_s() -> None:
    with pytest.raises(MediaError, match="cut short"):
        amf0.decode(b"")


def test_kinds_that_are_only_read() -> None:
    typed = b"\x10\x00\x01A" + amf0.encode({"a": 1.0})[1:]
    xml = b"\x0f\x00\x00\x00\x02<>"
    assert amf0.decode_all(typed + xml + b"\x06\x0d") == [{"a": 1.0}, "<>", None, None]


def test_a_title_in_another_code_page_is_no_reason_to_refuse() -> None:
    assert amf0.decode(b"\x02\x00\x02\xd6\xd0")[0] == "\N{REPLACEMENT CHARACTER}" * 2


def test_long_strings() -> None:
    text = "a" * 70_000
    assert amf0.encode(text)[0] == 0x0C
    assert amf0.decode_all(amf0.encode(text)) == [text]
    with pytest.raises(amf0.Amf0Error, match="name"):
        amf0.encode({text: 1.0})
    with pytest.raises(amf0.Amf0Error, match="string"):
        amf0.encode("a" * (amf0.MAX_STRING + 1))


def test_limits_hold() -> None:
    deep = b"\x0a\x00\x00\x00\x01" * 100_000
    with pytest.raises(amf0.Amf0Error, match="deep"):
        amf0.decode(deep)
    with pytest.raises(amf0.Amf0Error, match="values"):
        amf0.decode_all(b"\x05" * (amf0.MAX_VALUES + 1))
    with pytest.raises(amf0.Amf0Error, match="array"):
        amf0.decode(b"\x0a\xff\xff\xff\xff")
    value: amf0.Value = None
    for _ in range(amf0.MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(amf0.Amf0Error, match="deep"):
        amf0.encode(value)


@pytest.mark.parametrize("marker", [0x04, 0x07, 0x09, 0x0E, 0x11, 0xFF])
def test_markers_that_nobody_sends_are_refused(marker: int) -> None:
    with pytest.raises(amf0.Amf0Error, match="marker"):
        amf0.decode(bytes((marker,)) + bytes(20))


def test_numbers_that_are_none_pass() -> None:
    (value,) = amf0.decode_all(amf0.encode(math.nan))
    assert isinstance(value, float)
    assert math.isnan(value)
