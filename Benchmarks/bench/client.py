"""Opens TLS connections, one GET on each. PORT COUNT TOKEN MODE; standard library only.

full, resumed: one after the other, closed again; `resumed` offers the session of the first connection every time.
idle-h1, idle-h2: all stay open. Prints one line of JSON when done, and ends when its input does.
"""

import json
import socket
import ssl
import struct
import sys
import time

PATH = "/h1/1k"


def context(protocol):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.set_alpn_protocols([protocol])
    return made


def connect(made, port, session=None):
    plain = socket.create_connection(("127.0.0.1", port), timeout=30)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made.wrap_socket(plain, server_hostname="localhost", session=session)


def get_http1(connection, token):
    connection.sendall(
        f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        sys.exit(f"not 200: {head[:200]}")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += receive(connection)


def receive(connection):
    data = connection.recv(65536)
    if not data:
        sys.exit("the gateway closed a connection")
    return data


def literal(index, prefix_bits, text):
    """A field with an indexed name (RFC 7541 §6.2.2, without indexing), its value not Huffman-coded."""
    return integer(0, prefix_bits, index) + integer(0, 7, len(text)) + text


def integer(first, bits, value):
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out, value = [first | limit], value - limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def get_http2(connection, token):
    fields = (b"\x82\x87" + literal(4, 4, PATH.encode()) + literal(1, 4, b"localhost")
              + literal(23, 4, b"Bearer " + token.encode()))
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(4, 1, 0) + frame(1, 5, 1, fields))
    data = b""
    while True:
        while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
            length, kind, flags = int.from_bytes(data[:3], "big"), data[3], data[4]
            stream = int.from_bytes(data[5:9], "big")
            if kind in (3, 7):
                sys.exit(f"the gateway sent a frame of type {kind}")
            data = data[9 + length:]
            if stream == 1 and kind in (0, 1) and flags & 1:
                return
        data += receive(connection)


def main():
    port, count, token, mode = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    made = context("h2" if mode == "idle-h2" else "http/1.1")
    kept, session, resumed = [], None, 0
    begun = time.monotonic()
    for _ in range(count):
        connection = connect(made, port, session)
        (get_http2 if mode == "idle-h2" else get_http1)(connection, token)
        resumed += connection.session_reused
        if mode.startswith("idle"):
            kept.append(connection)
            continue
        if mode == "resumed" and session is None:
            session = connection.session
        connection.close()
    print(json.dumps({"seconds": time.monotonic() - begun, "resumed": resumed}), flush=True)
    sys.stdin.read()


main()
