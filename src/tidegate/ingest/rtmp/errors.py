"""What a peer can do wrong in RTMP: one error, whose `word` says which law was broken."""


class RtmpError(Exception):
    """The peer broke the protocol or a limit; the connection is over.

    `word` is a metric label out of a small fixed set, `text` a sentence fit for the peer and the
    log; neither holds anything that the peer sent.
    """

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word
        self.text = text
