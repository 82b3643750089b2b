"""Recurrent layers: with and without initial states, and with sequences of different lengths."""

from .base import LayerSpec, normal

OPTIONS = [
    {},
    {"bias": False},
    {"num_layers": 2, "bidirectional": True},
    {"bidirectional": True, "batch_first": True, "bias": False},
]
LENGTHS = [3, 1, 4, 4]


def _packed(module, x, *states):
    """PyTorch's way of lengths: pack, run, unpack."""
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    packed = pack_padded_sequence(x, LENGTHS, batch_first=module.batch_first, enforce_sorted=False)
    y, last = module(packed, *states)
    return pad_packed_sequence(y, batch_first=module.batch_first, total_length=4)[0], last


def _sequences(name, states, inputs=(4, 4, 2), **more):
    """Rows of a layer: plain, and with lengths."""
    pair = states > 1
    options = [dict(option) for option in OPTIONS]

    def given(rng, leading):
        return [rng.normal(size=inputs), *(rng.normal(size=(leading, 4, 3)) for _ in range(states))]

    def call(module, x, *first):
        return module(x) if not first else module(x, first if pair else first[0])

    def call_lengths(module, x, *first):
        return module(x, (first if pair else first[0]) if first else None, lengths=LENGTHS)

    def call_packed(module, x, *first):
        return _packed(module, x, *([first if pair else first[0]] if first else []))

    return [
        LayerSpec(name, (2, 3), [normal((4, 4, 2)), normal((3, 2))], options=[*options, *more.get("extra", [])], call=call),
        LayerSpec(name, (2, 3), [normal((4, 4, 2))], options=options, call=call_lengths, torch_call=call_packed),
        *(
            LayerSpec(
                name,
                (2, 3),
                [lambda rng, leading=leading: given(rng, leading)],
                options=[option],
                call=c,
                torch_call=tc,
            )
            for leading, option in ((1, {}), (4, {"num_layers": 2, "bidirectional": True}))
            for c, tc in ((call, call), (call_lengths, call_packed))
        ),
    ]


def _cell(name, states, **options):
    def call(module, x, *first):
        return module(x) if not first else module(x, first if states > 1 else first[0])

    shapes = [[(4, 2)], [(4, 2), *[(4, 3)] * states], [(2,)], [(2,), *[(3,)] * states]]
    return LayerSpec(name, (2, 3), [normal(*group) for group in shapes], {"bias": [True, False], **options}, call=call)


RELU = [{"nonlinearity": "relu"}]
ROWS = [
    *_sequences("RNN", 1, extra=RELU),
    *_sequences("LSTM", 2),
    *_sequences("GRU", 1),
    _cell("RNNCell", 1, nonlinearity=["tanh", "relu"]),
    _cell("LSTMCell", 2),
    _cell("GRUCell", 1),
]
