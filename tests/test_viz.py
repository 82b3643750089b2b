"""`ag.viz`: what is drawn, how it is closed, folded and cut; the trace, the backward pass as text, displays, the command."""

import json
import os
import re
import threading
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.__main__ import main
from autograd_core.graph import modes
from autograd_core.viz.rules import rule_text, rule_texts
from autograd_core.viz.style import DARK, KINDS, RAMP, grade
from autograd_core.viz.summaries import summarized
from tests.pictures import Block, images

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def classes(svg):
    return [g.get("class") for g in ET.fromstring(svg).iter(f"{SVG}g")]  # noqa: S314  our own output


def labels(drawing):
    return [atom.vertex.label if atom.vertex else atom.box.label if atom.box else atom.text for atom in drawing.view.atoms]


def leaf(value, name):
    return ag.Tensor(value, requires_grad=True, name=name)


def vertex(drawing, label):
    return next(v for v in drawing.picture.vertices if label in (v.label, v.op))


# What is drawn


def test_drawing_changes_no_gradient_and_frees_nothing():
    x = leaf([1.0, 2.0], "x")
    y = (x * x).sum()
    first = ag.viz.draw(y)
    assert x.grad is None
    assert first.dot == ag.viz.draw(y).dot
    y.backward()
    assert x.grad.numpy().tolist() == [2.0, 4.0]


def test_after_backward_leaves_show_their_grad():
    x = leaf([1.0, 2.0], "x")
    y = (x * x).sum()
    y.backward()
    drawing = ag.viz.draw(y)
    assert vertex(drawing, "x").gradient.values == [2.0, 4.0]
    assert vertex(drawing, "sum").gradient is None
    assert "retain_graph" in drawing.picture.missing


def test_a_traced_graph_shows_all_after_backward_too():
    x = leaf([1.0, 2.0], "x")
    with ag.viz.trace():
        y = (x * x).sum()
    y.backward()
    drawing = ag.viz.draw(y)
    assert drawing.picture.missing == ""
    assert vertex(drawing, "multiply").gradient.values == [1.0, 1.0]
    assert vertex(drawing, "multiply").summary.values == [1.0, 4.0]
    x.data[0] = 5.0  # behind its back: what was saved is gone
    assert "overwritten" in ag.viz.draw(y).picture.missing


def test_values_come_from_whoever_has_them():
    a, b = leaf(3.0, "a"), leaf(2.0, "b")
    y = np.exp((a * b + 1.0) - 0.5)  # the sum is kept by nobody: it is computed again
    drawing = ag.viz.draw(y)
    assert [v.summary.values for v in drawing.picture.vertices if v.op in ("multiply", "exp")] == [[6.0], [np.exp(6.5)]]


def test_a_leaf_that_was_overwritten_does_not_show_its_new_value():
    x = leaf([1.0, 2.0], "x")
    y = (x * x).sum()
    with ag.no_grad():
        x.copy_([7.0, 8.0])
    drawing = ag.viz.draw(y)
    assert vertex(drawing, "x").summary is None
    assert "overwritten" in drawing.picture.missing


def test_gradients_are_those_of_backward_and_complex_ones_descend():
    z = leaf(1.0 + 2.0j, "z")
    y = np.abs(z * z)
    drawing = ag.viz.draw(y)
    y.backward()
    assert vertex(drawing, "z").gradient.values == [complex(z.grad.numpy())]


def test_vanishing_is_pale_and_not_finite_is_red():
    x = leaf([1.0, 2.0], "x")
    with np.errstate(all="ignore"):
        bad = ag.viz.draw((np.sqrt(x - 1.0) * x).sum())
    assert "NaN" in bad.svg or "inf" in bad.svg
    assert KINDS["op"][0] not in RAMP
    assert "#ffcccc" in bad.dot
    small = ag.viz.draw((x * 1e-9).sum() * 1.0)
    assert grade(vertex(small, "x").gradient, 1.0) == RAMP[0]
    assert grade(vertex(small, "sum").gradient, 1.0) == RAMP[-1]
    assert grade(summarized(np.array([np.inf])), 1.0) == "#ffcccc"


def test_second_order_is_told_apart_with_a_trace_and_without():
    x = leaf(2.0, "x")
    with ag.viz.trace():
        y = x**3
        (g,) = ag.gradients(y, [x], create_graph=True)
        penalty = g * g + y
    traced = ag.viz.draw(penalty)
    assert vertex(traced, "x ^ 3").order == 1
    assert {v.order for v in traced.picture.vertices if v.op == "multiply"} == {2}
    with_forward = ag.viz.draw(penalty, forward=y)
    assert [v.order for v in with_forward.picture.vertices] == [v.order for v in traced.picture.vertices]
    assert 'class="node op second"' in traced.svg


def test_kinds_and_sharing_are_visible():
    w = nn.Parameter([[1.0, 2.0], [3.0, 4.0]], name="w")
    x = leaf([1.0, 2.0], "x")
    y = w @ np.array([1.0, 1.0]) + w @ x
    drawing = ag.viz.draw(y.sum())
    kinds = {v.label: v.kind for v in drawing.picture.vertices}
    assert (kinds["w"], kinds["x"], kinds["output"]) == ("parameter", "input", "output")
    assert "constant" in kinds.values()
    assert "w (shared, 2 uses)" in drawing.svg
    assert "peripheries=2" in drawing.dot
    words = re.findall(r"<text[^>]*>([^<]*)</text>", drawing.svg.split('class="legend"')[1])
    assert {"parameter", "input", "constant", "output", "shared"} <= set(words)


def test_names_label_tensors_arrays_and_results():
    x, data = leaf([1.0, 2.0], "x"), np.array([3.0, 4.0])
    y = x * data
    drawing = ag.viz.draw(y.sum(), names={"the weights": x, "the data": data})
    assert {"the weights", "the data"} <= set(labels(drawing))


def test_several_outputs_and_edges_with_shapes(no_dot):
    x = leaf(np.ones((2, 3)), "x")
    a, b = np.exp(x), x.sum(axis=0)
    drawing = ag.viz.draw({"a": a, "rest": (b, 1.0)})
    assert [v.label for v in drawing.picture.vertices if v.kind == "output"] == ["output 0", "output 1"]
    assert "2×3" in drawing.svg
    assert "2×3" not in ag.viz.draw([a, b], show="grad").dot


def test_text_is_escaped_everywhere(no_dot):
    name = "<script>\"\\N\\l & '{|}\n%DATA%é∂"
    x = leaf(2.0, name)
    drawing = ag.viz.draw(x * x, names={name + "2": x})
    ET.fromstring(drawing.svg)  # noqa: S314
    assert "<script>" not in drawing.svg
    assert "&lt;script&gt;&quot;\\N\\l &amp;" in drawing.svg
    assert drawing.html.count("<script") == 2
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', drawing.html, re.DOTALL)[1])
    assert name + "2" in [node["label"] for node in data["nodes"]]


def test_a_name_that_looks_like_an_html_label_is_only_text(no_dot):
    x = leaf(2.0, "<b>x</b>")
    svg = ag.viz.draw(x * x).svg
    assert "&lt;b&gt;x&lt;/b&gt;" in svg


def test_svg_reads_well_in_the_dark_and_aloud(no_dot):
    x = leaf(2.0, "x")
    svg = ag.viz.draw(x * 3.0).svg
    assert "prefers-color-scheme:dark" in svg
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', svg))
    assert used <= set(DARK)  # every colour has its counterpart
    root = ET.fromstring(svg)  # noqa: S314
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.findtext(f"{SVG}title") == "Graph of output: 2 recorded nodes"
    assert "<title>input x, 2</title>" in svg


def test_colours_are_told_apart_in_both_schemes():
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(c * w for c, w in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    fills = {row[0] for row in KINDS.values()} | set(RAMP) | {"#ffcccc"}
    for text in ("#1f2328", "#59636e"):
        for fill in fills:
            for a, b in ((text, fill), (DARK[text], DARK[fill])):
                lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
                assert (lighter + 0.05) / (darker + 0.05) > 3.9, (a, b)


def test_every_kind_of_graph_draws():
    x = leaf(np.array([0.5, 1.5]), "x")
    graphs = {
        "checkpoint": ag.checkpoint(lambda t: np.sin(t) * t)(x).sum(),
        "fft": np.abs(ag.fft.fft(x)).sum(),
        "index": x[np.array([0, 0, 1])].sum(),
        "eigh": ag.linalg.eigh(np.outer(x, x) + np.eye(2))[0].sum(),
        "custom": ag.custom_op("drawn_cube", lambda a: a**3, lambda g, _y, a: 3 * g * a**2)(x).sum(),
        "empty": (x[:0] * 2.0).sum() + x[0],
        "leaf": x,
    }
    for name, y in graphs.items():
        drawing = ag.viz.draw(y)
        assert drawing.picture.missing == "", name
        ET.fromstring(drawing.svg)  # noqa: S314
        assert "data" in drawing.html
        expected = ag.gradients(y, [x], np.ones(y.shape), retain_graph=True)[0].numpy().ravel().tolist()
        assert vertex(drawing, "x").gradient.values == expected, name


def test_graph_recorded_inside_forward_mode_draws():
    seen = []

    def f(x):
        t = ag.Tensor(1.0, requires_grad=True, name="t")
        y = np.sin(x * t)
        seen.append(ag.viz.draw(y).dot)
        return y

    ag.jvp(f, (np.float64(0.5),), (np.float64(1.0),))
    assert "sin" in seen[0]


def test_errors_say_what_to_do(tmp_path):
    x = leaf(2.0, "x")
    with pytest.raises(ag.GraphError, match="recorded graph"):
        ag.viz.draw(ag.Tensor(1.0))
    with pytest.raises(ag.GraphError, match="Got str"):
        ag.viz.draw("x")
    for options, message in (
        ({"direction": "up"}, "'LR' or 'TB'"),
        ({"show": ("shapes",)}, "'shapes'"),
        ({"collapse": "all"}, "depth from 0"),
        ({"collapse": -1}, "depth from 0"),
        ({"collapse": True}, "depth from 0"),
        ({"collapse": 1.0}, "depth from 0"),
        ({"max_nodes": 1}, "at least 2"),
        ({"max_nodes": 2.5}, "at least 2; got 2.5"),
        ({"max_nodes": None}, "at least 2; got None"),
        ({"inputs": 1.0}, "computed already"),
    ):
        with pytest.raises(ValueError, match=message):
            ag.viz.draw(x * x, **options)
    with pytest.raises(ValueError, match="inputs="):
        ag.viz.draw(nn.Linear(2, 1))
    with pytest.raises(TypeError, match="names= is a dict"):
        ag.viz.draw(x * x, names=["x"])
    with pytest.raises(TypeError, match="trace takes modules"):
        ag.viz.trace(x)
    with pytest.raises(ValueError, match=r"graph\.bmp"):
        ag.viz.draw(x * x).save(tmp_path / "graph.bmp")


def test_a_graph_that_is_too_large_is_refused_with_advice(monkeypatch):
    monkeypatch.setattr("autograd_core.viz.model.LARGEST", 1000)
    y = x = leaf(0.5, "x")
    for _ in range(1001):
        y = np.sin(y)
    with pytest.raises(ag.GraphError, match=r"more than 1,000 nodes.*inputs=x"):
        ag.viz.draw(y)
    assert x.grad is None


def test_layout_that_needs_too_much_stack_says_so(no_dot, monkeypatch):
    from autograd_core.viz import render

    monkeypatch.setattr(render, "_STACK", 1 << 14)
    render._engines.clear()
    y = x = leaf(0.5, "x")
    for _ in range(60):
        y = np.sin(y) * x
    try:
        with pytest.raises(ag.GraphError, match="lower max_nodes"):
            _ = ag.viz.draw(y, fold=False).svg
    finally:
        render._engines.clear()
    monkeypatch.undo()
    assert ag.viz.draw(x * x).svg  # and works again


def test_dot_program_is_used_where_it_is(monkeypatch, tmp_path):
    program = tmp_path / "dot"
    program.write_text(
        '#!/bin/sh\ncat > "$0.stdin"\necho "$@" > "$0.arguments"\nprintf \'<svg viewBox="0.00 0.00 9.00 9.00"></svg>\'\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    drawing = ag.viz.draw(leaf(2.0, "$(touch x); `id`") * 3.0)
    assert drawing.svg.startswith("<svg")
    assert "-Tsvg" in (tmp_path / "dot.arguments").read_text()
    drawing.save(tmp_path / "graph.png")
    assert "-Tpng" in (tmp_path / "dot.arguments").read_text()
    assert "legend0" in (tmp_path / "dot.stdin").read_text()


# Modules


def test_trace_knows_modules_lines_and_calls():
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    with ag.viz.trace(net):
        y = net(net(images(2, 3)))  # this line
    drawing = ag.viz.draw(y, names=net)
    linear = [v for v in drawing.picture.vertices if v.op == "linear"]
    assert [v.scope[-1].name for v in linear] == ["0", "0"]
    assert linear[0].scope[-1].number != linear[1].scope[-1].number
    assert linear[0].source.text.endswith("# this line")
    assert labels(drawing).count("0: Linear") == labels(drawing).count("1: Tanh") == 2
    assert all(not hooks for m in net.modules() for hooks in (m._before, m._after))


def test_trace_is_undone_by_exceptions_and_sees_its_thread_only():
    class Failing(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    class Net(nn.Module):
        def __init__(self):
            self.bad, self.good = Failing(), nn.Linear(2, 2)

        def forward(self, x):
            try:
                self.bad(x)
            except ValueError:
                return self.good(x)

    net, before = Net(), (modes.watch, modes.recording)
    with ag.viz.trace(net):
        y = net(images(1, 2)) * 2.0
        other = []
        thread = threading.Thread(target=lambda: other.append(net.good(images(1, 2))))
        thread.start()
        thread.join()
    assert [[call.name for call in v.scope] for v in ag.viz.draw(y).picture.vertices if v.op] == [["", "good"], []]
    assert type(other[0]._node.op).__name__ == "Op"
    with pytest.raises(ZeroDivisionError), ag.viz.trace(net):
        1 / 0
    assert (modes.watch, modes.recording) == before


def test_trace_within_detect_anomaly_still_checks():
    x = leaf([-1.0], "x")
    with (
        np.errstate(invalid="ignore"),
        ag.detect_anomaly(),
        pytest.raises(ag.AnomalyError, match="'log' gave NaN"),
        ag.viz.trace(),
    ):
        np.log(x)


def test_model_and_inputs_are_drawn_in_one_call():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    drawing = ag.viz.draw(net, inputs=images(5, 3))
    assert labels(drawing) == ["input", "0: Linear", "1: ReLU", "2: Linear", "output"]
    assert "16 parameters" in drawing.svg
    function = ag.viz.draw(lambda a, b: np.sin(a) * b, inputs=(1.0, 2.0))
    assert labels(function) == ["input 0", "sin", "input 1", "×", "output"]
    assert labels(ag.viz.draw(lambda a, b: a * b, inputs={"a": 1.0, "b": 2.0})) == ["a", "b", "×", "output"]


def test_names_alone_group_ops_by_their_parameters():
    class Net(nn.Module):
        def __init__(self):
            self.first, self.blocks = nn.Linear(3, 4), nn.Sequential(Block(4), Block(4))

        def forward(self, x):
            return self.blocks(self.first(x))

    net = Net()
    y = net(images(5, 3)).sum()
    drawing = ag.viz.draw(y, names=net)
    scopes = {v.op: [call.name for call in v.scope] for v in drawing.picture.vertices if v.kind == "op"}
    assert scopes["linear"] == ["", "blocks", "blocks.1", "blocks.1.inner"]
    assert scopes["sum"] == []
    assert [name for name in labels(drawing) if "Linear" in name] == ["first: Linear", "inner: Linear", "inner: Linear"]
    by_dict = ag.viz.draw(y, names=dict(net.named_parameters()))
    assert "first" in labels(by_dict)


def test_collapse_by_depth_and_not_at_all():
    net = nn.Sequential(nn.Linear(3, 4), Block(4), nn.Linear(4, 2))
    with ag.viz.trace(net):
        y = net(images(5, 3)).sum()
    assert labels(ag.viz.draw(y, names=net, collapse=0)) == ["Sequential", "constant", "sum", "output"]
    boxes = [name for name in labels(ag.viz.draw(y, names=net, collapse=1)) if ":" in name]
    assert boxes == ["0: Linear", "1: Block", "2: Linear"]
    assert not any(atom.box for atom in ag.viz.draw(y, names=net, collapse=None).view.atoms)


def test_modules_that_cannot_be_closed_stay_open():
    cells = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)])
    y = cells[2](cells[0](cells[1](cells[0](images(1, 2)))))  # not traced: closed, cells[0] would feed itself
    drawing = ag.viz.draw(y.sum(), names=cells)
    assert [name for name in labels(drawing) if "inear" in name] == ["linear", "linear", "linear", "2: Linear"]


# Folding and cutting


def repeated(n, **options):
    net = nn.Sequential(nn.Linear(3, 4), *[Block(4) for _ in range(n)], nn.Linear(4, 1))
    return net, ag.viz.draw(net, inputs=images(2, 3), **options)


def test_repeated_blocks_are_folded():
    _, drawing = repeated(12)
    assert "1: Block × 12" in drawing.svg
    assert labels(repeated(12, collapse=1)[1]).count("1: Block × 12") == 1
    assert "12 × 28 parameters" in repeated(12, collapse=1)[1].svg
    assert "×" not in " ".join(labels(repeated(2)[1]))  # two are shown
    assert labels(repeated(5, fold=False)[1]).count("inner: Linear") == 5


def test_a_block_that_differs_ends_the_fold():
    net = nn.Sequential(*[Block(4) for _ in range(4)], Block(4), *[Block(4) for _ in range(3)])
    x = ag.Tensor(images(2, 4), requires_grad=True, name="x")
    with ag.viz.trace(net):
        h = x
        for k, block in enumerate(net):
            h = block(h)
            if k == 4:
                skip = h
        y = (h + skip).sum()  # something flows out of the fifth
    times = [fold for fold in ag.viz.draw(y, names=net, collapse=None).view.clusters if fold.times > 1]
    assert [cluster.times for cluster in times] == [5, 3]
    assert {cluster.label for cluster in times} == {"0: Block × 5", "5: Block × 3"}


def test_periods_of_several_layers_are_folded():
    layers = [layer for _ in range(6) for layer in (nn.Linear(4, 4), nn.Tanh())]
    drawing = ag.viz.draw(nn.Sequential(*layers), inputs=images(2, 4))
    assert labels(drawing) == ["input", "0: Linear", "1: Tanh", "output"]
    assert [cluster.label for cluster in drawing.view.clusters] == ["Sequential", "× 6"]


def test_steps_whose_outputs_are_stacked_are_folded():
    drawing = ag.viz.draw(nn.RNN(2, 3), inputs=images(30, 2, 2), collapse=None)
    assert [cluster.times for cluster in drawing.view.clusters if not cluster.call] == [30]
    stacked = [line for line in drawing.view.lines if line.head.vertex and line.head.vertex.op == "stack"]
    assert [len(line.edges) for line in stacked] == [30, 1]  # all outputs, and the last state


def test_bare_ops_are_folded_in_large_graphs_only():
    def chain(n):
        y = x = leaf(0.5, "x")
        w = leaf(2.0, "w")
        for _ in range(n):
            y = np.sin(y * w)
        return x, w, ag.viz.draw(y)

    assert labels(chain(10)[2]).count("sin") == 10
    assert labels(chain(200)[2]) == ["x", "w", "×", "sin", "output"]
    assert [cluster.times for cluster in chain(200)[2].view.clusters] == [200]


def test_truncation_says_how_much_is_shown_and_keeps_both_ends(no_dot):
    ys = [leaf(0.5, "x")]
    for k in range(100):
        ys.append(np.sin(ys[-1]) if k % 3 else np.exp(ys[-1]) + float(k))
    drawing = ag.viz.draw(ys[-1], fold=False, max_nodes=20)
    assert labels(drawing)[0] == "x"
    assert labels(drawing)[-1] == "output"
    assert f"showing 20 of {len(drawing.picture.vertices)} nodes" in drawing.svg
    assert "more" in " ".join(filter(None, classes(drawing.svg)))
    assert '"kind":"more"' in drawing.html


def test_a_leaf_that_is_read_everywhere_stands_beside_each_user():
    x = leaf(0.5, "x")
    y = x
    for _ in range(10):
        y = np.sin(y) * x
    drawing = ag.viz.draw(y)
    assert labels(drawing).count("x") == 11
    assert len({atom.id for atom in drawing.view.atoms}) == len(drawing.view.atoms)


# The backward pass as text


def test_explain_gives_rules_contributions_and_sums():
    a, b = leaf(3.0, "a"), leaf(2.0, "b")
    y = a * b + np.tanh(a)
    text = str(ag.viz.explain(y))
    y.backward()
    assert "v1 = multiply(a, b) = 6" in text
    assert "to a: g * b = 2" in text
    assert "g * (1 - y * y)" in text
    assert f"a.grad += {a.grad.item():.4g}" in text
    assert re.search(r"to a: .*sum so far", text)
    steps = [int(k) for k in re.findall(r"^  (\d+)\. ", text, re.MULTILINE)]
    assert steps == list(range(1, 6))


def test_explain_starts_where_it_is_told_and_refuses_what_nobody_reads():
    x = leaf([1.0, 2.0], "x")
    assert "x.grad += [20, 600]" in str(ag.viz.explain(x * np.array([2.0, 6.0]), gradient=[10.0, 100.0]))
    y = x
    for _ in range(70):
        y = np.sin(y)
    with pytest.raises(ag.GraphError, match="71 nodes"):
        ag.viz.explain(y)
    z = (x * x).sum()
    z.backward()
    with pytest.raises(ag.GraphError, match="freed"):
        ag.viz.explain(z)
    assert ag.viz.explain(x * 1.0)._repr_html_().startswith("<pre>forward")


def test_every_op_has_rules_as_text():
    from autograd_core.record import OPS

    for op in list(OPS.values()):
        texts = rule_texts(op)
        assert texts, op
        assert all(text and "\n" not in text for text in texts), op
    tanh = OPS["tanh"]
    assert rule_texts(tanh) == ["g * (1 - y * y)"]
    assert rule_texts(OPS["multiply"]) == ["g * b", "g * a"]
    assert rule_text(eval("lambda g, y: g")) == "<lambda>(g, y)"  # noqa: S307  its source cannot be read
    assert rule_text(len) == "len"
    assert rule_texts(OPS["gelu"]) == ["g * slope"]  # a fused op's: from its backward function
    assert rule_texts(OPS["lstm"])[4:] == ["dh.T", "dc.T"]
    assert rule_texts(OPS["rfft"])[0].startswith("_irfft(np.conj(g) / ")  # a call over several lines


# Summaries and displays


@pytest.mark.parametrize(
    ("array", "brief"),
    [
        (np.float64(2.5), "2.5"),
        (np.array([1.0, 2.0]), "[1, 2]"),
        (np.zeros((0, 3)), "no elements"),
        (np.array([np.nan, 1.0, np.inf, 2.0, 3.0]), "1 NaN and 1 inf of 5"),
        (np.ones(100), "1 ± 0"),
        (np.array(1 + 2j), "1+2j"),
        (np.array([True, False]), "[True, False]"),
    ],
    ids=str,
)
def test_summaries_are_brief(array, brief):
    assert summarized(array).brief() == brief


def test_summary_statistics(rng):
    x = rng.normal(size=1000)
    s = summarized(x)
    np.testing.assert_allclose(
        [s.mean, s.std, s.min, s.max, s.rms], [x.mean(), x.std(), x.min(), x.max(), np.sqrt((x**2).mean())]
    )
    assert sum(s.histogram) == 1000
    assert len(s.spark) == 8
    assert summarized(np.full(3, 1e300)).rms == 1e300
    assert summarized(object()) is None


def test_notebook_displays_stay_small():
    large = ag.Tensor(np.zeros((1000, 1000)), requires_grad=True, name="<b>")
    for thing in (
        large,
        large.sum(),
        ag.Tensor(np.zeros((3, 4, 5, 6))),
        ag.Tensor(np.zeros((0, 2))),
        ag.Tensor([1, 2]),
        ag.Tensor([np.nan]),
    ):
        html = thing._repr_html_()
        ET.fromstring(html)  # noqa: S314
        assert len(html) < 2500
    assert "&lt;b&gt;" in large._repr_html_()
    deep = nn.Sequential(*[nn.Linear(2, 2) for _ in range(500)])
    ET.fromstring(deep._repr_html_())  # noqa: S314
    assert len(deep._repr_html_()) < 5000
    assert "461 more" in deep._repr_html_()
    report = ag.check.gradcheck(lambda x: x.sum(), np.ones(3))
    assert len(report._repr_html_()) < 3000
    drawing = ag.viz.draw(deep, inputs=images(1, 2), fold=False)
    assert len(drawing.view.atoms) == 201
    assert len(drawing._repr_html_()) < 120_000
    assert "<svg" in drawing._repr_html_()


# Plots


def test_loss_surface_draws_the_function():
    pytest.importorskip("matplotlib")
    u, v = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    seen = []
    ax = ag.viz.plot_loss_surface(
        lambda p: seen.append(p["w"]) or (p["w"] ** 2).sum(), {"w": np.array([2.0, 0.0])}, ({"w": u}, {"w": v}), points=3
    )
    np.testing.assert_array_equal(seen[:4], [[1, -1], [2, -1], [3, -1], [1, 0]])
    assert ax.get_xlabel() == "along u"
    with pytest.raises(ag.ShapeError, match="one number"):
        ag.viz.plot_loss_surface(lambda x: x, np.ones(2), points=3)
    with pytest.raises(ValueError, match="smaller span"):
        ag.viz.plot_loss_surface(lambda x: np.nan, np.ones(2), points=3)


def test_directions_have_the_norms_of_the_filters(rng):
    from autograd_core.viz.plots import _like_filters

    w = rng.normal(size=(4, 3, 2)) * np.array([1.0, 10.0, 0.0, 0.1])[:, None, None]
    d = _like_filters(w, rng)
    np.testing.assert_allclose(np.sqrt((d**2).sum(axis=(1, 2))), np.sqrt((w**2).sum(axis=(1, 2))))


def test_decision_boundary_and_histograms(tmp_path, rng):
    pytest.importorskip("matplotlib")
    x = rng.normal(size=(60, 2))
    labels = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    net = nn.Linear(2, 3, dtype=float)
    ax = ag.viz.plot_decision_boundary(net, x, labels, points=30, path=tmp_path / "boundary.png")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["class 0", "class 1", "class 2"]
    assert (tmp_path / "boundary.png").stat().st_size > 1000
    with pytest.raises(ag.ShapeError, match=r"\(n, 2\)"):
        ag.viz.plot_decision_boundary(net, x[:, :1], labels)
    with pytest.raises(ValueError, match="7 classes"):
        ag.viz.plot_decision_boundary(net, x, np.arange(60) % 7)
    values = {"a": x, "b": ag.Tensor([np.nan, 1.0, 2.0]), "c": np.zeros(5)}
    ax = ag.viz.plot_histograms(values)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [x.mean(), 1.5, 0.0])
    assert "1 not finite" in [text.get_text() for text in ax.texts]
    with pytest.raises(ValueError, match="no finite element"):
        ag.viz.plot_histograms({"a": np.array([np.nan])})


def test_plots_use_the_axes_that_they_are_given(rng):
    pytest.importorskip("matplotlib")
    first, second = ag.viz.axes(2)
    assert ag.viz.plot_histograms({"a": np.arange(3.0)}, ax=first) is first
    assert ag.viz.plot_loss_surface(lambda x: (x**2).sum(), np.ones(2), points=3, rng=rng, ax=second) is second
    assert first.figure is second.figure


def test_distributions_over_depth_are_of_the_right_arrays():
    pytest.importorskip("matplotlib")
    net = nn.Sequential(nn.Linear(3, 4, dtype=float), nn.Tanh(), nn.Linear(4, 2, dtype=float))
    x = np.random.default_rng(0).normal(size=(7, 3))
    activations, gradients = nn.diagnostics.plot_distributions(net, x, lambda y: (y**2).mean())
    report = nn.diagnostics.depth_statistics(net, x, lambda y: (y**2).mean())
    np.testing.assert_allclose(activations.lines[0].get_ydata(), report["mean"])
    assert len(gradients.lines[0].get_ydata()) == 3


# The command


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "drawn_net.py").write_text(
        "import numpy as np, nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        self.conv, self.out = nn.Conv2d(1, 2, 3), nn.Linear(2 * 26 * 26, 10)\n"
        "    def forward(self, x):\n"
        "        return self.out(np.tanh(self.conv(x)).reshape(len(x), -1))\n"
        "net = Net()\n"
        "embedding = nn.Embedding(2, 3)\n"
        "def f(a, b):\n"
        "    return np.sin(a) * b\n"
        "def made():\n"
        "    import autograd_core as ag\n"
        "    return ag.Tensor(1.0, requires_grad=True) * 2.0\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["drawn_net:Net", "--input", "1,28,28"], "conv: Conv2d"),  # one sample
        (["drawn_net:net", "--input", "4,1,28,28", "--collapse", "none", "--direction", "TB"], "tanh"),
        (["drawn_net:f", "--input", "3", "--input", "number"], "sin"),
        (["drawn_net:embedding", "--input", "4:int"], "Embedding"),
        (["drawn_net:made"], "2 × x"),
    ],
)
def test_command_draws(project, capsys, arguments, expected):
    assert main(["draw", *arguments, "-o", "net.svg"]) == 0
    assert "written to net.svg" in capsys.readouterr().out
    assert expected in (project / "net.svg").read_text(encoding="utf-8") or expected == "2 × x"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["drawn_net"], "MODULE:NAME"),
        (["no_such_module:net"], "no module named 'no_such_module'"),
        (["drawn_net:missing"], "has no 'missing'"),
        (["drawn_net:net"], "--input SHAPE"),
        (["drawn_net:net", "--input", "a,b"], "is a shape such as"),
        (["drawn_net:net", "--input", "1,2:bool"], "int or float"),
        (["drawn_net:f", "--input", "3", "--input", "4"], "cannot be computed"),
        (["drawn_net:net", "--input", "1,28,28", "--collapse", "all"], "--collapse"),
        (["drawn_net:net", "--input", "1,28,28", "-o", "net.bmp"], "net.bmp"),
    ],
)
def test_command_explains_its_errors(project, capsys, arguments, message):
    assert main(["draw", *arguments]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("no_dot")
def test_names_that_no_file_can_hold_are_mended(tmp_path):
    x = leaf([1.0, 2.0], "a\x00\x07\x1b\ud800\uffff & <b> ]]> \\N")
    drawing = ag.viz.draw((x * x).sum())
    for ending in ("svg", "html", "dot"):
        text = drawing.save(tmp_path / f"graph.{ending}").read_text(encoding="utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\uffff]", text)
    titles = [t.text for t in ET.fromstring(drawing.svg).iter(f"{SVG}title")]  # noqa: S314  our own output
    assert any("a\ufffd\ufffd\ufffd\ufffd\ufffd & <b> ]]>" in title for title in titles)
    assert "\x00" not in str(ag.viz.explain((x * x).sum()))
    net = nn.Sequential()
    setattr(net, "a\x00\ud800", nn.Linear(2, 2))
    for drawing in (
        ag.viz.draw(net, inputs=np.ones(2)),
        ag.viz.draw(net(x), names=net),
        ag.viz.draw(net(x), names={"a\x00.x": x}),
    ):
        assert drawing.save(tmp_path / "graph.html").exists()
        assert ET.fromstring(drawing.svg) is not None  # noqa: S314  our own output


def test_values_that_are_not_finite_are_red():
    x = leaf([-1.0, 4.0], "x")
    with np.errstate(all="ignore"):
        y = np.sqrt(x) * 0.0 + 1.0
    drawing = ag.viz.draw(y, show=("value",))
    nodes = [line for line in drawing.dot.splitlines() if "#ffcccc" in line and "->" not in line]
    assert len(nodes) == 4  # sqrt, multiply, add and the output; not x
    assert "NaN or inf" in drawing.svg
    assert '"look":"bad"' in drawing.html
    mask = np.array([0.0, -np.inf])
    with ag.viz.trace():
        masked = ag.viz.draw(np.exp(leaf([1.0, 2.0], "x") + mask), show=("value",))
    [constant] = [line for line in masked.dot.splitlines() if "class=constant" in line]
    assert "#ffcccc" not in constant


def test_a_double_border_means_a_shared_parameter():
    x, w = leaf([1.0, 2.0], "x"), nn.Parameter([1.0, 2.0], name="w")
    assert "peripheries" not in ag.viz.draw(x * x).dot
    drawing = ag.viz.draw(w * w)
    assert "peripheries" in drawing.dot
    assert ">shared<" in drawing.svg


def test_boxes_are_as_wide_as_their_text():
    x = leaf(1.0, "W" * 30)
    svg = ag.viz.draw(x * 2.0).svg
    assert set(re.findall(r'font-family="([^"]*)"', svg)) == {"Helvetica,Arial,sans-serif"}
    points = re.search(r'<polygon[^>]*stroke="#00805f"[^>]*points="([^"]*)"', svg)[1]
    across = [float(point.split(",")[0]) for point in points.split()]
    assert max(across) - min(across) > 30 * 12 * 0.94  # the width of W in Helvetica, at 12 points


def test_endings_in_capitals(tmp_path):
    x = leaf(1.0, "x")
    assert ag.viz.draw(x * x, max_nodes=np.int64(5)).save(tmp_path / "GRAPH.SVG").read_text(encoding="utf-8").startswith("<svg")


def test_a_deleted_input_keeps_the_value_that_an_op_has_kept():
    drawing = ag.viz.draw(leaf([1.0, 2.0], "x") * np.array([3.0, 4.0]))
    assert vertex(drawing, "(freed)").summary is None  # the rule of a product does not read this factor
    drawing = ag.viz.draw(np.sin(leaf([1.0, 2.0], "x")))
    assert vertex(drawing, "(freed)").summary.values == [1.0, 2.0]


@pytest.mark.usefixtures("no_dot")
def test_a_picture_says_why_gradients_are_missing():
    x = leaf([1.0, 2.0], "x")
    y = (x * x).sum()
    assert "missing" not in ag.viz.draw(y).svg
    y.backward()
    said = " ".join(t.text for t in ET.fromstring(ag.viz.draw(y).svg).iter(f"{SVG}text"))  # noqa: S314  our own output
    assert "Gradients of operations are missing: the graph was freed by backward(): pass retain_graph=True" in said
    assert "missing" not in ag.viz.draw(y, show=("value",)).svg
