"""The dialect of Python that kernels for CUDA are written in; anything else is refused before it runs."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NoReturn

from simt_values import BINARY, CASTS, COMPARE, FUNCTIONS, PLACES, given


@dataclass
class Kernel:
    name: str
    lines: list[str]
    parameters: list[str] = field(default_factory=list)
    body: list[ast.stmt] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    arrays: dict[str, tuple[str, int | str, str]] = field(default_factory=dict)  # name -> (shared or local, size, type)

    def where(self, line: int) -> str:
        return f"kernel {self.name}, line {line}: `{self.lines[line - 1].strip()}`"


class Dialect(ast.NodeTransformer):
    """Refuses what the dialect lacks, makes one name of a dotted one, and gathers what the kernel assigns, stores and
    declares."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.depth = 0

    def refuse(self, node: Any, why: str) -> NoReturn:
        raise SyntaxError(f"{self.kernel.where(node.lineno)}: {why}")

    def generic_visit(self, node: Any) -> ast.AST:
        known = (ast.If, ast.Pass, ast.Name, ast.BoolOp, ast.IfExp, ast.expr_context, ast.boolop)
        if not isinstance(node, known) and type(node) not in BINARY | COMPARE and not isinstance(node, ast.USub | ast.Not):
            self.refuse(node if hasattr(node, "lineno") else self.last, f"{type(node).__name__} is not in the dialect")
        self.depth += isinstance(node, ast.If)
        result = super().generic_visit(node)
        self.depth -= isinstance(node, ast.If)
        return result

    def visit(self, node: Any) -> Any:
        if hasattr(node, "lineno"):
            self.last = node
        return super().visit(node)

    def inner(self, node: Any) -> Any:
        """The parts of a node that is itself allowed."""
        return super().generic_visit(node)

    visit_BinOp = visit_UnaryOp = visit_Compare = inner

    def target(self, node: Any) -> None:
        if isinstance(node, ast.Name):
            self.kernel.assigned.add(node.id)
        elif not isinstance(node, ast.Subscript):
            self.refuse(node, "only a name or an element is assigned")
        elif isinstance(node.value, ast.Name):
            self.kernel.stored.add(node.value.id)

    def visit_Assign(self, node: ast.Assign) -> Any:
        if len(node.targets) != 1:
            self.refuse(node, "one target at a time")
        target, call = node.targets[0], node.value
        self.target(target)
        space = {"cuda.shared.array": "shared",
                 "cuda.local.array": "local"}.get(ast.unparse(call.func)) if isinstance(call, ast.Call) else None
        if not isinstance(call, ast.Call) or space is None:
            return self.inner(node)
        match target, call.args, call.keywords:
            case ast.Name(), [ast.Constant(value=int() as size) | ast.Name(id=size),
                              ast.Name(id=str() as type_)], [] if type_ in CASTS:
                if self.depth or target.id in self.kernel.arrays:
                    self.refuse(node, "an array is declared once, at the top of the kernel")
                self.kernel.arrays[target.id] = space, size, type_
                return None
        return self.refuse(node, "an array has a constant size and a type")

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        self.target(node.target)
        return self.inner(node)

    def visit_For(self, node: ast.For) -> Any:
        match node.target, node.iter:
            case ast.Name(), ast.Call(func=ast.Name(id="range"), args=[_] | [_, _] | [_, _, _], keywords=[]) if not node.orelse:
                self.target(node.target)
                self.depth += 1
                node.iter.args = [self.visit(bound) for bound in node.iter.args]
                node.body = [kept for statement in node.body if (kept := self.visit(statement))]
                self.depth -= 1
                return node
        return self.refuse(node, "a loop is `for name in range(...)`")

    def visit_Expr(self, node: ast.Expr) -> Any:
        match node.value:
            case ast.Constant(value=str()):
                return ast.copy_location(ast.Pass(), node)
            case ast.Call(args=[], keywords=[]) if ast.unparse(node.value.func) == "cuda.syncthreads":
                return node
        return self.refuse(node, "an expression is no statement")

    def visit_Constant(self, node: ast.Constant) -> Any:
        if type(node.value) not in (bool, int, float) or (isinstance(node.value, int) and node.value >= 1 << 64):
            self.refuse(node, "the constants are numbers and truths")
        node.value = given(node.value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        dotted = ast.unparse(node)
        if dotted not in PLACES and dotted != "math.inf":
            self.refuse(node, f"{dotted} is not in the dialect")
        return ast.copy_location(ast.Name(dotted, ast.Load()), node)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if not isinstance(node.value, ast.Name) or isinstance(node.slice, ast.Tuple | ast.Slice):
            self.refuse(node, "an array is a name with one index")
        node.slice = self.visit(node.slice)
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        called = ast.unparse(node.func)
        count = 1 if called in CASTS or called == "cuda.grid" else FUNCTIONS.get(called, (None,))[0]
        if count != len(node.args) or node.keywords:
            self.refuse(node, f"{called} with {len(node.args)} arguments is not in the dialect")
        if called == "cuda.grid":
            if not isinstance(node.args[0], ast.Constant) or node.args[0].value != 1:
                self.refuse(node, "only cuda.grid(1)")
            return ast.copy_location(ast.Name("cuda.grid", ast.Load()), node)
        node.args = [self.visit(argument) for argument in node.args]
        node.func = ast.Name(called, ast.Load())
        return node


@cache
def parse(text: str, name: str) -> Kernel:
    text = textwrap.dedent(text)
    found = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == name]
    if len(found) != 1:
        raise SyntaxError(f"the text has {len(found)} functions {name}")
    kernel, arguments = Kernel(name, text.splitlines()), found[0].args
    kernel.parameters = [argument.arg for argument in arguments.args]
    dialect = Dialect(kernel)
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs or arguments.defaults:
        dialect.refuse(found[0], "the parameters are plain names")
    kernel.body = [kept for statement in found[0].body if (kept := dialect.visit(statement))]
    return kernel
