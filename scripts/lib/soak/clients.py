"""The soak's clients. Each goes round and round until it is told to stop; what it gets is compared byte for byte."""

import asyncio
import base64
import collections
import hashlib
import random
import ssl

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from pattern import pattern

SIZES = [0, 1, 100, 1_000, 16_384, 65_536, 300_000]
LARGE = 3_000_000


class Target:
    """Where requests go. Every reload of the gateway's documents brings one path more."""

    def __init__(self, port):
        self.port, self.paths, self.resets, self.asked = port, ["/plain"], 0, collections.Counter()

    def path(self, rng):
        path = rng.choice(self.paths)
        self.asked[path] += 1
        return path


class Wrong(Exception):
    """An answer that differs from what it must be: never excused."""


class Lost(Exception):
    """No answer, or a gateway's own error: excused while a fault is on."""


def context(protocol):
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE  # its certificate changes while we look
    made.set_alpn_protocols([protocol])
    return made


class HTTP1:
    """Keep-alive over TLS: downloads and uploads in turn."""

    def __init__(self, target):
        self.target = target
        self.reader = self.writer = None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.target.port, ssl=context("http/1.1"), limit=1 << 20, ssl_handshake_timeout=100)

    def close(self):
        if self.writer:
            self.writer.transport.abort()
        self.writer = None

    async def round(self, rng):
        if not self.writer:
            await self.open()
        number, count = rng.randrange(1 << 20), rng.choice(SIZES)
        path = self.target.path(rng)
        if rng.random() < 0.7:
            self.writer.write(f"GET {path}/{number}/{count} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            wanted = pattern(number, count)
        else:
            count = LARGE if rng.random() < 0.02 else count
            body = pattern(number, count)
            head = f"POST {path}/upload HTTP/1.1\r\nhost: localhost\r\n"
            if number % 2:
                self.writer.write(f"{head}content-length: {count}\r\n\r\n".encode() + body)
            else:
                self.writer.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
                for start in range(0, count, 7_000):
                    piece = body[start : start + 7_000]
                    self.writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
                self.writer.write(b"0\r\n\r\n")
            wanted = f"{hashlib.sha256(body).hexdigest()} {count}".encode()
        status, got = await self.response()
        if status != 200:
            self.close()
            raise Lost(f"status {status}: {got[:200]!r}")
        if got != wanted:
            raise Wrong(f"HTTP/1.1 {number}/{count}: {len(got)} bytes that differ")

    async def response(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ")[1])
        fields = {n: v.strip() for n, _, v in (line.partition(":") for line in head.split("\r\n")[1:])}
        if "transfer-encoding" in fields:
            body = b""
            while count := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(count)
                await self.reader.readline()
            while await self.reader.readline() != b"\r\n":
                pass
        else:
            body = await self.reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection") == "close":
            self.close()
        return status, body


class Vanishing(HTTP1):
    """Asks for much and leaves in the middle."""

    async def round(self, rng):
        await self.open()
        self.writer.write(f"GET /plain/{rng.randrange(999)}/300000 HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        await self.reader.read(rng.randrange(1, 50_000))
        self.close()


class WebSocket(HTTP1):
    """One connection of ten messages."""

    async def round(self, rng):
        await self.open()
        try:
            key = base64.b64encode(rng.randbytes(16))
            self.writer.write(
                b"GET /plain/ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                b"sec-websocket-version: 13\r\nsec-websocket-key: " + key + b"\r\n\r\n")
            head = await self.reader.readuntil(b"\r\n\r\n")
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise Lost(f"WebSocket: {head[:100]!r}")
            for _ in range(10):
                count = rng.choice([0, 1, 125, 126, 5_000, 70_000])
                content = pattern(rng.randrange(999), count)
                self.writer.write(self.frame(content))
                if await self.message() != content:
                    raise Wrong(f"WebSocket: a message of {count} bytes differs")
        finally:
            self.close()

    @staticmethod
    def frame(content):
        """Masked with zeros, which leaves it readable."""
        return WebSocket.head(len(content), 0x80) + bytes(4) + content

    @staticmethod
    def echo(content):
        return WebSocket.head(len(content), 0) + content

    @staticmethod
    def head(count, mask):
        if count < 126:
            return bytes([0x82, mask | count])
        if count < 65_536:
            return bytes([0x82, mask | 126]) + count.to_bytes(2, "big")
        return bytes([0x82, mask | 127]) + count.to_bytes(8, "big")

    async def message(self):
        _, second = await self.reader.readexactly(2)
        count = second & 0x7F
        if count >= 126:
            count = int.from_bytes(await self.reader.readexactly(2 if count == 126 else 8), "big")
        return await self.reader.readexactly(count)


class HTTP2:
    """One connection over TLS; eight requests at a time, some of them reset."""

    streams = 8

    def __init__(self, target):
        self.target = target
        self.writer = None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.target.port, ssl=context("h2"), ssl_handshake_timeout=100)
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration())
        self.connection.initiate_connection()
        self.rounds = 0

    def close(self):
        if self.writer:
            self.writer.transport.abort()
        self.writer = None

    def request(self, method, path, more=(), end=True):
        stream = self.connection.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost"), *more]
        self.connection.send_headers(stream, fields, end_stream=end)
        self.answers[stream] = {"status": 0, "body": bytearray(), "trailers": {}, "ended": False, "code": None}
        return stream

    async def round(self, rng):
        if not self.writer:
            await self.open()
        self.answers = {}
        self.bodies = {}
        wanted = {}
        for _ in range(self.streams):
            number, count = rng.randrange(1 << 20), rng.choice(SIZES)
            path = self.target.path(rng)
            if rng.random() < 0.7:
                stream = self.request("GET", f"{path}/{number}/{count}")
                wanted[stream] = pattern(number, count)
                if rng.random() < 0.05:
                    # Given up; what still comes for it is ignored.
                    self.connection.reset_stream(stream, 8)
                    self.target.resets += 1
                    del wanted[stream], self.answers[stream]
            else:
                count = LARGE if rng.random() < 0.01 else count
                body = pattern(number, count)
                stream = self.request("POST", f"{path}/upload", end=False)
                self.bodies[stream] = bytearray(body)
                wanted[stream] = f"{hashlib.sha256(body).hexdigest()} {count}".encode()
        await self.pump()
        for stream, body in wanted.items():
            answer = self.answers[stream]
            if answer["code"] is not None or answer["status"] != 200:
                raise Lost(f"HTTP/2: status {answer['status']}, code {answer['code']}: {bytes(answer['body'][:200])!r}")
            if bytes(answer["body"]) != body:
                raise Wrong(f"HTTP/2: {len(answer['body'])} bytes that differ from {len(body)}")
        self.rounds += 1
        # A GOAWAY on a reload or drain would be met in the middle otherwise.
        if self.rounds >= 50:
            self.close()

    def send_bodies(self, ends=True):
        for stream, body in list(self.bodies.items()):
            while body and (room := min(self.connection.local_flow_control_window(stream), 16_384)) > 0:
                self.connection.send_data(stream, bytes(body[:room]))
                del body[:room]
            if not body and ends:
                self.connection.end_stream(stream)
                del self.bodies[stream]

    async def pump(self):
        while True:
            self.send_bodies()
            if all(answer["ended"] for answer in self.answers.values()):
                self.writer.write(self.connection.data_to_send())
                return await self.writer.drain()
            await self.exchange()

    async def exchange(self):
        """Sends what there is, and takes what comes next."""
        self.writer.write(self.connection.data_to_send())
        await self.writer.drain()
        data = await self.reader.read(65_536)
        if not data:
            raise Lost("HTTP/2: the connection ended")
        for event in self.connection.receive_data(data):
            self.take(event)

    def take(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.DataReceived):
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if isinstance(event, h2.events.ConnectionTerminated) and event.error_code:
            raise Lost(f"HTTP/2: GOAWAY {event.error_code}")
        if answer is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            answer["status"] = int(dict(event.headers)[b":status"])
        elif isinstance(event, h2.events.DataReceived):
            answer["body"] += event.data
        elif isinstance(event, h2.events.TrailersReceived):
            answer["trailers"] = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            answer["ended"] = True
        elif isinstance(event, h2.events.StreamReset):
            answer["ended"] = True
            # After a whole answer the rest of the request is not wanted (RFC 9113 §8.1).
            answer["code"] = event.error_code
            self.bodies.pop(event.stream_id, None)


class GRPC(HTTP2):
    """Streams both ways at once through an h2c endpoint, with trailers."""

    async def round(self, rng):
        if not self.writer:
            await self.open()
        self.answers = {}
        self.bodies = {}
        wanted = {}
        for _ in range(3):
            content = pattern(rng.randrange(999), rng.choice([5, 5_000, 200_000]))
            stream = self.request(
                "POST", "/grpc/Echo", [("content-type", "application/grpc"), ("te", "trailers")], end=False)
            self.bodies[stream] = bytearray(content)
            wanted[stream] = content
        await self.pump()
        for stream, content in wanted.items():
            answer = self.answers[stream]
            status = answer["trailers"].get(b"grpc-status")
            if answer["code"] is not None or answer["status"] != 200 or status != b"0":
                raise Lost(f"gRPC: status {answer['status']}, code {answer['code']}, trailers {answer['trailers']}")
            if bytes(answer["body"]) != content:
                raise Wrong(f"gRPC: {len(answer['body'])} bytes that differ from {len(content)}")
        self.rounds += 1
        if self.rounds >= 50:
            self.close()


class WebSocketOverHTTP2(HTTP2):
    """Extended CONNECT (RFC 8441): a tunnel on a stream, beside a request on the same connection."""

    async def round(self, rng):
        if not self.writer:
            await self.open()
        self.answers, self.bodies = {}, {}
        number = rng.randrange(1 << 20)
        beside = self.request("GET", f"{self.target.path(rng)}/{number}/1000")
        await self.pump()  # and with it the gateway's SETTINGS
        if bytes(self.answers[beside]["body"]) != pattern(number, 1000):
            raise Lost(f"beside WebSocket: {self.answers[beside]}")
        if self.connection.remote_settings.enable_connect_protocol != 1:
            raise Wrong("the gateway does not offer extended CONNECT")
        self.answers = {}
        stream = self.request(
            "CONNECT", "/plain/ws", [(":protocol", "websocket"), ("sec-websocket-version", "13")], end=False)
        wanted, sent = bytearray(), bytearray()
        for _ in range(5):
            content = pattern(rng.randrange(999), rng.choice([0, 1, 125, 126, 5_000, 70_000]))
            sent += WebSocket.frame(content)
            wanted += WebSocket.echo(content)
        self.bodies[stream] = sent
        answer = self.answers[stream]
        while len(answer["body"]) < len(wanted) and not answer["ended"]:
            self.send_bodies(ends=False)
            await self.exchange()
        if answer["status"] != 200 or answer["code"] is not None:
            raise Lost(f"WebSocket over HTTP/2: status {answer['status']}, code {answer['code']}")
        if len(answer["body"]) < len(wanted) and wanted.startswith(answer["body"]):
            raise Lost("WebSocket over HTTP/2: the endpoint ended it")  # which is all that TCP says when it was killed
        if answer["body"] != wanted:
            raise Wrong(f"WebSocket over HTTP/2: {len(answer['body'])} bytes that differ from {len(wanted)}")
        await self.pump()  # ends our side, and waits for the other
        self.rounds += 1
        if self.rounds >= 20:
            self.close()


async def run(client, name, seed, stop, report):
    """Rounds until `stop`; every failure goes to `report`."""
    rng = random.Random(seed)
    while not stop.is_set():
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(100):
                await client.round(rng)
            report.succeeded(name)
        except Wrong as error:
            report.failed(name, began, str(error), excusable=False)
            client.close()
        except (Lost, OSError, EOFError, TimeoutError, ssl.SSLError, h2.exceptions.ProtocolError, ValueError) as error:
            report.failed(name, began, f"{type(error).__name__} {error}", excusable=True)
            client.close()
            await asyncio.sleep(0.05)
        await asyncio.sleep(0)
    client.close()
