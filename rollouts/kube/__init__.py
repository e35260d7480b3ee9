"""The door to an API server.

`cluster` is what the rest of the program sees of it, `errors` what can go wrong there and `store`
what is known of it; these three are pure, so that the simulator can stand in for a server.
`client` connects and is the only module that knows the `kubernetes` package; `http` moves bytes,
`answers` reads them, `rest` speaks the API, `informer` keeps a store in step with a kind, `retry`
says what may be repeated. Nothing here decides what to do with an object.
"""
