"""Exporting and running what was exported."""

import numpy as np
import pytest

import autograd_core as ag
import nn

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

W = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


def evaluated(path, *inputs):
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([i.name for i in session.get_inputs()], inputs, strict=True)))


def arrays(result):
    return [x.numpy() if isinstance(x, ag.Tensor) else np.asarray(x) for x in ag.tree.flatten(result)[0]]


def agrees(f, inputs, path, *others, tolerance=1e-5, **options):
    """Export on these inputs; on these and others onnxruntime has to give what f gives: relative above 1, absolute below."""
    ag.export_onnx(f, inputs, path, **options)
    f = f.eval() if isinstance(f, nn.Module) else f
    for given in (inputs, *others):
        given = given if isinstance(given, tuple) else (given,)
        expected = arrays(f(*given))
        found = evaluated(path, *ag.tree.flatten(given)[0])
        for y, e in zip(found, expected, strict=True):
            assert (y.shape, y.dtype) == (e.shape, e.dtype)
            np.testing.assert_allclose(y, e, rtol=tolerance / 2, atol=tolerance / 2)
    return onnx.load(str(path))
