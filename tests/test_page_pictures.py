"""Seven weeks look as they did when somebody looked at them and found them good."""

from __future__ import annotations

from warnings import warn

import numpy as np
import pytest
from build_pages import pages
from page_pictures import WEEKS, WIDTHS, mean_blocks, name_reference, read_fonts, take_picture
from PIL import Image
from playwright.sync_api import Browser

pytestmark = pytest.mark.filterwarnings("default::test_page_pictures.OtherFonts")
VISIBLE = 24.0
"""A block whose mean colour differs by more than this (of 255) looks different."""


class OtherFonts(UserWarning):
    """The pictures were drawn with other fonts: their blocks cannot be compared."""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("week", WEEKS)
def test_a_week_looks_as_it_was_reviewed(browser: Browser, week: str, width: int) -> None:
    now, fonts = take_picture(browser, pages()[week], width)
    kept = Image.open(name_reference(week, width)).convert("RGB")
    assert now.width == kept.width
    told = (
        "take the pictures anew (python tests/page_pictures.py), look at them, and keep them if they are good"
    )
    if fonts != read_fonts():
        warn(
            f"other fonts here ({fonts}): only the height of the page was compared", OtherFonts, stacklevel=1
        )
        assert abs(now.height / kept.height - 1) < 0.2, told
        return
    assert abs(now.height - kept.height) <= 4, told
    rows = min(now.height, kept.height)
    apart = np.abs(mean_blocks(now, rows) - mean_blocks(kept, rows)).max(axis=2)
    assert float(np.mean(apart > VISIBLE)) < 0.004, told


def test_a_word_more_or_less_would_be_seen() -> None:
    picture = Image.open(name_reference("heavy", 390)).convert("RGB")
    changed = picture.copy()
    changed.paste((20, 20, 20), (40, 600, 120, 680))
    apart = np.abs(mean_blocks(picture, 1200) - mean_blocks(changed, 1200)).max(axis=2)
    assert float(np.mean(apart > VISIBLE)) > 0.004
