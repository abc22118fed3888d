"""The dashboards as files: read, write and compare them. Pure; needs neither Superset nor a database.

A file is one object. What equals Superset's default is left out of the file and put back before an import, so that a
field which is taken out of a file is also taken out of the server. Ids that belong to one server never stand in a file.
"""

from __future__ import annotations

import copy
import difflib
import uuid
from pathlib import Path
from typing import Any

import yaml

ASSETS = Path(__file__).resolve().parent / "assets"
KINDS = ("databases", "datasets", "charts", "dashboards")
NAMESPACE = uuid.UUID("4d0c6f3e-6f0a-5c1e-9a35-52b0f7a0f111")
READER_PLACEHOLDER = "postgresql+psycopg2://reader@from-reader-url/warehouse"  # replaced from READER_URL at deployment

Document = dict[str, Any]

_DEFAULTS: dict[str, Document] = {
    "databases": {
        "allow_csv_upload": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_run_async": False,
        "cache_timeout": None,
        "configuration_method": "sqlalchemy_form",
        "expose_in_sqllab": True,
        "extra": {"allows_virtual_table_explore": True, "schemas_allowed_for_csv_upload": []},
        "impersonate_user": False,
        "version": "1.0.0",
    },
    "datasets": {
        "always_filter_main_dttm": False,
        "cache_timeout": None,
        "catalog": None,
        "currency_code_column": None,
        "default_endpoint": None,
        "description": None,
        "extra": None,
        "fetch_values_predicate": None,
        "filter_select_enabled": True,
        "folders": None,
        "main_dttm_col": None,
        "normalize_columns": False,
        "offset": 0,
        "params": None,
        "sql": None,
        "template_params": None,
        "version": "1.0.0",
    },
    "charts": {
        "cache_timeout": None,
        "certification_details": None,
        "certified_by": None,
        "description": None,
        "query_context": None,
        "version": "1.0.0",
    },
    "dashboards": {
        "certification_details": None,
        "certified_by": None,
        "css": "",
        "description": None,
        "published": True,
        "theme_uuid": None,
        "version": "1.0.0",
    },
}
_COLUMN_DEFAULTS: Document = {
    "advanced_data_type": None,
    "datetime_format": None,
    "description": None,
    "expression": None,
    "extra": None,
    "filterable": True,
    "groupby": True,
    "is_active": True,
    "is_dttm": False,
    "python_date_format": None,
}
_METRIC_DEFAULTS: Document = {
    "currency": None,
    "d3format": None,
    "description": None,
    "extra": None,
    "metric_type": None,
    "warning_text": None,
}


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same safe loader in C where libyaml is there


class _Dumper(yaml.SafeDumper):
    """Long texts (templates, CSS) as blocks, so that a change of one line is a diff of one line."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def asset_uuid(path: str) -> str:
    """The id of an object follows from its path, `charts/headline_tiles.yaml`."""
    return str(uuid.uuid5(NAMESPACE, path.removesuffix(".yaml")))


def dump(document: Document) -> str:
    return yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=True, width=120)


def read(folder: Path = ASSETS) -> dict[str, Document]:
    """`{relative path: document}` of the four kinds, sorted by path."""
    found = {}
    for path in sorted(folder.rglob("*.yaml")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] in KINDS:
            found[name] = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - safe
    return found


def write(documents: dict[str, Document], folder: Path = ASSETS) -> None:
    """Write each document in its normal form, and the metadata that Superset's own import asks for."""
    metadata = {"timestamp": "2026-01-01T00:00:00+00:00", "type": "assets", "version": "1.0.0"}
    for name, document in {**documents, "metadata.yaml": metadata}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump(document), encoding="utf-8")


def completed(name: str, document: Document, reader_uri: str, *, editable: bool = False) -> Document:
    """What Superset imports: defaults put back, the reader's address filled in, chart ids of this import.

    Unless `editable`, Superset refuses changes by hand: they would be lost at the next deployment.
    """
    kind = name.split("/")[0]
    full = {**copy.deepcopy(_DEFAULTS[kind]), **copy.deepcopy(document), "is_managed_externally": not editable}
    if kind == "databases":
        full["sqlalchemy_uri"] = reader_uri
    elif kind == "datasets":
        full["columns"] = [{**_COLUMN_DEFAULTS, **column} for column in full.get("columns", [])]
        full["metrics"] = [{**_METRIC_DEFAULTS, **metric} for metric in full.get("metrics", [])]
    elif kind == "dashboards":
        full.pop("theme_uuid")
        for number, place in enumerate(_chart_places(full), start=1):
            place["meta"]["chartId"] = number  # Superset maps these to its own by uuid
    return full


def pruned(kind: str, document: Document) -> Document:
    """The reverse of `completed`: what a file holds, from what a server exports."""
    slim = copy.deepcopy(document)
    if kind == "databases":
        slim["sqlalchemy_uri"] = READER_PLACEHOLDER
    elif kind == "datasets":
        slim["columns"] = sorted(
            (_without(column, _COLUMN_DEFAULTS) for column in slim.get("columns", [])), key=lambda c: c["column_name"]
        )
        slim["metrics"] = sorted(
            (_without(metric, _METRIC_DEFAULTS) for metric in slim.get("metrics", [])), key=lambda m: m["metric_name"]
        )
        for child in (*slim["columns"], *slim["metrics"]):
            child.pop("uuid", None)
    elif kind == "charts":
        for server_only in ("datasource", "slice_id", "dashboards", "annotation_layers"):
            if server_only != "annotation_layers" or not slim.get("params", {}).get(server_only):
                slim.get("params", {}).pop(server_only, None)
    elif kind == "dashboards":
        for place in _chart_places(slim):
            place["meta"].pop("chartId", None)
        scopes = slim.get("metadata", {})  # Superset fills these with its own chart ids when a page is saved by hand
        scopes["chart_configuration"] = {}
        scopes.get("global_chart_configuration", {})["chartsInScope"] = []
    return _without(slim, _DEFAULTS[kind])


def differences(wanted: dict[str, Document], found: dict[str, Document], left: str, right: str) -> list[str]:
    """Lines of a unified diff, file by file; empty when the two sides say the same."""
    lines: list[str] = []
    for name in sorted(wanted.keys() | found.keys()):
        before = dump(wanted[name]).splitlines() if name in wanted else []
        after = dump(found[name]).splitlines() if name in found else []
        lines += difflib.unified_diff(before, after, f"{left}/{name}", f"{right}/{name}", lineterm="")
    return lines


def _chart_places(dashboard: Document) -> list[Document]:
    places = dashboard.get("position", {}).values()
    return [place for place in places if isinstance(place, dict) and place.get("type") == "CHART"]


def _without(document: Document, defaults: Document) -> Document:
    return {key: value for key, value in document.items() if key not in defaults or value != defaults[key]}
