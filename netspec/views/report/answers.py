"""What a network says of the examples that judge it, as tables and pictures."""

from __future__ import annotations

from .html import HEATS, number, shots, table, text
from .story import Judged, Story

CELLS = 40  # classes of which a matrix is shown whole
MOST = 30  # mistakes that are listed of more


def answers(story: Story) -> str:
    j = story.judged
    if j is None:
        return ""
    of = f"{j.examples:,} {j.part} examples" + ("" if j.all_of_it else ", the first of them")
    numbers = "; ".join(f"{text(k)} {number(v)}" for k, v in j.numbers.items())
    parts = [f"<h3>What it answers: {text(of)}</h3><p class=soft>Of the weights that the run keeps: {numbers}</p>"]
    if j.confusion:
        parts += [_confusion(story, j) if len(j.confusion) <= CELLS else _mistakes(story, j), _classes(story, j)]
    if j.worst:
        said = "the right class is thought least likely" if j.confusion else "its numbers are furthest off"
        parts.append(f"<h3>Where it is most wrong</h3><p class=soft>The {len(j.worst)} {text(j.part)} examples of which {said}.</p>" + shots(j.worst))
    return "".join(parts)


def _confusion(story: Story, j: Judged) -> str:
    head = ["right", *(text(story.called(k)) for k in range(len(j.confusion)))]
    rows = []
    for k, row in enumerate(j.confusion):
        every = max(1, sum(row))
        cells = "".join(f'<td class="h{min(HEATS - 1, round((HEATS - 1) * n / every))}">{n if n else ""}</td>' for n in row)
        rows.append(f'<tr><th scope="row">{text(story.called(k))}</th>{cells}</tr>')
    top = "".join(f'<th scope="col">{h}</th>' for h in head)
    return (f'<h3>Confusion matrix</h3><div class="wide"><table class="confusion"><caption>A row for each right class, a column for each answer</caption>'
            f"<thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>")


def _mistakes(story: Story, j: Judged) -> str:
    found = sorted(((n, a, b) for a, row in enumerate(j.confusion) for b, n in enumerate(row) if a != b and n),
                   reverse=True)[:MOST]
    return "<h3>Confusion</h3>" + table(["right", "answer", "examples"],
                                        ([text(story.called(a)), text(story.called(b)), number(n)] for n, a, b in found),
                                       f"The commonest mistakes among {len(j.confusion)} classes")


def _classes(story: Story, j: Judged) -> str:
    order = sorted((k for k, n in enumerate(j.right) if n), key=lambda k: j.found[k] or 0.0)
    rows = []
    for k in order:
        found, answered = j.found[k] or 0.0, j.answered[k]
        wrong = max(((n, b) for b, n in enumerate(j.confusion[k]) if b != k), default=(0, 0))
        rows.append([text(story.called(k)), number(j.right[k]), f"{100 * found:.1f} %",
                     f"{100 * j.confusion[k][k] / answered:.1f} %" if answered else "never answered",
                     f"{text(story.called(wrong[1]))} ({wrong[0]})" if wrong[0] else ""])
    body = table(["class", "examples", "accuracy: found", "of its answers right", "most taken for"], rows,
                 "The worst first", texts=("most taken for",))
    return f"<h3>Classes by accuracy</h3>{body}" if len(rows) <= CELLS else f"<details><summary>Classes by accuracy, {len(rows)}</summary>{body}</details>"
