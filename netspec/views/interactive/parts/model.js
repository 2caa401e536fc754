// The tree of blocks and boxes, and what of it is seen: a closed block is one box for all that lies within.

const began = performance.now();
const data = JSON.parse(document.getElementById("contents").textContent);
const KINDS = ["data", "skip", "reference"];
const root = {id: "", block: true, open: true, level: 0, parent: null};
const boxes = []; // those that are no block, by the numbers that arcs have

function planted(items, parent) {
  return items.map((item) => {
    const thing = {...item, parent, level: parent.level + 1, block: "items" in item, open: true};
    if (thing.block) thing.items = planted(item.items, thing);
    else boxes.push(thing);
    return thing;
  });
}
root.items = planted(data.items, root);
const things = [...everything(root)];
things.forEach((thing, k) => (thing.index = k));

function* everything(block) {
  for (const thing of block.items) {
    yield thing;
    if (thing.block) yield* everything(thing);
  }
}

/** What is seen, in order. */
function* seen(block = root) {
  for (const thing of block.items) {
    yield thing;
    if (thing.block && thing.open) yield* seen(thing);
  }
}

/** The box that stands for a thing: itself, or the outermost closed block around it. */
function standsFor(thing) {
  let found = thing;
  for (let t = thing.parent; t !== root; t = t.parent) if (!t.open) found = t;
  return found;
}

const isWithin = (thing, block) => block === root || (thing !== null && (thing === block || isWithin(thing.parent, block)));
const boxesOf = (thing) => (thing.block ? thing.items.flatMap(boxesOf) : [thing]);

/** Arcs between what is seen, each once. Beside data, a skip from or to a closed block goes round nothing that is seen. */
function arcsSeen() {
  const found = new Map();
  for (const [from, to, kind, label] of data.arcs) {
    const [s, t] = [standsFor(boxes[from]), standsFor(boxes[to])];
    const key = `${s.index} ${t.index} ${kind}`;
    if (s !== t && !found.has(key)) found.set(key, {s, t, kind: KINDS[kind], label: label || ""});
  }
  const twice = (a) => a.kind === "skip" && (a.s.block || a.t.block) && found.has(`${a.s.index} ${a.t.index} 0`);
  return [...found.values()].filter((a) => !twice(a));
}

/** A number of all that a thing stands for; null where it is not known. `of` gives that of a box. */
function total(thing, of) {
  let sum = 0;
  for (const box of boxesOf(thing)) {
    const value = of(box);
    const all = Array.isArray(value) ? value[2] : value;
    if (all === null) return null;
    sum += all ?? 0;
  }
  return sum;
}

/** What it says of itself in a line. */
function nameOf(thing) {
  if (!thing.block) return thing.sign ? [thing.sign, ...(thing.marks ?? [])].join(" ") : [thing.text, ...(thing.marks ?? [])].join(" ");
  return [thing.name, thing.call].filter(Boolean).join(": ") || "repeated";
}
const times = (thing) => (thing.times > 1 ? ` ×${thing.times}` : "");

/** Open what is around a thing, so that it is seen. */
function reveal(thing) {
  let opened = false;
  for (let t = thing.parent; t !== root; t = t.parent) {
    opened ||= !t.open;
    t.open = true;
  }
  return opened;
}

/** What is open at first: to a depth that was asked for, or what fits; and some blocks with what is in them. */
function openFirst({depth, open}) {
  if (depth || open.length) for (const t of things) t.open = t.level < (depth ?? 1);
  else openAsFits(60);
  for (const t of things) {
    if (t.block && open.some((path) => t.path === path || t.path.startsWith(path + "."))) {
      t.open = true;
      reveal(t);
    }
  }
}

/** Open so many levels as make at most `most` boxes. */
function openAsFits(most) {
  const deepest = Math.max(...things.map((t) => t.level));
  for (let level = deepest; level > 0; level--) {
    for (const t of things) t.open = t.level < level;
    if ([...seen()].filter((t) => !t.block || !t.open).length <= most) return;
  }
}
