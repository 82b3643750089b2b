"""Property testing of gradients with hypothesis: strategies that draw inputs, and assertions over what they draw.

    def test_my_op():
        ag.testing.assert_gradients(my_op, ag.testing.arrays(positive=True))

Shapes, widths, memory layouts and values are drawn; what fails is reduced to a small input before it is shown.
"""

from ..extras import need

need("hypothesis", "test")  # says which extra brings it, before the imports below fail

from .assertions import assert_gradients, complex_step  # noqa: E402
from .circuit import Circuit, circuits  # noqa: E402
from .strategies import (  # noqa: E402
    arrays,
    cotangents,
    indices,
    mutually_broadcastable,
    shapes,
    spd,
    tensors,
    well_conditioned,
)

__all__ = [
    "Circuit",
    "arrays",
    "assert_gradients",
    "circuits",
    "complex_step",
    "cotangents",
    "indices",
    "mutually_broadcastable",
    "shapes",
    "spd",
    "tensors",
    "well_conditioned",
]
