"""Tables of facts: the wire types of the built-in API, one line each in a compact notation.

They hold data only, and import nothing.
"""
