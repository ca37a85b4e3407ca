"""The house keeps its plan: who may import whom, and where SQL, clocks and environments are allowed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("warehouse", "ingest", "features", "models", "reports", "cli", "dags")
MAY_IMPORT = {
    "warehouse": {"warehouse"},
    "ingest": {"ingest", "warehouse"},
    "features": {"features", "warehouse"},
    "models": {"models", "warehouse"},
    "reports": {"reports", "warehouse"},
    "cli": {"cli", "warehouse", "ingest", "features", "models", "reports"},
    "dags": {"cli"},
}
ONLY_IN = {
    "airflow": ("dags/", "cli/embedded.py"),
    "duckdb": ("warehouse/",),
    "duckdb_extensions": ("warehouse/",),
    "neurokit2": ("features/",),
    "fitbit": ("ingest/live/fitbit_web/",),
    "cryptography": ("ingest/vault.py", "reports/sealed.py"),
    "keyring": ("cli/keys.py",),
    "smtplib": ("cli/smtp.py",),
}
SQL_PLACES = (
    *("warehouse/", "features/compute.py", "features/read.py", "models/read.py", "reports/read.py"),
    *("reports/read_back.py", "reports/read_tried.py", "reports/read_study.py", "reports/export/read"),
    "models/effect/read.py",
    "ingest/vault",  # its own SQLite file, outside the warehouse
)
SQL = re.compile(
    r"\b(select|insert into|delete from|update)\b.+\b(from|values|set|where|into)\b",
    re.IGNORECASE | re.DOTALL,
)
HEAVY = {
    *("airflow", "duckdb", "jinja2", "neurokit2", "numba", "numpy", "pandas", "pyarrow", "rich", "scipy"),
    *("sklearn", "skops"),
}
CLOCKS = re.compile(r"\b(datetime\.now|date\.today|time\.time|utcnow)\(")
ENVIRONMENT = re.compile(r"\bos\.(environ|getenv)\b")
FUNCTION_MODULES = ("features/", "models/")


def sources(*rooms: str) -> Iterator[tuple[str, str]]:
    for room in rooms or ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def imports(text: str, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(text)
    nodes = runtime_statements(tree) if top_level_only else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def runtime_statements(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            yield node


@pytest.mark.parametrize("room", ROOMS)
def test_data_flows_one_way(room: str) -> None:
    for name, text in sources(room):
        ours = {module.split(".")[0] for module in imports(text)} & set(ROOMS)
        assert ours <= MAY_IMPORT[room], f"{name} imports {ours - MAY_IMPORT[room]}"


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_with_one_home_stays_there(package: str) -> None:
    for name, text in sources():
        if package in {module.split(".")[0] for module in imports(text)}:
            assert name.startswith(ONLY_IN[package]), f"{name} imports {package}"


def test_a_source_imports_the_contract_its_own_parts_and_nothing_else_of_ours() -> None:
    for name, text in sources("ingest/files"):
        own = ".".join(name.split("/")[:3]).removesuffix(".py")
        ours = {m for m in imports(text) if m.split(".")[0] in ROOMS}
        # What loops over bytes needs numba, so the contract does not bring it.
        shared = {"ingest.source", "ingest.compiled"}
        others = {m for m in ours if m not in shared and not m.startswith(own)}
        assert not others, f"{name} imports {others}"


def test_who_needs_the_package_fitbit_imports_it_when_it_is_needed() -> None:
    for name, text in sources():
        if not name.startswith("ingest/live/fitbit_web/"):
            top = imports(text, top_level_only=True)
            assert not [m for m in top if m.startswith("ingest.live.fitbit_web")], f"{name} pays for fitbit"


def test_sql_stands_only_where_tables_are_read_and_written() -> None:
    for name, text in sources():
        if name.startswith(SQL_PLACES):
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and not is_docstring(node, text)
            ):
                assert not SQL.search(node.value) or name == "cli/embedded.py", (
                    f"{name}:{node.lineno} holds SQL"
                )


def is_docstring(node: ast.Constant, text: str) -> bool:
    line = text.splitlines()[node.lineno - 1].strip()
    return line.startswith(('"""', 'r"""')) or "help=" in line


def test_functions_of_features_and_models_know_no_clock_and_no_environment() -> None:
    for name, text in sources("features", "models", "reports", "ingest"):
        assert not CLOCKS.search(text), f"{name} reads a clock: take the instant as an argument"
        assert not ENVIRONMENT.search(text), f"{name} reads the environment: take a setting as an argument"


def test_settings_are_read_in_the_command_line_and_the_dags_only() -> None:
    for name, text in sources():
        if ENVIRONMENT.search(text):
            assert name.startswith(("cli/", "dags/")), f"{name} reads the environment"


def test_nothing_heavy_is_imported_before_a_command_or_a_task_runs() -> None:
    for name, text in sources("cli", "dags"):
        top = {module.split(".")[0] for module in imports(text, top_level_only=True)}
        allowed = {"airflow"} if name.startswith("dags/") else set()
        assert not top & HEAVY - allowed, f"{name} imports {top & HEAVY} at module level"


def test_no_dag_file_has_the_name_of_a_package() -> None:
    assert not {path.stem for path in (ROOT / "dags").glob("*.py")} & set(ROOMS)
    assert not (ROOT / "dags" / "__init__.py").exists()


def test_files_and_functions_stay_readable() -> None:
    for name, text in sources():
        assert len(text.splitlines()) <= 600, f"{name} is too long to read"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "nightly":
                length = (node.end_lineno or node.lineno) - node.lineno
                assert length <= 60, f"{name}:{node.lineno} {node.name} needs scrolling"


def test_no_address_and_no_path_of_one_machine_is_committed() -> None:
    registries = "|".join(
        ["pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npm", "deb" + r"\.debian"]
    )
    bad = re.compile(registries + r"|/(?:home|root|work)/\w")
    for path in [*ROOT.glob("*.*"), *ROOT.glob("docs/*"), *(ROOT / n for n, _ in sources())]:
        if path.is_file() and path.suffix in {".py", ".md", ".txt", ".toml", ".yaml"}:
            assert not bad.search(path.read_text(encoding="utf-8")), path
