"""MLflow's own pages in a headless browser: one row per model, AP beside AP, the curves of a run."""

import time
from dataclasses import replace

import pytest

pytest.importorskip("mlflow", reason="MLflow is not installed")

from mlflow_server import MlflowServer
from tracking.runs_case import history

from cornernet.tracking import REPORT_PAGE, ModelFiles, Run, pages, send

pytestmark = pytest.mark.slow
VARIANTS = ("baseline", "no_corner_pooling", "fixed_radius")
METRICS = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR1", "AR100")
TERMS = ("total", "focal_tl", "focal_br", "pull", "push", "offset")


@pytest.fixture(scope="module")
def links(tmp_path_factory):
    """The addresses of the experiment's page and of the baseline's run, of three trained models."""
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", server.address)
        patch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.5")
        folder = tmp_path_factory.mktemp("mlflow")
        runs = [_train(folder, variant, number) for number, variant in enumerate(VARIANTS)]
        yield pages(folder)["demo"], runs[0]
    server.kill()


def _train(folder, variant, number):
    """A model's run: curves of every loss term and of the machine's load, then its scores."""
    note = f"[The report]({REPORT_PAGE}) To repeat it: ..."
    tags = {"mlflow.note.content": note, "mlflow.source.name": "cornernet train"}
    report = folder / "index.html"
    report.write_text("<h1>The report of the demo</h1>")
    files = ModelFiles(
        "demo", variant, 0, variant, {"train": {"learning_rate": 0.1}}, tags,
        artifacts=((report, None),),
    )  # fmt: skip
    run = Run(files, folder)
    with run.following(history(folder / variant / "history.csv", 40)):
        time.sleep(5)
    run.finish("FINISHED")
    scores = {f"{m}.val.single_scale": 40.0 + number + k / 4 for k, m in enumerate(METRICS)}
    scores |= {"test_dev.AP.single_scale": 39.0, "AP.val.gt_heatmaps": 70.0}
    send([replace(run.model, metrics=scores)], folder)
    assert run.page is not None
    return run.page


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


def columns(browser):
    """The names of the table's columns, from left to right."""
    script = (
        "return [...document.querySelectorAll('.ag-header-cell')].sort((a, b) => "
        "a.getBoundingClientRect().left - b.getBoundingClientRect().left).map(c => c.innerText)"
    )
    return browser.execute_script(script)


def test_the_experiment_has_a_row_per_model_and_a_run_its_curves(browser, links):
    from selenium.webdriver.common.by import By

    browser.get(links[0])
    wait_for_text(browser, [f"{variant}-s0" for variant in VARIANTS])
    close_assistant(browser)
    wait_for_text(browser, ["3 matching runs", "40.25", "41.25", "42.25"])  # AP50 of each
    metrics = [name for name in columns(browser) if "single_scale" in name]
    assert metrics == [*(f"{m}.val.single_scale" for m in METRICS[:3]), "test_dev.AP.single_scale"]
    browser.find_element(By.LINK_TEXT, "baseline-s0").click()
    wait_for_text(browser, ["Model metrics", "train.learning_rate", "cornernet train"])
    open_tab(browser, "Model metrics")
    wait_for_text(browser, ["loss", *TERMS])

    def drawn(shown):  # of one point a panel has no line; this loss is a straight one
        curves = shown.find_elements(By.CSS_SELECTOR, ".js-plotly-plot path.js-line")
        return sum(line.get_attribute("d").count("L") > 0 for line in curves) >= 3

    wait_for(browser, drawn)
    open_tab(browser, "System metrics")
    wait_for_text(browser, ["cpu_utilization_percentage"])


def test_a_report_s_link_opens_the_run_among_trainings_and_the_run_leads_back(browser, links):
    from selenium.webdriver.common.by import By

    browser.get("about:blank")
    browser.get(links[1])
    wait_for_text(browser, ["To repeat it", "Model metrics", "Model registry"])
    assert "Playground" not in text(browser)  # of the pages for prompts
    close_assistant(browser)
    browser.get(browser.find_element(By.LINK_TEXT, "The report").get_attribute("href"))
    wait_for_text(browser, ["Artifacts", "Model registry", "index.html"])
    wait_for(browser, lambda shown: shown.find_elements(By.TAG_NAME, "iframe"))
    browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
    wait_for_text(browser, ["The report of the demo"])
    browser.switch_to.default_content()
