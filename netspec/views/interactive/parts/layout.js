// Where everything stands. Each open block is laid out by itself (dagre), within it a block that is open is one large node.
// What leads into a block or out of it goes through a port on its border.

const GAP = {nodesep: 16, ranksep: 22, edgesep: 10};
const PAD = 12;
const STRIP = 7; // the edge of a box that shows its kind
const BAR = 22; // the height of a block's title
const LINE = 14; // of a second line of it
const LEAD = 10; // more room below a title, for arcs that part there
const WIDEST = 340; // of a line in a box or a title
const measuring = document.createElement("canvas").getContext("2d");
const widths = new Map();

function textWidth(text, font) {
  const key = font + text;
  if (!widths.has(key)) {
    measuring.font = `${font} Helvetica, Arial, "Liberation Sans", sans-serif`;
    widths.set(key, measuring.measureText(text).width);
  }
  return widths.get(key);
}

/** A text that is at most so wide, its end left out where it is longer; the panel has all of it. */
function cut(text, font) {
  if (textWidth(text, font) <= WIDEST) return text;
  let [fits, not] = [0, text.length];
  while (not - fits > 1) {
    const middle = (fits + not) >> 1;
    if (textWidth(text.slice(0, middle) + "…", font) <= WIDEST) fits = middle;
    else not = middle;
  }
  return text.slice(0, fits) + "…";
}

/** The name and the call in the title of an open block. */
const titleOf = (block) => [block.name + (block.name && block.call ? ": " : ""), block.call].map((t) => cut(t, TITLE));

/** The lines of a box with the class of each. */
function linesOf(thing) {
  if (thing.block) {
    const first = thing.call || thing.name || "repeat";
    const second = thing.call && thing.name ? thing.name : "";
    return [[cut(first, FONTS.does) + times(thing), "does"], [cut(second, FONTS.marks), "marks"], [thing.shape ?? lastOf(thing).shape, "small"]].filter(([t]) => t);
  }
  const does = thing.sign ? nameOf(thing) : thing.text;
  const marks = thing.sign ? "" : (thing.marks ?? []).join(" · ");
  return [[cut(does, FONTS.does) + times(thing), "does"], [cut(marks, FONTS.marks), "marks"], [thing.shape, "small"]].filter(([t]) => t);
}
const TITLE = "700 11.5px";
const FONTS = {does: "700 12px", marks: "11px", small: "10px"};
const lastOf = (thing) => boxesOf(thing).at(-1);
const isRound = (thing) => Boolean(thing.sign) && !thing.marks && !thing.times && thing.sign.length === 1;

function sizeOf(thing) {
  if (isRound(thing)) return {width: 26, height: 26};
  const lines = linesOf(thing);
  const chevron = thing.block ? 16 : 0;
  return {width: Math.max(...lines.map(([t, c]) => textWidth(t, FONTS[c]))) + 20 + STRIP + chevron, height: 10 + 15 * lines.length};
}

/** For every open block, which arcs run through it: between children, from ports on its border, to such ports. */
function routes(arcs) {
  const through = new Map();
  const add = (block, from, to, arc) => {
    if (!through.has(block)) through.set(block, new Map());
    const key = [from, to].map((end) => (typeof end === "string" ? end : end.index)).concat(arc.key).join(" > ");
    const edges = through.get(block);
    if (!edges.has(key)) edges.set(key, {from, to, arc, key});
    arc.way.push([block, edges.get(key)]);
  };
  for (const arc of arcs) {
    arc.key = `${arc.s.index}${arc.kind === "reference" ? " reference" : ""}`; // data and skips share a port
    arc.way = [];
    let [from, to] = [arc.s, arc.t];
    while (!isWithin(arc.t, from.parent)) {
      add(from.parent, from, "out " + arc.key, arc);
      from = from.parent;
    }
    const inwards = [];
    while (to.parent !== from.parent) {
      inwards.push([to.parent, to]);
      to = to.parent;
    }
    add(from.parent, from, to, arc);
    for (const [block, child] of inwards.reverse()) add(block, "in " + arc.key, child, arc);
  }
  return through;
}

/** A block's size, the places of its children, its ports and the pieces of arcs in it; of those within it as well. */
function placed(block, through) {
  const children = block.items;
  children.forEach((c, k) => (c.order = k));
  for (const c of children) c.place = c.block && c.open ? placed(c, through) : sizeOf(c);
  const edges = [...(through.get(block)?.values() ?? [])];
  const g = new dagre.graphlib.Graph({multigraph: true});
  g.setGraph({...GAP});
  const node = (end) => (typeof end === "string" ? end : `child ${end.order}`);
  for (const c of children) g.setNode(node(c), {width: c.place.width, height: c.place.height});
  for (const e of edges) {
    for (const end of [e.from, e.to]) if (typeof end === "string") g.setNode(end, {width: 2, height: 2});
    const next = typeof e.from !== "string" && typeof e.to !== "string" && e.to.order - e.from.order === 1;
    g.setEdge(node(e.from), node(e.to), {weight: e.arc.kind === "reference" ? 0.1 : e.arc.kind === "data" && next ? 6 : 1}, e.key);
  }
  anchored(g, "in ");
  anchored(g, "out ");
  dagre.layout(g);
  if (turned(children, (c) => g.node(node(c)))) mirrored(g);
  return settled(block, edges, g, node);
}

/** Whether more of what stands side by side is in another order than in the text than in its order. */
function turned(children, at) {
  let against = 0;
  for (const [k, a] of children.entries()) {
    for (const b of children.slice(k + 1)) {
      const apart = Math.abs(at(a).y - at(b).y) - (a.place.height + b.place.height) / 2;
      if (apart < 0) against += Math.sign(at(a).x - at(b).x);
    }
  }
  return against > 0;
}

function mirrored(g) {
  const all = [...g.nodes().map((n) => g.node(n)), ...g.edges().flatMap((e) => g.edge(e).points)];
  for (const place of all) place.x = -place.x;
}

/** Ports of one side stand in a row beyond all that is within. */
function anchored(g, side) {
  const [into, nodes] = [side === "out ", g.nodes()];
  const ports = nodes.filter((n) => n.startsWith(side));
  const edge = (end, weight) => (into ? g.setEdge(end, side, {weight}) : g.setEdge(side, end, {weight}));
  if (ports.length < (into ? 1 : 2)) return;
  g.setNode(side, {width: 1, height: 1});
  for (const p of ports) edge(p, 8);
  for (const n of nodes) if (n.startsWith("child") && !(into ? g.outEdges(n) : g.inEdges(n)).length) edge(n, 0.01);
}

/** What dagre found, measured from the block's own corner. */
function settled(block, edges, g, node) {
  const at = (c) => g.node(node(c));
  const pad = block === root ? 0 : PAD;
  const top = Math.min(...block.items.map((c) => at(c).y - c.place.height / 2));
  const bottom = Math.max(...block.items.map((c) => at(c).y + c.place.height / 2));
  const [left, right] = sides(block, g, at);
  const entries = g.nodes().filter((n) => /^in ./.test(n));
  const title = titled(block, right - left + 2 * pad, entries.map((n) => g.node(n).x - left + pad));
  const {bar, width, shift} = title;
  const lead = bar && entries.reduce((sum, n) => sum + g.outEdges(n).filter((e) => e.name !== undefined).length, 0) > 1 ? LEAD : 0;
  const height = bottom - top + bar + lead + 2 * pad;
  const dx = shift + pad - left;
  const dy = bar + lead + pad - top;
  for (const c of block.items) Object.assign(c.place, {x: at(c).x + dx - c.place.width / 2, y: at(c).y + dy - c.place.height / 2});
  const ports = new Map(g.nodes().filter((n) => /^(in|out) ./.test(n)).map((n) => [n, g.node(n).x + dx]));
  const pieces = new Map();
  for (const e of edges) {
    const points = g.edge(node(e.from), node(e.to), e.key).points.map((p) => ({x: p.x + dx, y: p.y + dy}));
    const [first, last] = [leaving(e, points[0], ports), arriving(e, points.at(-1), ports, height)];
    const below = typeof e.from === "string" && bar ? [{x: first.x, y: bar}] : []; // past the title, before it turns
    const from = below.at(-1) ?? first;
    const between = points.length > 3 ? points.slice(1, -1).filter((p) => p.y > from.y && p.y < last.y) : [];
    pieces.set(e.key, [first, ...below, ...between, last]);
  }
  return {width, height, ports, pieces, title};
}

/** A block's title beside the arcs that come in: in one line, or in two; where it begins and how high it is, how wide the block is
 *  for it, and how far that moves what is in it. */
function titled(block, inner, entries) {
  if (block === root) return {bar: 0, width: inner, shift: 0};
  const [name, call] = titleOf(block);
  const one = titleIn(block, [name + call + times(block)], inner, entries);
  return one.fits || !name || !call ? one : titleIn(block, [name, call + times(block)], inner, entries);
}

function titleIn(block, lines, inner, entries) {
  const long = Math.max(...lines.map((line) => textWidth(line, TITLE))) + 16;
  const wide = Math.max(inner, long + 10);
  const at = entries.map((x) => x + (wide - inner) / 2);
  const [first, last] = [Math.min(...at), Math.max(...at)];
  const title = {x: 10, lines: lines.length, fits: true, bar: BAR + LINE * (lines.length - 1), width: wide, shift: (wide - inner) / 2};
  if (!at.length || 10 + long <= first - 4) return title;
  if (last + 8 + long <= wide) return {...title, x: last + 8};
  const more = 14 + long - first; // on the left, and as much on the right of a single way in, which stays in the middle
  return {...title, fits: false, width: wide + more * (at.length > 1 ? 1 : 2), shift: title.shift + more};
}

/** From where to where its children and arcs reach; a little more, if that puts the way in into the middle. */
function sides(block, g, at) {
  const xs = [...block.items.flatMap((c) => [at(c).x - c.place.width / 2, at(c).x + c.place.width / 2]),
    ...g.edges().filter((e) => e.name !== undefined).flatMap((e) => g.edge(e).points.map((p) => p.x))];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const way = g.nodes().filter((n) => /^in ./.test(n));
  const middle = way.length === 1 ? g.node(way[0]).x : (left + right) / 2;
  const half = Math.max(middle - left, right - middle);
  return 2 * half - (right - left) < 70 ? [middle - half, middle + half] : [left, right];
}

function leaving(e, point, ports) {
  if (typeof e.from === "string") return {x: ports.get(e.from), y: 0};
  return {x: along(e.from, "out " + e.arc.key, point.x), y: e.from.place.y + e.from.place.height};
}

function arriving(e, point, ports, height) {
  if (typeof e.to === "string") return {x: ports.get(e.to), y: height};
  return {x: along(e.to, "in " + e.arc.key, point.x), y: e.to.place.y};
}

/** Where on its border an arc meets a thing: at the port of an open block, else near where it comes from. */
function along(thing, port, x) {
  const p = thing.place;
  if (p.ports?.has(port)) return p.x + p.ports.get(port);
  const inset = isRound(thing) ? 9 : 10;
  return Math.min(Math.max(x, p.x + inset), p.x + p.width - inset);
}

/** Lay out all that is seen; every thing has its place on the page afterwards, and every arc its points. */
function layOut() {
  const arcs = arcsSeen();
  Object.assign(root, {place: placed(root, routes(arcs)), x: 0, y: 0});
  for (const t of seen()) Object.assign(t, {x: t.parent.x + t.place.x, y: t.parent.y + t.place.y});
  for (const arc of arcs) {
    arc.points = arc.way.flatMap(([block, e]) => block.place.pieces.get(e.key).map((p) => ({x: p.x + block.x, y: p.y + block.y})));
  }
  return arcs;
}
