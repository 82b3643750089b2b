"""Executes the notebooks from top to bottom, each in a fresh kernel.

    python -m notebooks.run [--reduced] [--write] [03 07 ...]

`--write` keeps the outputs in the files (how they get into the repository); `--reduced` makes the expensive parts small, as
the tests do. A cell that raises, or writes to stderr, ends it with status 1.
"""

import argparse
import os
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent


def notebooks(names=()):
    """The notebooks in their order, or those whose file names begin with one of `names`."""
    return [path for path in sorted(FOLDER.glob("[0-9]*.ipynb")) if not names or path.name.startswith(tuple(names))]


def execute(path, *, reduced):
    """The executed notebook; raises nbclient's CellExecutionError with the cell and its traceback."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(FOLDER)}}
    # coalesced: what a cell prints arrives in pieces, as many as chance has it
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where, coalesce_streams=True)
    client.execute(env={**os.environ, "NOTEBOOKS_REDUCED": "1" if reduced else ""})
    return plain(notebook)


def plain(notebook):
    """The notebook without what changes from machine to machine: times of cells, versions, progress in pieces."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
    }
    for number, cell in enumerate(notebook.cells, start=1):
        cell.metadata = {}
        cell.id = f"cell-{number}"
    return notebook


def complaints(notebook):
    """What a reader should not see: errors and text on stderr."""
    return [
        f"cell {number}: {output.get('ename', '')} {output.get('evalue', output.get('text', ''))}".strip()
        for number, cell in enumerate(notebook.cells, start=1)
        for output in cell.get("outputs", ())
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="beginnings of file names, such as 03; all without")
    parser.add_argument("--reduced", action="store_true", help="make the expensive parts small")
    parser.add_argument("--write", action="store_true", help="keep the outputs in the files")
    options = parser.parse_args()
    import nbformat

    failed = False
    for path in notebooks(options.names):
        start = time.perf_counter()
        notebook = execute(path, reduced=options.reduced)
        print(f"{path.name}: {time.perf_counter() - start:.1f} s")
        for complaint in complaints(notebook):
            print(f"  {complaint}", file=sys.stderr)
            failed = True
        if options.write:
            nbformat.write(notebook, path)
    sys.exit(failed)


if __name__ == "__main__":
    main()
