"""Every form in which a source's address can arrive, Airflow's own re-encodings among them."""

import json

import pytest

from ingestion import addresses
from ingestion.addresses import AddressError, AddressMissing, parse, source_address

VARIABLE = "AIRFLOW_CONN_SRC_CNIPA_PATENTS"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("file:///data/专利/real", "file:///data/专利/real"),
        ("file:///data%2F%E4%B8%93%E5%88%A9%2Freal", "file:///data/专利/real"),
        ("file://data%2Freal", "file:///data/real"),
        ("file:///data/real/", "file:///data/real"),
        ("http://127.0.0.1:18090/cnipa", "http://127.0.0.1:18090/cnipa"),
        ("https://data.example.cn/专利/CN", "https://data.example.cn/专利/CN"),
        ("https://data.example.cn/%E4%B8%93%E5%88%A9%2FCN", "https://data.example.cn/专利/CN"),
        ("ftp://user:p%40ss@ftp.example.cn:2121/数据", "ftp://ftp.example.cn:2121/数据"),
        ("s3://Bucket-1/前缀/x", "s3://Bucket-1/前缀/x"),
        ("aws://key:secret@bucket/x", "s3://bucket/x"),
        (json.dumps({"conn_type": "file", "host": "", "schema": "data/专利"}), "file:///data/专利"),
        (json.dumps({"conn_type": "fs", "extra": {"path": "/data/专利"}}), "file:///data/专利"),
        (json.dumps({"conn_type": "http", "host": "h.cn", "schema": "cnipa", "port": 81}), "http://h.cn:81/cnipa"),
        (json.dumps({"conn_type": "http", "host": "h.cn/cnipa", "schema": "https"}), "https://h.cn/cnipa"),
        (json.dumps({"conn_type": "http", "host": "https://h.cn/cnipa"}), "https://h.cn/cnipa"),
        (json.dumps({"conn_type": "s3", "host": "bucket", "schema": "前缀/x"}), "s3://bucket/前缀/x"),
        (json.dumps({"conn_type": "ftp", "host": "h", "login": "u", "password": "p"}), "ftp://h"),
    ],
)
def test_every_form_is_understood(value: str, shown: str) -> None:
    assert parse(value).shown == shown


@pytest.mark.parametrize(
    "uri",
    [
        "file:///data/专利/real",
        "http://u:p%40w@host:8/数据/cnipa?k=v&z=1",
        "https://host.cn/cnipa",
        "ftp://u:p@h/数据",
        "s3://AK:SK@bucket/前缀/x?endpoint_url=http%3A%2F%2Fa%3A1",
    ],
)
def test_airflows_reencodings_mean_the_same(
    uri: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path_factory.getbasetemp() / "airflow"))
    connection = pytest.importorskip("airflow.models.connection").Connection(uri=uri)
    assert parse(connection.get_uri()) == parse(uri)
    assert parse(connection.as_json()) == parse(uri)


def test_the_parts_that_a_client_needs() -> None:
    address = parse("https://u%3A1:p%2Fw@host:8/数据/a b?令牌=值&z=1")
    assert (address.login, address.password, address.port) == ("u:1", "p/w", 8)
    assert address.extra == {"令牌": "值", "z": "1"}
    assert address.requested == "https://host:8/%E6%95%B0%E6%8D%AE/a%20b"


def test_credentials_never_show() -> None:
    for value in (
        "ftp://someone:geheim@h/x?token=geheim",
        json.dumps({"conn_type": "ftp", "host": "h", "password": "geheim"}),
    ):
        address = parse(value)
        assert "geheim" not in f"{address} {address!r} {address.shown} {address.requested}"


@pytest.mark.parametrize(
    "value", ["/data", "gopher://h/x", "http://", "{broken", "http://u:geheim@h:99x/x", "http://h/a#b"]
)
def test_wrong_addresses_are_refused_without_their_credentials(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(AddressError) as caught:
        source_address("cnipa_patents")
    assert VARIABLE in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_missing_address_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(AddressMissing, match=r"\. \.run/env"):
        source_address("cnipa_patents")


def test_loopback_is_told_from_the_world() -> None:
    assert all(parse(value).is_loopback for value in ("http://127.0.0.1:1/x", "http://localhost/x", "file:///x"))
    assert not any(parse(value).is_loopback for value in ("http://h.cn/x", "s3://bucket/x"))
    assert addresses.variable_name("cnipa_patents") == VARIABLE
