"""All that can be pressed on the pages, found in their source."""

import ast

from tests import ROOT

KINDS = frozenset(
    "button camera_input checkbox download_button feedback file_uploader form_submit_button link_button multiselect "
    "number_input page_link pagination pills popover radio segmented_control select_slider selectbox slider text_area "
    "text_input toggle".split()
)
SIGNS = frozenset("bind on_change on_click on_crop on_mark on_pick on_select on_settle on_upload".split())
"""Keywords of a call that make what it draws answer to a hand; ``on_click`` of a function of our own too."""


def elements():
    """By key, where it is drawn; a part of a key that is known only while the page runs is {}."""
    found = {}
    for path in [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "ui").rglob("*.py"))]:
        tree, place = (
            ast.parse(path.read_text(encoding="utf-8")),
            ".".join(path.relative_to(ROOT).with_suffix("").parts),
        )
        constants = _strings(tree.body)
        for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
            known = constants | _strings(ast.walk(scope)) if scope is not tree else constants
            for key, line in _of(scope, known):
                found.setdefault(key or f"{place}:{line}", f"{place}:{line}")
            if scope is not tree and any("st.dialog" in ast.unparse(one) for one in scope.decorator_list):
                found[f"dialog {place}.{scope.name}"] = f"{place}:{scope.lineno}"
    return found


def _of(scope, known):
    """(key, line) of each call of this scope that draws something to press; wrappers pass their own key on."""
    for node in _inside(scope):
        if not isinstance(node, ast.Call):
            continue
        words = {word.arg: word.value for word in node.keywords}
        kind = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if kind in {"page_link"}:
            yield f"page_link {ast.unparse(words['label']) if 'label' in words else ''}", node.lineno
        elif kind in KINDS or SIGNS & words.keys():
            key = _text(words.get("key"), known)
            if key is not None:
                yield key, node.lineno


def _inside(scope):
    """The nodes of a scope without those of the functions in it."""
    todo = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef):
            todo += ast.iter_child_nodes(node)


def _strings(nodes):
    """Names that are set to texts, and those texts."""
    known = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            pairs = zip(node.targets, [node.value] * len(node.targets), strict=True)
            if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(node.targets[0].elts, node.value.elts, strict=True)
            for name, value in pairs:
                if isinstance(name, ast.Name) and (text := _text(value, {})):
                    known[name.id] = text
    return known


def _text(node, known):
    if node is None:
        return ""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.IfExp):
        return _text(node.body, known)
    if isinstance(node, ast.Name):
        return known.get(node.id)  # a wrapper's own argument is no key: its callers have one
    return ast.unparse(node)
