"""Every op of the engine as ONNX: what the spec rows compute, onnxruntime computes from the exported file."""

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.record import OPS, module_of
from tests.specs import SPECS, raw

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from autograd_core.onnx.build import ROWS  # noqa: E402
from autograd_core.onnx.refused import NOT_EXPORTED  # noqa: E402

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}

# Spec rows that are refused although their ops have forms: what they compute is not part of a graph.
ORDER = "the order of the values is not recorded"
VALUES = "plain NumPy looks at the values"
FORM = "no form of this argument is written"
QUANTILES = ("quantile", "nanquantile", "percentile", "nanpercentile", "median", "nanmedian", "pad_median")
METHODS = ("lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased", "interpolated_inverted_cdf")
REFUSED = {
    **dict.fromkeys(["sort", "partition", "median_all", *QUANTILES, *(f"quantile_{m}" for m in METHODS)], ORDER),
    **dict.fromkeys(["where", "interp", "interp_period", "unwrap", "piecewise", "piecewise_rest"], VALUES),
    **dict.fromkeys(["getitem_true", "sliding_window_view_twice"], FORM),
}


def session(path):
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


# onnxruntime's CPU has no kernels in double precision for these
SINGLE = {"Acos", "Asin", "Atan", "AveragePool", "Col2Im", "Conv", "ConvTranspose", "Cosh", "Det", "Erf", "Gelu", "Tan"}


def with_single_kernels(path):
    """The file with a cast to single precision before those nodes and one back behind them."""
    model = onnx.load(str(path))
    nodes = []
    for node in model.graph.node:
        if node.op_type in SINGLE:
            count = 1 if node.op_type == "Col2Im" else len(node.input)
            for k, name in enumerate(node.input[:count]):
                node.input[k] = f"{node.output[0]}/{k}"
                nodes.append(onnx.helper.make_node("Cast", [name], [node.input[k]], to=onnx.TensorProto.FLOAT))
            found, node.output[0] = node.output[0], f"{node.output[0]}/single"
            nodes += [node, onnx.helper.make_node("Cast", [node.output[0]], [found], to=onnx.TensorProto.DOUBLE)]
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(path))


def run(path, arrays, tolerance):
    """What onnxruntime gives, and how exact it is."""
    try:
        reader = session(path)
    except Exception as error:
        if type(error).__name__ != "NotImplemented":
            raise
        with_single_kernels(path)
        reader, tolerance = session(path), TOLERANCE[np.float32]
    return reader.run(None, dict(zip([i.name for i in reader.get_inputs()], arrays, strict=True))), tolerance


def cases(spec, dtype):
    """The function of the floats of each case, and these."""
    for args in spec.cases(np.random.default_rng(0)):
        args = [np.asarray(a) for a in args]
        floats = [a.dtype.kind == "f" for a in args]

        def f(*xs, args=args, floats=floats):
            xs = iter(xs)
            return spec.f(*[next(xs) if is_float else a for is_float, a in zip(floats, args, strict=True)])

        inputs = tuple(a.astype(dtype) for a in args if a.dtype.kind == "f")
        if inputs and all(x.size for x in inputs):  # onnxruntime ends the process at some arrays without elements
            yield f, inputs


def outputs(result):
    leaves = ag.tree.flatten(result)[0]
    return [np.asarray(raw(leaf)) for leaf in leaves]


def refusal(message):
    """Whether an error names an op on the list of those without a form, or complex numbers."""
    op = message.split("'")[1]
    return op in NOT_EXPORTED or "complex" in message


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_onnxruntime_gives_the_same(spec, dtype, tmp_path):
    refused = 0
    for f, inputs in cases(spec, dtype):
        try:
            path = ag.export_onnx(f, inputs, tmp_path / "f.onnx", batch_axis=None, verify=False)
        except ag.ExportError as error:
            if not (refusal(str(error)) or spec.name in REFUSED):
                raise
            refused += spec.name in REFUSED
            continue
        with np.errstate(all="ignore"):
            expected = outputs(f(*[ag.Tensor(x, requires_grad=True) for x in inputs]))
        found, tolerance = run(path, inputs, TOLERANCE[dtype])
        for y, e in zip(found, expected, strict=True):
            assert (y.shape, y.dtype) == (e.shape, e.dtype)
            np.testing.assert_allclose(y, e, rtol=tolerance, atol=tolerance)
    assert bool(refused) is (spec.name in REFUSED)


def engine_ops():
    return {name for name, op in OPS.items() if module_of(op).startswith("autograd_core")}


def test_every_row_of_an_op_is_written_by_some_spec(tmp_path, monkeypatch):
    """A row that no spec reaches would be tested by nothing."""
    written = set()
    for name, function in ROWS.items():
        monkeypatch.setitem(ROWS, name, lambda *args, _name=name, _row=function, **kw: written.add(_name) or _row(*args, **kw))
    for spec in SPECS:
        if spec.name not in REFUSED:
            for f, inputs in cases(spec, np.float32):
                try:
                    ag.export_onnx(f, inputs, tmp_path / "f.onnx", batch_axis=None, verify=False)
                except ag.ExportError:
                    break
    assert (ROWS.keys() & engine_ops()) - written == {"identity"}  # of nested transforms: see test_onnx.py


def test_every_op_has_a_row_or_a_reason():
    ours = engine_ops()
    assert ours - ROWS.keys() - NOT_EXPORTED.keys() == set()
    assert ROWS.keys() & NOT_EXPORTED.keys() == set()
    assert NOT_EXPORTED.keys() - ours == set()
    assert all(NOT_EXPORTED.values())
