"""What a person does on the first page, in a real browser."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from graph.settings import Service, Settings
from recommend.service import FeedService
from recommenders.counting import CoOccurrence
from tests.recommend.test_listening import tracks
from tests.web.fake import FakeFeeds
from web.app import create_app

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    return Settings(home=home, neo4j_uri=None, service=Service(rate_limit="", deadline_ms=60_000, events_ms=60_000))


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[str]:
    with served(settings, FakeFeeds(settings)) as address:
        yield address


@contextmanager
def served(settings: Settings, feeds: FeedService) -> Iterator[str]:
    """The address of a service that answers until the block is left."""
    server = make_server("127.0.0.1", 0, create_app(settings, feeds), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(params=[(375, 812), (1360, 900)], ids=["phone", "desktop"])
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, base_url=address)
    opened = context.new_page()
    opened.set_default_timeout(300_000)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    elsewhere: list[str] = []
    opened.on("request", lambda asked: elsewhere.append(asked.url) if not asked.url.startswith(address) else None)
    yield opened
    context.close()
    assert not errors
    assert not elsewhere


def test_type_a_user_see_the_feed_and_go_to_a_neighbour(page: Page) -> None:
    page.goto("/")
    box = page.get_by_role("combobox")
    box.press_sequentially("u00")
    page.get_by_role("option", name="u002").wait_for()
    for _ in range(3):
        box.press("ArrowDown")
    box.press("Enter")

    page.get_by_role("heading", name="u002", exact=True).wait_for()
    first = page.locator(".card:not(.skeleton)").first
    first.get_by_text("Keak k002").wait_for()
    assert "3 people you follow liked it" in first.inner_text()
    assert "1.00" in first.inner_text()
    assert first.locator(".chip").count() == 3

    neighbour = page.locator("svg.graph .node[data-id='users/u004']")
    neighbour.wait_for()
    neighbour.click()
    page.get_by_role("heading", name="u004", exact=True).wait_for()
    page.locator(".card:not(.skeleton)").first.get_by_text("Keak k004").wait_for()
    assert page.url.endswith("?user=u004")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.go_back()
    page.get_by_role("heading", name="u002", exact=True).wait_for()


def test_people_and_contents_have_their_names(page: Page) -> None:
    page.goto("/?user=u002")
    cards = page.locator(".card:not(.skeleton)")
    cards.filter(has_text="Blue Rain").get_by_role("heading").get_by_role("button", name="Blue Rain").wait_for()
    cards.first.get_by_text("3 people you follow liked it: u000, u004 and Ada Lo").wait_for()
    page.locator("#persons").get_by_role("button", name="Ada Lo").click()
    page.get_by_role("heading", name="Ada Lo", exact=True).wait_for()
    page.get_by_text("id u006 · follows 29").wait_for()
    assert page.url.endswith("?user=u006")
    assert page.title() == "Ada Lo · Entourage"


def test_kind_more_and_details(page: Page) -> None:
    page.goto("/?user=u003")
    page.get_by_role("button", name="Beats").click()
    page.locator(".kind.beat").first.wait_for()
    page.locator(".kind.keak").first.wait_for(state="detached")
    shown = page.locator(".card:not(.skeleton)").count()
    page.get_by_role("button", name="Show more").click()
    page.locator(f".card >> nth={shown}").wait_for()
    page.locator(".card h3 button").first.click()
    page.get_by_role("dialog").get_by_text("watchers").wait_for()
    page.keyboard.press("Escape")


def test_unknown_user_is_told_what_to_do_and_examples_help(page: Page) -> None:
    page.goto("/?user=<b>nobody</b>")
    page.get_by_role("alert").get_by_text("Nobody has this user id").wait_for()
    page.get_by_role("link", name="begin with an example").click()
    page.locator(".examples button").first.click()
    page.locator(".card:not(.skeleton)").first.wait_for()


def test_graph_is_reached_by_keyboard(page: Page) -> None:
    page.goto("/?user=u002")
    page.locator("svg.graph .me").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="u000", exact=True).wait_for()


def test_docs_try_a_call(page: Page) -> None:
    page.goto("/docs#user")
    call = page.locator("details#user")
    call.locator("input[name=user_id]").fill("u002")
    call.get_by_role("button", name="Try it").click()
    call.get_by_text('"followers": 29').wait_for()


def test_theme_follows_the_system_until_one_chooses(browser: Browser, address: str) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        context = browser.new_context(base_url=address, color_scheme=scheme)
        opened = context.new_page()
        opened.goto("/")
        colours.add(opened.evaluate("getComputedStyle(document.body).backgroundColor"))
        opened.get_by_role("button", name="Switch between dark and light").click()
        colours.add(opened.evaluate("getComputedStyle(document.body).backgroundColor"))
        context.close()
    assert len(colours) == 2


def test_the_radio_stops_where_no_preview_may_be_heard(browser: Browser, settings: Settings) -> None:
    snapshot = tracks()
    feeds = FeedService(None, snapshot, CoOccurrence(window=2).fit(snapshot), settings)
    with served(settings, feeds) as address:
        context = browser.new_context(viewport={"width": 375, "height": 812}, base_url=address)
        opened = context.new_page()
        opened.set_default_timeout(300_000)
        opened.goto("/radio")
        opened.get_by_role("textbox").fill("deja vu")
        opened.get_by_role("button", name="Play").click()
        opened.get_by_text("The previews cannot be played here.").wait_for()
        lines = opened.locator("#list li").count()
        opened.get_by_role("button", name="Go on").click()
        opened.locator(f"#list li >> nth={lines}").wait_for()
        assert "no preview, skipped" in opened.locator("#list li").first.inner_text()
        assert not opened.locator("audio").is_visible()
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
        opened.get_by_role("textbox").fill("deja")
        opened.get_by_role("button", name="Play").click()
        opened.get_by_text("Titles that begin so: 'Déjà Vu'").wait_for()
        context.close()
