"""Peers of other makers for Tests/ProxyTests/PeerTests.swift: a WebSocket and a gRPC server, and clients that reach them
through the gateway. Prints the servers' ports, reads the gateway's cleartext and TLS ports, and exits with 0 when
everything came back as it was sent."""

import asyncio
import os
import queue
import signal
import ssl
import sys
from concurrent import futures

import grpc
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


def same(message):
    return message


class Calls(grpc.GenericRpcHandler):
    def service(self, details):
        match details.method:
            case "/peers.Echo/Unary":
                return grpc.unary_unary_rpc_method_handler(lambda request, _: request[::-1], same, same)
            case "/peers.Echo/Talk":
                return grpc.stream_stream_rpc_method_handler(
                    lambda requests, _: (request + b"!" for request in requests), same, same
                )
            case "/peers.Echo/Fail":
                return grpc.unary_unary_rpc_method_handler(
                    lambda _, context: context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no"), same, same
                )
        return None


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def web_sockets(cleartext, tls):
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    for url, context in ((f"ws://127.0.0.1:{cleartext}/ws", None), (f"wss://127.0.0.1:{tls}/ws", unverified)):
        async with connect(url, max_size=None, ssl=context) as connection:
            for message in ("hello", os.urandom(500_000), "x" * 70_000):
                await connection.send(message)
                assert await connection.recv() == message, url
            await (await connection.ping())
        assert connection.close_code == 1000, connection.close_code


def calls(cleartext):
    with grpc.insecure_channel(f"127.0.0.1:{cleartext}") as channel:
        unary = channel.unary_unary("/peers.Echo/Unary", same, same)
        for message in [b"%d" % number for number in range(50)] + [os.urandom(500_000)]:
            assert unary(message) == message[::-1]
        said = queue.Queue()
        answers = channel.stream_stream("/peers.Echo/Talk", same, same)(iter(said.get, None))
        for number in range(20):
            said.put(b"%d" % number)
            assert next(answers) == b"%d!" % number
        said.put(None)
        assert list(answers) == []
        for method, code in (("Fail", "FAILED_PRECONDITION"), ("None", "UNIMPLEMENTED")):
            try:
                channel.unary_unary(f"/peers.Echo/{method}", same, same)(b"")
            except grpc.RpcError as error:
                assert error.code().name == code, error
            else:
                raise AssertionError(method)


async def main():
    signal.alarm(90)  # whatever hangs ends here
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Calls(),))
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    async with serve(echo, "127.0.0.1", 0, max_size=None) as web_socket_server:
        print(web_socket_server.sockets[0].getsockname()[1], grpc_port, flush=True)
        cleartext, tls = (await asyncio.to_thread(sys.stdin.readline)).split()
        await web_sockets(cleartext, tls)
        await asyncio.to_thread(calls, cleartext)
    server.stop(0)


asyncio.run(main())
