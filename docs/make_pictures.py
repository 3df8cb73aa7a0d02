"""Make the pictures of the README from a real run: python docs/make_pictures.py, with tests/ in PYTHONPATH."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from support.browser import ChromiumMissingError, chromium
from support.terminal import on_screen, run_on_terminal

DOCS = Path(__file__).parent
IMAGES = DOCS / "images"
MIGRATE = "bulk migrate inputs/customers.csv --sandbox --batch demo"
AUTHORIZE = "bulk sandbox authorize reports/demo --share 0.6 --seed 1"
FOLLOW_UP = "bulk follow-up reports/demo --sandbox"


def main() -> None:
    """Run the commands in a temporary folder and write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(DOCS.parent / "inputs", folder / "inputs")
        picture = _terminal(MIGRATE, _run(MIGRATE, folder))
        (IMAGES / "terminal.svg").write_text(picture, "utf-8")
        _run(AUTHORIZE, folder)
        _run(FOLLOW_UP, folder)
        _take_screenshots(folder / "reports" / "demo" / "report.html")


def _run(command: str, folder: Path) -> str:
    """Run a command on a terminal and return the text that stays on its screen."""
    code, shown = run_on_terminal(command, folder, columns=100)
    if code not in (0, 1):  # 1: the input has rejected rows
        sys.exit(f"{command} exited with {code}\n{shown}")
    return on_screen(shown)


def _terminal(command: str, shown: str) -> str:
    """Return an SVG of a terminal in which a command has run."""
    templates = Environment(
        loader=FileSystemLoader(DOCS), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return templates.get_template("terminal.svg.jinja").render(lines=[f"$ {command}", *shown.split("\n")])


def _take_screenshots(page: Path) -> None:
    """Save the top of a report, and the section with the states."""
    with chromium() as browser, browser.seen(width=1280, height=816):
        browser.open(page.as_uri())
        browser.run("document.documentElement.style.scrollbarWidth = 'none'")
        (IMAGES / "report.png").write_bytes(browser.screenshot())
        browser.run("location.hash = 'states'")
        (IMAGES / "report-states.png").write_bytes(browser.screenshot())


if __name__ == "__main__":
    try:
        main()
    except ChromiumMissingError as error:
        sys.exit(str(error))
