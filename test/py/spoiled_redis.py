"""A Redis between others and a real one, which answers some commands as it should not."""

import contextlib
import socket
import threading


class SpoiledRedis:
    """Hands on what it is asked, and what is answered, but for `answers`.

    `answers` has what is said to a command (its name, or "*" for all) instead: bytes; None for
    nothing at all; a function that is called with the socket.
    """

    def __init__(self, redis):
        self.redis = redis
        self.answers = {}
        self.spoiled = 0  # commands
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = set()
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def call(self, *words):
        return self.redis.call(*words)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (self.listener, *self.connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self.threads:
            thread.join()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.redis.port))
            self.connections |= {client, server}
            thread = threading.Thread(target=self._serve, args=(client, server))
            self.threads.append(thread)
            thread.start()

    def _serve(self, client, server):
        with client, server, contextlib.suppress(OSError, ValueError):
            asked, answered = client.makefile("rb"), server.makefile("rb")
            answers = {}
            in_transaction = False
            while command := _read(asked):
                name = command.split(b"\r\n")[2].decode().upper()
                # A transaction is answered in one way as a whole, as a server does.
                if not in_transaction:
                    answers = self.answers
                in_transaction = name == "MULTI" or (in_transaction and name != "EXEC")
                answer = answers.get(name, answers.get("*", command))
                if answer is command:
                    server.sendall(command)
                    client.sendall(_read(answered))
                    continue
                self.spoiled += 1
                if callable(answer):
                    answer(client)
                elif answer is not None:
                    client.sendall(answer)


def _read(stream):
    """One value, as its bytes."""
    line = stream.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"$" and int(rest) >= 0:
        return line + stream.read(int(rest) + 2)
    if kind == b"*" and int(rest) >= 0:
        return line + b"".join(_read(stream) for _ in range(int(rest)))
    return line
