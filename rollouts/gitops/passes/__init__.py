"""One pass of one object of our own, per kind: read it, run the engine, write its status once.

Law: a pass awaits calls of the cluster and of Git and nothing else, returns when to look again
unasked, and may be cut off after any call.
"""
