"""Serves one file on 127.0.0.1 for the collection, which cannot read files: FILE. Prints the address; ends with its parent.

The path is a secret of this run, because anybody on this machine can reach the port.
"""

import os
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def handler(file, path):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path != path or not file.exists():
                self.send_error(404)
                return
            content = file.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    return Handler


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def main():
    path = "/" + secrets.token_hex(16)
    server = HTTPServer(("127.0.0.1", 0), handler(Path(sys.argv[1]), path))
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}{path}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
