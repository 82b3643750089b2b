"""JAX with the whole step compiled."""

import jax
import jax.numpy as jnp

from benchmarks.workloads import CHAIN, LR, chain_inputs, mlp_data

jax.config.update("jax_enable_x64", True)


def chain(name):
    x0, w0 = map(jnp.asarray, chain_inputs(name))

    def forward(x, w):
        for _ in range(CHAIN):
            x = jnp.tanh(x * w) + x
        return x.sum()

    step = jax.jit(forward if name == "chain_0d_forward" else jax.value_and_grad(forward, argnums=(0, 1)))

    def run():
        return float(jax.tree.leaves(jax.block_until_ready(step(x0, w0)))[0])

    return run


def mlp(name):
    layers, x, labels = mlp_data(name)
    params = [(jnp.asarray(w), jnp.asarray(b)) for w, b in layers]
    x, labels = jnp.asarray(x), jnp.asarray(labels)

    def loss_of(params):
        h = x
        for i, (w, b) in enumerate(params):
            h = h @ w.T + b
            if i + 1 < len(params):
                h = jax.nn.relu(h)
        picked = jnp.take_along_axis(jax.nn.log_softmax(h), labels[:, None], axis=1)
        return -picked.mean()

    def update(p, g, m, v, t):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        step = LR / (1 - 0.9**t) * m / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return (p - step).astype(p.dtype), m.astype(p.dtype), v.astype(p.dtype)

    @jax.jit
    def step(params, m, v, t):
        loss, g = jax.value_and_grad(loss_of)(params)
        moved = jax.tree.map(lambda *a: update(*a, t), params, g, m, v)
        pick = lambda i: jax.tree.map(lambda a: a[i], moved, is_leaf=lambda a: isinstance(a, tuple) and len(a) == 3)
        return loss, pick(0), pick(1), pick(2)

    zeros = jax.tree.map(jnp.zeros_like, params)
    state = [params, zeros, zeros, 0]

    def run():
        state[3] += 1
        loss, *state[:3] = jax.block_until_ready(step(*state[:3], float(state[3])))
        return float(loss)

    return run
