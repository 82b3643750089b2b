"""One row per function: what it is called with, and at which points its derivative is known exactly.

`test_ops.py` puts every row through the same tests, and fails when an op or a public function has no row.
"""

from .activations import ACTIVATIONS
from .attention import ATTENTION
from .base import Spec, numbers, raw
from .elementwise import ELEMENTWISE
from .fft import FFT
from .indexing import INDEXING
from .linalg import LINALG
from .normalization import NORMALIZATION
from .products import PRODUCTS
from .recurrent import RECURRENT
from .reductions import REDUCTIONS, SCANS
from .shapes import SHAPES
from .special import SPECIAL
from .windows import WINDOWS

__all__ = ["SPECS", "Spec", "numbers", "raw"]

SPECS: list[Spec] = [
    *ELEMENTWISE,
    *REDUCTIONS,
    *SCANS,
    *SPECIAL,
    *SHAPES,
    *INDEXING,
    *PRODUCTS,
    *LINALG,
    *FFT,
    *WINDOWS,
    *ACTIVATIONS,
    *ATTENTION,
    *NORMALIZATION,
    *RECURRENT,
]
