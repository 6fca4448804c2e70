"""What can be wrong with a log.

- `LogError`: the folder holds no log, or a damaged one; its text says what to do
  - `LogHeld`: another writer holds it; wait for that process to end
  - `LogFull`: no space is left; nothing was appended, what stands is whole; free space
  - `Retired`: that chunk, segment or init is no longer kept; jump forward
"""


class LogError(OSError):
    """The folder holds no log that can be used."""


class LogHeld(LogError):
    """Another writer holds the log."""


class LogFull(LogError):
    """The file system is full. Nothing was appended and nothing written before was lost."""


class Retired(LogError):
    """What was asked for is older than what is kept."""
