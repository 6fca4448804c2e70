"""What is wrong with media bytes.

- `MediaError`: the bytes; the publisher's to mend, its text fit to send back
  - `UnsupportedCodec`: whole, but a codec this version does not carry; its text names the codec
"""


class MediaError(ValueError):
    """The bytes are not what their format says. The text says where and what was expected."""


class UnsupportedCodec(MediaError):
    """A codec or profile that Tidegate does not carry yet; the text names it."""
