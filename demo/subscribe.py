#!/usr/bin/python3
"""Subscribe with GraphQL over graphql-transport-ws and print every event as it arrives.

example: demo/subscribe.py --url ws://127.0.0.1:4000 'subscription { orderUpdated { id status } }'
"""

import argparse
import asyncio
import json
import sys
import time
from datetime import datetime

import websockets

SUBPROTOCOL = "graphql-transport-ws"


class Failure(Exception):
    """What the server said that ends the program, as text for the user."""


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("query", help="GraphQL document with one subscription")
    parser.add_argument("--url", default="ws://127.0.0.1:4000", help="default: %(default)s")
    parser.add_argument("--variables", type=json.loads, help="JSON object")
    parser.add_argument("--events", type=int, metavar="N", help="end after N events")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="end after this time")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    return parser.parse_args()


def report(arguments, kind, payload=None):
    now = time.time()
    if arguments.json:
        print(json.dumps({"kind": kind, "at": now, "payload": payload}), flush=True)
        return
    clock = datetime.fromtimestamp(now).strftime("%H:%M:%S.%f")
    text = "subscribed, waiting for events" if payload is None else json.dumps(payload)
    print(clock, text, flush=True)


def describe(errors):
    return "; ".join(error["message"] for error in errors)


async def subscribe(arguments):
    async with websockets.connect(
        arguments.url, subprotocols=[SUBPROTOCOL], max_size=None
    ) as socket:
        await socket.send('{"type":"connection_init"}')
        await socket.recv()
        operation = {"query": arguments.query}
        if arguments.variables is not None:
            operation["variables"] = arguments.variables
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": operation}))
        # Messages are handled in their order, so the pong says that the subscription stands.
        await socket.send('{"type":"ping"}')

        events = 0
        while arguments.events is None or events < arguments.events:
            message = json.loads(await socket.recv())
            if message["type"] == "pong":
                report(arguments, "subscribed")
            elif message["type"] == "next":
                report(arguments, "event", message["payload"])
                events += 1
            elif message["type"] == "error":
                raise Failure(describe(message["payload"]))
            elif message["type"] == "complete":
                raise Failure("the server completed the subscription")


def main():
    arguments = parse_arguments()
    try:
        asyncio.run(asyncio.wait_for(subscribe(arguments), arguments.timeout))
    except KeyboardInterrupt:
        return 130
    except TimeoutError:
        print(f"no more events within {arguments.timeout:g} seconds", file=sys.stderr)
    except websockets.ConnectionClosed as closed:
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        print(f"the server closed the connection: {code} {reason}", file=sys.stderr)
    except (Failure, OSError, websockets.InvalidHandshake) as failure:
        print(failure, file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
