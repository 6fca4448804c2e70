"""Certificates of their own signature, made by openssl."""

import subprocess
from pathlib import Path

from tidegate.settings import Certificate


def make(folder: Path, name: str, days: int = 90, *more: str) -> Certificate:
    """A certificate of its own signature, with its key, made by openssl."""
    files = Certificate(chain=folder / f"{name}.pem", key=folder / f"{name}.key")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-subj", f"/CN={name}", "-days", str(days), *(more or ["-nodes"])]
    command += ["-keyout", str(files.key), "-out", str(files.chain)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return files
