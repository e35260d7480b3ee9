"""The two dialects: an Application or a Flux object to sync units, and reports to their status.

Law: pure, save `door`, which writes a status, and `helm_index`, which fetches an index. A front
end knows the words of its dialect and nothing about how a sync is done.
"""
