// Buttons, and the first picture.

const button = (id, does) => document.getElementById(id).addEventListener("click", does);
const main = document.querySelector("main");
const narrow = matchMedia("(max-width: 760px)");

function openAll(open) {
  for (const t of things) if (t.block) t.open = open;
  draw();
  fit(false);
  say(open ? "all blocks opened" : "all blocks closed");
}
button("open-all", () => openAll(true));
button("close-all", () => openAll(false));
button("larger", () => zoom(1.25));
button("smaller", () => zoom(0.8));
button("fit", () => fit());

function pane(name, show) {
  main.classList.toggle(`no-${name}`, !show);
  document.getElementById(`show-${name}`).setAttribute("aria-pressed", String(show));
}
for (const [name, other] of [["text", "details"], ["details", "text"]]) {
  button(`show-${name}`, () => {
    const show = main.classList.contains(`no-${name}`);
    pane(name, show);
    if (show && narrow.matches) pane(other, false); // room for one
  });
}
const arrange = () => narrow.matches && pane("text", false);
narrow.addEventListener("change", arrange);

const dark = document.getElementById("dark");
const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
const said = () => dark.setAttribute("aria-pressed", String(isDark()));
button("dark", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  said();
});
system.addEventListener("change", said);

tree.setAttribute("aria-label", data.title);
said();
arrange();
openFirst(data.start);
draw();
details(null);
fit(false);
const first = things.find((t) => t.id === data.start.focus || (t.block && t.path === data.start.focus));
if (first) goTo(first);
Object.assign(document.documentElement.dataset, {began, ready: performance.now()});
