"""Analysis decides whether measured values speak for or against a version.

Law: values in, values out. No clock, network, disk, thread or log; `now` is an argument. It
imports `api` and `actions` only. Fetching a sample is the business of `metric_providers`,
carrying out a plan that of `controller`.
"""
