// The text of the spec beside the graph. Lines that made something are options of a list box.

const lines = new Map(); // "source:line" -> its element
const made = new Map(); // "source:line" -> the boxes that it made, itself or by what it calls

for (const list of document.querySelectorAll(".lines")) {
  for (const li of list.children) lines.set(`${list.dataset.source}:${li.value}`, li);
}
for (const box of boxes) {
  for (const at of [box.at, ...(box.also ?? [])]) {
    for (const [source, line] of data.table[at] ?? []) {
      const key = `${source}:${line}`;
      if (!made.has(key)) made.set(key, new Set());
      made.get(key).add(box);
    }
  }
}
for (const [key, li] of lines) if (!made.has(key)) li.setAttribute("role", "none");
const options = [...lines].filter(([key]) => made.has(key)).map(([key, li]) => {
  li.key = key;
  li.setAttribute("role", "option");
  li.setAttribute("aria-selected", "false");
  li.tabIndex = -1;
  return li;
});
if (options.length) options[0].tabIndex = 0;
// The net that is drawn is in sight, whatever stands above it. Scrolled by hand: scrollIntoView would have Tab begin there.
const begins = lines.get((data.table[boxes[0]?.at] ?? []).at(-1)?.join(":"));
if (begins) {
  const panel = document.getElementById("text");
  panel.scrollTop = begins.getBoundingClientRect().top - panel.getBoundingClientRect().top - panel.clientHeight / 2;
}

/** Give the lines of a thing a class, those of what calls it another. */
function lightLines(thing, look, scroll = false) {
  for (const li of lines.values()) {
    li.classList.remove(look, ...(look === "chosen" ? ["around"] : []));
    if (look === "chosen" && li.key) li.setAttribute("aria-selected", "false");
  }
  if (!thing) return;
  const places = [thing.at, ...(thing.also ?? [])].map((at) => data.table[at] ?? []);
  for (const [k, at] of places.entries()) {
    at.forEach(([source, line], depth) => {
      const li = lines.get(`${source}:${line}`);
      if (!li) return;
      if (depth === 0) li.classList.add(look);
      else if (look === "chosen") li.classList.add("around");
      if (depth || look !== "chosen") return;
      if (li.key) li.setAttribute("aria-selected", "true");
      if (scroll && k === 0) li.scrollIntoView({block: "nearest"});
    });
  }
}

/** What a line made, as it is seen; the block that it calls where it calls one. */
function thingsOf(li) {
  return new Set([...made.get(li.key)].map(standsFor));
}

function chooseLine(li, focus = false) {
  const called = things.find((t) => t.block && data.table[t.at]?.[0]?.join(":") === li.key);
  const box = [...made.get(li.key)].find((b) => data.table[b.at]?.[0]?.join(":") === li.key) ?? [...made.get(li.key)][0];
  goTo(called ?? box, focus);
  light(thingsOf(li));
  for (const other of options) other.tabIndex = other === li ? 0 : -1;
}

const text = document.getElementById("text");
const optionAt = (e) => e.target.closest?.("[role=option]");

text.addEventListener("click", (e) => {
  if (optionAt(e)) chooseLine(optionAt(e));
});
text.addEventListener("pointerover", (e) => light(optionAt(e) ? thingsOf(optionAt(e)) : new Set()));
text.addEventListener("pointerleave", () => light(new Set()));
text.addEventListener("keydown", (e) => {
  const li = optionAt(e);
  if (!li) return;
  const step = {ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity}[e.key];
  if (step !== undefined) {
    const next = options[Math.max(0, Math.min(options.length - 1, options.indexOf(li) + step))];
    next.focus();
    chooseLine(next);
    e.preventDefault();
  } else if (e.key === "Enter" || e.key === " ") {
    chooseLine(li, e.key === "Enter");
    e.preventDefault();
  }
});
