"""What a syntax node defines, for any grammar: by the habits that grammars share, and a short table of exceptions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from tree_sitter import Node

LONGEST = 80  # characters of one name

Finder = Callable[[Node], Node | None]

_DEFINES = re.compile(
    r"(^|_)(definition|declaration|implementation|class|module|method|function|item|bind|function_clause|decl)$"
    r"|^(class|struct|enum|union)_specifier$|^(type|const|var)_spec$|^(let|module)_binding$|^function_statement$"
)
_NEVER = re.compile(r"import|package|parameter|local|preproc|using|use_|anonymous|arrow|lambda|_expression")
_NAME = re.compile(r"identifier$|^name$|^function_name$|^module_name$")
_COMMENT = re.compile(r"comment|^attribute_item$|^decorator$|^attribute_list$|^annotation$")
_HOLDS_CODE = re.compile(r"function|class|object|lambda|method|struct")
_EXPORTS = re.compile(r"^(module\.)?exports(\.|$)")  # Node's way to say "public"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What a node's kind alone says of it: how it is named on one line and over several, and whether it is a comment.

    `is_plain`: nothing at all, when it stands on one line.
    """

    is_comment: bool
    is_error: bool
    on_one_line: Finder | None
    on_several: Finder | None
    is_plain: bool


@cache
def kind(name: str) -> Kind:
    """Of the nodes that the grammar calls so."""
    is_comment, is_error = _COMMENT.search(name) is not None, name == "ERROR"
    on_one_line, on_several = _finder(name, several_lines=False), _finder(name, several_lines=True)
    is_plain = not (is_comment or is_error or on_one_line)
    return Kind(
        is_comment=is_comment, is_error=is_error, on_one_line=on_one_line, on_several=on_several, is_plain=is_plain
    )


def of(node: Node, find: Finder) -> str:
    """The name that `node` gives to its lines, without its parents'; "" when it gives none."""
    found = find(node)
    return _shown(found) if found else ""


def _finder(kind: str, *, several_lines: bool) -> Finder | None:
    if kind in _SPECIAL:
        return _SPECIAL[kind] if several_lines else None
    if _DEFINES.search(kind) and not _NEVER.search(kind):
        return _named_somehow if several_lines else _field("name")
    return None


def _shown(node: Node) -> str:
    text = (node.text or b"")[: 4 * LONGEST].decode("utf-8", "ignore").replace(".prototype", "")
    return " ".join(_EXPORTS.sub("", text).split())[:LONGEST].strip("\"'`")


def _named_somehow(node: Node) -> Node | None:
    """By its field, by C's declarators (`static int *foo(int a)`), or by the first child that looks like a name."""
    name = node.child_by_field_name("name")
    inner = node.child_by_field_name("declarator")
    if name or inner is None:
        return name or next((child for child in node.named_children if _NAME.search(child.type)), None)
    while (deeper := inner.child_by_field_name("declarator")) is not None:
        inner = deeper
    return inner


def _field(name: str) -> Finder:
    return lambda node: node.child_by_field_name(name)


def _first(kind: str) -> Finder:
    return lambda node: next((child for child in node.named_children if child.type == kind), None)


def _field_of_code(name: str, value: str) -> Finder:
    """For what is a definition only when its value is one: `exports.send = function () {…}`."""

    def find(node: Node) -> Node | None:
        held = node.child_by_field_name(value)
        return node.child_by_field_name(name) if held and _HOLDS_CODE.search(held.type) else None

    return find


def _elixir(node: Node) -> Node | None:
    target = node.child_by_field_name("target")
    is_definition = target is not None and (target.text or b"").startswith(b"def")
    return _first("arguments")(node) if is_definition else None


def _lisp(node: Node) -> Node | None:
    children = node.named_children
    return children[1] if len(children) > 1 and (children[0].text or b"").startswith(b"def") else None


_SPECIAL: dict[str, Finder] = {
    "impl_item": _field("type"),
    "let_binding": _field("pattern"),
    "variable_declarator": _field_of_code("name", "value"),
    "assignment_expression": _field_of_code("left", "right"),
    "pair": _field_of_code("key", "value"),
    "field_definition": _field_of_code("property", "value"),
    "binary_operator": _field_of_code("lhs", "rhs"),
    "block_mapping_pair": _field("key"),
    "table": _first("bare_key"),
    "rule_set": _first("selectors"),
    "rule": _first("targets"),
    "create_table": _first("object_reference"),
    "create_function": _first("object_reference"),
    "create_view": _first("object_reference"),
    "call": _elixir,
    "list_lit": _lisp,
    "list": _lisp,
}
