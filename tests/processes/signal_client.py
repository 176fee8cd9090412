"""Someone who searches all the time while the server is told to end: by item, and by picture, which children decode."""

import http.client
import json
import threading
import time

BOUNDARY = "xxxxxxxx"


class Client:
    """Asks in two threads; ``cut`` counts requests that were under way when the signal came and got no answer."""

    def __init__(self, port, photo):
        self.port, self.photo = port, photo.read_bytes()
        self.told = threading.Event()
        self.ready = threading.Event()
        """The first search was answered."""
        self.statuses, self.cut = [], []
        self._threads = [threading.Thread(target=self._ask, args=(ask,)) for ask in (self._item, self._picture)]
        for thread in self._threads:
            thread.start()

    def close(self):
        self.told.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, ask):
        while not self.told.is_set():
            was_ready = self.ready.is_set()
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.connect()
            except OSError:
                time.sleep(0.02)
                continue
            before = not self.told.is_set()
            try:
                ask(connection)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                if was_ready and before:
                    self.cut.append(repr(error))
                continue
            finally:
                connection.close()
            self.statuses.append(answer.status)
            if answer.status == 200:
                self.ready.set()

    def _item(self, connection):
        asked = {"item": 100, "k": 3, "model": "mobilenetv2", "layer": "Conv_1", "pooling": "avg", "metric": "cosine"}
        connection.request("POST", "/api/search", json.dumps(asked), {"Content-Type": "application/json"})

    def _picture(self, connection):
        fields = {"model": "mobilenetv2", "layer": "Conv_1", "pooling": "avg", "metric": "cosine"}
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
        ]
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        body = "".join(parts).encode() + head.encode() + self.photo + f"\r\n--{BOUNDARY}--\r\n".encode()
        connection.request("POST", "/api/search", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
