"""What the controller says about itself: metrics, logs, and whether it is alive and ready.

`metrics` counts, `logs` writes lines without secrets, `health` answers probes, `server` serves
both to Prometheus and the kubelet. Nothing here knows a controller, a queue or a cluster: what
is to be told is handed in. It imports no other room except names of the API.
"""
