"""HiGHS without a word: a command's standard output is its own.

Law: nothing here but silence; the constructor of `Highs` greets before an option can be set.
"""

import highspy


class QuietHighs(highspy.Highs):  # type: ignore[misc]
    """`highspy.Highs`, silent from its first moment."""

    def enableCallbacks(self) -> None:  # noqa: N802  (highspy's name)
        """Called by the constructor, and the first that would print."""
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()
