"""Layers, losses and initializers on the engine of `autograd_core`; no layer contains a derivative."""

from . import activations, containers, convolution, functional, init, linear, losses, module, padding, pooling
from .activations import *  # noqa: F403
from .containers import *  # noqa: F403
from .convolution import *  # noqa: F403
from .linear import *  # noqa: F403
from .losses import *  # noqa: F403
from .module import *  # noqa: F403
from .padding import *  # noqa: F403
from .pooling import *  # noqa: F403

_FAMILIES = (activations, containers, convolution, linear, losses, module, padding, pooling)

__all__ = [  # noqa: PLE0604  each family names its own; functions of lower case are in nn.functional
    "functional",
    "init",
    "substituted",  # noqa: F405
    *[name for family in _FAMILIES for name in family.__all__ if name[0].isupper()],
]
