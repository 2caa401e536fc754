"""Makes grammars/net.json out of grammars/net.lark: `python -m netspec.syntax.table`, after a change of the grammar.

What Lark finds out about a grammar (terminals, rules, and for each state of the LALR(1) automaton what each symbol does)
is data, and lies in the repository as such: nothing is built, cached or believed when a spec is read, and Lark is needed
by nobody but who changes the grammar. States are numbered as a walk from the first one meets them, so that the same
grammar gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .grammar_files import grammar_file


def digest(grammar: str) -> str:
    """Says which grammar a table was made of."""
    return hashlib.sha256(grammar.encode()).hexdigest()


def build(grammar: str) -> dict[str, Any]:
    """The table of a grammar:

    terminals  name, priority, whether a text or an expression, and which
    rules      the symbol it makes, its parts, the method of the builder (or none: the parts themselves), the places of
               the parts that count, those among them whose own parts are meant, and whether one part stands for the whole
    states     by symbol: a state to go to, or -1 - rule to reduce by
    """
    import lark  # here, since only who changes the grammar needs it
    from lark.parsers.lalr_analysis import Shift

    made: Any = lark.Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=False)
    conf = made.parse_interactive("").parser_state.parse_conf
    rules = sorted(made.rules, key=lambda r: (r.origin.name, [s.name for s in r.expansion], r.alias or ""))
    number = {rule: k for k, rule in enumerate(rules)}
    order = [conf.start_state]
    for state in order:  # grows as it is walked
        order += [arg for _, (action, arg) in sorted(conf.states[state].items()) if action is Shift and arg not in order]
    place = {state: k for k, state in enumerate(order)}
    return {
        "grammar": digest(grammar),
        "terminals": [[t.name, t.priority, t.pattern.type, t.pattern.value]
                      for t in sorted(made.terminals, key=lambda t: str(t.name))],
        "rules": [_rule(r) for r in rules],
        "end": place[conf.end_state],
        "states": [{symbol: place[arg] if action is Shift else -1 - number[arg]
                    for symbol, (action, arg) in sorted(conf.states[s].items())} for s in order],
    }


def _rule(rule: Any) -> list[Any]:
    kept = [k for k, s in enumerate(rule.expansion) if rule.options.keep_all_tokens or not (s.is_term and s.filter_out)]
    generated = rule.origin.name.startswith("_")  # for a `*` of the grammar
    return [rule.origin.name, len(rule.expansion), None if generated else rule.alias or rule.origin.name, kept,
            [k for k in kept if not rule.expansion[k].is_term and rule.expansion[k].name.startswith("_")],
            bool(rule.options.expand1 and not rule.alias)]


def printed(table: dict[str, Any]) -> str:
    """As JSON, a line for each terminal, rule and state."""
    def lines(rows: list[Any]) -> str:
        return "[\n" + ",\n".join(json.dumps(r, ensure_ascii=True, separators=(",", ":")) for r in rows) + "\n]"

    return "{\n" + ",\n".join(f'"{k}": {lines(v) if isinstance(v, list) else json.dumps(v)}' for k, v in table.items()) + "\n}\n"


def write() -> None:
    lark = grammar_file("net.lark")
    lark.with_suffix(".json").write_text(printed(build(lark.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    write()
