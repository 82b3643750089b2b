"""JAX with the whole step compiled."""

from functools import partial

import jax
import jax.numpy as jnp

from benchmarks import workloads
from benchmarks.workloads import BLOCKS, DECAY, HEADS, LR, STATES

one_hot, log_softmax, sigmoid = jax.nn.one_hot, jax.nn.log_softmax, jax.nn.sigmoid


def compiled_chain(workload, forward):
    jax.config.update("jax_enable_x64", True)  # chains are in float64
    x0, w0 = map(jnp.asarray, workloads.chain_inputs(workload))
    step = jax.jit(jax.value_and_grad(forward, argnums=(0, 1)) if workload.size.backward else forward)
    return lambda: float(jax.tree.leaves(jax.block_until_ready(step(x0, w0)))[0])


def chain(workload):
    def forward(x, w):
        for _ in range(workload.size.links):
            x = jnp.tanh(x * w) + x
        return x.sum()

    return compiled_chain(workload, forward)


def deep_chain(workload):
    def forward(x, w):  # a loop: so many operations cannot be compiled one by one
        return jax.lax.scan(lambda x, _: (jnp.tanh(x * w) + x, None), x, length=workload.size.links)[0]

    return compiled_chain(workload, forward)


def arrays(found):
    return jax.tree.map(jnp.asarray, found)


def cross_entropy(scores, labels):
    return -jnp.take_along_axis(log_softmax(scores), labels[..., None], axis=-1).mean()


def adam(p, g, m, v, t, decay):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return p - LR * decay * p - LR / (1 - 0.9**t) * m / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def train(workload, net, loss_of=cross_entropy, decay=0.0):
    params = arrays(workloads.weights(workload))
    x, target = map(jnp.asarray, workloads.inputs(workload))

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(params, m, v, t):
        loss, grads = jax.value_and_grad(lambda params: loss_of(net(params, x), target))(params)
        moved = {k: adam(p, grads[k], m[k], v[k], t, decay) for k, p in params.items()}
        return loss, *({k: new[part] for k, new in moved.items()} for part in range(3))

    state, t = [params, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)], 0

    def run():
        nonlocal t, state
        t += 1
        loss, *state = jax.block_until_ready(step(*state, float(t)))
        return float(loss)

    return run


def linear(p, name, x):
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def perceptron(p, x):
    for k in range(0, len(p), 2):
        x = linear(p, str(k), jax.nn.relu(x) if k else x)
    return x


def mlp(workload):
    return train(workload, perceptron)


def cnn(workload):
    def conv(p, name, x, padding):
        layout = ("NCHW", "OIHW", "NCHW")
        y = jax.lax.conv_general_dilated(x, p[f"{name}.weight"], (1, 1), [padding, padding], dimension_numbers=layout)
        y = jax.nn.relu(y + p[f"{name}.bias"][:, None, None])
        return jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def net(p, x):
        x = conv(p, "3", conv(p, "0", x, (2, 2)), (0, 0)).reshape(len(x), -1)
        return linear(p, "11", jax.nn.relu(linear(p, "9", jax.nn.relu(linear(p, "7", x)))))

    return train(workload, net)


def gpt(workload):
    def norm(p, name, x):
        c = x - x.mean(-1, keepdims=True)
        return c * jax.lax.rsqrt((c * c).mean(-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

    def attend(p, name, x):
        n, t, _ = x.shape
        qkv = x @ p[f"{name}.in_proj_weight"].T + p[f"{name}.in_proj_bias"]
        q, k, v = jnp.moveaxis(qkv.reshape(n, t, 3, HEADS, -1), 2, 0)
        return linear(p, f"{name}.out_proj", jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(n, t, STATES))

    def net(p, tokens):
        x = p["embedding.weight"][tokens] + p["positions"]
        for k in range(BLOCKS):
            block = f"blocks.layers.{k}"
            x = x + attend(p, f"{block}.self_attn", norm(p, f"{block}.norm1", x))
            h = jax.nn.gelu(linear(p, f"{block}.linear1", norm(p, f"{block}.norm2", x)), approximate=False)
            x = x + linear(p, f"{block}.linear2", h)
        return linear(p, "head", norm(p, "blocks.norm", x))

    return train(workload, net, decay=DECAY)


def lstm(workload):
    def net(p, x):
        a = x @ p["lstm.weight_ih_l0"].T + p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"]

        def step(states, a):
            h, c = states
            i, f, g, o = jnp.split(a + h @ p["lstm.weight_hh_l0"].T, 4, axis=-1)
            c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
            return (sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((x.shape[1], STATES), x.dtype)
        return linear(p, "head", jax.lax.scan(step, (zeros, zeros), a)[0][0])

    return train(workload, net)


def logistic(workload):
    params = arrays(workloads.weights(workload))
    x, target = map(jnp.asarray, workloads.inputs(workload))

    def loss_of(p):
        z = linear(p, "0", x)
        return (jax.nn.softplus(z) - target * z).mean()

    @jax.jit
    def step(params):
        loss, grads = jax.value_and_grad(loss_of)(params)
        return loss, jax.tree.map(lambda p, g: p - LR * g, params, grads)

    def run():
        nonlocal params
        loss, params = jax.block_until_ready(step(params))
        return float(loss)

    return run


def gradient(workload):
    params = arrays(workloads.weights(workload))
    x, labels = map(jnp.asarray, workloads.inputs(workload))
    step = jax.jit(jax.grad(lambda p: cross_entropy(perceptron(p, x), labels)))
    return lambda: list(jax.block_until_ready(step(params)).values())


def hvp(workload):
    params, v = arrays(workloads.weights(workload)), arrays(workloads.direction(workload))
    x, labels = map(jnp.asarray, workloads.inputs(workload))
    slope = jax.grad(lambda p: cross_entropy(perceptron(p, x), labels))
    step = jax.jit(lambda p, v: jax.jvp(slope, (p,), (v,))[1])
    return lambda: list(jax.block_until_ready(step(params, v)).values())
