"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const world = $("world"), stage = $("stage"), panel = $("panel");
const lr = data.direction === "LR";
const nodes = new Map(data.nodes.map(n => [n.id, n]));
const closed = new Set(data.closed);
const groups = new Map(data.groups.map(g => [g.id, g]));
let view = {x: 0, y: 0, k: 1}, step = 0, timer = null, pinned = null, matches = [], at = -1, touched = false;

function make(tag, attributes = {}, text = null, parent = null) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== null) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}
function html(tag, text, parent = panel, name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (name) element.className = name;
  parent.append(element);
  return element;
}

// What is visible: a node stands for itself, or for it the outermost closed module around it.
function holders(group) {
  const around = [];
  for (let g = groups.get(group); g; g = groups.get(g.parent)) around.unshift(g);
  return around;
}
function shownFor(node) {
  const box = holders(node.group).find(g => closed.has(g.id));
  return box ? box.id : node.id;
}

// Places: Graphviz has laid out some states. Another state takes the tightest of those in which everything it needs is
// open; the modules that it closes then leave gaps, which are taken out along x and along y.
function squeeze(intervals, gap) {
  const sorted = intervals.slice().sort((a, b) => a[0] - b[0]), cuts = [];
  let end = sorted.length ? sorted[0][0] : 0, removed = 0;
  for (const [low, high] of sorted) {
    if (low - end > gap) { cuts.push([end, low, gap / (low - end), removed]); removed += low - end - gap; }
    end = Math.max(end, high);
  }
  return x => {
    let shift = 0;
    for (const [low, high, factor, before] of cuts) {
      if (x >= high) shift = before + (high - low) * (1 - factor);
      else if (x > low) return x - before - (x - low) * (1 - factor);
    }
    return x - shift;
  };
}
function boxSize(id, room) {
  const known = data.layouts.find(l => l.nodes[id]);
  const lines = groups.get(id).lines;
  const [w, h] = known ? known.nodes[id].slice(2) : [Math.max(...lines.map(t => t.length)) * 6.5 + 20, 15 * lines.length + 12];
  return [Math.min(w, room[2] - room[0]), Math.min(h, room[3] - room[1])];
}
function places() {
  const ids = new Map(data.nodes.map(n => [shownFor(n), n]));
  const boxes = [...ids.keys()].filter(id => groups.has(id));
  const fits = l => l.closed.every(id => closed.has(id)) && [...ids.keys()].every(id => l.nodes[id] || l.groups[id]);
  const layout = data.layouts.filter(fits).sort((a, b) => b.closed.length - a.closed.length || 0)[0];
  const exact = boxes.every(id => layout.nodes[id]);
  const items = new Map();
  for (const id of ids.keys()) {
    const group = groups.get(id), node = nodes.get(id);
    if (layout.nodes[id]) { const [x, y, w, h] = layout.nodes[id]; items.set(id, {id, node, group, x, y, w, h}); }
    else {
      const room = layout.groups[id], [w, h] = boxSize(id, room);
      items.set(id, {id, group, x: (room[0] + room[2]) / 2, y: (room[1] + room[3]) / 2, w, h});
    }
  }
  const same = x => x, all = [...items.values()];
  const fx = exact ? same : squeeze(all.map(i => [i.x - i.w / 2, i.x + i.w / 2]), lr ? 52 : 30);
  const fy = exact ? same : squeeze(all.map(i => [i.y - i.h / 2, i.y + i.h / 2]), lr ? 44 : 56);
  for (const i of all) { i.x = fx(i.x - i.w / 2) + i.w / 2; i.y = fy(i.y - i.h / 2) + i.h / 2; }
  const open = data.groups.filter(g => layout.groups[g.id] && !holders(g.id).some(a => closed.has(a.id)));
  const frames = open.map(g => {
    const [l, t, r, b] = layout.groups[g.id];
    return {g, l: fx(l), t: fy(t), w: fx(r) - fx(l), h: fy(b) - fy(t)};
  });
  return {items, boxes: frames, fx, fy, layout};
}
function route(key, tail, head, {fx, fy, layout}) {
  const points = layout.edges[key];
  if (points) {
    const p = points.map(([x, y]) => `${fx(x).toFixed(1)},${fy(y).toFixed(1)}`);
    let d = `M${p[0]}`, k = 1;
    for (; k + 2 < p.length; k += 3) d += `C${p[k]} ${p[k + 1]} ${p[k + 2]}`;
    return k < p.length ? `${d}L${p[k]}` : d;
  }
  const [x1, y1] = lr ? [tail.x + tail.w / 2, tail.y] : [tail.x, tail.y + tail.h / 2];
  const [x2, y2] = lr ? [head.x - head.w / 2, head.y] : [head.x, head.y - head.h / 2];
  const bend = Math.max(14, Math.abs(lr ? x2 - x1 : y2 - y1) / 2);
  return lr ? `M${x1},${y1}C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}` : `M${x1},${y1}C${x1},${y1 + bend} ${x2},${y2 - bend} ${x2},${y2}`;
}
function outline(kind, w, h) {
  const l = -w / 2, t = -h / 2, r = w / 2, b = h / 2;
  if (kind === "input") return make("path", {d: `M${l},${t}H${r - 8}L${r},0L${r - 8},${b}H${l}z`});
  if (kind === "constant") return make("path", {d: `M${l},${t}H${r - 6}L${r},${t + 6}V${b}H${l}z`});
  return make("rect", {x: l, y: t, width: w, height: h, rx: kind === "parameter" || kind === "module" ? 0 : 8});
}

let drawn = null, first = true;
function draw() {
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.id : null;
  const {items, boxes} = drawn = places();
  world.replaceChildren();
  for (const {g, l, t, w, h} of boxes) {
    const group = make("g", {class: "cluster", "data-id": g.id, tabindex: 0, role: "button", "aria-expanded": "true", "aria-label": `${g.label}, open module`}, null, world);
    make("rect", {class: "shape", x: l, y: t, width: w, height: h, rx: 7}, null, group);
    make("text", {class: "header", x: l + 8, y: t + 14}, g.heading, group);
    make("title", {}, "click to close", group);
    act(group, () => toggle(g.id), () => aboutGroup(g));
  }
  const lines = new Map();
  data.edges.forEach((e, number) => {
    const tail = items.get(shownFor(nodes.get(e.tail))), head = items.get(shownFor(nodes.get(e.head)));
    if (tail === head) return;
    const several = !tail.node || !head.node || tail.node.kind === "more" || head.node.kind === "more";
    const key = `${tail.id}>${head.id}${several ? "" : `>${e.position}`}`;
    if (!lines.has(key)) lines.set(key, {e, key, tail, head, numbers: []});
    lines.get(key).numbers.push(number);
  });
  for (const {e, key, tail, head, numbers} of lines.values()) {
    const path = make("path", {class: `edge ${e.look}`, d: route(key, tail, head, drawn), "data-edges": numbers.join(" ")}, null, world);
    make("title", {}, `${e.names} ${e.label}`.trim(), path);
    if (e.label && e.labelled) {
      const middle = path.getPointAtLength(path.getTotalLength() / 2);
      make("text", lr ? {class: "edge-label", x: middle.x, y: middle.y - 4} : {class: "edge-label beside", x: middle.x + 5, y: middle.y + 3}, e.label, world);
    }
  }
  for (const item of items.values()) item.node ? drawNode(item) : drawBox(item);
  showStep(false);
  highlight();
  if (focused) { const again = world.querySelector(`[data-id="${CSS.escape(focused)}"]`); if (again) again.focus(); }
  if (!touched) fit(first ? 0.55 : 0);
  first = false;
}
function drawNode({node, x, y, w, h}) {
  const group = make("g", {class: `node ${node.kind} ${node.look}`, transform: `translate(${x},${y})`, "data-id": node.id, "data-vertex": node.vertex, "data-name": node.label, tabindex: 0, role: "button", "aria-label": node.title}, null, world);
  const shape = outline(node.kind, w, h);
  shape.setAttribute("class", "shape");
  group.append(shape);
  if (node.uses > 1 && node.kind === "parameter") make("rect", {class: "inner", x: -w / 2 + 3, y: -h / 2 + 3, width: w - 6, height: h - 6}, null, group);
  node.lines.forEach((line, k) => make("text", {class: k ? "small" : "", y: -(node.lines.length - 1) * 7.5 + k * 15 + 4, "data-line": k}, line, group));
  act(group, () => pin(node.id), () => about(node));
}
function drawBox({group: g, x, y, w, h}) {
  const group = make("g", {class: `node module ${g.look}`, transform: `translate(${x},${y})`, "data-id": g.id, "data-name": g.label, tabindex: 0, role: "button", "aria-expanded": "false", "aria-label": `${g.label}, closed module, ${g.count} parameters`}, null, world);
  const shape = outline("module", w, h);
  shape.setAttribute("class", "shape");
  group.append(shape);
  g.lines.forEach((line, k, all) => make("text", {class: k ? "small" : "", y: -(all.length - 1) * 7.5 + k * 15 + 4}, line, group));
  make("title", {}, "click to open", group);
  act(group, () => toggle(g.id), () => aboutGroup(g));
}
function act(element, click, hover) {
  element.addEventListener("click", event => { if (!moved) { event.stopPropagation(); click(); } });
  element.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); click(); }
  });
  element.addEventListener("mouseenter", () => { if (!pinned) hover(); });
  element.addEventListener("focus", () => { if (!pinned) hover(); });
}
function toggle(id) {
  const before = anchor(id);
  closed.has(id) ? closed.delete(id) : closed.add(id);
  draw();
  if (touched) { const after = anchor(id); view.x += (before.x - after.x) * view.k; view.y += (before.y - after.y) * view.k; place(); }
}
function anchor(id) {
  const item = drawn.items.get(id), box = drawn.boxes.find(b => b.g.id === id);
  return item ? {x: item.x, y: item.y} : box ? {x: box.l + box.w / 2, y: box.t + box.h / 2} : {x: 0, y: 0};
}
function pin(id) {
  pinned = pinned === id ? null : id;
  for (const element of world.querySelectorAll(".node")) element.classList.toggle("pinned", element.dataset.id === pinned);
  if (pinned) about(nodes.get(pinned));
}

// Details
function statistics(name, s) {
  if (!s) return;
  html("h3", name);
  html("p", s.text);
  if (s.spark) html("p", s.spark);
  if (s.values) html("pre", s.values.map(v => typeof v === "number" ? String(Number(v.toPrecision(6))) : v).join(", "));
}
function about(n) {
  panel.replaceChildren();
  html("h2", n.heading);
  html("p", [n.kind === "op" ? "operation" : n.kind, n.shape && `shape ${n.shape}`, n.dtype, n.order > 1 && `order ${n.order}`].filter(Boolean).join(", "));
  if (n.uses > 1) html("p", `used ${n.uses} times`);
  const around = holders(n.group).map(g => g.label).join(" › ");
  if (around) { html("h3", "module"); html("p", around); }
  if (n.rules.length) { html("h3", "rule"); n.rules.forEach(r => html("pre", r)); }
  statistics("value", n.value);
  const now = state.get(n.vertex);
  if (step && step <= data.steps.length && data.steps.length) statistics(`cotangent at this step${now ? "" : ": none yet"}`, now || (now === undefined ? null : now));
  statistics("gradient", n.gradient);
  if (n.source) { html("h3", "source"); html("p", n.source.place); html("pre", n.source.text); }
}
function aboutGroup(g) {
  panel.replaceChildren();
  html("h2", g.label || "repeated");
  html("p", g.path);
  html("p", `${g.count.toLocaleString("en")} parameters`);
  if (g.times > 1) html("p", `repeated ${g.times.toLocaleString("en")} times; the first one is shown`);
}
function legend() {
  panel.replaceChildren();
  html("h2", "Graph");
  html("p", data.note);
  for (const [words, kind, look] of data.legend) {
    const row = html("div", "", panel, "legend"), svg = make("svg", {viewBox: "-15 -8 30 16"}, null, row);
    const g = make("g", {class: `${kind} ${look}`}, null, svg), shape = outline(kind, 26, 12);
    shape.setAttribute("class", "shape");
    g.append(shape);
    if (look === "shared") make("rect", {class: "inner", x: -10, y: -3, width: 20, height: 6}, null, g);
    html("span", words, row);
  }
  html("h3", "keys");
  html("p", "Tab: next node. Enter: open, close, pin. / search. + − 0 zoom. Arrows: steps (with Shift: pan). Space: play.");
}

// Search
function highlight() {
  const words = $("search").value.trim().toLowerCase();
  matches = words ? data.nodes.filter(n => n.words.includes(words)) : [];
  const ids = new Set(matches.map(shownFor));
  stage.classList.toggle("searching", Boolean(words));
  for (const element of world.querySelectorAll(".node")) element.classList.toggle("match", ids.has(element.dataset.id));
  $("found").textContent = words ? `${matches.length} found` : "";
}
function nextMatch() {
  if (!matches.length) return;
  at = (at + 1) % matches.length;
  const n = matches[at];
  for (const g of holders(n.group)) closed.delete(g.id);
  touched = true;
  draw();
  const item = drawn.items.get(n.id), size = stage.getBoundingClientRect();
  view.k = Math.max(view.k, 0.8);
  view.x = size.width / 2 - item.x * view.k;
  view.y = size.height / 2 - item.y * view.k;
  place();
  about(n);
  $("found").textContent = `${at + 1} of ${matches.length}`;
}

// The backward pass
const state = new Map();
function showStep(detail = true) {
  state.clear();
  const count = data.steps.length, reached = new Set(), visited = step ? data.steps[step - 1] : null;
  if (step) for (const [id, s] of data.start) { state.set(id, s); reached.add(id); }
  for (let k = 0; k < step; k++) {
    const {vertex, total, parts} = data.steps[k];
    state.set(vertex, total); reached.add(vertex); // parts of it may come from pieces that are folded away
    for (const part of parts) { state.set(part.to, part.total); reached.add(part.to); }
  }
  stage.classList.toggle("stepping", step > 0);
  const now = new Set(visited ? visited.parts.flatMap(p => p.edges) : []);
  for (const path of world.querySelectorAll(".edge")) path.classList.toggle("now", path.dataset.edges.split(" ").some(n => now.has(Number(n))));
  const current = visited ? new Set(data.nodes.filter(n => n.vertex === visited.vertex).map(shownFor)) : new Set();
  const shown = new Set(data.nodes.filter(n => reached.has(n.vertex)).map(shownFor));
  for (const element of world.querySelectorAll(".node")) {
    element.classList.toggle("now", current.has(element.dataset.id));
    element.classList.toggle("reached", shown.has(element.dataset.id));
    const node = nodes.get(element.dataset.id);
    if (!node) continue;
    const s = state.get(node.vertex), last = element.querySelector("[data-line]:last-of-type");
    if (s && s.values) element.dataset.cotangent = JSON.stringify(s.values); else delete element.dataset.cotangent;
    if (node.gradientLine) {
      last.textContent = step ? (s ? s.line : "∂ –") : node.lines[node.lines.length - 1];
      last.classList.toggle("cotangent", step > 0 && Boolean(s));
    }
  }
  $("slider").value = step;
  $("count").textContent = count ? `step ${step} of ${count}` : "";
  $("step").textContent = count ? (visited ? visited.text : "The backward pass: press Play, or move the slider.") : data.missing;
  $("first").disabled = $("back").disabled = step === 0;
  $("last").disabled = $("next").disabled = step === count;
  if (detail && pinned) about(nodes.get(pinned));
}
function go(to) { step = Math.max(0, Math.min(data.steps.length, to)); showStep(); if (step === data.steps.length) pause(); }
function pause() { clearInterval(timer); timer = null; $("play").textContent = "Play"; }
function play() {
  if (timer) return pause();
  if (step === data.steps.length) step = 0;
  $("play").textContent = "Pause";
  timer = setInterval(() => go(step + 1), Math.max(120, Math.min(800, 24000 / data.steps.length)));
  go(step + 1);
}

// Pan and zoom
let moved = false;
function place() { world.setAttribute("transform", `translate(${view.x},${view.y}) scale(${view.k})`); }
function fit(least = 0) {
  const box = world.getBBox(), size = stage.getBoundingClientRect();
  if (!box.width || !size.width) return;
  view.k = Math.min(1.6, (size.width - 32) / box.width, (size.height - 32) / box.height);
  if (view.k < least) { view.k = least; touched = true; }  // too small to read: at first the beginning is shown
  view.x = Math.max(16, (size.width - box.width * view.k) / 2) - box.x * view.k;
  view.y = (size.height - box.height * view.k) / 2 - box.y * view.k;
  place();
}
function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const k = Math.max(0.02, Math.min(8, view.k * factor));
  view = {k, x: x - (x - view.x) * k / view.k, y: y - (y - view.y) * k / view.k};
  touched = true;
  place();
}
stage.addEventListener("wheel", event => {
  event.preventDefault();
  const size = stage.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - size.left, event.clientY - size.top);
}, {passive: false});
// One pointer drags; two fingers drag and zoom.
const fingers = new Map();
let start = null;
function grip() {
  const points = [...fingers.values()], size = stage.getBoundingClientRect(), [first, second] = points;
  const [x, y] = [0, 1].map(axis => points.reduce((sum, p) => sum + p[axis], 0) / points.length);
  return {x: x - size.left, y: y - size.top, apart: second ? Math.hypot(first[0] - second[0], first[1] - second[1]) : 0};
}
function release(event) {
  fingers.delete(event.pointerId);
  if (!fingers.size) stage.classList.remove("dragging");
}
stage.addEventListener("pointerdown", event => {
  if (!fingers.size) { moved = false; start = [event.clientX, event.clientY]; }
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
});
window.addEventListener("pointermove", event => {
  if (!event.buttons) release(event);
  if (!fingers.has(event.pointerId)) return;
  if (!moved && fingers.size < 2 && Math.hypot(event.clientX - start[0], event.clientY - start[1]) <= 4) return;
  const before = grip();
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  const now = grip();
  moved = touched = true;
  stage.classList.add("dragging");
  view.x += now.x - before.x;
  view.y += now.y - before.y;
  zoom(before.apart && now.apart ? now.apart / before.apart : 1, now.x, now.y);
});
window.addEventListener("pointerup", release);
window.addEventListener("pointercancel", release);
stage.addEventListener("click", () => { if (!moved) { pinned = null; pin(null); legend(); } });

$("in").onclick = () => zoom(1.25);
$("out").onclick = () => zoom(0.8);
$("fit").onclick = () => { touched = false; fit(); };
$("open").onclick = () => { closed.clear(); draw(); };
$("close").onclick = () => { for (const id of data.closed) closed.add(id); draw(); };
$("theme").onclick = () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme:dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
};
$("search").oninput = () => { at = -1; highlight(); };
$("search").onkeydown = event => {
  if (event.key === "Enter") { event.preventDefault(); nextMatch(); }
  if (event.key === "Escape") { $("search").value = ""; highlight(); stage.focus(); }
};
$("first").onclick = () => { pause(); go(0); };
$("back").onclick = () => { pause(); go(step - 1); };
$("next").onclick = () => { pause(); go(step + 1); };
$("last").onclick = () => { pause(); go(data.steps.length); };
$("play").onclick = play;
$("slider").max = data.steps.length;
$("slider").oninput = () => { pause(); go(Number($("slider").value)); };
for (const id of ["play", "slider"]) $(id).disabled = !data.steps.length;
document.addEventListener("keydown", event => {
  if (event.target.matches("input, button") || event.ctrlKey || event.metaKey || event.altKey) return;
  const pan = {ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60]}[event.key];
  if (event.shiftKey && pan) { view.x += pan[0]; view.y += pan[1]; touched = true; place(); }
  else if (event.key === "ArrowRight") go(step + 1);
  else if (event.key === "ArrowLeft") go(step - 1);
  else if (event.key === "Home") go(0);
  else if (event.key === "End") go(data.steps.length);
  else if (event.key === " ") play();
  else if (event.key === "+" || event.key === "=") zoom(1.25);
  else if (event.key === "-") zoom(0.8);
  else if (event.key === "0") { touched = false; fit(); }
  else if (event.key === "/") $("search").focus();
  else return;
  event.preventDefault();
});
window.addEventListener("resize", () => { if (!touched) fit(); });
legend();
draw();
})();
