"""MLflow's own pages in a headless browser: one row per model, AP beside AP, the curves of a run."""

import time
from dataclasses import replace

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from mlflow_server import MlflowServer
from tracking.runs_case import history

from cornernet.tracking import ModelFiles, Run, pages, send

pytestmark = pytest.mark.slow
VARIANTS = ("baseline", "no_corner_pooling", "fixed_radius")
METRICS = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR1", "AR100")
TERMS = ("total", "focal_tl", "focal_br", "pull", "push", "offset")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The address of the experiment's page, on a server that holds three trained models."""
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", server.address)
        patch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.5")
        folder = tmp_path_factory.mktemp("mlflow")
        for number, variant in enumerate(VARIANTS):
            _train(folder, variant, number)
        yield pages("", folder)["demo"]
    server.kill()


def _train(folder, variant, number):
    """A model's run: curves of every loss term and of the machine's load, then its scores."""
    tags = {"mlflow.note.content": "To repeat it: ...", "mlflow.source.name": "cornernet train"}
    files = ModelFiles("demo", variant, 0, variant, {"train": {"learning_rate": 0.1}}, tags)
    run = Run(files, folder)
    with run.following(history(folder / variant / "history.csv", 40)):
        time.sleep(5)
    run.finish("FINISHED")
    scores = {f"{m}.val.single_scale": 40.0 + number + k / 4 for k, m in enumerate(METRICS)}
    send([replace(run.model, metrics=scores)], folder)


def text(browser):
    return browser.execute_script("return document.body ? document.body.innerText : ''")


def wait_for(browser, condition):
    """Return once it is true of the page."""
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser, 60).until(condition)


def wait_for_text(browser, wanted):
    """Return once all of `wanted` stand on the page."""
    wait_for(browser, lambda shown: all(word in text(shown) for word in wanted))


def open_tab(browser, name):
    """Click what bears that name, whichever element it is."""
    from selenium.webdriver.common.by import By

    elements = browser.find_elements(By.XPATH, f"//*[normalize-space(text())='{name}']")
    next(element for element in elements if element.is_displayed()).click()


def close_assistant(browser):
    """The pages open with a panel that nobody asked for; it hides columns."""
    script = (
        "const close = [...document.querySelectorAll('button')].find("
        "b => b.getBoundingClientRect().left > innerWidth - 80 && b.getBoundingClientRect().top < 80"
        " && /close/i.test(b.getAttribute('aria-label') || b.dataset.componentId || ''));"
        "if (close) close.click();"
    )
    browser.execute_script(script)


def test_the_experiment_has_a_row_per_model_and_a_run_its_curves(browser, page):
    from selenium.webdriver.common.by import By

    browser.get(page)
    wait_for_text(browser, [f"{variant}-s0" for variant in VARIANTS])
    close_assistant(browser)
    wait_for_text(browser, ["AP.val.single_scale", "AP50.val.single_scale", "3 matching runs"])
    wait_for_text(browser, ["40.25", "41.25", "42.25"])  # AP50 of each
    browser.find_element(By.LINK_TEXT, "baseline-s0").click()
    wait_for_text(browser, ["Model metrics", "train.learning_rate"])
    open_tab(browser, "Model metrics")
    wait_for_text(browser, ["loss", *TERMS])

    def drawn(shown):  # of one point a panel has no line; this loss is a straight one
        curves = shown.find_elements(By.CSS_SELECTOR, ".js-plotly-plot path.js-line")
        return sum(line.get_attribute("d").count("L") > 0 for line in curves) >= 3

    wait_for(browser, drawn)
    open_tab(browser, "System metrics")
    wait_for_text(browser, ["cpu_utilization_percentage"])
