"""The specialiser: from an operator that is generic in its width to an expression.

What belongs here: work on syntax trees only.  ``specialize("iadd", (32,))``
reads the source of the operator, puts the width in, folds constants, prunes
what they decide, and unfolds calls of operators that are themselves one
expression.  What cannot be made one expression stays a call, so the
semantics still stand once.  It runs when the project is built; nothing at
run time needs source text.

>>> str(specialize("iadd", (32,)))
'i1 + i2 & 4294967295'
>>> str(specialize("idiv_s", (32,)))
'idiv_s(32, i1, i2)'

A constant may also name a shape of vectors or another operator; then the
expression is a comprehension over the lanes, with that operator unfolded in it.

>>> str(specialize("vunop", ("i64x2", "ineg")))
'I64X2.vector([-c & 18446744073709551615 for c in I64X2.lanes(v)])'
"""

from __future__ import annotations

import ast
import copy
import inspect
from types import ModuleType
from typing import Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple, Union

from wasmpy.numerics import bits, conversions, floats, integers, vectors

_MODULES: Tuple[ModuleType, ...] = (bits, integers, floats, conversions, vectors)

Constant = Union[int, str]
"""A leading argument of an operator: a width, or the name of a shape or of an operator."""

_SHAPES = {shape.name.upper(): shape for shape in vectors.SHAPES.values()}


class Specialized(NamedTuple):
    """An operator at fixed widths: its operands' names, an expression, what it calls."""

    params: Tuple[str, ...]
    expr: ast.expr
    calls: Tuple[str, ...]

    def __str__(self) -> str:
        return ast.unparse(self.expr)

    @property
    def loops(self) -> bool:
        """Whether it goes over lanes: its operands then cannot be any expression."""
        return any(isinstance(node, ast.ListComp) for node in ast.walk(self.expr))

    def applied(self, *args: ast.expr) -> ast.expr:
        """The expression with ``args`` in place of the operands.

        Raises: ValueError if an argument would have to be evaluated twice.
        """
        result = _inline(self.params, self.expr, list(args), "_")
        if result is None:
            raise ValueError("an argument that is no name stands for a repeated operand")
        return result


def _functions() -> Dict[str, ast.FunctionDef]:
    found: Dict[str, ast.FunctionDef] = {}
    for module in _MODULES:
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = node
    return found


_CONSTANTS: Dict[ModuleType, FrozenSet[str]] = {
    bits: frozenset(("NAN",)),
    vectors: frozenset(name for name in vars(vectors) if name.lstrip("_").isupper()),
}
"""What operators refer to that is no function."""

FUNCTIONS: Dict[str, ast.FunctionDef] = {}
"""The syntax tree of every operator, filled on first use."""


def home(name: str) -> ModuleType:
    """The numerics module that defines ``name``.  Raises: KeyError."""
    for module in _MODULES:
        if getattr(getattr(module, name, None), "__module__", None) == module.__name__:
            return module
        if name in _CONSTANTS.get(module, ()):
            return module
    raise KeyError(name)


def _constant(value: Constant) -> ast.expr:
    """A leading argument as an expression."""
    if isinstance(value, str):
        shape = value.upper()
        return ast.Name(shape if shape in _SHAPES else value, ast.Load())
    return ast.Constant(value)


def specialize(name: str, constants: Tuple[Constant, ...]) -> Specialized:
    """Operator ``name`` with its leading arguments fixed.  Raises: KeyError."""
    if not FUNCTIONS:
        FUNCTIONS.update(_functions())
    function = FUNCTIONS[name]
    params = [a.arg for a in function.args.args]
    env = {p: _constant(c) for p, c in zip(params, constants)}
    operands = tuple(params[len(constants) :])
    expr = _single_expression(function, env)
    if expr is None:
        args: List[ast.expr] = [_constant(c) for c in constants]
        args += [ast.Name(p, ast.Load()) for p in operands]
        expr = ast.Call(ast.Name(name, ast.Load()), args, [])
    ast.fix_missing_locations(expr)
    return Specialized(operands, expr, tuple(_names(expr, operands)))


def _names(expr: ast.expr, operands: Tuple[str, ...]) -> Iterator[str]:
    bound = {
        n.id for n in ast.walk(expr) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    seen: Set[str] = set()
    for node in ast.walk(expr):
        if isinstance(node, ast.Name) and node.id not in {*operands, *bound, *seen}:
            seen.add(node.id)
            yield node.id


def _single_expression(
    function: ast.FunctionDef, env: Mapping[str, ast.expr]
) -> Optional[ast.expr]:
    """The body as one expression under ``env``, or None."""
    for statement in function.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # the docstring
        if isinstance(statement, ast.If) and not statement.orelse:
            test = _Folder(env).visit(copy.deepcopy(statement.test))
            if not isinstance(test, ast.Constant):
                return None
            if not test.value:
                continue
            statement = statement.body[0]
        if isinstance(statement, ast.Return) and statement.value is not None:
            folded = _Folder(env).visit(copy.deepcopy(statement.value))
            assert isinstance(folded, ast.expr)
            return folded
        return None
    return None


class _Folder(ast.NodeTransformer):
    """Puts constants in, folds them, and unfolds operators that are one expression."""

    def __init__(self, env: Mapping[str, ast.expr]) -> None:
        self.env = env

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self.env.get(node.id, node))

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in _SHAPES:
            value = getattr(_SHAPES[node.value.id], node.attr)
            if isinstance(value, int):
                return ast.Constant(value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            return node
        function = FUNCTIONS[node.func.id]
        params = [a.arg for a in function.args.args]
        env = {p: a for p, a in zip(params, node.args) if isinstance(a, ast.Constant)}
        expr = _single_expression(function, env)
        if expr is None:
            return node
        rest = [(p, a) for p, a in zip(params, node.args) if p not in env]
        inlined = _inline(
            tuple(p for p, _ in rest), expr, [a for _, a in rest], node.func.id + "_"
        )
        return node if inlined is None else inlined

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        left, right = node.left, node.right
        if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
            return ast.Constant(_evaluate(node))
        if isinstance(node.op, ast.Mod) and isinstance(right, ast.Constant):
            modulus = right.value
            if isinstance(modulus, int) and modulus & (modulus - 1) == 0:
                return ast.BinOp(left, ast.BitAnd(), ast.Constant(modulus - 1))
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if all(isinstance(x, ast.Constant) for x in [node.left, *node.comparators]):
            return ast.Constant(_evaluate(node))
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        first = node.values[0]
        if isinstance(first, ast.Constant) and bool(first.value) == isinstance(node.op, ast.Or):
            return first  # decides alone: what follows is never evaluated
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.operand, ast.Constant):
            return ast.Constant(_evaluate(node))
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return node.body if node.test.value else node.orelse
        if _is_truth(node.test):
            assert isinstance(node.test, ast.IfExp)
            node.test = node.test.test
        return node


def _is_truth(node: ast.expr) -> bool:
    """Whether ``node`` is ``1 if ... else 0``."""
    if not isinstance(node, ast.IfExp):
        return False
    arms = node.body, node.orelse
    return [arm.value for arm in arms if isinstance(arm, ast.Constant)] == [1, 0]


def _evaluate(node: ast.expr) -> Union[int, float]:
    """The value of an expression of constants."""
    tree = ast.fix_missing_locations(ast.Expression(copy.deepcopy(node)))
    value: Union[int, float] = eval(compile(tree, "<constant>", "eval"), {"__builtins__": {}})  # noqa: S307
    return value


def _inline(
    params: Tuple[str, ...], expr: ast.expr, args: List[ast.expr], prefix: str
) -> Optional[ast.expr]:
    """``expr`` with ``args`` for ``params``, each evaluated once and in order, or None.

    An argument that is neither a name nor a constant and is used more than
    once is bound by ``:=`` where it is first evaluated.
    """
    result = copy.deepcopy(expr)
    # An argument may be called as a later parameter is: mark the parameters apart first.
    marks = [f"<{param}>" for param in params]
    for param, mark in zip(params, marks):
        result = _Substitute(param, {}, ast.Name(mark, ast.Load())).visit(result)
    for param, arg in zip(marks, args):
        uses = [n for n in _in_order(result) if isinstance(n, ast.Name) and n.id == param]
        simple = isinstance(arg, (ast.Name, ast.Constant))
        if len(uses) <= 1 or simple:
            result = _Substitute(param, {}, arg).visit(result)
            continue
        if not _always_evaluated(result, param):
            return None
        name = f"{prefix}{param[1:-1]}"
        first = ast.NamedExpr(ast.Name(name, ast.Store()), arg)
        again = ast.Name(name, ast.Load())
        result = _Substitute(param, {id(uses[0]): first}, again).visit(result)
    return result


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below ``node`` in order of evaluation."""
    yield node
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.IfExp):
        children = [node.test, node.body, node.orelse]
    for child in children:
        yield from _in_order(child)


def _always_evaluated(expr: ast.expr, param: str) -> bool:
    """Whether the first use of ``param`` is evaluated on every path."""
    if isinstance(expr, ast.IfExp):
        return _always_evaluated(expr.test, param)
    if isinstance(expr, ast.BoolOp):
        return _always_evaluated(expr.values[0], param)
    if isinstance(expr, ast.Name):
        return expr.id == param
    children = [c for c in ast.iter_child_nodes(expr) if isinstance(c, ast.expr)]
    return any(_always_evaluated(c, param) for c in children)


class _Substitute(ast.NodeTransformer):
    """Replaces uses of a name: particular nodes by ``special``, the others by ``arg``."""

    def __init__(self, param: str, special: Dict[int, ast.expr], arg: ast.expr) -> None:
        self.param, self.special, self.arg = param, special, arg

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id != self.param:
            return node
        if id(node) in self.special:
            return self.special[id(node)]
        return copy.deepcopy(self.arg)
