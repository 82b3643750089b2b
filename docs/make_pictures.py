"""Write the images of docs/pictures.md and of the README: `make pictures`. Look at them before you commit them."""

import shutil
import tempfile
from pathlib import Path

import numpy as np

import autograd_core as ag
import nn
import optim

IMAGES = Path(__file__).parent / "images"


class Block(nn.Module):
    """A residual block."""

    def __init__(self, n: int) -> None:
        self.norm = nn.LayerNorm(n)
        self.inner = nn.Linear(n, n)

    def forward(self, x: ag.Tensor) -> ag.Tensor:
        """x of shape (batch, n)."""
        return x + np.tanh(self.inner(self.norm(x)))


def readme() -> None:
    """The first example."""
    w = ag.Tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True, name="w")
    x = ag.Tensor([0.5, 0.25], requires_grad=True, name="x")
    loss = np.tanh(w @ x).sum() + (x**2).mean()
    ag.viz.draw(loss).save(IMAGES / "graph.svg")


def design() -> None:
    """A product."""
    x = ag.Tensor(2.0, requires_grad=True, name="x")
    y = ag.Tensor(3.0, requires_grad=True, name="y")
    ag.viz.draw(x * y).save(IMAGES / "product.svg")


def graphs() -> None:
    """A model with repeated blocks, second order, and NaN."""
    ag.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), *[Block(4) for _ in range(12)], nn.Linear(4, 2))
    drawing = ag.viz.draw(net, inputs=np.ones((5, 3), np.float32))
    drawing.save(IMAGES / "residual.svg")
    x = ag.Tensor([1.0, 2.0], requires_grad=True, name="x")
    y = (x**3).sum() * x[0]
    (g,) = ag.gradients(y, [x], create_graph=True)
    g.name = "gradient"
    ag.viz.draw(g, forward=y).save(IMAGES / "second_order.svg")
    x = ag.Tensor([0.0, 1.0, 4.0], requires_grad=True, name="x")
    with np.errstate(divide="ignore"):
        ag.viz.draw((np.sqrt(x) * np.where(x.numpy() > 0, 1.0, 0.0)).sum()).save(IMAGES / "not_finite.svg")
    with tempfile.TemporaryDirectory() as folder:
        screenshot(drawing.save(Path(folder) / "graph.html"))


def screenshot(page: Path) -> None:
    """The interactive page in the middle of its backward pass, if there is a browser."""
    if not shutil.which("chromedriver"):
        print("no chromedriver: page.png is left as it is")
        return
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    sharp = ("--window-size=1300,640", "--force-device-scale-factor=1.25")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", *sharp):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        browser.get(page.as_uri())
        browser.execute_script(
            "document.querySelector('[data-name=tanh]').dispatchEvent(new MouseEvent('click', {bubbles: true}));"
            "const slider = document.getElementById('slider'); slider.value = 6; slider.oninput();"
        )
        browser.save_screenshot(str(IMAGES / "page.png"))
    finally:
        browser.quit()


def plots() -> None:
    """A trained classifier: decision boundary and loss surface; distributions over depth."""
    rng = ag.manual_seed(0)
    x = rng.normal(size=(300, 2))
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)
    net = nn.Sequential(nn.Linear(2, 32, dtype=float), nn.Tanh(), nn.Linear(32, 2, dtype=float))
    adam = optim.Adam(net.parameters(), lr=0.02)
    nn.fit(net, (x, labels), nn.functional.cross_entropy, adam, epochs=25, batch_size=32, progress=False, seed=0)

    def loss(parameters: dict[str, ag.Tensor]) -> ag.Tensor:
        with nn.substituted(net, parameters):
            return nn.functional.cross_entropy(net(x), labels)

    first, second = ag.viz.axes(2, (4.6, 3.8))
    ag.viz.plot_decision_boundary(net, x, labels, ax=first).set(title="decision boundary", xlabel="x[0]", ylabel="x[1]")
    ag.viz.plot_loss_surface(loss, dict(net.named_parameters()), rng=rng, ax=second).set_title("loss around the minimum")
    ag.viz.save_plot(second, IMAGES / "surface.png")
    deep = nn.Sequential(*[layer for _ in range(8) for layer in (nn.Linear(64, 64, dtype=float), nn.Tanh())])
    square = lambda y: (y**2).mean()
    nn.diagnostics.plot_distributions(
        deep, rng.normal(size=(128, 64)), square, types=nn.Tanh, path=IMAGES / "distributions.png"
    )


if __name__ == "__main__":
    readme()
    design()
    graphs()
    plots()
