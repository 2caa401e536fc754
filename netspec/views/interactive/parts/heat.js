// Heat: how much of a number each box has. The darker, the more; its share stands in the box, a bar measures it.

const heat = document.getElementById("heat");
heat.append(...[{key: "", label: "none"}, ...measures()].map((m) => made_("option", {value: m.key}, m.label.toLowerCase().replace("macs", "MACs"))));

function colour() {
  const m = measures().find((each) => each.key === heat.value);
  const visible = [...seen()].filter((t) => !t.block || !t.open);
  const values = new Map(m ? visible.map((t) => [t, total(t, m.of)]) : []);
  const [most, all] = [Math.max(0, ...values.values()), m ? total(root, m.of) : 0];
  for (const t of visible) {
    const share = most ? (values.get(t) ?? 0) / most : 0;
    t.element.classList.toggle("hot", Boolean(m));
    t.element.style.setProperty("--share", Math.sqrt(share).toFixed(3)); // small shares are told apart as well
    t.element.querySelector(":scope > .measure")?.remove();
    const small = t.element.querySelector(":scope > text.small:last-of-type");
    const shape = t.shape ?? lastOf(t).shape;
    if (small && !isRound(t)) small.textContent = m && values.get(t) ? shareText(values.get(t), all, m) : shape;
    if (m && share) t.element.append(drawn("rect", {class: "measure", x: 5, y: t.place.height - 4, height: 2.5, rx: 1, width: Math.max(1, round(share * (t.place.width - 10)))}));
    t.element.setAttribute("aria-label", spoken(t) + (m && values.get(t) ? `, ${m.label} ${m.unit(values.get(t))}` : ""));
  }
  const scale = document.getElementById("scale");
  scale.replaceChildren(...(m ? [`${m.label}: 0`, made_("i"), m.unit(most)] : []));
}

/** As long as the box has room: the number, and what part it is of all. */
function shareText(value, all, m) {
  const part = all ? `${Number(((100 * value) / all).toPrecision(2))} %` : "";
  return m.key === "parameters" || m.key === "macs" ? part : m.unit(value);
}

heat.addEventListener("change", colour);
