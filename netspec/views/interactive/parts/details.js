// The panel: formulas and numbers of what is chosen, or of the whole network.

const panel = document.getElementById("details");

function made_(name, attributes = {}, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside.filter((i) => i !== null && i !== ""));
  return element;
}

const counted = (n) => (n === null ? "?" : String(n).replace(/\B(?=(\d{3})+$)/g, ","));
const UNITS = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]];
function bytes(n) {
  const unit = UNITS.find(([, size]) => n >= size);
  return n === null ? "?" : unit ? `${Number((n / unit[1]).toPrecision(3))} ${unit[0]}` : `${n} B`;
}
function seconds(s) {
  const [unit, size] = s >= 1 ? ["s", 1] : s >= 1e-3 ? ["ms", 1e-3] : ["µs", 1e-6];
  return `${Number((s / size).toPrecision(3))} ${unit}`;
}

/** Rows of a thing: what, how it is written, the number of a box. */
function measures() {
  return [
    {key: "parameters", label: "Parameters", unit: counted, of: (b) => b.parameters ?? 0},
    {key: "macs", label: "MACs", unit: counted, of: (b) => (b.macs === undefined ? 0 : b.macs)},
    {key: "memory", label: "Memory", unit: bytes, of: (b) => (b.bytes === undefined ? 0 : b.bytes)},
    ...Object.keys(data.times).map((entry) => ({key: entry, label: entry === "train" ? "Time to train" : "Time to predict", unit: seconds,
      of: (b) => b.seconds?.[entry] ?? 0})),
  ];
}

function percent(thing, m) {
  const [own, all] = [total(thing, m.of), total(root, m.of)];
  return own && all ? ` (${Number(((100 * own) / all).toPrecision(2))}\u00a0%)` : "";
}

/** `2,320`; of several the first, the last, and all. */
function amount(thing, m) {
  const value = thing.block ? total(thing, m.of) : m.of(thing);
  if (!Array.isArray(value)) return [m.unit(value) + (thing === root ? "" : percent(thing, m))];
  const [first, last, all] = value;
  const each = first === last ? m.unit(first) : `${m.unit(first)} … ${m.unit(last)}`;
  return [`${m.unit(all)} in all${percent(thing, m)}`, made_("small", {}, `${each} each`)];
}

function rows(thing) {
  const list = made_("dl");
  const row = (label, ...value) => list.append(made_("dt", {}, label), made_("dd", {}, ...value));
  const reads = (data.table[thing.nodes?.[0]?.[1]] ?? {}).reads;
  if (reads) row("Reads", reads.join(", "));
  if (thing !== root) row("Makes", thing.shape ?? lastOf(thing).shape);
  if ((thing.stands ?? thing.times) > 1) row("Times", String(thing.stands ?? thing.times));
  for (const m of measures()) {
    if (total(thing, m.of) === 0 && thing !== root) continue;
    const label = m.key === "memory" ? "Bytes" : m.label;
    if (m.key !== "memory" || thing.block) row(m.key === "memory" ? "Bytes of values" : label, ...amount(thing, m));
    else row("Bytes", ...amount(thing, m), made_("small", {}, "of what it makes of one example, float32"));
    if (m.key === "memory" && total(thing, (b) => b.parameters)) row("Bytes of parameters", `${bytes(4 * total(thing, (b) => b.parameters))}`);
  }
  for (const [k, sees] of (thing.sees ?? []).entries()) {
    row(k ? "of the last" : "Receptive field", ...data.table[sees].flatMap(field));
  }
  return list;
}

function field([input, size, stride, start]) {
  const still = /^0(×0)*$/.test(stride);
  return [`${size} of ${input}`, made_("small", {}, still ? "all places see the same" : `${stride} on for each neighbour; the first from ${start}`)];
}

/** Each layer of a step: what it is, its formulas, its parameters. */
function layers(thing) {
  return (thing.nodes ?? []).flatMap(([suffix, number], k) => {
    const layer = data.table[number];
    const found = [];
    for (const f of layer.formulas ?? []) found.push(made_("code", {}, data.table[f]));
    for (const [name, shape, size] of layer.parameters ?? []) found.push(made_("p", {class: "soft"}, `${name}: ${shape} (${counted(size)})`));
    if (!found.length) return [];
    return [made_("h3", {}, k || suffix ? layer.text : `Formula of ${layer.text}`), ...found];
  });
}

/** What it reads from and who reads it, to go there. */
function neighbours(thing) {
  const list = (title, found) => (found.length ? [made_("h3", {}, title), made_("ul", {}, ...found.map((t) => made_("li", {}, goButton(t))))] : []);
  return [
    ...list("From", [...new Set(arcs.filter((a) => a.t === thing).map((a) => a.s))]),
    ...list("To", [...new Set(arcs.filter((a) => a.s === thing).map((a) => a.t))]),
  ];
}

function goButton(thing) {
  const button = made_("button", {type: "button", class: "go"}, nameOf(thing) + times(thing));
  button.addEventListener("click", () => goTo(thing));
  return button;
}

function details(thing) {
  if (!thing) return panel.replaceChildren(...overview());
  const place = data.table[thing.at]?.[0];
  const head = thing.block ? nameOf(thing) : [thing.id.startsWith("output ") ? "" : thing.id, thing.last].filter(Boolean).join(" … ") || thing.text;
  const said = thing.block ? "" : nameOf(thing) + times(thing);
  const where = place ? `${data.sources[place[0]]}, line ${place[1]}` : "";
  const again = thing.block ? [toggleButton(thing)] : [];
  panel.replaceChildren(made_("h2", {}, head), made_("p", {}, said), made_("p", {class: "soft"}, where), ...again, rows(thing), ...layers(thing), ...neighbours(thing));
  panel.scrollTop = 0;
}

function toggleButton(block) {
  const button = made_("button", {type: "button", "aria-expanded": String(block.open)}, block.open ? "Close" : "Open");
  button.addEventListener("click", () => {
    toggle(block);
    panel.querySelector("button[aria-expanded]")?.focus();
  });
  return button;
}

const KEYS = [["↑ ↓", "next box"], ["→ ←", "open, close, in, out"], ["Enter", "open or close"], ["/", "search"], ["+ - 0", "zoom, fit"], ["Esc", "choose nothing"]];

function overview() {
  const kinds = [...new Set([...boxes.map((b) => b.kind), ...(boxes.length < things.length ? ["block"] : [])])].map((kind) => {
    const swatch = drawn("svg", {class: `swatch kind-${kind}`}, drawn("rect", {class: "shape", width: 20, height: 14, rx: 4}), strip(14));
    return made_("li", {}, swatch, data.kinds[kind]);
  });
  const used = [...new Set(data.arcs.map((a) => KINDS[a[2]]))];
  const said = {data: "data", skip: "skip: goes round what others go through", reference: "reference: a size or places, no data"};
  return [
    made_("h2", {}, data.name), made_("p", {}, data.title), made_("p", {class: "soft"}, data.counts), rows(root),
    ...Object.values(data.times).map((t) => made_("p", {class: "soft"}, `Times of ${t}`)),
    made_("h3", {}, "Boxes"), made_("ul", {}, ...kinds),
    made_("h3", {}, "Arcs"), made_("ul", {}, ...used.map((kind) => made_("li", {}, made_("span", {class: `stroke ${kind}`}), said[kind]))),
    made_("h3", {}, "Keys"), made_("ul", {}, ...KEYS.map(([key, does]) => made_("li", {}, made_("kbd", {}, key), " " + does))),
  ];
}
