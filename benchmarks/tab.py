"""A tab of a browser as the server sees it: a session of the pages over a WebSocket, without drawing anything."""

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

LARGEST = 2**26


class Tab:
    """One session; ``open`` it, have its page ``run``, ``close`` it."""

    def __init__(self, port: int, *, path: str = "", source: tuple[str, int] | None = None) -> None:
        """Connect to nothing yet; ``path`` is that of the page, as ``live``, and ``source`` an address to come from."""
        self.port, self.path, self.source, self.session = port, path, source, ""
        self._socket: ClientConnection | None = None

    async def open(self, *, seconds: float = 120.0) -> None:
        """Come in; OSError or another error of the connection when the server does not let it."""
        where = f"ws://127.0.0.1:{self.port}/_stcore/stream"
        self._socket = await connect(
            where,
            subprotocols=[Subprotocol("streamlit")],
            max_size=LARGEST,
            open_timeout=seconds,
            close_timeout=1,
            proxy=None,
            local_addr=self.source,
        )

    async def run(self, query: str = "") -> int:
        """Have the page run; the number of its messages when it has come to its end."""
        assert self._socket
        asked = BackMsg()
        asked.rerun_script.query_string = query
        asked.rerun_script.page_name = self.path
        await self._socket.send(asked.SerializeToString())
        return await self.ended()

    async def ended(self) -> int:
        """Wait until a run ends; the number of its messages."""
        number = 0
        while True:
            said = await self.said()
            number += 1
            if said.WhichOneof("type") == "script_finished":
                return number

    async def said(self) -> ForwardMsg:
        """The next message of the server."""
        assert self._socket
        message = ForwardMsg()
        data = await self._socket.recv()
        assert isinstance(data, bytes)
        message.ParseFromString(data)
        if message.WhichOneof("type") == "new_session":
            self.session = message.new_session.initialize.session_id
        return message

    async def close(self) -> None:
        """Leave."""
        if self._socket:
            await self._socket.close()
