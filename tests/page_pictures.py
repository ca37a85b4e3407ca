"""Pictures of seven weeks, as they were looked at and found good; run this file to take them anew, then look.

Text is drawn with the fonts of a machine. Where those are others than when the pictures were taken, lines
break elsewhere: `measure_fonts` tells, and only the outline can then be compared.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
from browsing import launch
from build_pages import pages
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Error, Page

REFERENCES = Path(__file__).parent / "references"
WEEKS = ("heavy", "ordinary", "empty", "first", "travel", "exercise", "tried")
WIDTHS = (390, 1200)
BLOCK = 8
TRIES, PAUSE_MS = 4, 1500
"""Pixels of a block whose mean colour is compared: the edge of a letter may differ, a line may not."""
SAMPLE = """() => ['serif', 'sans-serif'].map(kind => {
    const mark = document.createElement('span');
    const own = getComputedStyle(document.querySelector(kind === 'serif' ? 'h1' : 'p')).fontFamily;
    mark.style.cssText = `position:absolute;white-space:nowrap;font:100px ${own}`;
    mark.textContent = 'A heavy week for your body: 6 h 40 min';
    document.body.append(mark);
    const width = Math.round(mark.getBoundingClientRect().width);
    mark.remove();
    return width;
})"""


def shoot(page: Page) -> bytes:
    """Take a picture of a page; on a busy machine Chromium at times cannot, and can a moment later."""
    for left in reversed(range(TRIES)):
        try:
            return page.screenshot(full_page=True, animations="disabled")
        except Error as error:
            if not left or "Unable to capture" not in error.message:
                raise
            page.wait_for_timeout(PAUSE_MS)
    raise AssertionError


def take_picture(browser: Browser, path: Path, width: int) -> tuple[Image.Image, list[int]]:
    """Take a picture of a page with its numbers open, and measure the fonts it is drawn with."""
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme="light")
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('main > details').forEach(d => d.open = true)")
    fonts = page.evaluate(SAMPLE)
    shot = shoot(page)
    page.close()
    return Image.open(BytesIO(shot)).convert("RGB"), fonts


def mean_blocks(picture: Image.Image, rows: int) -> NDArray[np.float64]:
    """Mean colour (0 to 255) of each block in the first `rows` pixels: (blocks down, blocks across, 3)."""
    whole = np.asarray(picture, dtype=np.float64)[: rows // BLOCK * BLOCK]
    whole = whole[:, : whole.shape[1] // BLOCK * BLOCK]
    down, across = whole.shape[0] // BLOCK, whole.shape[1] // BLOCK
    return np.asarray(whole.reshape(down, BLOCK, across, BLOCK, 3).mean(axis=(1, 3)))


def name_reference(week: str, width: int) -> Path:
    """Where the reference of a week lies."""
    return REFERENCES / f"{week}-{width}.png"


def read_fonts() -> list[int]:
    """Measures of the fonts that the references are drawn with."""
    fonts: list[int] = json.loads((REFERENCES / "fonts.json").read_text(encoding="utf-8"))
    return fonts


def main() -> None:
    """Take all pictures anew; look at each before it is kept."""
    REFERENCES.mkdir(exist_ok=True)
    with launch() as browser:
        for week in WEEKS:
            for width in WIDTHS:
                picture, fonts = take_picture(browser, pages()[week], width)
                small = picture.quantize(160)
                small.save(name_reference(week, width), optimize=True)
    (REFERENCES / "fonts.json").write_text(json.dumps(fonts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
