"""The HTTP face of the emulated cluster: the wire that kubectl and client libraries speak.

The law of this room: it translates between HTTP and `ApiServer` and decides nothing about
objects. What can be pure is (paths, forms, tables, documents); the rest is the only place of the
emulator that knows of asyncio, sockets and real time.

Not played: authentication, RBAC and admission. Whoever connects may do everything; access reviews
say so. A bearer token is a user's name for the request log and nothing else.
"""
