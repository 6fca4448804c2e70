"""What keeps a node from starting.

NodeError    the operator's to mend; its text names the setting or the file and what to do
"""


class NodeError(Exception):
    """The node cannot start on this machine as it is. The text says what to change."""
