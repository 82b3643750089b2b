"""Arrays of another library: every op, layer, loss and optimizer on ducks, against the same on NumPy arrays."""

import numpy as np
import pytest

import autograd_core as ag
from tests.specs import SPECS
from tests.test_ops import cases, is_real
from tests.test_ops import cotangent_like as drawn

from .duck import Duck


def cotangent_like(x, rng):
    return np.asarray(drawn(x, rng))


def moved(x):
    """An array on the device; numbers that rows take as options stay on the host."""
    return Duck(x.copy()) if isinstance(x, np.ndarray) and (x.ndim or x.dtype.kind in "fc") else x


def plain(x):
    """A result on the host."""
    x = x.data if isinstance(x, ag.Tensor) else x
    assert isinstance(x, Duck), type(x)
    return x.get()


def run(spec, args, to):
    """Value, gradients, gradients of gradients and a tangent of a row's function, with arguments moved by `to`."""
    which = [k for k, x in enumerate(args) if is_real(x)]
    rng = np.random.default_rng(1)
    given = [to(x) for x in args]
    leaves = {k: ag.Tensor(given[k], requires_grad=True) for k in which}
    f = lambda values: spec.f(*[values.get(k, x) for k, x in enumerate(given)])
    y = f(leaves)
    assert isinstance(y, ag.Tensor)
    found = [y]
    g = cotangent_like(np.empty(y.shape, y.dtype), rng)
    y.backward(to(g))
    found += [leaves[k].grad for k in which]
    first = ag.gradients(f(leaves), [*leaves.values()], [to(g)], create_graph=True, allow_unused=True)
    dependent = [h for h in first if h is not None and h.requires_grad]
    if dependent:
        weights = [to(cotangent_like(np.empty(h.shape, h.dtype), rng)) for h in dependent]
        found += ag.gradients(dependent, [*leaves.values()], weights, allow_unused=True)
    tangents = tuple(to(cotangent_like(np.asarray(args[k]), rng)) for k in which)
    found += ag.jvp(lambda *values: f(dict(zip(which, values, strict=True))), tuple(given[k] for k in which), tangents)
    return found


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_op_on_other_arrays_gives_what_it_gives_on_numpy_arrays(spec):
    for args in cases(spec):
        expected = run(spec, args, lambda x: x)
        found = run(spec, args, moved)
        for ours, theirs in zip(found, expected, strict=True):
            assert (ours is None) == (theirs is None)
            if ours is not None:
                theirs = theirs.numpy() if isinstance(theirs, ag.Tensor) else theirs
                assert ours.dtype == theirs.dtype
                largest = np.abs(theirs).max(initial=1.0, where=np.isfinite(theirs))
                np.testing.assert_allclose(plain(ours), theirs, rtol=1e-12, atol=1e-12 * largest)
