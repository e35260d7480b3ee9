"""A Prometheus of our own for tests, with the JSON that the real one sends."""

from __future__ import annotations

from aiohttp import web

SERIES = {
    "vector(0.25)": [({}, "0.25")],
    "vector(0) / vector(0)": [({}, "NaN")],
    "vector(1) / vector(0)": [({}, "+Inf")],
    "vector(1) > 2": [],
    'label_replace(vector(1), "a", "b", "", "") or vector(2)': [({"a": "b"}, "1"), ({}, "2")],
}
SCALARS = {"scalar(vector(3))": "3"}
STRINGS = {'"all is well"': "all is well"}
UNREADABLE = "sum("
UNREADABLE_ERROR = 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis'


class FakePrometheus:
    """Answers `query` and `query_range`, and remembers what it was asked."""

    def __init__(self, *, warnings=(), infos=(), age_seconds=0.0):
        self.warnings, self.infos, self.age_seconds = warnings, infos, age_seconds
        self.asked = []

    async def handle(self, request):
        form = dict(await request.post())
        self.asked.append((request.method, request.path, dict(request.query), form))
        if request.path.endswith("/api/v1/query"):
            return self._instant(form)
        if request.path.endswith("/api/v1/query_range"):
            return self._range(form)
        return web.Response(status=404, text="404 page not found\n")

    def _instant(self, form):
        query, moment = form["query"], float(form["time"]) - self.age_seconds
        if query == UNREADABLE:
            return refusal(400, "bad_data", UNREADABLE_ERROR)
        if query in SCALARS:
            return self._success("scalar", [moment, SCALARS[query]])
        if query in STRINGS:
            return self._success("string", [moment, STRINGS[query]])
        rows = SERIES.get(query, [])
        found = [{"metric": labels, "value": [moment, value]} for labels, value in rows]
        return self._success("vector", found)

    def _range(self, form):
        start, end, step = (float(form[name]) for name in ("start", "end", "step"))
        count = int((end - self.age_seconds - start) // step) + 1
        moments = [start + step * index for index in range(count)]
        found = [
            {"metric": labels, "values": [[moment, value] for moment in moments]}
            for labels, value in SERIES.get(form["query"], [])
        ]
        return self._success("matrix", found)

    def _success(self, kind, result):
        answer = {"status": "success", "data": {"resultType": kind, "result": result}}
        if self.warnings:
            answer["warnings"] = list(self.warnings)
        if self.infos:
            answer["infos"] = list(self.infos)
        return web.json_response(answer)


def refusal(status, kind, message):
    """What Prometheus answers when it cannot evaluate a query."""
    return web.json_response(
        {"status": "error", "errorType": kind, "error": message}, status=status
    )
