"""Run a notebook of docs/ without a kernel, and store or compare what it prints and draws."""

from __future__ import annotations

import ast
import base64
import io
import json
import re
from contextlib import chdir
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import pyplot as plt


def read_notebook(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cells(path: Path) -> tuple[list[Any], dict[str, Any]]:
    """Run the cells of a notebook in order, beside it; the last value of each, and the names."""
    space: dict[str, Any] = {}
    shown = []
    with chdir(path.parent):
        for cell in code_cells(read_notebook(path)):
            tree = ast.parse("".join(cell["source"]))
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, cell["id"], "exec"), space)
            found = None
            if isinstance(last, ast.Expr):
                found = eval(compile(ast.Expression(last.value), cell["id"], "eval"), space)
            shown.append(found)
    return shown, space


def stored_text(cell: dict[str, Any]) -> str | None:
    texts = ["".join(out["data"]["text/plain"]) for out in cell["outputs"] if "text/plain" in out["data"]]
    return texts[0] if texts else None


def check_form(path: Path) -> None:
    """Nothing of the machine it was run on, numbered cells with names, one picture."""
    notebook = read_notebook(path)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert not re.search(r"/(home|root|work|Users|tmp)/", path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        assert re.fullmatch(r"[a-z-]{1,64}", cell["id"])
        assert cell["metadata"] == {}
    for number, cell in enumerate(code_cells(notebook), 1):
        assert cell["execution_count"] == number
        ast.parse("".join(cell["source"]))
    pictures = [out for cell in code_cells(notebook) for out in cell["outputs"] if "image/png" in out["data"]]
    assert len(pictures) == 1
    assert base64.b64decode(pictures[0]["data"]["image/png"]).startswith(b"\x89PNG")


def draw_picture() -> bytes:
    """The picture of the notebook that ran last, as PNG."""
    picture = io.BytesIO()
    plt.figure(plt.get_fignums()[0]).savefig(picture, format="png", dpi=110, metadata={"Software": None})
    return picture.getvalue()


def store_outputs(path: Path) -> None:
    """Run a notebook and store what it prints and draws."""
    shown, _ = run_cells(path)
    notebook = read_notebook(path)
    for number, (cell, value) in enumerate(zip(code_cells(notebook), shown, strict=True), 1):
        cell["execution_count"], cell["outputs"] = number, []
        if value is not None:
            with pd.option_context("display.max_colwidth", None):
                data = {
                    "text/html": value.to_html().splitlines(keepends=True),
                    "text/plain": value.to_string().splitlines(keepends=True),
                }
            told = {"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"}
            cell["outputs"].append(told)
        if "plt.subplots" in "".join(cell["source"]):
            image = {"image/png": base64.b64encode(draw_picture()).decode()}
            cell["outputs"].append({"data": image, "metadata": {}, "output_type": "display_data"})
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
