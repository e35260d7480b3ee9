"""Measured figures: what the controller costs and how late it is, beside the targets it is held to.

Law of the room: a bench measures the product as people run it, `rollouts run` in a process of its
own against the embedded cluster in another, over loopback HTTP. It checks that the work was right
before it says how fast it was. It may import everything; nothing imports it. Counting, percentiles
and tables are pure; `laboratory` starts processes, and ends those and no others, by their ids.
"""
