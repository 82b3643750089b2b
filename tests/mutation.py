"""Break every rule of every op in turn, and see whether the op tests notice: `python -m tests.mutation` (`make mutation`).

Four mutations: the sign turned, a factor of 1.001, an offset of 0.001, and the first axis longer than one turned round
(as a wrong axis or a transposed Jacobian would do). A mutant that returns just what the rule returns, in all calls of all
rows, cannot be told from it (the negative of 0, the axis of a scalar); it is counted as equivalent.
"""

from __future__ import annotations

import collections
import functools
import sys
import warnings

import numpy as np

import autograd_core as ag
from autograd_core.graph import topological_order
from autograd_core.record import OPS
from tests import test_ops as suite
from tests.specs import SPECS

TESTS = [
    suite.test_gradients_of_order_1_and_2_agree_with_differences,
    suite.test_special_points,
    suite.test_forward_mode_agrees_with_reverse_mode,
    suite.test_each_argument_alone_gets_the_same_gradient,
]


def turned(c):
    axis = next((i for i, n in enumerate(np.shape(c)) if n > 1), None)
    return c if axis is None else c[(slice(None),) * axis + (slice(None, None, -1),)]


MUTATIONS = {"sign": lambda c: -c, "factor": lambda c: c * 1.001, "offset": lambda c: c + 0.001, "axis": turned}


def rows_by_op():
    """Which spec rows record which op, forwards or in a gradient."""
    found = collections.defaultdict(list)
    for spec in SPECS:
        names = set()
        for args in suite.cases(spec):
            f, point = suite.of_floats(spec, args)
            leaves = suite.tracked(point)
            y = f(*leaves)
            first = ag.gradients(y, leaves, [suite.cotangent_like(y, np.random.default_rng(0))], create_graph=True)
            nodes = [t._node for t in (y, *first) if t._node is not None]
            names |= {node.op.name for node in topological_order(nodes) if node.op is not None}
        for name in names:
            found[name].append(spec)
    # a row that is about the op comes first: it is the quickest to notice
    return {name: sorted(specs, key=lambda s: not s.name.startswith(name)) for name, specs in found.items()}


def survives(specs):
    """Whether no test of these rows fails."""
    for spec in specs:
        for test in TESTS:
            try:
                getattr(test, "__wrapped__", test)(spec)
            except Exception:  # noqa: BLE001  however it shows
                return False
    return True


def mutated(rule, mutation, changed):
    @functools.wraps(rule)
    def call(*args):
        c = rule(*args)
        m = mutation(c)
        plain, other = np.asarray(suite.raw(c)), np.asarray(suite.raw(m))
        if plain.shape != other.shape or not np.array_equal(plain, other, equal_nan=True):
            changed.append(True)
        return m

    return call


def main():
    warnings.simplefilter("ignore")
    killed, equivalent, alive = 0, 0, []
    wanted = sys.argv[1:]
    for name, specs in sorted(rows_by_op().items()):
        op = OPS[name]
        if wanted and name not in wanted:
            continue
        for k in range(1 if op.variadic else len(op.rules)):
            original = op.rules.rule if op.variadic else op.rules[k]
            if original is None:
                continue
            for kind, mutation in MUTATIONS.items():
                changed: list[bool] = []
                mutant = mutated(original, mutation, changed)
                before = op.rules
                if op.variadic:
                    op.rules.rule = mutant
                else:
                    op.rules = (*op.rules[:k], mutant, *op.rules[k + 1 :])
                try:
                    lives = survives(specs)
                finally:
                    op.rules = before
                    if op.variadic:
                        op.rules.rule = original
                if not lives:
                    killed += 1
                elif changed:
                    alive.append(f"{name}, rule {k}: {kind}")
                else:
                    equivalent += 1
    total = killed + len(alive)
    print(f"{total} mutants of {len(OPS)} ops: {killed} killed, {len(alive)} alive ({equivalent} equivalent not counted)")
    print(f"score {killed / max(total, 1):.1%}")
    for line in alive:
        print("alive:", line)
    return bool(alive)


if __name__ == "__main__":
    sys.exit(main())
