"""A page of ours read back as a tree, without what only a page can show: what a mail is made from.

Reading the page rather than its values keeps one place for every sentence: a mail says what the page
says, whatever the page comes to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

VOID = {"br", "col", "hr", "img", "input", "link", "meta", "wbr"}
ONLY_A_PAGE = {
    *("button", "fieldset", "form", "head", "input", "label", "nav", "noscript", "script", "select", "style"),
    *("svg", "template", "textarea"),
}
INLINE = {
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "br",
    "cite",
    "em",
    "i",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "time",
    "wbr",
}
STYLES = {
    "h1": "font:normal 30px/1.2 Georgia,serif;margin:0 0 8px",
    "h2": "font:normal 21px/1.3 Georgia,serif;margin:36px 0 8px",
    "h3": "font-size:16px;margin:16px 0 4px",
    "p": "margin:8px 0",
    "ul": "margin:8px 0;padding:0 0 0 20px",
    "li": "margin:6px 0",
    "table": "border-collapse:collapse;margin:8px 0",
    "td": "text-align:start;vertical-align:top;padding:4px 16px 4px 0;border-bottom:1px solid #9995",
    "th": "text-align:start;vertical-align:top;padding:4px 16px 4px 0;border-bottom:1px solid #9995;font-weight:normal",
    "dl": "margin:8px 0",
}
"""No colours: a mail program sets its own, by day and by night. Styles stand in each element, since many
programs drop a style sheet, every variable, and all SVG."""
PLAIN = {
    "ol",
    "thead",
    "tbody",
    "tr",
    "caption",
    "dt",
    "dd",
    "strong",
    "em",
    "b",
    "i",
    "bdi",
    "br",
    "sub",
    "sup",
    "blockquote",
}
LINKS = ("https:", "http:", "mailto:", "tel:", "sms:")


@dataclass(frozen=True)
class Node:
    """An element: its tag, its attributes, and what is in it in order."""

    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def find_all(self, *tags: str) -> Iterator[Node]:
        """Every element of these tags in it, in order."""
        for child in self.children:
            if isinstance(child, Node):
                if child.tag in tags:
                    yield child
                yield from child.find_all(*tags)


class Reader(HTMLParser):
    """Builds the tree of a well-formed page; character references are text by then."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Node("document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element that is closed at once."""
        self.open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """Close an element, and with it whatever is still open in it."""
        tags = [node.tag for node in self.open]
        if tag in tags[1:]:
            del self.open[len(tags) - 1 - tags[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        """Take a text."""
        self.open[-1].children.append(data)


def read_body(page: str, instead: Mapping[str, str]) -> Node:
    """The body of a page without what only a page can show; sentences in `instead` are exchanged."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    body = next(reader.open[0].find_all("body"), reader.open[0])
    # Longest first: a sentence may begin with another one.
    return prune(body, sorted(instead.items(), key=lambda pair: -len(pair[0])))


def prune(node: Node, instead: list[tuple[str, str]]) -> Node:
    """A copy without hidden and page-only elements, and without elements that then hold nothing."""
    kept: list[Node | str] = []
    for child in node.children:
        if isinstance(child, str):
            text = child
            for old, new in instead:
                text = text.replace(old, new)
            kept.append(text)
        elif not is_only_for_pages(child):
            inner = prune(child, instead)
            if inner.tag in VOID or inner.tag in ("td", "th") or has_content(inner):
                kept.append(inner)
    pruned = Node(node.tag, node.attributes, kept)
    return without_empty_columns(pruned) if node.tag == "table" else pruned


def without_empty_columns(table: Node) -> Node:
    """A table without the columns of which only the head says anything."""
    bodies = [row for part in table.find_all("tbody") for row in part.find_all("tr")]
    rows = [list(row.find_all("td", "th")) for row in bodies]
    full = {k for row in rows for k, cell in enumerate(row) if has_content(cell)}
    for row in table.find_all("tr"):
        cells = list(row.find_all("td", "th"))
        row.children[:] = [cell for k, cell in enumerate(cells) if not rows or k in full]
    return table


def is_only_for_pages(node: Node) -> bool:
    """Whether an element is for looking at or touching on a page."""
    classes = node.attributes.get("class", "").split()
    hidden = (
        "hidden" in node.attributes or node.attributes.get("aria-hidden") == "true" or "unseen" in classes
    )
    return hidden or node.tag in ONLY_A_PAGE


def has_content(node: Node) -> bool:
    """Whether there is any text in an element."""
    return any(c.strip() if isinstance(c, str) else has_content(c) for c in node.children)


def write_html(node: Node) -> str:
    """The children of a node as HTML that mail programs leave alone: few elements, styles in each."""
    return "".join(escape(c, quote=False) if isinstance(c, str) else write_node(c) for c in node.children)


def write_node(node: Node) -> str:
    """One element."""
    inner = write_html(node)
    if node.tag == "a" and node.attributes.get("href", "").startswith(LINKS):
        return f'<a href="{escape(node.attributes["href"])}">{inner}</a>'
    if node.tag == "summary":
        return f'<h3 style="{STYLES["h3"]}">{inner}</h3>\n'
    if node.tag in VOID:
        return f"<{node.tag}>" if node.tag in ("br", "hr", "wbr") else ""
    if node.tag in STYLES:
        scope = (
            f' scope="{node.attributes["scope"]}"' if node.attributes.get("scope") in ("col", "row") else ""
        )
        return f'<{node.tag}{scope} style="{STYLES[node.tag]}">{inner}</{node.tag}>'
    if node.tag in PLAIN:
        return f"<{node.tag}>{inner}</{node.tag}>"
    return inner if node.tag in INLINE else f"<div>{inner}</div>"
