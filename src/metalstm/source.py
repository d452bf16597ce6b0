"""Which code a job runs: a digest of the modules that it reaches, blind to comments and docstrings.

It stands in the job's plan, so that a changed cell retrains what uses that cell, and a reworded comment nothing.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent
_WITHOUT_EFFECT = ("metalstm.tracking", "metalstm.errors", "metalstm.training.progress")
"""Modules that cannot change what a stage writes."""


def digest(*modules: str) -> str:
    """Sixteen hexadecimal digits for the modules and all of metalstm that they import, directly or not."""
    reached = sorted(_closure(modules))
    text = "\n".join(f"{module} {_module_digest(module)}" for module in reached)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _closure(modules: Iterable[str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in reached and not module.startswith(_WITHOUT_EFFECT):
            reached.add(module)
            waiting.extend(_imports(module))
    return reached


def _file(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _tree(module: str) -> ast.Module:
    path = _file(module)
    return ast.parse(path.read_bytes() if path else b"")


@cache
def _imports(module: str) -> tuple[str, ...]:
    return tuple(sorted(set(_imported(_tree(module)))))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in _run(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.startswith("metalstm.") and _file(name))


def _run(tree: ast.Module) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            yield node
            waiting.extend(ast.iter_child_nodes(node))


@cache
def _module_digest(module: str) -> str:
    tree = _tree(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # Strings that stand alone are docstrings, of attributes too.
            node.body = [part for part in node.body if not _is_docstring(part)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
