"""Layers, losses and initializers on the engine of `autograd_core`; no layer contains a derivative."""

from . import activations, containers, functional, init, linear, losses, module
from .activations import *  # noqa: F403
from .containers import *  # noqa: F403
from .linear import *  # noqa: F403
from .losses import *  # noqa: F403
from .module import *  # noqa: F403

__all__ = [  # noqa: PLE0604  each family names its own; functions of lower case are in nn.functional
    "functional",
    "init",
    "substituted",  # noqa: F405
    *[name for family in (activations, containers, linear, losses, module) for name in family.__all__ if name[0].isupper()],
]
