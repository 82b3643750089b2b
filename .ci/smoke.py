"""Run against the installed wheel, with nothing but NumPy: a network learns, and the version is there."""

from pathlib import Path

import numpy as np

import autograd_core as ag
import nn
import optim

ag.manual_seed(0)
x = ag.default_rng().normal(size=(256, 2)).astype(np.float32)
labels = (x[:, 0] * x[:, 1] > 0).astype(int)
net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))
adam = optim.Adam(net.parameters(), lr=0.02)
for _ in range(300):
    loss = nn.functional.cross_entropy(net(x), labels)
    adam.zero_grad()
    loss.backward()
    adam.step()
with ag.no_grad():
    accuracy = float(np.mean(net(x).argmax(axis=1) == labels))
assert accuracy > 0.95, accuracy
assert ag.check.gradcheck(np.tanh, np.ones(3), order=2)
assert ag.__version__
try:
    ag.viz.draw(loss)
    raise SystemExit("graphviz is not part of the core, and yet a picture was drawn")
except ag.MissingExtraError as error:
    print(f"without the viz extra: {error}")
print(ag.viz.explain(nn.functional.cross_entropy(net(x), labels), max_nodes=1000).text.splitlines()[-1])
assert {"page.css", "page.html", "page.js"} <= {path.name for path in Path(ag.viz.__file__).parent.iterdir()}
print(f"wheel smoke test: autograd_core {ag.__version__} learned, accuracy {accuracy:.1%}")
