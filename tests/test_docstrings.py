"""Every public name has a docstring with an example, and every example is run."""

import doctest
import importlib
import inspect
import types
import warnings

import pytest

import autograd_core as ag
import nn
import optim


def public_modules():
    """The packages and the public modules in them, however deep: found through `__all__`, so that a new one is seen."""
    found = {}
    waiting = [ag, nn, optim]
    while waiting:
        module = waiting.pop()
        if module.__name__ not in found:
            found[module.__name__] = module
            waiting += [value for _, value in members(module) if isinstance(value, types.ModuleType)]
    return found


def members(module):
    return [(name, getattr(module, name)) for name in module.__all__]


def public_things():
    """(qualified name, thing) for each function and class that is public, once, under its first name."""
    seen, found = set(), []
    for module in public_modules().values():
        for name, value in members(module):
            if isinstance(value, types.ModuleType) or not hasattr(value, "__doc__") or id(value) in seen:
                continue
            seen.add(id(value))
            found.append((f"{module.__name__}.{name}", value))
    return found
