"""The node's certificates."""

import ssl

from tidegate.settings import Tls


class Certificates:
    """Made from settings."""

    def __init__(self, tls: Tls) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(tls.certificates[0].chain, tls.certificates[0].key)
