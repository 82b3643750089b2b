"""Pictures of ten graphs, without any dot program: parsed, counted against the recorded graph, and compared with tests/golden.

`python -m tests.test_viz_golden` writes the outlines again; look at the pictures before you commit them.
"""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import autograd_core as ag
from autograd_core.graph import topological_order
from tests.pictures import GRAPHS

SVG = "{http://www.w3.org/2000/svg}"
GOLDEN = Path(__file__).parent / "golden"
OPEN = [graph for graph in GRAPHS if graph.__name__ != "long_chain"]


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def drawn(graph, **options):
    ag.manual_seed(0)
    outputs, own = graph()
    return outputs, ag.viz.draw(outputs, **own, **options)


def parts(svg):
    """The groups of nodes, edges and clusters, by their class, without the legend."""
    groups = [(g.get("class", "").split(), g) for g in ET.fromstring(svg).iter(f"{SVG}g")]  # noqa: S314  our own output
    return {kind: [g for names, g in groups if kind in names] for kind in ("node", "edge", "cluster")}


def texts(group):
    return " | ".join("".join(text.itertext()).strip() for text in group.iter(f"{SVG}text"))


def outline(svg):
    """What a picture says, without its coordinates: they belong to the version of Graphviz."""
    found = parts(svg)
    lines = sorted(f"module {texts(g)}" for g in found["cluster"])
    lines += sorted(f"{g.get('class')} {texts(g)}" for g in found["node"])
    lines += sorted(f"edge {g.findtext(f'{SVG}title')}" for g in found["edge"])
    return "\n".join(lines) + "\n"


def recorded(outputs):
    """Nodes and edges that were recorded."""
    order = topological_order(dict.fromkeys(y._node for y in outputs))
    return order, sum(parent is not None for node in order for parent in node.parents)


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.__name__)
def test_picture_says_what_it_said(graph):
    # values are left out here: they may differ in the last digit from one machine to the other
    _, drawing = drawn(graph, show=("shape",))
    assert outline(drawing.svg) == (GOLDEN / f"{graph.__name__}.txt").read_text(encoding="utf-8")


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize("graph", OPEN, ids=lambda graph: graph.__name__)
def test_open_picture_has_every_recorded_node_and_edge(graph):
    outputs, drawing = drawn(graph, collapse=None, fold=False, max_nodes=1000)
    order, edges = recorded(outputs)
    constants = [v for v in drawing.picture.vertices if v.node is None and v.kind != "output"]
    found = parts(drawing.svg)
    assert len(found["node"]) == len(order) + len(outputs) + len(constants)
    assert len(found["edge"]) == edges + len(outputs) + sum(len(v.users) for v in constants)
    ops = [v for v in drawing.picture.vertices if v.kind == "op"]
    assert [v.op for v in ops] == [v.node.op.name for v in ops]
    assert {v.node for v in ops} == {node for node in order if node.op is not None}


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize("graph", OPEN, ids=lambda graph: graph.__name__)
def test_closed_picture_accounts_for_every_recorded_node(graph):
    outputs, drawing = drawn(graph)
    order, _ = recorded(outputs)
    inside = {v for atom in drawing.view.atoms for v in ([atom.vertex] if atom.vertex else atom.box.vertices)}
    count = sum(times(atom) * len([v for v in members(atom) if v.node is not None]) for atom in drawing.view.atoms)
    assert count == len(order)
    assert len(inside) == len({v.id for v in inside})
    assert len(parts(drawing.svg)["node"]) == len(drawing.view.atoms)


def members(atom):
    return [atom.vertex] if atom.vertex else atom.box.vertices


def times(atom):
    """How many equal pieces an atom stands for, with the pieces around it."""
    count, cluster = atom.times, atom.cluster
    while cluster is not None:
        count, cluster = count * cluster.times, cluster.parent
    return count


@pytest.mark.usefixtures("no_dot")
def test_long_chain_is_folded_or_cut():
    outputs, folded = drawn(GRAPHS[-1])
    assert sum(times(atom) * len([v for v in members(atom) if v.node is not None]) for atom in folded.view.atoms) == 100_001
    assert "sin × 100,000" in folded.svg
    cut = ag.viz.draw(outputs, fold=False, max_nodes=50)
    assert "… showing 50 of 100,002 nodes …" in cut.svg
    assert len(parts(cut.svg)["node"]) == 51
    assert len(parts(cut.svg)["edge"]) == 50


def test_same_graph_gives_the_same_bytes_in_another_process(tmp_path):
    code = (
        "from tests.pictures import attention_block; from tests.test_viz_golden import drawn; "
        "print(drawn(attention_block)[1].svg, drawn(attention_block)[1].html)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"},
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0]) > 10_000


def main():
    GOLDEN.mkdir(exist_ok=True)
    for graph in GRAPHS:
        (GOLDEN / f"{graph.__name__}.txt").write_text(outline(drawn(graph, show=("shape",))[1].svg), encoding="utf-8")
        print(graph.__name__)


if __name__ == "__main__":
    main()
