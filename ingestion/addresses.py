"""Where a source lies: the Airflow connection `src_<source_id>`, read from its environment variable.

Airflow and everything outside Airflow see the same variable, AIRFLOW_CONN_SRC_<SOURCE_ID>, as a URI or as Airflow's
JSON. Airflow parses `file:///a/b` into an empty host and the schema `a/b`, and encodes it back as `file:///a%2Fb`:
both forms mean the same folder here. Credentials never appear in a text made from an `Address`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit

SCHEMES = ("file", "ftp", "http", "https", "s3")
_SCHEME_OF_TYPE = {"fs": "file", "aws": "s3"}  # connection types whose name is not the scheme


class AddressMissing(RuntimeError):
    """No address is set for the source; the text names the variable."""


class AddressError(ValueError):
    """The address is set, but cannot be used; the text never holds its credentials."""


@dataclass(frozen=True)
class Address:
    """One address, taken apart. `path` is decoded (Chinese as Chinese) and begins with a slash, or is empty.

    `extra` holds the query of the URI: Airflow makes no difference between the two. Over HTTP it is sent as the query
    of every request, for S3 it gives options such as endpoint_url.
    """

    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """The address in readable form: no credentials, no query (a query can hold a key)."""
        if self.scheme == "file":
            return f"file://{self.path}"
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}{self.path}"

    def __str__(self) -> str:
        return self.shown

    @property
    def requested(self) -> str:
        """The URL as a server wants it, percent-encoded, without credentials and query."""
        port = f":{self.port}" if self.port else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{port}{quote(self.path)}"

    @property
    def is_loopback(self) -> bool:
        """True for our own machine, whose server nobody else needs."""
        return self.scheme == "file" or self.host in ("localhost", "::1") or self.host.startswith("127.")


def variable_name(source_id: str) -> str:
    return f"AIRFLOW_CONN_SRC_{source_id.upper()}"


def source_address(source_id: str) -> Address:
    """The address of a source. AddressMissing if none is set, AddressError if it cannot be used."""
    variable = variable_name(source_id)
    value = os.environ.get(variable, "").strip()
    if not value:
        raise AddressMissing(
            f"{variable} is not set: run `. .run/env` first, or set it to the address of the source. "
            f"未设置数据源地址 {variable}，请先执行 `. .run/env`。"
        )
    try:
        return parse(value)
    except AddressError as error:
        raise AddressError(f"{variable}: {error}") from None


def parse(value: str) -> Address:
    """An address from a URI or from Airflow's JSON form; AddressError says what is wrong with it."""
    return _from_json(value) if value.lstrip().startswith("{") else _from_uri(value)


def _from_uri(value: str) -> Address:
    scheme, separator, _ = value.partition("://")
    # Airflow writes underscores of a type as hyphens, and wraps a scheme that differs from the type
    scheme = scheme.lower().replace("-", "_")
    scheme = _SCHEME_OF_TYPE.get(scheme, scheme)
    if not separator or scheme not in SCHEMES:
        raise AddressError(f"must begin with one of {', '.join(one + '://' for one in SCHEMES)} 地址协议不受支持")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise AddressError("is no valid URL (host or port) 地址格式有误") from None
    if parts.fragment:
        raise AddressError("holds a '#': write it as %23 地址中的 # 须写成 %23")
    path = unquote(parts.path)
    host = unquote(parts.hostname or "")
    extra = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "__extra__" in extra:  # Airflow's own spelling, for what a query cannot express
        extra.update(_extra(extra.pop("__extra__")))
    if scheme == "file":
        if host not in ("", "localhost"):
            # file://folder/sub: what urlsplit took for a host is the first folder; its case is only kept in netloc
            path = "/" + unquote(parts.netloc) + path
        path = "/" + path.lstrip("/")
        host = ""
    elif not host:
        raise AddressError("names no host 地址缺少主机名")
    if scheme == "s3":
        host = unquote(parts.netloc.rpartition("@")[2])
        port = None
    return Address(
        scheme=scheme,
        host=host,
        port=port,
        path=_trimmed(path),
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        extra=extra,
    )


def _from_json(value: str) -> Address:
    try:
        content = json.loads(value)
    except json.JSONDecodeError:
        raise AddressError("begins like JSON, but is none 不是有效的 JSON") from None
    kind = str(content.get("conn_type", "")).lower()
    scheme = _SCHEME_OF_TYPE.get(kind, kind)
    host = str(content.get("host") or "")
    schema = str(content.get("schema") or "")
    extra = content.get("extra") or {}
    if isinstance(extra, str):
        extra = _extra(extra)
    if "://" in host:  # Airflow's HTTP connections allow the whole base address as the host
        base = _from_uri(host)
    elif scheme in ("http", "https") and schema in ("http", "https"):  # there, schema is the protocol
        base = _from_uri(f"{schema}://{host}")
    elif scheme == "file":
        path = host or extra.get("path") or ""
        base = Address("file", path=_trimmed("/" + "/".join(p.strip("/") for p in (str(path), schema) if p)))
    elif scheme in SCHEMES:
        if not host:
            raise AddressError("names no host 地址缺少主机名")
        name, _, folder = host.partition("/")
        path = "/".join(p.strip("/") for p in (folder, schema) if p)
        base = Address(scheme, host=name, path=_trimmed("/" + path))
    else:
        raise AddressError(f"conn_type must be one of {', '.join(SCHEMES)} 连接类型不受支持")
    port = content.get("port")
    return Address(
        scheme=base.scheme,
        host=base.host,
        port=int(port) if port else base.port,
        path=base.path,
        login=str(content.get("login") or base.login),
        password=str(content.get("password") or base.password),
        extra={**base.extra, **{str(key): str(one) for key, one in extra.items()}},
    )


def _extra(text: str) -> dict[str, str]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        raise AddressError("has an `extra` that is not JSON 附加参数不是有效的 JSON") from None
    return {str(key): str(one) for key, one in content.items()} if isinstance(content, dict) else {}


def _trimmed(path: str) -> str:
    return "" if path.strip("/") == "" else "/" + path.strip("/")
