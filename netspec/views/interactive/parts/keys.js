// The keyboard: a tree as every tree is walked, and letters for search and zoom.

function walked(key, thing) {
  const all = [...seen()];
  const k = all.indexOf(thing);
  switch (key) {
    case "ArrowDown": return all[k + 1];
    case "ArrowUp": return all[k - 1];
    case "Home": return all[0];
    case "End": return all.at(-1);
    case "ArrowRight": return thing.block && thing.open ? thing.items[0] : undefined;
    case "ArrowLeft": return (!thing.block || !thing.open) && thing.parent !== root ? thing.parent : undefined;
  }
}

tree.addEventListener("keydown", (e) => {
  const thing = e.target.thing;
  if (!thing || e.ctrlKey || e.altKey || e.metaKey) return;
  if (e.key === "ArrowRight" && thing.block && !thing.open) toggle(thing, true);
  else if (e.key === "ArrowLeft" && thing.block && thing.open) toggle(thing, false);
  else if (e.key === "Enter" || e.key === " ") toggle(thing);
  else if (/^(Arrow|Home|End)/.test(e.key)) {
    const to = walked(e.key, thing);
    if (to) goTo(to, true);
  } else return;
  e.preventDefault();
});
document.getElementById("picture").addEventListener("focusin", (e) => {
  if (e.target.thing && e.target.thing !== chosen) choose(e.target.thing);
});

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.altKey || e.metaKey || e.target.closest?.("input, select")) return;
  const does = {"/": () => search.focus(), "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: () => fit(), Escape: () => choose(null)}[e.key];
  if (!does) return;
  does();
  e.preventDefault();
});
