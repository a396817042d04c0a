"""The soak's endpoints, a process each so that it can be killed: `endpoint.py http1|h2c PORT`.

HTTP/1.1: GET /NUMBER/COUNT answers with a pattern; POST answers with the body's SHA-256 and length; an upgrade to
websocket echoes messages. h2c: every DATA frame is echoed, and the trailers say grpc-status 0.
"""

import asyncio
import base64
import hashlib
import sys

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from pattern import pattern

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def http1(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.split("\r\n")
            method, path, _ = lines[0].split(" ")
            fields = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:] if line)}
            if fields.get("upgrade", "").lower() == "websocket":
                return await websocket(reader, writer, fields)
            body, length = await read_body(reader, fields)
            if method == "POST":
                answer = f"{body.hexdigest()} {length}".encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer)
            else:
                number, count = (int(part) for part in path.split("/")[-2:])
                answer = pattern(number, count)
                if number % 2:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % count + answer)
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                    for start in range(0, count, 10_000):
                        piece = answer[start : start + 10_000]
                        writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
                    writer.write(b"0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    except ValueError as error:
        print(f"endpoint: {error} in {head!r}", file=sys.stderr)
    finally:
        writer.close()


async def read_body(reader, fields):
    """Its SHA-256 and length: the body itself is not kept."""
    body, length = hashlib.sha256(), 0
    if "chunked" in fields.get("transfer-encoding", ""):
        while count := int(await reader.readline(), 16):
            body.update(await reader.readexactly(count))
            length += count
            await reader.readline()
        while await reader.readline() != b"\r\n":
            pass
        return body, length
    left = int(fields.get("content-length", 0))
    while left > 0:
        piece = await reader.readexactly(min(left, 65_536))
        body.update(piece)
        length += len(piece)
        left -= len(piece)
    return body, length


async def websocket(reader, writer, fields):
    key = hashlib.sha1(fields["sec-websocket-key"].encode() + GUID).digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: "
        + base64.b64encode(key) + b"\r\n\r\n"
    )
    while True:
        # Echoes whole frames, unmasked (RFC 6455 §5).
        first, second = await reader.readexactly(2)
        count = second & 0x7F
        extended = b""
        if count >= 126:
            extended = await reader.readexactly(2 if count == 126 else 8)
            count = int.from_bytes(extended, "big")
        mask = await reader.readexactly(4)
        masked = await reader.readexactly(count)
        key = int.from_bytes((mask * (count // 4 + 1))[:count], "big")
        content = (int.from_bytes(masked, "big") ^ key).to_bytes(count, "big")
        writer.write(bytes([first, second & 0x7F]) + extended + content)
        await writer.drain()
        if first & 0x0F == 8:
            return


async def h2c(reader, writer):
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    writer.write(connection.data_to_send())
    waiting: dict[int, bytearray] = {}
    ended: set[int] = set()

    def pump(stream):
        data = waiting.get(stream)
        if data is None:
            return
        while data and (room := min(connection.local_flow_control_window(stream), 16_384)) > 0:
            connection.send_data(stream, bytes(data[:room]))
            del data[:room]
        if not data and stream in ended:
            connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)
            del waiting[stream]

    try:
        while data := await reader.read(65_536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    waiting[event.stream_id] = bytearray()
                    fields = [(":status", "200"), ("content-type", "application/grpc")]
                    connection.send_headers(event.stream_id, fields)
                elif isinstance(event, h2.events.DataReceived):
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    waiting[event.stream_id] += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    ended.add(event.stream_id)
                elif isinstance(event, h2.events.StreamReset):
                    waiting.pop(event.stream_id, None)
            for stream in list(waiting):
                pump(stream)
            writer.write(connection.data_to_send())
            await writer.drain()
    except (ConnectionError, h2.exceptions.ProtocolError):
        pass
    finally:
        writer.close()


async def main():
    kind, port = sys.argv[1], int(sys.argv[2])
    server = await asyncio.start_server(
        http1 if kind == "http1" else h2c, "127.0.0.1", port, limit=1 << 20, reuse_address=True)
    await server.serve_forever()


asyncio.run(main())
