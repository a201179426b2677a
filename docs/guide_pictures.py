"""``python -m docs.guide_pictures``: walk through the guide in Neo4j Browser, and keep a picture of every answer.

It opens the local server's Browser in Chromium, loads style and guide from a running ``entourage serve``, and on each
page clicks what a person would: the parameters, then the query. Needs ``playwright`` and Chromium.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from cypher import guide
from graph.database.connection import connection
from graph.settings import load_settings
from web.browser import guide_address

COLOURS = 48
WIDTH = 760
"""Pixels of a picture."""
ENDED = re.compile("Displaying|Started streaming|Completed (after|in)|SyntaxError|ParameterMissing")
SETTLE_S = 2.5
"""How long a drawing takes to come to rest."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", default="http://127.0.0.1:8000", help="address of `entourage serve`")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of guide.md and images/guide/")
    parser.add_argument("--only", help="names of questions, joined by commas")
    arguments = parser.parse_args()
    where = connection(load_settings())
    if not where.browser:
        parser.error("Run `entourage up` first: the pictures are of the local server's Browser.")
    pictures = arguments.out / "images" / "guide"
    pictures.mkdir(parents=True, exist_ok=True)
    (arguments.out / "guide.md").write_text(document(), "utf-8")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1500, "height": 1000})
        page.set_default_timeout(120_000)
        page.goto(where.browser.replace("127.0.0.1", "localhost"))
        page.get_by_test_id("username").fill(where.user)
        page.get_by_test_id("password").fill(where.password)
        page.get_by_test_id("connect").click()
        page.get_by_test_id("connect").wait_for(state="detached")
        address = guide_address(arguments.service)
        ask(page, f":style {address.replace('guide.html', 'entourage.grass')}")
        ask(page, f":guide {address}")
        page.get_by_test_id("guideNextSlide").wait_for()
        time.sleep(2 * SETTLE_S)  # Browser's own first frames come late
        for question in guide.questions():
            page.get_by_test_id("guideNextSlide").click()
            page.get_by_role("heading", name=f"{question.group}: {question.title.lower()}", exact=True).wait_for()
            if arguments.only and question.name not in arguments.only.split(","):
                continue
            runnables = page.locator("pre.runnable:visible")
            frame = page.get_by_test_id("frame").first
            for place in range(len(question.parameters) + 1):
                ask(page, ":clear")
                frame.wait_for(state="detached")
                runnables.nth(place).click()
                page.get_by_test_id("editor-Run").click()
                frame.wait_for()
            frame.get_by_text(ENDED).first.wait_for()
            time.sleep(SETTLE_S)
            if frame.get_by_text("SyntaxError").count() or frame.get_by_text("ParameterMissing").count():
                raise SystemExit(f"Browser could not run {question.name}.")
            path = pictures / f"{question.name}.png"
            path.write_bytes(picture(frame))
            print(f"{path}  {path.stat().st_size:,} bytes")
        chromium.close()


def document() -> str:
    """The page of the docs that shows every question with its answer."""
    parts = [
        "# The questions of the Browser guide, answered",
        "",
        "Every picture is Neo4j Browser's own answer, taken in Chromium on a generated network of 400 people.",
        "Those of artists and watch ratios are of Last.fm's listens and KuaiRand's rows, whose names are numbers.",
        "Style and guide were loaded from `entourage serve`; parameters and query were clicked.",
        "Those of playlists and of degree outliers are of the demonstration, with 60 playlists beside it.",
        "Those of sessions are of 400 generated ones.",
        "`python -m docs.guide_pictures` takes them anew and writes this page.",
        "`:guide http://localhost:8000/browser/guide.html` opens the guide ([cypher.md](cypher.md)).",
    ]
    group = ""
    for question in guide.questions():
        if question.group != group:
            group = question.group
            parts += ["", f"## {group}"]
        parts += ["", f"### {question.title}", "", question.text]
        if question.parameters:
            parts += ["", f"Parameters: {', '.join(f'`{name}`' for name in question.parameters)}."]
        parts += ["", f"Columns: {question.columns}", "", f"![{question.title}](images/guide/{question.name}.png)"]
    return "\n".join(parts) + "\n"


def ask(page: Page, text: str) -> None:
    """Type a command and run it."""
    page.locator("[data-testid=activeEditor] .monaco-editor").first.click()
    page.keyboard.insert_text(text)
    page.get_by_test_id("editor-Run").click()


def picture(frame: Locator) -> bytes:
    """The frame, small, in few colours."""
    shown = Image.open(io.BytesIO(frame.screenshot())).convert("RGB")
    small = shown.resize((WIDTH, WIDTH * shown.height // shown.width), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
