"""`blueno doctor` on the bucket that machines share, and with whose identity it is used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueno.cache.google import identity, storage_client
from blueno.checks import Finding, examine
from blueno.errors import BluenoError
from blueno.settings import load_settings
from tests.gcs_server import Server
from tests.proxy import Proxy


def found(root: Path, bucket: str) -> list[Finding]:
    settings = load_settings(root, {"BLUENO_CACHE": bucket})
    return [finding for finding in examine(settings) if finding.topic == "bucket"]


def test_a_bucket_that_does_all(tmp_path: Path, bucket: str, gcs_server: Server) -> None:
    findings = found(tmp_path, f"{bucket}/lab")
    assert [finding.state for finding in findings] == ["ok"] * len(findings)
    text = "\n".join(finding.text for finding in findings)
    for words in (f"{bucket}/lab, as nobody (STORAGE_EMULATOR_HOST", "may list", "may create", "may read", "clock"):
        assert words in text
    assert text.count("MB/s") == 2
    assert list(storage_client(tmp_path).list_blobs(bucket.removeprefix("gs://"))) == []


def test_a_bucket_that_is_not_there(tmp_path: Path, bucket: str) -> None:
    last = found(tmp_path, "gs://no-such-bucket")[-1]
    assert last.state == "warning"
    assert "404, there is no such bucket" in last.text
    assert last.fix.startswith("make the bucket")


@pytest.fixture
def forbidding(gcs_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    proxy = Proxy(gcs_server.port)
    proxy.status = 403
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
    yield proxy
    proxy.close()


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_bucket_that_forbids(tmp_path: Path, bucket: str, forbidding: Proxy) -> None:
    last = found(tmp_path, bucket)[-1]
    assert "403, not allowed" in last.text
    assert "list, read and create" in last.fix
    assert "private" not in last.text


def test_without_the_setting_there_is_no_bucket(tmp_path: Path) -> None:
    assert found(tmp_path, "") == []


# ---- identities, without a network


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def service_account(path: Path, email: str) -> None:
    """A service account's file with a key that is made here, and good for nothing."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        json.dumps(
            {
                "type": "service_account", "project_id": "lab", "client_email": email,
                "private_key": key.decode(), "token_uri": "https://localhost/token",
            }
        )
    )  # fmt: skip


@pytest.mark.usefixtures("nowhere")
def test_a_service_account_in_the_project(tmp_path: Path) -> None:
    service_account(tmp_path / "credentials" / "lab.json", "robot@lab.example")
    (tmp_path / "credentials" / "other.json").write_text('{"type": "something else"}')
    assert identity(tmp_path) == "robot@lab.example (credentials/lab.json)"
    assert storage_client(tmp_path).project == "lab"


@pytest.mark.usefixtures("nowhere")
def test_googles_own_place_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service_account(tmp_path / "credentials" / "lab.json", "robot@lab.example")
    service_account(tmp_path / "elsewhere.json", "other@lab.example")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "elsewhere.json"))
    assert identity(tmp_path) == "other@lab.example (GOOGLE_APPLICATION_CREDENTIALS)"


@pytest.mark.usefixtures("nowhere")
def test_several_service_accounts_are_a_question(tmp_path: Path) -> None:
    for name in ("a", "b"):
        service_account(tmp_path / "credentials" / f"{name}.json", "robot@lab.example")
    with pytest.raises(BluenoError, match=r"several service accounts: a\.json, b\.json"):
        storage_client(tmp_path)


@pytest.mark.usefixtures("nowhere")
def test_a_broken_service_account_is_said_without_its_key(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "lab.json").write_text(
        '{"type": "service_account", "client_email": "robot@lab.example", "token_uri": "x",'
        ' "private_key": "do not tell"}'
    )
    with pytest.raises(BluenoError) as raised:
        storage_client(tmp_path)
    assert "lab.json" in raised.value.message
    assert "do not tell" not in f"{raised.value.message} {raised.value.fix}"


@pytest.mark.usefixtures("nowhere")
def test_no_identity_at_all(tmp_path: Path) -> None:
    with pytest.raises(BluenoError, match="no identity for Google Cloud") as raised:
        storage_client(tmp_path)
    assert "gcloud auth application-default login" in raised.value.fix


@pytest.mark.usefixtures("nowhere")
def test_the_environment_says_by_which_way_and_whom_to_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service_account(tmp_path / "credentials" / "lab.json", "robot@lab.example")
    for name, value in {"HTTPS_PROXY": "http://proxy.example:3128", "REQUESTS_CA_BUNDLE": "/some/ca.pem"}.items():
        monkeypatch.setenv(name, value)
    session = storage_client(tmp_path)._http
    sent = session.merge_environment_settings("https://storage.googleapis.com/storage/v1/b/x", {}, None, None, None)
    assert (sent["proxies"]["https"], sent["verify"]) == ("http://proxy.example:3128", "/some/ca.pem")
    monkeypatch.setenv("NO_PROXY", "googleapis.com")
    assert not storage_client(tmp_path)._http.proxies
    monkeypatch.setenv("API_ENDPOINT_OVERRIDE", "https://storage.example")
    assert storage_client(tmp_path)._http.proxies
    monkeypatch.setenv("NO_PROXY", "storage.example")
    assert not storage_client(tmp_path)._http.proxies
