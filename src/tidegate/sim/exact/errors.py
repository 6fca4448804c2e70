"""What is wrong with what a session is to be simulated from.

- `ExactError`: the input's; its text says where it is wrong and what would be right
  - `BadFile`: a trace or movie file
  - `BadOptions`: the player's options, by themselves or with this movie
  - `Endless`: each is right, but on this trace this session would not end
"""


class ExactError(ValueError):
    """The session cannot be simulated. The text says why and what to change."""


class BadFile(ExactError):
    """A trace or movie file is not what it should be; the text has the path of the key."""


class BadOptions(ExactError):
    """An option is out of range, or does not go with the movie."""


class Endless(ExactError):
    """The trace carries too little for the session to end in a sensible time."""
