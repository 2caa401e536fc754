"""The interactive page in a real Chromium: opened, clicked, typed into, and read as a screen reader reads it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import netspec
from browser import Browser, chromium
from netspec.elaborate.nets import callable_nets
from netspec.syntax.load import read_source
from netspec.syntax.parser import parse
from netspec.views.interactive.contents import Start
from netspec.views.interactive.page import page
from netspec.views.interactive.times import Times
from where import ROOT

pytestmark = pytest.mark.browser
SPECS = sorted((ROOT / "specs").glob("*.net"))
COUNT = "document.querySelectorAll('[role=treeitem]').length"
CHOSEN = "document.querySelector('[role=treeitem][aria-selected=true]')?.getAttribute('aria-label') ?? ''"
FOCUSED = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    pytest.importorskip("websocket")
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium: NETSPEC_CHROMIUM names one")
    browser = Browser(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def show(tab: Browser, tmp_path: Path) -> Any:
    """Opens the page of a net: show("googlenet:googlenet", width=390)."""

    def opened(name: str = "", text: str = "", times: Times | None = None, start: Start | None = None, **how: Any) -> Browser:
        file, _, net = name.partition(":")
        spec = netspec.load_graph(text=text) if text else netspec.load_graph(ROOT / "specs" / f"{file}.net", net or None)
        target = tmp_path / "net.html"
        target.write_text(page(spec.graph, times, start), encoding="utf-8")
        tab.open(target, **how)
        assert tab.run("'ready' in document.documentElement.dataset"), tab.complaints()
        return tab

    yield opened
    assert tab.complaints() == []


def option(tab: Browser, key: str) -> None:
    tab.run(f"(h => {{ h.value = '{key}'; h.dispatchEvent(new Event('change')); }})(document.getElementById('heat'))")


def test_blocks_open_and_close(show: Any) -> None:
    tab = show("googlenet:googlenet")
    before, closed = tab.run(COUNT), "[role=treeitem][aria-expanded=false]"
    label = tab.run(f"document.querySelector('{closed}').getAttribute('aria-label')")
    tab.click(closed)
    assert tab.run(COUNT) == before + 8 and tab.run(CHOSEN) == label  # inception: six convolutions, a pooling, their concat
    assert tab.run("document.querySelector('[aria-expanded=true] [role=group] [role=treeitem]').getAttribute('aria-level')") == "2"
    tab.click("[role=treeitem][aria-expanded=true] > .bar", x=0.2)
    assert tab.run(COUNT) == before and tab.run(CHOSEN) == label
    tab.click("#open-all")
    assert tab.run(f"document.querySelectorAll('{closed}').length") == 0
    tab.click("#close-all")
    assert tab.run("document.querySelectorAll('[aria-expanded=true][role=treeitem]').length") == 0


def test_it_begins_as_it_is_asked_to(show: Any) -> None:
    opened = "[...document.querySelectorAll('[role=treeitem][aria-expanded=true]')].map(e => e.getAttribute('aria-label').split(/[:,]/)[0])"
    assert show("resnet:resnet50", start=Start(depth=1)).run(opened) == []
    assert show("resnet:resnet50", start=Start(depth=2)).run(opened) == ["stage1", "stage2", "stage3", "stage4"]
    assert show("resnet:resnet50", start=Start(open=("stage2.bottleneck1",))).run(opened) == ["stage2", "bottleneck1", "shortcut"]
    tab = show("resnet:resnet50", start=Start(depth=1, focus="stage3.bottleneck6.conv2.relu"))
    assert "bottleneck2 … bottleneck6" in tab.run(opened) and "conv 256 3x3 bn relu" in tab.run(CHOSEN)


def test_a_skip_that_goes_round_nothing_that_is_seen_is_none(show: Any) -> None:
    tab, skips = show("resnet:resnet18", start=Start(depth=1)), "document.querySelectorAll('.arc.skip').length"
    assert tab.run(skips) == 0
    tab.click("#open-all")
    assert tab.run(skips) == 11  # eight residuals, three of them with a projection on the way


def test_what_is_searched_is_found_in_closed_blocks_too(show: Any) -> None:
    tab = show("googlenet:googlenet")
    tab.press("/")
    tab.type("5x5")
    assert tab.run("document.getElementById('found').textContent") == "9 found"
    assert tab.run("document.querySelectorAll('.closed.hit').length") == 9
    tab.press("Enter")
    assert "5x5" in tab.run(CHOSEN) and tab.run("document.getElementById('found').textContent") == "1 of 9"
    inside = """(() => { const [a, b] = [document.querySelector('.chosen.box'), document.getElementById('svg')].map(e =>
        e.getBoundingClientRect()); return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom; })()"""
    assert tab.run(inside)
    tab.press("Escape")
    assert tab.run("document.querySelectorAll('.hit').length") == 0


def test_the_panel_says_formula_shapes_parameters_macs_field_and_bytes(show: Any) -> None:
    tab = show("lenet")
    tab.click("[role=treeitem]:nth-of-type(4)")
    said = tab.run("document.getElementById('details').innerText")
    for text in ("conv2", "line 6", "y[n,o,p,q] += x[n,c,p+u,q+v] * weight[o,c,u,v]", "6×14×14", "16×10×10", "2,416", "240,000",
                 "14×14 of input", "6.4 kB", "weight: 16×6×5×5 (2,400)"):
        assert text in said, text


def test_heat_is_by_what_is_chosen(show: Any) -> None:
    tab = show("lenet", times=Times(2, {"predict": {"conv1": 0.5, "conv2": 0.25}}, "cpu, 1 thread"))
    assert tab.run("[...document.querySelectorAll('#heat option')].map(o => o.value)") == ["", "parameters", "macs", "memory", "predict"]
    shares = "[...document.querySelectorAll('[role=treeitem]')].map(e => +e.style.getPropertyValue('--share'))"
    option(tab, "macs")
    assert tab.run(shares)[3] == 1 and tab.run(shares)[1] == pytest.approx((117_600 / 240_000) ** 0.5, abs=1e-3)
    assert "58 %" in tab.run("document.querySelectorAll('[role=treeitem]')[3].textContent")  # 240,000 of 416,520
    option(tab, "predict")
    assert tab.run(shares)[1] == 1 and tab.run(shares)[3] == pytest.approx(0.5**0.5, abs=1e-3)
    assert "Time to predict 500 ms" in tab.run("document.querySelectorAll('[role=treeitem]')[1].getAttribute('aria-label')")
    option(tab, "")
    assert "16×10×10" in tab.run("document.querySelectorAll('[role=treeitem]')[3].textContent")


def test_text_and_graph_light_each_other(show: Any) -> None:
    tab = show("googlenet:googlenet")
    tab.click("[role=treeitem]:nth-of-type(2)")
    assert tab.run("[...document.querySelectorAll('.lines .chosen')].map(l => l.value)") == [19]
    tab.click(".lines li[value='28']")  # inc3b: inception ...
    assert "inc3b" in tab.run(CHOSEN) and tab.run("document.querySelectorAll('[role=treeitem].lit').length") == 1
    tab.click(".lines li[value='6']")  # in the block that is called
    assert "conv 64 1x1" in tab.run(CHOSEN)
    assert tab.run("document.querySelectorAll('[role=treeitem].lit').length") == 9


def test_all_goes_by_the_keyboard(show: Any) -> None:
    tab = show("googlenet:googlenet")
    order = []
    for _ in range(12):
        tab.press("Tab")
        order.append(tab.run("document.activeElement.id || document.activeElement.getAttribute('role')"))
    assert order == ["search", "heat", "open-all", "close-all", "smaller", "larger", "fit", "show-text", "show-details", "dark", "option",
                     "treeitem"]
    for _ in range(8):
        tab.press("ArrowDown")
    assert "inc3b" in tab.run(FOCUSED) and tab.run(FOCUSED) == tab.run(CHOSEN)
    before = tab.run(COUNT)
    tab.press("ArrowRight")  # opens
    assert tab.run(COUNT) > before and "inc3b" in tab.run(FOCUSED)
    tab.press("ArrowRight")  # goes in
    assert tab.run("document.activeElement.getAttribute('aria-level')") == "2"
    tab.press("ArrowLeft")
    assert "inc3b" in tab.run(FOCUSED)
    tab.press("Enter")  # closes
    assert tab.run(COUNT) == before
    tab.press("Home")
    assert tab.run(FOCUSED).startswith("input")
    tab.press("End")
    assert tab.run(FOCUSED).startswith("out")
    scale = tab.run("document.getElementById('scene').getAttribute('transform')")
    tab.press("+")
    assert tab.run("document.getElementById('scene').getAttribute('transform')") != scale
    tab.press("Escape")
    assert tab.run(CHOSEN) == ""


def test_wheel_and_drag_move_the_picture_and_click_nothing(show: Any) -> None:
    tab = show("googlenet:googlenet")
    where = "document.getElementById('scene').getAttribute('transform')"
    before, boxes = tab.run(where), tab.run(COUNT)
    tab.ask("Input.dispatchMouseEvent", type="mouseWheel", x=600, y=400, deltaX=0, deltaY=-120)
    tab.run("new Promise(done => setTimeout(done, 200))")
    zoomed = tab.run(where)
    assert zoomed != before
    x, y = tab.run("(r => [r.left + 9, r.top + 9])(document.querySelector('.closed').getBoundingClientRect())")
    for kind, at in (("mousePressed", 0), ("mouseMoved", 30), ("mouseMoved", 60), ("mouseReleased", 60)):
        tab.ask("Input.dispatchMouseEvent", type=kind, x=x + at, y=y, button="left", buttons=1, clickCount=1)
    assert tab.run(where) != zoomed and tab.run(COUNT) == boxes and tab.run(CHOSEN) == ""


def test_it_is_dark_where_the_reader_is(show: Any) -> None:
    colour = "getComputedStyle(document.body).color"
    light = show("lenet").run(colour)
    tab = show("lenet", dark=True)
    dark = tab.run(colour)
    assert light != dark and tab.run("document.getElementById('dark').getAttribute('aria-pressed')") == "true"
    tab.click("#dark")
    assert tab.run(colour) == light


def test_a_screen_reader_is_told_what_there_is(show: Any) -> None:
    tab = show("googlenet:googlenet")
    tab.ask("Accessibility.enable")
    nodes = [n for n in tab.ask("Accessibility.getFullAXTree")["nodes"] if not n.get("ignored")]
    named: dict[str, list[str]] = {}
    for n in nodes:
        named.setdefault(n["role"]["value"], []).append(n.get("name", {}).get("value", ""))
    tab.ask("Accessibility.disable")
    assert len(named["treeitem"]) == tab.run(COUNT)
    assert "3x224x224 -> aux1 1000, aux2 1000, out 1000" in named["tree"][0]
    for role in ("treeitem", "tree", "button", "searchbox", "combobox", "listbox", "option", "region"):
        assert named[role] and all(named[role]), (role, named[role])
    assert any(name.startswith("conv 64 7x7 /2 relu, convolution, 64×112×112, 9,472 parameters") for name in named["treeitem"])


BAD_LETTERING = """[...document.querySelectorAll('[role=treeitem]:not(.open)')].flatMap(item => {
  const outer = item.querySelector('.shape').getBBox();
  return [...item.querySelectorAll(':scope > text')].filter(text => {
    const inner = text.getBBox();
    return inner.x < outer.x || inner.x + inner.width > outer.x + outer.width || inner.y + inner.height > outer.y + outer.height + 1;
  }).map(text => text.textContent);
})"""
OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll('[role=treeitem]:not(.open) > .shape')].map(e => e.getBoundingClientRect());
  boxes.sort((a, b) => a.top - b.top);
  let n = 0;
  boxes.forEach((a, i) => { for (let j = i + 1; j < boxes.length && boxes[j].top < a.bottom - .5; j++)
    if (boxes[j].left < a.right - .5 && a.left < boxes[j].right - .5) n++; });
  return n;
})()"""
LOST = """(() => {  // arcs that do not begin or end at a box
  const at = [...document.querySelectorAll('[role=treeitem]:not(.open) > .shape')].map(e => e.getBoundingClientRect());
  const touches = (x, y) => at.some(b => x > b.left - 2 && x < b.right + 2 && (Math.abs(y - b.top) < 7 || Math.abs(y - b.bottom) < 7));
  return [...document.querySelectorAll('.arc')].filter(path => [0, path.getTotalLength()].some(where => {
    const p = path.getPointAtLength(where).matrixTransform(path.getScreenCTM());
    return !touches(p.x, p.y);
  })).length;
})()"""

STRUCK = """(() => {  // titles of open blocks that an arc goes through
  const titles = [...document.querySelectorAll('.bar > text')].map(e => [e.textContent, e.getBoundingClientRect()]);
  const found = new Set();
  for (const path of document.querySelectorAll('.arc')) {
    const [to, long] = [path.getScreenCTM(), path.getTotalLength()];
    const box = path.getBoundingClientRect();
    const near = titles.filter(([, b]) => b.left < box.right && box.left < b.right && b.top < box.bottom && box.top < b.bottom);
    for (let at = 0; near.length && at < long; at += 3) {
      const p = path.getPointAtLength(at).matrixTransform(to);
      for (const [title, b] of near) if (p.x > b.left && p.x < b.right && p.y > b.top && p.y < b.bottom) found.add(title);
    }
  }
  return [...found];
})()"""


@pytest.mark.parametrize("name", ["googlenet:googlenet", "unet:unet", "resnet:resnet50", "densenet:densenet121", "siamese"])
def test_no_text_leaves_its_box_and_no_box_lies_on_another(show: Any, name: str) -> None:
    tab = show(name)
    for button in ("#close-all", "#open-all"):
        tab.click(button)
        assert tab.run(BAD_LETTERING) == [] and tab.run(OVERLAPS) == 0 and tab.run(LOST) == 0
        assert tab.run(STRUCK) == []


def test_what_stands_side_by_side_is_in_the_order_of_the_text(show: Any) -> None:
    """Inputs, branches and outputs from left to right, as far as no more lines cross for it."""
    tab = show(text="net a:\n  input rgb 3x32x32\n  input depth 1x32x32\n  @rgb -> conv 8 5x5 -> maxpool 2 -> a: conv 8 3x3\n"
                    "  @depth -> conv 4 5x5 -> maxpool 2 -> b: conv 8 3x3\n  gate: conv 8 1x1 sigmoid\n  @a\n  mul @gate\n  concat @b\n"
                    "  avgpool global\n  output angle: fc 1\n  output class: fc 10\n")
    left = """Object.fromEntries([...document.querySelectorAll('[role=treeitem]')].map(
      e => [e.getAttribute('aria-label').split(',')[0], e.getBoundingClientRect().left]))"""
    at = tab.run(left)
    assert at["rgb"] < at["depth"] and at["angle"] < at["class"]


def test_the_name_of_a_file_covers_the_lines_that_move_below_it(show: Any) -> None:
    tab = show("inception_v3")
    wide, high = tab.run("(b => [b.right - 20, b.bottom])(document.querySelector('.file').getBoundingClientRect())")

    def label() -> bytes:
        with Image.open(io.BytesIO(tab.picture())) as screen:
            return screen.crop((0, 80, int(wide), int(high))).tobytes()

    first = label()
    for down in (9, 137, 140):
        tab.run(f"document.getElementById('text').scrollTop = {down}")
        assert label() == first, down


def test_a_long_name_makes_no_broad_box(show: Any) -> None:
    long = "n" * 250
    tab = show(text=f"block {long}b(n):\n  conv n 3x3\n  conv n 3x3\n\nnet a:\n  input {long}i 3x8x8\n  {long}c: {long}b 4\n  fc 3\n")
    for button in ("#close-all", "#open-all"):
        tab.click(button)
        assert tab.run(BAD_LETTERING) == [] and tab.run(OVERLAPS) == 0
        assert tab.run("Math.max(...[...document.querySelectorAll('[role=treeitem]')].map(e => e.getBBox().width))") < 800


def test_it_fits_a_telephone(show: Any) -> None:
    tab = show("googlenet:googlenet", width=390, height=844)
    assert tab.run("document.documentElement.scrollWidth") == 390
    assert tab.run("document.getElementById('picture').clientHeight") > 350
    tab.click("#show-text")
    assert tab.run("[document.getElementById('text').clientHeight > 100, document.getElementById('details').clientHeight]") == [True, 0]
    assert tab.run("[...document.querySelectorAll('button')].every(b => b.getBoundingClientRect().height >= 24)")


def test_what_a_spec_says_is_never_run(show: Any) -> None:
    bad = "</script><script>document.title='PWNED'</script><img src=x onerror=\"document.title='PWNED'\">${document.title='PWNED'}"
    tab = show(text=f"net a:\n  input 3x8x8\n  conv 4 3x3 relu # {bad}\n  fc 3\n")
    tab.click("[role=treeitem]:nth-of-type(2)")
    assert tab.run("document.title") == "a" and tab.run("document.querySelectorAll('img, script').length") == 2
    assert bad in tab.run("document.querySelector('.lines').textContent")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_every_shipped_net_opens_and_all_of_it_can_be_read(tab: Browser, tmp_path: Path, spec: Path) -> None:
    """No word in the console, no text outside of its box, no box on another, no arc that leads nowhere; how long the slowest took
    to its first picture is printed."""
    slowest = (0.0, "")
    for item in callable_nets(parse(read_source(spec))):
        target = tmp_path / "net.html"
        target.write_text(page(netspec.load_graph(spec, item.name).graph), encoding="utf-8")
        assert target.stat().st_size < 400_000
        tab.open(target)
        ready = tab.run("+document.documentElement.dataset.ready")
        assert ready, (item.name, tab.complaints())
        slowest = max(slowest, (ready, item.name))
        boxes = tab.run(COUNT)
        assert (tab.run(BAD_LETTERING), tab.run(OVERLAPS), tab.run(LOST)) == ([], 0, 0), item.name
        tab.click("#open-all")
        assert tab.run(COUNT) >= boxes > 1
        assert (tab.run(BAD_LETTERING), tab.run(OVERLAPS)) == ([], 0), item.name
        assert tab.complaints() == [], item.name
    print(f"\n{slowest[1]}: {slowest[0]:.0f} ms")
