"""A tree of ours as plain text that is complete on its own: 72 columns, rules of - and =, tables of days."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from reports.markup import INLINE, Node

COLUMNS = 72
GAP = "  "
NARROWEST = 6
RULES = {"h1": "=", "h2": "-"}


def write_text(body: Node) -> str:
    """Lay the body of a page out as text; ends with a line break."""
    return "\n\n".join(blocks(body)).strip("\n") + "\n"


def blocks(node: Node) -> Iterator[str]:
    """What is in an element, block by block; text that stands between blocks is one of its own."""
    loose = Node("p")
    for child in node.children:
        if isinstance(child, str) or child.tag in INLINE:
            loose.children.append(child)
            continue
        yield from paragraph(loose)
        loose = Node("p")
        yield from block(child)
    yield from paragraph(loose)


def block(node: Node) -> Iterator[str]:
    """One element that stands on lines of its own."""
    if node.tag in ("h1", "h2"):
        yield heading(inline(node), node.tag)
    elif node.tag == "details":
        yield from details(node)
    elif node.tag in ("ul", "ol"):
        yield "\n".join(item(child) for child in node.find_all("li"))
    elif node.tag == "table":
        yield table(node)
    else:
        yield from blocks(node)


def details(node: Node) -> Iterator[str]:
    """What a page keeps closed: open here; what holds whole sections is headed like the page."""
    whole = next(node.find_all("h2"), None) is not None
    for child in node.children:
        if isinstance(child, Node) and child.tag == "summary":
            yield heading(inline(child), "h1") if whole else wrap(inline(child))
        elif isinstance(child, Node):
            yield from block(child)


def paragraph(node: Node) -> Iterator[str]:
    """Wrapped text, if there is any."""
    text = inline(node)
    if text:
        yield wrap(text)


def heading(text: str, tag: str) -> str:
    """A heading with a line under it, and one more line of air above."""
    wrapped = wrap(text)
    return f"\n{wrapped}\n{RULES[tag] * max(map(len, wrapped.splitlines()))}"


def item(node: Node) -> str:
    """One item of a list."""
    text = inline(node)
    return textwrap.indent(wrap(text, COLUMNS - 2), "  ").replace("  ", "- ", 1)


def inline(node: Node) -> str:
    """The words of an element in order; only `br` breaks a line."""
    lines = (" ".join(line.split()) for line in words(node).split("\0"))
    return "\n".join(line for line in lines if line)


def words(node: Node) -> str:
    """The text of an element with NUL for each line break in it."""
    texts = []
    for child in node.children:
        if isinstance(child, str):
            texts.append(child.replace("\0", ""))
        elif child.tag == "br":
            texts.append("\0")
        else:
            texts.append(words(child) if child.tag in INLINE else f"\0{words(child)}\0")
    link = node.attributes.get("href", "") if node.tag == "a" else ""
    text = "".join(texts)
    return f"{text} ({link})" if link.startswith("http") and link not in text else text


def wrap(text: str, width: int = COLUMNS) -> str:
    """Text in lines of at most `width` characters; an address is never broken."""
    return "\n".join(
        wrapped
        for line in text.split("\n")
        for wrapped in textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    )


def table(node: Node) -> str:
    """A table with its heads over a rule."""
    rows = [[inline(cell) for cell in row.find_all("td", "th")] for row in node.find_all("tr")]
    columns = max((len(row) for row in rows), default=0)
    rows = [row + [""] * (columns - len(row)) for row in rows]
    widths = fit([max(len(line) for row in rows for line in row[k].split("\n")) for k in range(columns)])
    lines = [table_row(row, widths) for row in rows]
    if next(node.find_all("thead"), None) is not None:
        lines.insert(1, GAP.join("-" * width for width in widths))
    return "\n".join(lines)


def fit(widths: list[int]) -> list[int]:
    """Column widths that fit the page: the widest gives way first."""
    widths = [max(width, 1) for width in widths]
    while sum(widths) + len(GAP) * (len(widths) - 1) > COLUMNS and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def table_row(cells: list[str], widths: list[int]) -> str:
    """One row; a cell that is too long goes on below."""
    wrapped = [wrap(cell, width).split("\n") for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, wrapped))
    lines = []
    for k in range(height):
        parts = (w[k] if k < len(w) else "" for w in wrapped)
        lines.append(GAP.join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip())
    return "\n".join(lines)
