"""What the doctor and the node say of certificates."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.certificates import make
from tidegate.edge.x509 import facts
from tidegate.node.certificate import judge, verify
from tidegate.node.errors import NodeError
from tidegate.node.finding import Finding
from tidegate.settings import Certificate, Tls

NOW = datetime.now(UTC)


def only(files: Certificate, now: datetime = NOW) -> Finding:
    (found,) = judge(Tls(certificates=[files]), now)
    return found


def test_a_certificate_that_holds_is_fine_and_tells_how_long(tmp_path: Path) -> None:
    files = make(tmp_path, "site")
    verify(Tls(certificates=[files]))
    found = only(files, NOW)
    assert (found.name, found.verdict) == ("tls.certificates[0]", "ok")
    assert "expires in 90 days" in found.seen or "expires in 89 days" in found.seen


def test_the_end_is_openssls(tmp_path: Path) -> None:
    for days in (1, 20_000):  # UTCTime, then GeneralizedTime
        files = make(tmp_path, f"days-{days}", days)
        told = subprocess.run(
            ["openssl", "x509", "-noout", "-enddate", "-in", str(files.chain)],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout.strip()
        wanted = datetime.strptime(told, "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
        assert facts(files.chain.read_text()).until == wanted


@pytest.mark.parametrize(("days", "verdict"), [(10, "warn"), (91, "fail")])
def test_one_that_ends_soon_or_has_is_told(tmp_path: Path, days: int, verdict: str) -> None:
    files = make(tmp_path, "site")
    now = NOW + (timedelta(days=days) if verdict == "fail" else timedelta(days=90 - days))
    found = only(files, now)
    assert found.verdict == verdict
    assert found.fix
    verify(Tls(certificates=[files]))  # it can be served, though a viewer may refuse it


def test_what_cannot_be_served_is_refused(tmp_path: Path) -> None:
    one, two = make(tmp_path, "one"), make(tmp_path, "two")
    locked = make(tmp_path, "locked", 90, "-passout", "pass:secret")
    torn = Certificate(chain=tmp_path / "torn.pem", key=one.key)
    torn.chain.write_text(one.chain.read_text()[:200])
    cases = {
        "No such file": Certificate(chain=tmp_path / "none.pem", key=one.key),
        "do not match": Certificate(chain=one.chain, key=two.key),
        "are no PEM chain and open key": locked,
        "torn.pem": torn,
    }
    for words, files in cases.items():
        assert only(files).verdict == "fail"
        with pytest.raises(NodeError, match=words) as told:
            verify(Tls(certificates=[one, files]))
        assert str(told.value).startswith("tls.certificates[1]: ")


@pytest.mark.parametrize("length", [0, 4, 32, 64, 100])
def test_a_damaged_one_is_a_value_error(tmp_path: Path, length: int) -> None:
    text = make(tmp_path, "site").chain.read_text()
    body = text.splitlines()
    cut = "".join(body[1:-1])[: length // 4 * 4]
    with pytest.raises(ValueError, match=r".*"):
        facts(f"{body[0]}\n{cut}\n{body[-1]}\n" if length else "")
