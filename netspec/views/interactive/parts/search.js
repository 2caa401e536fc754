// Search: in what boxes say, in their names and shapes, and in blocks' calls.

const search = document.getElementById("search");
const found = document.getElementById("found");
let hits = [];
let hit = -1;

const haystack = (t) => [nameOf(t), t.block ? "" : t.id, t.last, t.shape, t.kind].filter(Boolean).join(" ").toLowerCase();

function look() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  hits = words.length ? things.filter((t) => words.every((w) => haystack(t).includes(w))) : [];
  hit = -1;
  found.textContent = words.length ? (hits.length ? `${hits.length} found` : "nothing found") : "";
  marked();
}

/** Mark what is found; a closed block is marked for what lies within. */
function marked() {
  const boxes = new Set(hits.map(standsFor));
  for (const t of things) t.element?.classList.toggle("hit", boxes.has(t));
}

function next(by) {
  if (!hits.length) return;
  hit = (hit + by + hits.length) % hits.length;
  if (hit < 0) hit = hits.length - 1;
  goTo(hits[hit]);
  found.textContent = `${hit + 1} of ${hits.length}`;
}

search.addEventListener("input", look);
search.addEventListener("keydown", (e) => {
  if (e.key === "Enter") next(e.shiftKey ? -1 : 1);
  else if (e.key === "Escape" && search.value) {
    search.value = "";
    look();
    e.stopPropagation();
  } else if (e.key === "ArrowDown" && chosen) focusOn(standsFor(chosen));
  else return;
  e.preventDefault();
});
