"""The rows: one file per family. What they define is public as `autograd_core.<name>`."""

from . import (
    activations,
    attention,
    convolution,
    elementwise,
    indexing,
    joining,
    neural,
    normalization,
    products,
    recurrent,
    reductions,
    rounding,
    scans,
    shapes,
    special,
    windows,
)
from .activations import *  # noqa: F403
from .attention import *  # noqa: F403
from .convolution import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .examples import add_examples as _add_examples
from .indexing import *  # noqa: F403
from .joining import *  # noqa: F403
from .neural import *  # noqa: F403
from .normalization import *  # noqa: F403
from .products import *  # noqa: F403
from .recurrent import *  # noqa: F403
from .reductions import *  # noqa: F403
from .rounding import *  # noqa: F403
from .scans import *  # noqa: F403
from .shapes import *  # noqa: F403
from .special import *  # noqa: F403
from .windows import *  # noqa: F403

__all__ = [  # noqa: PLE0604  each family names its own
    *activations.__all__,
    *attention.__all__,
    *convolution.__all__,
    *elementwise.__all__,
    *products.__all__,
    *indexing.__all__,
    *joining.__all__,
    *neural.__all__,
    *normalization.__all__,
    *recurrent.__all__,
    *reductions.__all__,
    *rounding.__all__,
    *scans.__all__,
    *shapes.__all__,
    *special.__all__,
    *windows.__all__,
]

_add_examples(globals()[_name] for _name in __all__)
