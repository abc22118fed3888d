"""The offline gate: dashboard → chart → dataset → mart → column, without Superset and without a database.

    python superset/check.py           say what is wrong, exit 1 when anything is
    python superset/check.py --write   also write dbt's exposures and the contract of the live views anew

A column that a mart no longer has breaks here, minutes before it would break on a reader's screen.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.append(str(Path(__file__).resolve().parent))  # last: `deploy` must stay the package of that name
import bundle

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "dbt_project" / "models"
LIVE_VIEWS = MODELS / "marts" / "live_views.yml"
EXPOSURES = MODELS / "exposures.yml"
LIVE_SOURCE = "live_views"

Contracts = dict[str, set[str]]

_HAN = re.compile(r"[\u4e00-\u9fff]")
_SQL_WORDS = frozenset(
    re.findall(
        r"\w+",
        """all and array as asc at between bigint boolean by case date desc distinct else end false filter float from
        group having in integer interval is json like not null numeric on or order over partition select text then
        time timestamp true when where within zone""",
    )
)
_TEMPLATE_WORDS = {
    "and",
    "by",
    "data",
    "each",
    "else",
    "eq",
    "formatNumber",
    "group",
    "if",
    "items",
    "length",
    "neq",
    "or",
    "value",
}
_SECRET = re.compile(r"(?i)(password|passwd|secret|token|api_key)\s*[:=]\s*['\"]?[^\s'\"]")
_LOGIN_IN_URI = re.compile(r"://[^/\s:@]+:[^/\s@]+@")
_OUTSIDE = re.compile(r"(?i)(https?:)?//(?!127\.0\.0\.1)[a-z0-9-]+\.[a-z]{2,}")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


# ---------------------------------------------------------------------------------------------------------- contracts


def contracts(models: Path = MODELS) -> Contracts:
    """`{mart: columns}` as the YAML files of the marts promise: models and the sources that stand for live views."""
    found: Contracts = {}
    for path in sorted((models / "marts").rglob("*.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        tables = list(document.get("models") or [])
        for source in document.get("sources") or []:
            tables += source.get("tables") or []
        for table in tables:
            found[table["name"]] = {column["name"] for column in table.get("columns") or []}
    return found


def live_views() -> str:
    """The contract of the views that look at `ops`, as dbt sources, from the comments that the warehouse writes."""
    sys.path.append(str(ROOT))
    from warehouse import live_views as definitions

    tables: list[dict[str, Any]] = []
    for name, texts in sorted(definitions._COMMENTS.items()):
        columns = [{"name": column, "description": text} for column, text in texts.items() if column is not None]
        tables.append({"name": name, "description": texts[None], "columns": columns})
    source = {
        "name": LIVE_SOURCE,
        "schema": "marts",
        "description": "实时视图，不随发布切换。Views on ops, outside the swap: a held release must be visible.",
        "tables": tables,
    }
    head = "# Written by `python superset/check.py --write` from warehouse/live_views.py; a test compares the two.\n"
    return head + yaml.safe_dump({"version": 2, "sources": [source]}, allow_unicode=True, sort_keys=False, width=120)


def exposures(documents: dict[str, bundle.Document], live: set[str]) -> str:
    """One dbt exposure a dashboard, with every mart it reads."""
    entries = []
    for name, dashboard in documents.items():
        if not name.startswith("dashboards/"):
            continue
        marts = sorted({dataset["table_name"] for _, dataset in _datasets_of(documents, dashboard)})
        entries.append(
            {
                "name": f"dashboard_{dashboard['slug']}",
                "label": dashboard["dashboard_title"],
                "type": "dashboard",
                "maturity": "high",
                "owner": {"name": "规划监测"},
                "description": dashboard["description"],
                "meta": {"slug": dashboard["slug"], "files": f"superset/assets/{name}"},
                "depends_on": [
                    f"source('{LIVE_SOURCE}', '{mart}')" if mart in live else f"ref('{mart}')" for mart in marts
                ],
            }
        )
    head = "# Written by `python superset/check.py --write` from superset/assets; a test compares the two.\n"
    return head + yaml.safe_dump({"version": 2, "exposures": entries}, allow_unicode=True, sort_keys=False, width=120)


# ------------------------------------------------------------------------------------------------------------- checks


def findings(documents: dict[str, bundle.Document], marts: Contracts) -> list[Finding]:
    """Everything that is wrong with the files of the dashboards, given what the marts promise."""
    found = list(_identity(documents))
    for name, document in documents.items():
        kind = name.split("/")[0]
        if kind == "databases" and document.get("sqlalchemy_uri") != bundle.READER_PLACEHOLDER:
            found.append(
                Finding(name, "the address of the warehouse must be the placeholder, it comes from READER_URL")
            )
        if kind == "datasets":
            found += _dataset(name, document, marts)
        if kind == "charts":
            found += _chart(name, document, documents)
        if kind == "dashboards":
            found += _dashboard(name, document, documents)
    placed = {
        place["meta"]["uuid"] for name, d in documents.items() if name.startswith("dashboards/") for place in _places(d)
    }
    used = {d["dataset_uuid"] for name, d in documents.items() if name.startswith("charts/")}
    for name, document in documents.items():
        if name.startswith("charts/") and document["uuid"] not in placed:
            found.append(Finding(name, "no dashboard shows this chart"))
        if name.startswith("datasets/") and document["uuid"] not in used:
            found.append(Finding(name, "no chart uses this dataset"))
    return found


def written_form(folder: Path = bundle.ASSETS) -> list[Finding]:
    """Files that are not in the form `deploy.py export` would write."""
    found = []
    for name, document in bundle.read(folder).items():
        kind = name.split("/")[0]
        if (folder / name).read_text(encoding="utf-8") != bundle.dump(bundle.pruned(kind, document)):
            found.append(
                Finding(name, "is not in normal form (sorted keys, no defaults): `deploy.py export` writes it")
            )
    return found


def _identity(documents: dict[str, bundle.Document]) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for name, document in documents.items():
        uid = document.get("uuid", "")
        if uid != bundle.asset_uuid(name):
            yield Finding(name, f"uuid must be {bundle.asset_uuid(name)}, which follows from its path")
        if uid in owners:
            yield Finding(name, f"has the uuid of {owners[uid]}")
        owners[uid] = name
        text = "\n".join(_texts(document))
        if _SECRET.search(text) or _LOGIN_IN_URI.search(text):
            yield Finding(name, "looks as if it held a password or a token")
        if outside := _OUTSIDE.search(text.replace(bundle.READER_PLACEHOLDER, "")):
            yield Finding(name, f"names an outside host: {outside.group(0)}")


def _texts(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
    elif value is not None:
        yield f"{key}: {value}"


def _dataset(name: str, dataset: bundle.Document, marts: Contracts) -> Iterator[Finding]:
    table = dataset["table_name"]
    if dataset.get("schema") != "marts" or dataset.get("sql"):
        yield Finding(name, "must read a mart as it is: schema marts, no SQL of its own")
    if table not in marts:
        yield Finding(name, f"mart {table} has no contract under dbt_project/models/marts")
        return
    for column in dataset["columns"]:
        expression = column.get("expression")
        if expression:
            yield from _expression(f"{name}, column {column['column_name']}", expression, marts[table])
        elif column["column_name"] not in marts[table]:
            yield Finding(name, f"column {column['column_name']} is not in the contract of {table}")
        yield from _label(f"{name}, column {column['column_name']}", column.get("verbose_name"))
    for metric in dataset["metrics"]:
        yield from _expression(f"{name}, metric {metric['metric_name']}", metric["expression"], marts[table])
        yield from _label(f"{name}, metric {metric['metric_name']}", metric.get("verbose_name"))


def _expression(place: str, expression: str, columns: set[str]) -> Iterator[Finding]:
    bare = re.sub(r"'(?:[^']|'')*'", " ", expression)
    aliases = {alias.lower() for alias in re.findall(r"(?i)\bas\s+([a-z_]\w*)\s*(?=[)\s,]|$)", bare)}
    for word in re.findall(r"[A-Za-z_]\w*(?!\w)(?!\s*\()", bare):
        if word.lower() not in _SQL_WORDS | aliases and word not in columns:
            yield Finding(place, f"{word} is neither a column of the mart nor a word of SQL that the gate knows")


def _label(place: str, text: str | None) -> Iterator[Finding]:
    if not text or not _HAN.search(text):
        yield Finding(place, "has no Chinese label")


def _chart(name: str, chart: bundle.Document, documents: dict[str, bundle.Document]) -> Iterator[Finding]:
    yield from _label(name, chart.get("slice_name"))
    dataset = next(
        (d for d in documents.values() if d["uuid"] == chart.get("dataset_uuid") and "table_name" in d), None
    )
    if dataset is None:
        yield Finding(name, "its dataset is not in the tree")
        return
    columns = {column["column_name"] for column in dataset["columns"]}
    metrics = {metric["metric_name"] for metric in dataset["metrics"]}
    chosen_columns, chosen_metrics = _fields(chart["params"])
    for field in sorted(chosen_columns - columns):
        yield Finding(name, f"column {field} is not in dataset {dataset['table_name']}")
    for field in sorted(chosen_metrics - metrics):
        yield Finding(name, f"metric {field} is not in dataset {dataset['table_name']}")
    template = chart["params"].get("handlebarsTemplate")
    if template is not None:
        for field in sorted(_template_fields(template) - chosen_columns - chosen_metrics):
            yield Finding(name, f"its template shows {field}, which the chart does not ask for")


def _fields(params: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Columns and metrics that a chart's parameters name. An expression of the chart's own is named by its SQL."""
    columns: list[Any] = []
    metrics: list[Any] = []
    for key in ("groupby", "columns", "all_columns", "js_columns"):
        columns += params.get(key) or []
    for key in ("x_axis", "geojson", "granularity_sqla", "line_column"):
        columns += [params[key]] if params.get(key) else []
    columns += [re.sub(r'^\["|", (true|false)\]$', "", order) for order in params.get("order_by_cols") or []]
    columns += [condition.get("subject") or condition.get("sqlExpression") for condition in params["adhoc_filters"]]
    metrics += params.get("metrics") or []
    for key in ("metric", "timeseries_limit_metric", "secondary_metric"):
        metrics += [params[key]] if params.get(key) else []
    return {_word(field) for field in columns}, {_word(field) for field in metrics}


def _word(field: Any) -> str:
    return field if isinstance(field, str) else f"<expression of the chart's own: {field}>"


def _template_fields(template: str) -> set[str]:
    fields: set[str] = set()
    for inside in re.findall(r"\{\{[#/]?(.*?)\}\}", template):
        fields.update(re.findall(r'by="(\w+)"', inside))
        bare = re.sub(r'"[^"]*"', " ", inside)
        for path in re.findall(r"[A-Za-z_][\w.]*", bare):
            fields.add(path.split(".")[-1])
    return fields - _TEMPLATE_WORDS


def _places(dashboard: bundle.Document) -> list[dict[str, Any]]:
    return [p for p in dashboard["position"].values() if isinstance(p, dict) and p.get("type") == "CHART"]


def _datasets_of(
    documents: dict[str, bundle.Document], dashboard: bundle.Document
) -> Iterator[tuple[str, bundle.Document]]:
    shown = {place["meta"]["uuid"] for place in _places(dashboard)}
    wanted = {d["dataset_uuid"] for d in documents.values() if d["uuid"] in shown}
    yield from ((name, d) for name, d in documents.items() if name.startswith("datasets/") and d["uuid"] in wanted)


def _dashboard(name: str, dashboard: bundle.Document, documents: dict[str, bundle.Document]) -> Iterator[Finding]:
    yield from _label(name, dashboard.get("dashboard_title"))
    charts = {d["uuid"]: d for n, d in documents.items() if n.startswith("charts/")}
    for place in _places(dashboard):
        chart = charts.get(place["meta"]["uuid"])
        if chart is None:
            yield Finding(name, f"shows {place['id']}, which is not in the tree")
        elif chart["slice_name"] != place["meta"].get("sliceName"):
            yield Finding(
                name, f"{place['id']} is called {place['meta'].get('sliceName')} here, not {chart['slice_name']}"
            )
    for row in dashboard["position"].values():
        if isinstance(row, dict) and row.get("type") == "ROW":
            width = sum(dashboard["position"][child]["meta"]["width"] for child in row["children"])
            if width > 12:
                yield Finding(name, f"{row['id']} is {width} columns wide, 12 fit")


def generated() -> dict[Path, str]:
    """Files that are written from other files, with the text they must have."""
    documents = bundle.read()
    live = live_views()
    names = {table["name"] for source in yaml.safe_load(live)["sources"] for table in source["tables"]}
    return {LIVE_VIEWS: live, EXPOSURES: exposures(documents, names)}


def check() -> list[Finding]:
    """All findings on the tree as it lies."""
    found = findings(bundle.read(), contracts()) + written_form()
    for path, text in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            found.append(Finding(str(path.relative_to(ROOT)), "is out of date: python superset/check.py --write"))
    return found


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--write"]):
        print(__doc__)
        return 2
    if arguments:
        for path, text in generated().items():
            path.write_text(text, encoding="utf-8")
    found = check()
    for finding in found:
        print(finding)
    print(f"dashboards: {len(bundle.read())} files, {len(found)} findings. 看板文件检查：{len(found)} 处问题。")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
