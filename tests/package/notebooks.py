# SPDX-License-Identifier: MIT
"""Runs the notebooks of examples/notebooks.

usage: python tests/package/notebooks.py [NAME...]     runs them (all) and stores what they show

Their outputs are stored, because a notebook that is read on the web shows nothing else. They are kept small (70 dots an
inch), and free of whatever changes from run to run.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

import nbclient
import nbformat

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples" / "notebooks"


def execute(name, place, parameters=None, ask=()):
    """The notebook as run in the folder `place` by this Python, and the values of the expressions `ask` at its end.

    `parameters` are set behind the cell that has the tag "parameters".
    """
    shutil.copy(FOLDER / "drawn.py", place)
    book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    cells = list(book.cells)
    if parameters:
        at = next(i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", ()))
        values = "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
        cells.insert(at + 1, nbformat.v4.new_code_cell(values))
    questions = nbformat.v4.new_code_cell("import json as _json\n_json.dumps([" + ", ".join(ask) + "], default=float)")
    book.cells = cells + [questions]
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    nbclient.NotebookClient(book, timeout=900, kernel_name="python3", record_timing=False, coalesce_streams=True,
                            resources={"metadata": {"path": str(place)}}).execute()
    answers = json.loads(eval(questions.outputs[0]["data"]["text/plain"]))  # the string as Python writes it
    book.cells = cells
    return book, answers


def store(name):
    with tempfile.TemporaryDirectory() as place:
        book, _ = execute(name, place)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                output.pop("execution_count", None)
                if output.output_type == "execute_result":
                    output["execution_count"] = None
                if "image/png" in output.get("data", {}):
                    output["data"] = {"image/png": output["data"]["image/png"].strip()}
            cell.execution_count = None
    book.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                     "language_info": {"name": "python"}}
    file = FOLDER / f"{name}.ipynb"
    nbformat.write(book, file)
    print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    for each in sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.ipynb")):
        store(each)
