"""The package read as text and syntax trees, for the tests that hold its shape."""

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jobd"

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Import(NamedTuple):
    """One name taken from one module, and whether that happens when the module is loaded."""

    module: str
    name: str
    at_load: bool
    line: int


class Module:
    """A module of the package: its dotted name, text and tree."""

    def __init__(self, path: Path, root: Path = ROOT) -> None:
        parts = path.relative_to(root).with_suffix("").parts
        self.is_package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.is_package else parts)
        self.path = path
        self.text = path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """Parse it."""
        return ast.parse(self.text)

    @cached_property
    def line_count(self) -> int:
        """Count all lines, empty ones too."""
        return len(self.text.splitlines())

    @cached_property
    def comment_count(self) -> int:
        """Count comments; an order to a tool (noqa, type, fmt) is none, and `#:` documents what stands below it."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
        return len([text for text in comments if not text.startswith(("# noqa", "# type:", "# fmt:", "#:", "#!"))])

    @cached_property
    def imports(self) -> list[Import]:
        """List what is imported anywhere: at the top, inside functions, and for type checking only."""
        return list(self._imports(self.tree, at_load=True))

    def functions(self) -> Iterator[Function]:
        """Walk all functions and methods."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def classes(self) -> Iterator[ast.ClassDef]:
        """Walk all classes."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))

    def public(self) -> Iterator[Function | ast.ClassDef]:
        """Walk the public classes and functions, and the public methods of public classes; an overload is a type."""
        nodes: list[ast.AST] = [self.tree]
        while nodes:
            for node in ast.iter_child_nodes(nodes.pop()):
                if (
                    isinstance(node, Function | ast.ClassDef)
                    and not node.name.startswith("_")
                    and not _is_overload(node)
                ):
                    yield node
                    if isinstance(node, ast.ClassDef):
                        nodes.append(node)

    def _imports(self, node: ast.AST, *, at_load: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, "", at_load, child.lineno)
            elif isinstance(child, ast.ImportFrom):
                for alias in child.names:
                    yield Import(self._absolute(child), alias.name, at_load, child.lineno)
            else:
                later = isinstance(child, Function | ast.Lambda) or _is_for_types(child)
                yield from self._imports(child, at_load=at_load and not later)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        above = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        kept = above[: len(above) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])


def _is_overload(node: ast.AST) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in getattr(node, "decorator_list", ()))


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def modules(root: Path = ROOT, package: str = "jobd") -> list[Module]:
    """Read the package, in the order of its paths."""
    return [Module(path, root) for path in sorted((root / package).rglob("*.py"))]


def edges(package: list[Module]) -> dict[str, set[str]]:
    """Tell of each module which others of the package it imports.

    The version is a constant of the package's first lines, so reading it makes nobody depend on what else stands there.
    """
    known = {module.name for module in package}
    graph: dict[str, set[str]] = {}
    for module in package:
        reached = set()
        for imported in module.imports:
            deeper = f"{imported.module}.{imported.name}"
            target = deeper if deeper in known else imported.module
            if target in known and not (target == "jobd" and imported.name == "__version__"):
                reached.add(target)
        graph[module.name] = reached - {module.name}
    return graph


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Find the groups of nodes that reach one another."""
    reach = {node: _reachable(graph, node) for node in graph}
    groups = {tuple(sorted(other for other in reach[node] if node in reach[other])) for node in graph}
    return [list(group) for group in sorted(groups) if group]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        node = ahead.pop()
        if node not in seen:
            seen.add(node)
            ahead.extend(graph.get(node, ()))
    return seen
