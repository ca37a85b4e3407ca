"""A real browser for tests, and tabs that fail a test on what a page must never do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

BROKEN_HEADS = r"""() => [...document.querySelectorAll('thead th')].filter(head => {
    const range = document.createRange();
    range.selectNodeContents(head);
    const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
    return lines.size > head.textContent.trim().split(/\s+/).length;
}).map(head => head.textContent)"""
"""Heads of tables that stand on more lines than they have words: broken within a word."""


@contextmanager
def launch() -> Iterator[Browser]:
    """Launch the system's Chromium."""
    chromium = shutil.which("chromium")
    assert chromium, (
        "these tests need a Chromium: install your system's chromium package (Debian: apt install chromium)"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def watch(
    browser: Browser, *, width: int, height: int, allowed: tuple[str, ...] = ("file:", "about:")
) -> Iterator[Page]:
    """Open a tab that fails the test on any request elsewhere, and on any console message, error or dialog."""
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    trouble: list[str] = []
    page.on("request", lambda r: trouble.append(r.url) if not r.url.startswith(allowed) else None)
    page.on("console", lambda m: trouble.append(m.text))
    page.on("pageerror", lambda e: trouble.append(str(e)))
    page.on("dialog", lambda d: trouble.append(d.message))
    yield page
    assert trouble == []
    context.close()
