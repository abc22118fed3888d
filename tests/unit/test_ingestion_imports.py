"""`ingestion` stands alone: it never imports the scheduler, the transformation tool or the checks."""

import ast
import subprocess
import sys
from pathlib import Path

FORBIDDEN = ("airflow", "dbt", "great_expectations", "superset", "dags", "expectations")
PACKAGE = Path(__file__).parents[2] / "ingestion"


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def test_no_module_of_ingestion_imports_them() -> None:
    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 10
    assert {
        str(path): sorted(_imported(path) & set(FORBIDDEN)) for path in modules if _imported(path) & set(FORBIDDEN)
    } == {}


def test_nothing_that_it_imports_brings_them_along() -> None:
    names = ["ingestion.cli", "ingestion.runs", "ingestion.explain", "ingestion.transport"]
    code = f"import sys, {', '.join(names)}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True, timeout=120
    )
    assert not set(done.stdout.split()) & set(FORBIDDEN)
