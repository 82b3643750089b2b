"""Every public name has a docstring with an example, and every example is run."""

import doctest
import importlib
import inspect
import pkgutil
import sys
import types

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
            if not (inspect.isroutine(value) or inspect.isclass(value)) or id(value) in seen:
                continue
            seen.add(id(value))
            found.append((f"{module.__name__}.{name}", value))
    return found


THINGS = public_things()


def test_a_public_name_is_listed_once():
    for module in public_modules().values():
        assert len(set(module.__all__)) == len(module.__all__), module.__name__


def collected_by_pytest():
    """The docstrings that `--doctest-modules` finds by itself: not those of functions that other modules make."""
    found = set()
    for package in (ag, nn, optim):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                for test in doctest.DocTestFinder().find(importlib.import_module(module.name)):
                    found.add(test.docstring)
    return found


@pytest.mark.parametrize(("name", "thing"), THINGS, ids=[name for name, _ in THINGS])
def test_every_public_name_has_a_docstring_with_an_example(name, thing):
    text = inspect.getdoc(thing)
    assert text, f"{name} has no docstring"
    assert ">>>" in text, f"the docstring of {name} has no example"


def members_of_classes():
    for name, thing in THINGS:
        if inspect.isclass(thing) and thing.__module__.startswith(("autograd_core", "nn", "optim")):
            for member, value in vars(thing).items():
                if not member.startswith("_") and (inspect.isroutine(value) or isinstance(value, property)):
                    yield f"{name}.{member}", value


@pytest.mark.parametrize(("name", "member"), list(members_of_classes()))
def test_every_public_member_of_a_class_has_a_docstring(name, member):
    assert inspect.getdoc(member), f"{name} has no docstring"


def test_the_examples_that_pytest_does_not_find_by_itself_are_true():
    """Functions that a decorator or a row has made belong to the module of their maker, and are skipped there."""
    done = collected_by_pytest()
    own = [(name, thing) for name, thing in THINGS if not str(thing.__module__).startswith("numpy")]  # fftfreq is NumPy's
    rest = [(name, thing) for name, thing in own if thing.__doc__ not in done]
    assert len(rest) > 50  # the rows, and what `derived` decorates
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    for name, thing in rest:
        home = sys.modules.get(getattr(inspect.unwrap(thing), "__module__", ""), ag)
        (test, *_) = doctest.DocTestFinder(recurse=False).find(thing, name, globs=dict(vars(home)))
        failures, attempted = runner.run(test)
        assert attempted > 0, name
        assert failures == 0, f"the example of {name}; what is different stands above"
