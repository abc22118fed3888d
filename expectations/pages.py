"""Result pages: one self-contained HTML file a run and an index, under `$STATE_DIR/checks/`.

They read well without a network: no script, no font, no picture from anywhere. Whatever comes from data is escaped.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader

from expectations.suite import Finding

KEPT_PAGES = 200
_BEIJING = ZoneInfo("Asia/Shanghai")
# .jinja is not among the endings that are escaped by default
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)

_STATUS = {"pass": "通过", "fail": "未通过", "error": "无法检查"}


def folder() -> Path:
    """`$STATE_DIR/checks`; the folder `.run` of the working directory when no state is set."""
    return Path(os.environ.get("STATE_DIR") or ".run") / "checks"


def write_run(
    suite: str,
    subject: str,
    *,
    title_zh: str,
    title_en: str,
    passed: bool,
    findings: Sequence[Finding],
    started: datetime,
    summary: Sequence[dict[str, str]] = (),
) -> Path:
    """Write the page of one run and the index anew; returns the page. `summary` is a table, one dict a row."""
    folder().mkdir(parents=True, exist_ok=True)
    moment = started.astimezone(_BEIJING)
    name = f"{moment:%Y%m%d_%H%M%S}_{suite}_{_safe(subject)}"
    counts = {word: sum(1 for one in findings if one.status == word) for word in _STATUS}
    head = {
        "page": f"{name}.html", "title_zh": title_zh, "title_en": title_en, "passed": passed, "counts": counts,
        "at": f"{moment:%Y-%m-%d %H:%M:%S}",
    }  # fmt: skip
    worst_first = sorted(findings, key=lambda one: (one.status == "pass", one.rule.severity == "warn", one.rule.name))
    page = folder() / f"{name}.html"
    _write(page, _templates.get_template("run.jinja").render(
        **head, findings=worst_first, status_zh=_STATUS, summary=summary, columns=list(summary[0]) if summary else [],
    ))  # fmt: skip
    _write(page.with_suffix(".json"), json.dumps(head, ensure_ascii=False))
    _write_index()
    return page


def _write_index() -> None:
    heads: list[dict[str, Any]] = []
    for number, path in enumerate(sorted(folder().glob("*.json"), reverse=True)):
        if number >= KEPT_PAGES:
            path.unlink(missing_ok=True)
            path.with_suffix(".html").unlink(missing_ok=True)
            continue
        heads.append(json.loads(path.read_text(encoding="utf-8")))
    _write(folder() / "index.html", _templates.get_template("index.jinja").render(runs=heads))


def _write(path: Path, text: str) -> None:
    """Whole or not at all: two validations may end at the same moment."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as part:
        part.write(text)
    Path(part.name).chmod(0o644)
    Path(part.name).replace(path)


def _safe(subject: str) -> str:
    return "".join(sign if sign == "_" or (sign.isalnum() and sign.isascii()) else "-" for sign in subject)[:60]
