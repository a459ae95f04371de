"""GraphQL over plain HTTP, and streams of server-sent events."""

import http.client
import json

TIMEOUT = 20.0


def connection_to(cluster):
    if cluster.tls is None:
        return http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=TIMEOUT)
    return http.client.HTTPSConnection(
        "127.0.0.1", cluster.port, timeout=TIMEOUT, context=cluster.tls
    )


def request(cluster, method, path, body=None, **headers):
    """One request of its own connection: (status, headers with lower-case names, body)."""
    connection = connection_to(cluster)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named)
        reply = connection.getresponse()
        text = reply.read().decode()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, text
    finally:
        connection.close()


def post(cluster, query, variables=None, accept="application/json", **headers):
    """POST an operation: (status, headers, JSON)."""
    body = {"query": query} | ({} if variables is None else {"variables": variables})
    status, received, text = request(
        cluster,
        "POST",
        "/graphql",
        json.dumps(body),
        accept=accept,
        content_type="application/json",
        **headers,
    )
    return status, received, json.loads(text)


class EventStream:
    """GraphQL over SSE, distinct connections mode."""

    def __init__(self, cluster, query, variables=None, method="POST", **headers):
        self.connection = connection_to(cluster)
        headers = {"accept": "text/event-stream"} | headers
        if method == "POST":
            body = json.dumps({"query": query, "variables": variables})
            headers["content-type"] = "application/json"
            self.connection.request("POST", "/graphql", body=body, headers=headers)
        else:
            self.connection.request("GET", f"/graphql?query={query}", headers=headers)
        self.reply = self.connection.getresponse()
        self.comments = 0

    def event(self):
        """The next event: its type and its data; nothing at the end of the stream."""
        fields = {}
        while line := self.reply.readline():
            text = line.decode().rstrip("\n")
            if not text:
                if fields:
                    data = fields.get("data")
                    return fields["event"], json.loads(data) if data else None
            elif text.startswith(":"):
                self.comments += 1
            else:
                name, _, value = text.partition(":")
                fields[name] = value.removeprefix(" ")
        return None

    def next(self):
        kind, data = self.event()
        assert kind == "next", (kind, data)
        return data

    def close(self):
        self.reply.close()
        self.connection.close()
