"""Re-ranking in a real browser, with and without scripts, on a server that users start."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from app.galaxies import SIDE
from app.judged import KEY, certain, copied, pick_by
from app.running import address_of
from app.test_browser import CHROMIUM, DRIVER, ids, open_browser, shot, wait_for
from newcomer import SKYLORE
from skylore.archive.table import Archive
from vlm.server import Behaviour, ModelServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium is not installed"),
]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(Behaviour(latency=0.2, pick=pick_by(certain))) as server:
        yield server


@pytest.fixture
def site(
    archive: Archive, model: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """``skylore serve --rerank``."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    own = copied(archive, tmp_path)
    command = [SKYLORE, "serve", str(own.location.root), "--port", "0"]
    command += ["--rerank", "openai:seer-1", "--base-url", model.url, "--budget", "1USD"]
    command += ["--price-in", "0.4", "--price-out", "1.6", "--image-size", str(SIDE)]
    process = subprocess.Popen(
        [*map(str, command), "--concurrency", "2"], stdout=subprocess.PIPE, text=True
    )
    try:
        yield address_of(process)
        assert process.stdout is not None
        assert "at most 1.00 USD until it stops" in process.stdout.readline()
    finally:
        process.terminate()
        process.wait(15)
        if process.stdout is not None:
            process.stdout.close()


def certainties(browser: WebDriver) -> list[float]:
    found = browser.find_elements(By.CSS_SELECTOR, ".tile .certainty")
    return [float(each.text.split()[1]) for each in found]


def state(browser: WebDriver) -> str:
    return browser.find_element(By.CSS_SELECTOR, "[data-state]").get_attribute("data-state") or ""


def begin(browser: WebDriver, site: str) -> list[str]:
    """Search, and ask for the first hits to be looked at; gives the hits by similarity."""
    browser.get(f"{site}/?q=galaxy&mode=text&rerank=30")
    similar = ids(browser)
    shot(browser, "rerank-offer")
    browser.find_element(By.CSS_SELECTOR, ".offer button").click()
    wait_for(browser, "/rerank/")
    return similar


def test_certainties_come_as_they_are_given(
    site: str, model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    browser = open_browser(tmp_path_factory.mktemp("profile"))
    browser.implicitly_wait(0)
    try:
        similar = begin(browser, site)
        assert ids(browser) == similar
        WebDriverWait(browser, 30).until(lambda b: b.find_elements(By.CSS_SELECTOR, ".told"))
        assert "16 were asked, as a sample" in browser.find_element(By.CLASS_NAME, "told").text
        assert len(model.log) == 16
        shot(browser, "rerank-told")
        browser.find_element(By.CSS_SELECTOR, ".told button").click()
        WebDriverWait(browser, 10).until(lambda b: not b.find_elements(By.CLASS_NAME, "told"))
        address, counts = browser.current_url, set()
        browser.execute_script("window.here = true")

        def done(b: WebDriver) -> bool:
            now = b.execute_script(
                "return [document.querySelector('[data-state]').dataset.state,"
                " document.querySelectorAll('.tile .certainty').length]"
            )
            counts.add(now[1])
            return now[0] == "done"

        WebDriverWait(browser, 60, poll_frequency=0.1).until(done)
        drawn = certainties(browser)
        assert len(counts) > 2, "certainties come bit by bit"
        assert browser.execute_script("return window.here") is True, "the page was not left"
        assert browser.current_url == address
        assert drawn == sorted(drawn, reverse=True)
        assert ids(browser)[:3] != similar[:3]
        shot(browser, "rerank-done")
        browser.find_element(By.CSS_SELECTOR, "[rel=next]").click()
        wait_for(browser, "offset=20")
        refused = browser.find_element(By.CSS_SELECTOR, ".unjudged").text
        assert "not judged: the model refused" in refused
        assert KEY not in browser.page_source
        assert browser.get_log("browser") == []
    finally:
        browser.quit()


def test_without_scripts_a_link_waits(site: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    browser = open_browser(tmp_path_factory.mktemp("profile"), scripts=False)
    try:
        similar = begin(browser, site)
        assert state(browser) in ("waiting", "asking")
        assert ids(browser) == similar
        browser.find_element(By.LINK_TEXT, "Wait for it").click()
        wait_for(browser, "wait=true")
        assert state(browser) == "told"
        browser.find_element(By.CSS_SELECTOR, ".told button").click()
        browser.find_element(By.LINK_TEXT, "Wait for it").click()
        WebDriverWait(browser, 30).until(lambda b: state(b) == "done")
        found = certainties(browser)
        assert found[0] == 10
        assert found == sorted(found, reverse=True)
    finally:
        browser.quit()
