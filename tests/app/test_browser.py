"""The pages in a real browser, with a mouse, with the keyboard alone, and without JavaScript."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from app.galaxies import pixels
from app.running import running
from skylore.archive.table import Archive

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium is not installed"),
]
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--window-size=1280,1000"),
)


def open_browser(profile: Path, *, scripts: bool = True) -> WebDriver:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    if not scripts:
        blocked = {"profile.managed_default_content_settings.javascript": 2}
        options.add_experimental_option("prefs", blocked)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.set_page_load_timeout(30)
    driver.implicitly_wait(5)
    return driver


@pytest.fixture(scope="module")
def site(archive: Archive) -> Iterator[str]:
    with running(str(archive)) as address:
        yield address


@pytest.fixture(scope="module", params=[True, False], ids=["scripts", "no-scripts"])
def browser(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebDriver]:
    driver = open_browser(tmp_path_factory.mktemp("profile"), scripts=request.param)
    driver.get("data:text/html,<title>idle</title><script>document.title = 'ran'</script>")
    assert driver.title == ("ran" if request.param else "idle")
    yield driver
    driver.quit()


def ids(browser: WebDriver) -> list[str]:
    return [e.text for e in browser.find_elements(By.CSS_SELECTOR, ".tiles .id")]


def press(browser: WebDriver, key: str) -> None:
    ActionChains(browser).send_keys(key).perform()


def shot(browser: WebDriver, name: str) -> None:
    if "SKYLORE_SCREENSHOTS" in os.environ:
        browser.save_screenshot(f"{os.environ['SKYLORE_SCREENSHOTS']}/{name}.png")


def wait_for(browser: WebDriver, part: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 10).until(lambda b: part in b.current_url)


def test_search_object_and_more_like_this(browser: WebDriver, site: str) -> None:
    browser.get(site)
    shot(browser, "landing")
    box = browser.find_element(By.ID, "q")
    box.send_keys("large blue galaxy")
    box.submit()
    wait_for(browser, "q=large+blue+galaxy")
    first = browser.find_element(By.CSS_SELECTOR, ".tile")
    assert first.find_element(By.CSS_SELECTOR, ".caption").text == "A large blue galaxy."
    shot(browser, "search")
    name = first.find_element(By.CSS_SELECTOR, ".id").text
    first.find_element(By.CSS_SELECTOR, ".id").click()
    wait_for(browser, "/object/")
    assert browser.find_element(By.TAG_NAME, "h1").text == name
    shot(browser, "object")
    browser.find_element(By.CSS_SELECTOR, ".actions .button").click()
    wait_for(browser, f"like={name}")
    assert name not in ids(browser)
    assert len(ids(browser)) == 20


def test_pages_forward_and_back(browser: WebDriver, site: str) -> None:
    browser.get(f"{site}/?like=hdf-001")
    first = ids(browser)
    browser.find_element(By.CSS_SELECTOR, "[rel=next]").click()
    wait_for(browser, "offset=20")
    assert not set(first) & set(ids(browser))
    browser.find_element(By.CSS_SELECTOR, "[rel=prev]").click()
    browser.find_element(By.CSS_SELECTOR, "[rel=next]")
    assert ids(browser) == first


def test_images_are_loaded_and_described(browser: WebDriver, site: str) -> None:
    browser.get(f"{site}/?k=4")
    images = browser.find_elements(By.CSS_SELECTOR, ".tile img")
    assert len(images) == 4
    for image in images:
        assert image.get_property("naturalWidth") == 64
        assert image.get_attribute("alt")


def test_upload_finds_the_image(browser: WebDriver, site: str, tmp_path: Path) -> None:
    (tmp_path / "galaxy.png").write_bytes(pixels(6))
    browser.get(site)
    browser.find_element(By.ID, "file").send_keys(str(tmp_path / "galaxy.png"))
    browser.find_element(By.CSS_SELECTOR, ".upload button").click()
    wait_for(browser, "image=")
    assert ids(browser)[0] == "hdf-006"
    shot(browser, "upload")


def test_an_error_is_shown_with_the_query_kept(browser: WebDriver, site: str) -> None:
    browser.get(f"{site}/?q=galaxy&where=aera+>+3")
    assert "did you mean area" in browser.find_element(By.CSS_SELECTOR, "[role=alert]").text
    assert browser.find_element(By.ID, "where").get_property("value") == "aera > 3"
    shot(browser, "error")


def test_keyboard_alone_reaches_everything(browser: WebDriver, site: str) -> None:
    browser.get(f"{site}/?k=2&where=area+>+0")
    names = []
    for _ in range(40):
        press(browser, Keys.TAB)
        at = browser.switch_to.active_element
        style = at.value_of_css_property("outline-style")
        names.append(at.get_attribute("id") or at.text or at.get_attribute("class") or "")
        if at.tag_name == "body":
            break
        assert style != "none", f"no focus ring on {names[-1]}"
    places = [names.index(n) for n in ("Skip to content", "Skylore", "q", "where", "hdf-000")]
    assert places == sorted(places)
    assert "Next →" in names


def test_skip_link_and_enter(browser: WebDriver, site: str) -> None:
    browser.get(f"{site}/?k=2")
    press(browser, Keys.TAB)
    press(browser, Keys.ENTER)
    wait_for(browser, "#main")
    press(browser, Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("id") == "q"


def test_slash_focuses_the_search_and_nothing_is_blocked(
    site: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    browser = open_browser(tmp_path_factory.mktemp("profile"))
    try:
        browser.get(site)
        browser.find_element(By.TAG_NAME, "body").send_keys("/")
        assert browser.switch_to.active_element.get_attribute("id") == "q"
        assert browser.switch_to.active_element.get_property("value") == ""
        for path in ("/about", "/docs", "/object/hdf-003"):
            browser.get(site + path)
            shot(browser, path.strip("/").replace("/", "-"))
        prefer_dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", prefer_dark)
        browser.get(f"{site}/?like=hdf-003")
        shot(browser, "dark")
        browser.set_window_size(390, 900)
        for path in ("/", "/?like=hdf-003", "/object/hdf-003", "/about", "/docs"):
            browser.get(site + path)
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= browser.execute_script("return window.innerWidth")
            shot(browser, "narrow" + path.replace("/", "-").replace("?", ""))
        assert browser.get_log("browser") == []
    finally:
        browser.quit()
