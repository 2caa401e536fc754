// The picture: frames of open blocks, arcs, and on top of them the tree that is read, focused and clicked.

const SVG = "http://www.w3.org/2000/svg";
const [svg, scene, frames, arcsLayer, tree] = ["svg", "scene", "frames", "arcs", "tree"].map((id) => document.getElementById(id));
let arcs = [];

function drawn(name, attributes = {}, ...inside) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}

function draw() {
  arcs = layOut();
  frames.replaceChildren();
  tree.replaceChildren(...root.items.map(item));
  arcs.sort((a, b) => KINDS.indexOf(b.kind) - KINDS.indexOf(a.kind)); // data above skips where both go the same way
  arcsLayer.replaceChildren(...arcs.flatMap(arcDrawn));
  for (const t of things) if (!tree.contains(t.element ?? null)) t.element = t.frame = null;
  colour();
  marked();
  choose(chosen ? standsFor(chosen) : null, false);
  if (!things.some((t) => t.element?.getAttribute("tabindex") === "0")) [...seen()][0].element.setAttribute("tabindex", "0");
}

/** A thing as an item of the tree. */
function item(thing, k) {
  const {width, height, x, y} = thing.place;
  const open = thing.block && thing.open;
  const g = drawn("g", {role: "treeitem", tabindex: "-1", transform: `translate(${round(x)} ${round(y)})`, "aria-level": thing.level,
    "aria-posinset": k + 1, "aria-setsize": thing.parent.items.length, "aria-label": spoken(thing), "aria-selected": "false"});
  if (thing.block) g.setAttribute("aria-expanded", String(thing.open));
  g.setAttribute("class", thing.block ? (open ? "open" : "closed kind-block") : `box kind-${thing.kind}`);
  g.thing = thing;
  thing.element = g;
  thing.frame = null;
  if (open) {
    thing.frame = drawn("rect", {class: "frame" + (thing.times > 1 ? " times" : ""), x: round(thing.x), y: round(thing.y), width, height, rx: 9});
    frames.append(thing.frame);
    g.append(drawn("rect", {class: "inside", width, height, rx: 9}), titleBar(thing), drawn("g", {role: "group"}, ...thing.items.map(item)));
  } else {
    g.append(...boxDrawn(thing, width, height));
  }
  g.append(drawn("rect", {class: "focus", x: -4, y: -4, width: width + 8, height: height + 8, rx: 11}));
  return g;
}

const round = (n) => Math.round(n * 10) / 10;

function titleBar(block) {
  const {x, lines, bar} = block.place.title;
  const [first, second] = titleOf(block);
  const name = drawn("tspan", {}, first);
  const call = drawn("tspan", {class: "call", ...(lines > 1 ? {x: round(x + 14), dy: LINE} : {})}, second + times(block));
  const text = drawn("text", {x: round(x), y: 16}, drawn("tspan", {}, "▾ "), name, call);
  return drawn("g", {class: "bar"}, drawn("rect", {width: block.place.width, height: bar}), text);
}

function boxDrawn(thing, width, height) {
  const round = isRound(thing);
  const shape = drawn("rect", {class: "shape" + ((thing.marks ?? []).some((m) => m.startsWith("weights of ")) ? " shared" : ""), width, height, rx: round ? 13 : 7});
  if (round) return [shape, drawn("text", {class: "sign", x: 13, y: 18.5, "text-anchor": "middle"}, thing.sign)];
  const behind = thing.times > 1 ? [drawn("rect", {class: "behind", x: 3, y: 3, width, height, rx: 7})] : [];
  const mid = width / 2 + STRIP / 2 + (thing.block ? 6 : 0);
  const lines = linesOf(thing).map(([text, look], k) => drawn("text", {class: look, x: mid, y: 17 + 15 * k, "text-anchor": "middle"}, text));
  const chevron = thing.block ? [drawn("text", {class: "small", x: STRIP + 4, y: 17}, "▸")] : [];
  return [...behind, shape, strip(height), ...chevron, ...lines];
}

/** The edge of a box, in the colour and pattern of its kind. */
function strip(height) {
  return drawn("path", {class: "strip", d: `M7 .6A6.4 6.4 0 0 0 .6 7V${height - 7}A6.4 6.4 0 0 0 7 ${height - 0.6}Z`});
}

/** What a screen reader says. */
function spoken(thing) {
  const kind = thing.block ? "block" : data.kinds[thing.kind];
  const said = [nameOf(thing) + (thing.times > 1 ? `, ${thing.times} times` : ""), kind, thing.shape ?? lastOf(thing).shape];
  const parameters = total(thing, (b) => b.parameters);
  if (parameters) said.push(`${counted(parameters)} parameters`);
  return said.join(", ");
}

function arcDrawn(arc) {
  const p = arc.points;
  let d = `M${round(p[0].x)} ${round(p[0].y)}`;
  for (let k = 1; k < p.length; k++) {
    const [a, b] = [p[k - 1], k === p.length - 1 ? {x: p[k].x, y: p[k].y - 5} : p[k]];
    const middle = round((a.y + b.y) / 2);
    d += a.x === b.x ? `V${round(b.y)}` : `C${round(a.x)} ${middle} ${round(b.x)} ${middle} ${round(b.x)} ${round(b.y)}`;
  }
  const end = p.at(-1);
  arc.element = drawn("path", {class: `arc ${arc.kind}`, d});
  const head = drawn("path", {class: `head ${arc.kind}`, d: `M${round(end.x)} ${round(end.y)}l-3.5 -7h7z`});
  if (!arc.label) return [arc.element, head];
  const middle = p[p.length >> 1];
  return [arc.element, head, drawn("text", {class: "arc-label", x: middle.x + 5, y: middle.y - 3}, arc.label)];
}
