"""The interactive page, driven in a real browser: headless Chromium by selenium. `.ci/run` installs both where it can."""

import json
import shutil

import numpy as np
import pytest

import autograd_core as ag
import nn
from tests.pictures import GRAPHS, Block

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install 'autograd-core[browser]'")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on PATH: apt-get install chromium chromium-driver"
)
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\"'\\N\n%DATA%é∂"


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1300,800"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


class Page:
    """One open page, and what a person does on it."""

    def __init__(self, browser, path):
        self.browser = browser
        browser.get_log("browser")
        browser.get(path.as_uri())

    def __getitem__(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def names(self):
        return [node.get_attribute("data-name") for node in self.all(".node")]

    def node(self, name):
        return next(node for node in self.all(".node") if node.get_attribute("data-name") == name)

    def press(self, *keys):
        webdriver.ActionChains(self.browser).send_keys(*keys).perform()

    def click(self, element):
        webdriver.ActionChains(self.browser).move_to_element(element).click().perform()

    def run(self, script):
        return self.browser.execute_script(script)

    def cotangents(self):
        """By name, of what is visible."""
        found = {}
        for node in self.all(".node[data-cotangent]"):
            found[node.get_attribute("data-name")] = json.loads(node.get_attribute("data-cotangent"))
        return found


@pytest.fixture
def network(browser, tmp_path):
    net = nn.Sequential(nn.Linear(3, 4, dtype=float), nn.Tanh(), nn.Linear(4, 2, dtype=float))
    x = ag.Tensor(np.random.default_rng(0).normal(size=(5, 3)), requires_grad=True, name="x")
    with ag.viz.trace(net):
        loss = nn.functional.cross_entropy(net(x) + 0.1 * net(x), np.array([0, 1, 1, 0, 1]))
    drawing = ag.viz.draw(loss, names=dict(net.named_parameters()))
    page = Page(browser, drawing.save(tmp_path / "graph.html"))
    return page, net, x, loss


def test_page_opens_searches_and_plays_to_the_gradient(network):
    page, net, x, loss = network
    assert page.run("return performance.getEntriesByType('resource').length") == 0  # it needs no other file
    start = page.names()
    assert start.count("0: Linear") == 2  # two calls of one module
    assert "tanh" not in start

    # the mouse opens a module and closes it again
    page.click(page.node("0: Linear"))
    assert page.names().count("0: Linear") == 1
    assert "linear" in page.names()
    header = next(c for c in page.all(".cluster") if c.get_attribute("aria-label").startswith("0: Linear"))
    page.run(
        f"document.querySelector('.cluster[data-id={header.get_attribute('data-id')}]').dispatchEvent(new MouseEvent('click'))"
    )
    assert page.names() == start

    # search says how many, and Enter goes there, opening what is in the way
    page.press("/")
    page["#search"].send_keys("tanh")
    assert page["#found"].text == "2 found"
    page["#search"].send_keys(Keys.ENTER)
    assert page["#found"].text == "1 of 2"
    assert "tanh" in page.names()
    assert "g * (1 - y * y)" in page["#panel"].text  # the op's rule
    assert "test_viz_page.py" in page["#panel"].text  # the user's line
    assert "net(x) + 0.1 * net(x)" in page["#panel"].text
    page["#search"].send_keys(Keys.ESCAPE)
    assert not page.all(".searching")

    # the keyboard alone opens everything and steps through the backward pass
    page.run("document.getElementById('open').focus()")
    page.press(Keys.ENTER)
    assert "module" not in {c for node in page.all(".node") for c in node.get_attribute("class").split()}
    page.run("document.getElementById('stage').focus()")
    page.press(Keys.ARROW_RIGHT)
    total = int(page["#slider"].get_attribute("max"))
    assert page["#count"].text == f"step 1 of {total}"
    assert page.all(".edge.now")
    assert len(page.cotangents()) < 5
    page.press(Keys.END)
    page.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert page["#count"].text == f"step {total - 2} of {total}"
    page.click(page["#play"])
    assert page["#play"].text == "Pause"
    WebDriverWait(page.browser, 8).until(lambda _: page["#count"].text == f"step {total} of {total}")
    assert page["#play"].text == "Play"

    # what has arrived at the end is what backward gives, to the last bit
    loss.backward()
    found = page.cotangents()
    expected = {"x": x.grad, **{name: p.grad for name, p in net.named_parameters()}}
    assert set(expected) <= set(found)
    for name, gradient in expected.items():
        assert found[name] == gradient.numpy().ravel().tolist(), name
    assert not [entry for entry in page.browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_cotangents_accumulate_step_by_step(browser, tmp_path):
    x = ag.Tensor(2.0, requires_grad=True, name="x")
    y = x * 3.0 + x * x
    page = Page(browser, ag.viz.draw(y).save(tmp_path / "graph.html"))
    seen = []
    for _ in range(int(page["#slider"].get_attribute("max"))):
        page.press(Keys.ARROW_RIGHT)
        seen.append(page.cotangents().get("x"))
    arrived = [value for value in seen if value is not None]
    assert arrived[0] in ([3.0], [4.0])  # after one of the two paths (x * x sends 2 twice, in one visit)
    assert arrived[-1] == [7.0]
    page.press(Keys.HOME)
    assert page.cotangents() == {}


def test_play_and_pause(browser, tmp_path):
    y = ag.Tensor(2.0, requires_grad=True, name="x")
    for _ in range(100):  # for 24 seconds: it does not end by itself while this looks
        y = np.sin(y)
    page = Page(browser, ag.viz.draw(y, fold=False).save(tmp_path / "graph.html"))
    page.click(page["#play"])
    WebDriverWait(page.browser, 5).until(lambda _: not page["#count"].text.startswith("step 0"))
    page.click(page["#play"])
    at = page["#count"].text
    assert page["#play"].text == "Play"
    assert page["#count"].text == at


def test_a_visited_node_has_its_cotangent_although_it_came_through_folded_pieces(browser, tmp_path):
    net = nn.Sequential(*[Block(4) for _ in range(6)])
    drawing = ag.viz.draw(net, inputs=np.ones((5, 4), np.float32))
    assert "× 6" in drawing.dot
    page = Page(browser, drawing.save(tmp_path / "folded.html"))
    page.press(Keys.END)
    operations = page.all(".node.op")
    assert operations
    for node in operations:
        assert "reached" in node.get_attribute("class").split()
        assert node.get_attribute("data-cotangent")


def test_page_follows_the_colour_scheme_pans_and_zooms(network):
    page, *_ = network
    background = "return getComputedStyle(document.body).backgroundColor"
    page.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    )
    light = page.run(background)
    page.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    dark = page.run(background)
    assert light != dark
    page["#theme"].click()
    assert page.run(background) == light
    place = "return document.getElementById('world').getAttribute('transform')"
    before = page.run(place)
    webdriver.ActionChains(page.browser).move_to_element(page["#stage"]).click_and_hold().move_by_offset(
        40, 30
    ).release().perform()
    panned = page.run(place)
    page["#in"].click()
    zoomed = page.run(place)
    assert len({before, panned, zoomed}) == 3
    page["#fit"].click()
    assert page.run(place) == before


def test_pages_of_all_kinds_of_graphs_play_to_the_gradient(browser, tmp_path):
    for graph in GRAPHS[:-1]:
        outputs, options = graph()
        drawing = ag.viz.draw(outputs, **options)
        page = Page(browser, drawing.save(tmp_path / f"{graph.__name__}.html"))
        assert len(page.names()) == len(drawing.view.atoms), graph
        page.run("document.getElementById('open').click(); document.getElementById('last').click()")
        found = {
            node.get_attribute("data-id"): node.get_attribute("data-cotangent") for node in page.all(".node[data-cotangent]")
        }
        leaves = [v for v in drawing.picture.vertices if v.kind in ("parameter", "input") and v.id in found]
        assert leaves, graph
        gradients = ag.gradients(outputs, [v.node.saved() for v in leaves], [np.ones(y.shape, y.dtype) for y in outputs])
        for v, gradient in zip(leaves, gradients, strict=True):
            assert json.loads(found[v.id]) == gradient.numpy().ravel().tolist(), (graph, v.label)
        page.run("document.getElementById('close').click(); document.getElementById('first').click()")
        assert len(page.names()) == len(drawing.view.atoms), graph
        assert not page.cotangents()
        assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"], graph


def test_page_of_a_cut_graph_opens(browser, tmp_path):
    x = ag.Tensor(0.5, requires_grad=True, name="x")
    y = x
    for k in range(60):
        y = np.sin(y) if k % 3 else y * float(k)
    page = Page(browser, ag.viz.draw(y, max_nodes=20, fold=False).save(tmp_path / "cut.html"))
    assert "… showing 20 of 62 nodes …" in page.names()
    page.press(Keys.END)
    assert page.cotangents()["x"] == [ag.gradients(y, [x])[0].item()]
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_hostile_names_are_only_text(browser, tmp_path):
    x = ag.Tensor([1.0, np.nan], requires_grad=True, name=HOSTILE)
    page = Page(browser, ag.viz.draw(np.log(x).sum(), names={HOSTILE + "2": x}).save(tmp_path / "graph.html"))
    assert page.run("return window.hacked") is None
    assert HOSTILE + "2" in page.names()
    assert page.all(".node.bad")  # NaN
    page.click(page.node(HOSTILE + "2"))
    assert page["#panel h2"].text.startswith("</script>")
    assert not page.all("#panel img")


def test_shared_parameters_have_a_double_border(browser, tmp_path):
    w = nn.Parameter([1.0, 2.0], name="w")
    page = Page(browser, ag.viz.draw((w * w).sum()).save(tmp_path / "graph.html"))
    outer = page[".node.parameter .shape"].value_of_css_property("stroke")
    for border in (page[".node.parameter .inner"], page["#panel .legend .inner"]):
        assert border.value_of_css_property("stroke") == outer


def test_two_fingers_zoom_on_a_telephone(browser, tmp_path):
    x = ag.Tensor([0.5, 1.0], requires_grad=True, name="x")
    page = Page(browser, ag.viz.draw(np.sin(np.exp(x)).sum()).save(tmp_path / "graph.html"))
    device = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
    try:
        assert page.run("return document.documentElement.scrollWidth") == 390
        assert page.run("return document.documentElement.scrollHeight") == 844
        page["#fit"].click()
        point = "const m = document.getElementById('world').getScreenCTM(); return [m.a, m.e, m.f]"
        k, left, top = page.run(point)

        def touch(kind, *places):
            points = [{"x": at[0], "y": at[1], "id": number} for number, at in enumerate(places)]
            browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", (150, 300))
        touch("touchStart", (150, 300), (250, 300))
        touch("touchMove", (100, 300), (300, 300))  # twice as far apart, around the same middle
        touch("touchEnd")
        zoomed, moved_left, moved_top = page.run(point)
        assert zoomed == pytest.approx(2 * k, rel=1e-3)
        middle = [(200 - moved_left) / zoomed, (300 - moved_top) / zoomed]
        assert middle == pytest.approx([(200 - left) / k, (300 - top) / k], abs=0.5)  # what was between the fingers still is
        touch("touchStart", (200, 400))
        touch("touchMove", (230, 380))
        touch("touchEnd")
        assert page.run(point) == pytest.approx([zoomed, moved_left + 30, moved_top - 20], abs=0.5)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
