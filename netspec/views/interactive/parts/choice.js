// What is chosen, and what is lit: a box lights its lines of the text, a line its boxes.

let chosen = null;

/** Choose a thing: its numbers in the details, its lines in the text. null: the whole network. */
function choose(thing, tell = true) {
  for (const t of things) {
    t.element?.setAttribute("aria-selected", String(t === thing));
    t.element?.classList.toggle("chosen", t === thing);
    t.frame?.classList.toggle("chosen", t === thing);
    if (thing) t.element?.setAttribute("tabindex", t === thing ? "0" : "-1");
  }
  chosen = thing;
  lightArcs(thing);
  lightLines(thing, "chosen", tell);
  if (tell) details(thing);
}

function lightArcs(thing) {
  for (const arc of arcs) arc.element.classList.toggle("lit", thing !== null && (arc.s === thing || arc.t === thing));
}

/** Open or close a block; its corner stays where it is on the screen. */
function toggle(block, open = !block.open) {
  if (!block.block || block.open === open) return;
  const [x, y] = [block.x, block.y];
  const hadFocus = tree.contains(document.activeElement);
  block.open = open;
  draw();
  view.x += (x - block.x) * view.k;
  view.y += (y - block.y) * view.k;
  nudge(block);
  choose(block);
  if (hadFocus) focusOn(block);
  say(`${nameOf(block)} ${open ? "opened" : "closed"}`);
}

/** Choose a thing wherever it is: open what hides it, and bring it into sight. */
function goTo(thing, focus = false) {
  if (reveal(thing)) draw();
  choose(thing);
  bring(thing);
  if (focus) focusOn(thing);
}

function focusOn(thing) {
  thing.element.focus({preventScroll: true});
}

function say(text) {
  document.getElementById("said").textContent = text;
}

function light(lit) {
  for (const t of things) {
    t.element?.classList.toggle("lit", lit.has(t));
    t.frame?.classList.toggle("lit", lit.has(t));
  }
}

tree.addEventListener("click", (e) => {
  const thing = e.target.closest("[role=treeitem]")?.thing;
  if (!thing) return;
  if (thing.block && (!thing.open || e.target.closest(".bar"))) toggle(thing);
  else choose(thing);
  if (thing.element) focusOn(thing);
});
svg.addEventListener("click", (e) => {
  if (!e.target.closest("[role=treeitem]")) choose(null);
});
tree.addEventListener("pointerover", (e) => {
  const thing = e.target.closest("[role=treeitem]")?.thing ?? null;
  lightLines(thing, "lit");
  lightArcs(thing);
});
tree.addEventListener("pointerleave", () => {
  lightLines(null, "lit");
  lightArcs(chosen);
});
