"""``python -m notebooks.run``: run all notebooks on the graph in use and write their outputs anew."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbclient import NotebookClient

__all__ = ["FOLDER", "paths", "run"]

FOLDER = Path(__file__).parent
_WAIT_S = 600
"""The longest that a cell may take. It only catches hangs."""
_FORGET = "get_ipython().run_line_magic('reset', '-f')"


def paths() -> list[Path]:
    """All notebooks, in their order."""
    return sorted(FOLDER.glob("*.ipynb"))


def run(files: Iterable[Path]) -> dict[Path, nbformat.NotebookNode]:
    """The notebooks with their outputs, from one kernel, which forgets all names between two of them.

    It has this process's environment. Raises CellExecutionError where a cell fails.
    """
    notebooks = {file: nbformat.read(file, as_version=4) for file in files}
    together = nbformat.v4.new_notebook()
    for notebook in notebooks.values():
        together.cells += [*notebook.cells, nbformat.v4.new_code_cell(_FORGET)]
    NotebookClient(together, timeout=_WAIT_S, kernel_name="python3").execute()
    for notebook in notebooks.values():
        for cell in notebook.cells:
            cell.metadata.clear()
            if cell.cell_type == "code":
                cell.execution_count = None
                cell.outputs = [_clean(output) for output in cell.outputs]
    return notebooks


def _clean(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove counters, and of a table or picture what is not shown."""
    if "execution_count" in output:
        output.execution_count = None
    data = output.get("data", {})
    if "image/png" in data or "text/html" in data:
        data.pop("text/plain", None)
    return output


def main() -> None:
    """Run all and write them back."""
    for file, notebook in run(paths()).items():
        file.write_text(nbformat.writes(notebook, indent=1) + "\n", "utf-8")
        print(file.name)


if __name__ == "__main__":
    main()
