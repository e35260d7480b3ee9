"""What the demo commits so that metrics decide."""

from __future__ import annotations

from datetime import timedelta

import yaml

from rollouts.api.lint import lint_text
from rollouts.cli.demo_gate import (
    EXAMPLE,
    ROLLOUT,
    TEMPLATE,
    prometheus_template,
    revision_of,
    web_template,
)
from rollouts.cli.demo_prometheus import config_text
from rollouts.cli.demo_stage import NEW_IMAGE, OLD_IMAGE, example_file

URL = "http://127.0.0.1:9090"
WINDOW = timedelta(seconds=2)


def metric_of(text):
    assert [str(each) for each in lint_text(text, "template")] == []
    (metric,) = yaml.safe_load(text)["spec"]["metrics"]
    return metric


def test_the_examples_template_asks_the_demos_prometheus_over_a_shorter_time():
    metric = metric_of(prometheus_template(example_file(TEMPLATE, EXAMPLE), URL, WINDOW))
    prometheus = metric["provider"]["prometheus"]

    assert prometheus["address"] == URL
    assert prometheus["query"].count("[2000ms]") == 2
    assert "[1m]" not in prometheus["query"]
    assert (metric["initialDelay"], metric["interval"]) == ("2500ms", "500ms")


def test_all_else_of_the_template_is_the_examples():
    ours = metric_of(prometheus_template(example_file(TEMPLATE, EXAMPLE), URL, WINDOW))
    examples = metric_of(example_file(TEMPLATE, EXAMPLE))

    assert {key for key in ours if ours[key] != examples[key]} == {
        "initialDelay",
        "interval",
        "provider",
    }


def test_the_delay_is_longer_than_the_window():
    metric = metric_of(example_file(TEMPLATE, EXAMPLE))

    assert metric["initialDelay"] == "75s"
    assert "[1m]" in metric["provider"]["prometheus"]["query"]


def test_without_a_prometheus_the_revisions_own_count_is_asked():
    metric = metric_of(web_template(f"{URL}/counters", WINDOW))

    assert metric["provider"] == {
        "web": {"url": f"{URL}/counters/{{{{args.revision}}}}", "jsonPath": "{$.errorShare}"}
    }
    assert metric["successCondition"] == "result < 0.05"


def test_two_images_are_two_revisions_and_one_image_is_always_the_same():
    text = example_file(ROLLOUT, EXAMPLE)
    old = revision_of(text, OLD_IMAGE)

    assert old != revision_of(text, NEW_IMAGE)
    # The story begins with the first example, and the gate must not be a new revision.
    assert old == revision_of(example_file(ROLLOUT), OLD_IMAGE)


def test_every_version_is_scraped_with_its_tag():
    config = yaml.safe_load(config_text({"1.0.0": "127.0.0.1:81", "1.1.0": "127.0.0.1:82"}, "1s"))
    (job,) = config["scrape_configs"]

    assert config["global"]["scrape_interval"] == "1s"
    assert job["static_configs"] == [
        {"targets": ["127.0.0.1:81"], "labels": {"version": "1.0.0"}},
        {"targets": ["127.0.0.1:82"], "labels": {"version": "1.1.0"}},
    ]
