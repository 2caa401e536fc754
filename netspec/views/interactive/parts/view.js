// What part of the picture is seen: dragging, wheel, pinch, buttons.

const view = {x: 0, y: 0, k: 1};
const LEAST = 0.05;
const MOST = 4;

function moved() {
  scene.setAttribute("transform", `translate(${round(view.x)} ${round(view.y)}) scale(${view.k})`);
}

/** Zoom by a factor; the point of the window (x, y) stays where it is. */
function zoom(by, x = svg.clientWidth / 2, y = svg.clientHeight / 2) {
  const k = Math.min(MOST, Math.max(LEAST, view.k * by));
  view.x = x - ((x - view.x) * k) / view.k;
  view.y = y - ((y - view.y) * k) / view.k;
  view.k = k;
  moved();
}

/** All of it, or where that is too small to be read its top. */
function fit(whole = true) {
  const [w, h] = [svg.clientWidth, svg.clientHeight];
  const all = Math.min((w - 40) / root.place.width, (h - 40) / root.place.height, 1.25);
  view.k = Math.max(LEAST, whole || all >= 0.7 ? all : Math.min((w - 40) / root.place.width, 1));
  view.x = (w - root.place.width * view.k) / 2;
  view.y = Math.max(20, (h - root.place.height * view.k) / 2);
  moved();
}

/** Move as little as brings a thing into sight. */
function bring(thing) {
  const [w, h, edge] = [svg.clientWidth, svg.clientHeight, 30];
  const [left, top] = [view.x + thing.x * view.k, view.y + thing.y * view.k];
  const [width, height] = [thing.place.width * view.k, Math.min(thing.place.height, 90) * view.k];
  if (left < edge || left + width > w - edge) view.x += Math.max(edge, (w - width) / 2) - left;
  if (top < edge || top + height > h - edge) view.y += Math.max(edge, (h - height) / 2) - top;
  moved();
}

/** Move sideways as little as shows a thing from edge to edge, or its left where it is wider than the window. */
function nudge(thing) {
  const [left, width, edge] = [view.x + thing.x * view.k, thing.place.width * view.k, 12];
  view.x += Math.max(edge - left, Math.min(0, svg.clientWidth - edge - left - width));
  moved();
}

const pointers = new Map();
let dragged = false;

svg.addEventListener("pointerdown", (e) => {
  pointers.set(e.pointerId, {x: e.clientX, y: e.clientY});
  dragged = pointers.size > 1;
});
svg.addEventListener("mousedown", (e) => e.preventDefault()); // a click gives the focus, a drag does not
svg.addEventListener("pointermove", (e) => {
  const before = pointers.get(e.pointerId);
  if (!before) return;
  const [dx, dy] = [e.clientX - before.x, e.clientY - before.y];
  if (!dragged && Math.hypot(dx, dy) < 4) return;
  if (!dragged) svg.setPointerCapture(e.pointerId);
  dragged = true;
  svg.classList.add("moving");
  const other = [...pointers].find(([id]) => id !== e.pointerId)?.[1];
  if (other) {
    const frame = svg.getBoundingClientRect();
    const apart = (p) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
    zoom(apart({x: e.clientX, y: e.clientY}) / apart(before), other.x - frame.left, other.y - frame.top);
  } else {
    view.x += dx;
    view.y += dy;
    moved();
  }
  pointers.set(e.pointerId, {x: e.clientX, y: e.clientY});
});
for (const end of ["pointerup", "pointercancel"]) {
  svg.addEventListener(end, (e) => {
    pointers.delete(e.pointerId);
    svg.classList.remove("moving");
  });
}
svg.addEventListener("click", (e) => {
  if (dragged) e.stopImmediatePropagation();
  dragged = false;
}, true);
svg.addEventListener("wheel", (e) => {
  e.preventDefault();
  const frame = svg.getBoundingClientRect();
  if (e.shiftKey) {
    view.x -= e.deltaY || e.deltaX;
    moved();
  } else {
    zoom(Math.exp(-Math.max(-60, Math.min(60, e.deltaMode ? e.deltaY * 16 : e.deltaY)) / 250), e.clientX - frame.left, e.clientY - frame.top);
  }
}, {passive: false});
