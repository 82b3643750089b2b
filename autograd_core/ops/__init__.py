"""The rows: one file per family. What they define is public as `autograd_core.<name>`."""

from . import elementwise, indexing, joining, neural, products, reductions, rounding, scans, shapes, special, windows
from .elementwise import *  # noqa: F403
from .indexing import *  # noqa: F403
from .joining import *  # noqa: F403
from .neural import *  # noqa: F403
from .products import *  # noqa: F403
from .reductions import *  # noqa: F403
from .rounding import *  # noqa: F403
from .scans import *  # noqa: F403
from .shapes import *  # noqa: F403
from .special import *  # noqa: F403
from .windows import *  # noqa: F403

__all__ = [  # noqa: PLE0604  each family names its own
    *elementwise.__all__,
    *products.__all__,
    *indexing.__all__,
    *joining.__all__,
    *neural.__all__,
    *reductions.__all__,
    *rounding.__all__,
    *scans.__all__,
    *shapes.__all__,
    *special.__all__,
    *windows.__all__,
]
