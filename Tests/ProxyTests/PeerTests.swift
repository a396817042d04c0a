import Foundation
import GatewayTestSupport
import Routing
import Testing

/// Programs that other people wrote, as clients and as endpoints. Skipped where they are not installed, but
/// not in CI (nginx excepted: Debian's package starts a server that nobody asked for).
@Suite(.serialized, .timeLimit(.minutes(5))) struct PeerTests {
    private static let large = Pattern.bytes(1_000_000)

    private func site(_ upstream: UInt16, _ wireProtocol: Backend.WireProtocol = .http1) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [upstream], wireProtocol: wireProtocol)])
    }

    /// Answers GET with a pattern of as many bytes as the path says, anything else with its body.
    private func echo() throws -> ScriptedUpstream {
        try ScriptedUpstream { connection in
            while let request = try connection.request() {
                let path = request.requestLine.split(separator: " ").last ?? ""
                let count = Int(path.dropFirst()) ?? 0
                let body = request.requestLine.hasPrefix("POST") ? request.body : Pattern.bytes(count)
                try connection.send("HTTP/1.1 200 OK\r\ncontent-length: \(body.count)\r\n\r\n")
                if !request.requestLine.hasPrefix("HEAD") { try connection.send(body) }
            }
        }
    }

    // MARK: - Clients

    @Test(.enabled(if: Peer.curl.isWanted), arguments: ["--http1.1", "--http2"])
    func `curl downloads, uploads and asks for heads`(version: String) async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let url = "https://localhost:\(try gateway.port("https"))"
            let common = ["--silent", "--show-error", "--fail", "--insecure", "--noproxy", "*", "--ipv4", version]
            let got = try Peer.curl.run(common + ["\(url)/1000000"])
            #expect(Pattern.matches(got.output) && got.output.count == 1_000_000, "\(got.errors)")
            let file = try Peer.file(Self.large)
            defer { Peer.remove(file) }
            // Twice on one connection, the second one with a length that is not known before.
            let sent = try Peer.curl.run(
                common + ["--data-binary", "@\(file)", url, "--next"] + common
                    + [
                        "--request", "POST", "--header", "transfer-encoding: chunked", "--upload-file", file,
                        "\(url)/x",
                    ])
            #expect(sent.output == Self.large + Self.large, "\(sent.errors)")
            let head = try Peer.curl.run(common + ["--head", "\(url)/100"])
            #expect(head.text.lowercased().contains("content-length: 100"), "\(head.errors)")
        }
        #expect(log.allSatisfy { $0.outcome == "forwarded" })
        #expect(Set(log.map(\.http)) == [version == "--http2" ? "2" : "1.1"])
    }

    @Test(.enabled(if: Peer.nghttp.isWanted)) func `nghttp uploads with trailers`() async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let file = try Peer.file(Self.large)
            defer { Peer.remove(file) }
            let url = "https://localhost:\(try gateway.port("https"))/"
            let sent = try Peer.nghttp.run(["--no-content-length", "--data=\(file)", "--trailer=x-sum: 1", url])
            #expect(sent.output == Self.large, "\(sent.errors)")
        }
        #expect(upstream.requests.first?.trailers.first?.value == "1")
    }

    @Test(.enabled(if: Peer.h2load.isWanted), arguments: [[], ["--h1"]])
    func `h2load loses nothing`(options: [String]) async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port), workers: 2) { gateway in
            let url = "https://127.0.0.1:\(try gateway.port("https"))/1000"
            let streams = options.isEmpty ? ["-m10"] : []
            let load = try Peer.h2load.run(["-n2000", "-c8"] + streams + options + [url])
            #expect(load.text.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(load.text)")
            #expect(load.text.contains("status codes: 2000 2xx"))
        }
        #expect(log.count == 2000)
    }

    // MARK: - Endpoints

    @Test(.enabled(if: Peer.nghttpd.isWanted)) func `nghttpd is an h2c endpoint`() async throws {
        let folder = try Peer.folder(["large": Self.large])
        defer { Peer.remove(folder) }
        let port = try Peer.freePort()
        let server = try Peer.nghttpd.start(["--no-tls", "--echo-upload", "-d", folder, "\(port)"], port: port)
        defer { server.stop() }
        let log = try await withGateway(site(port, .h2c)) { gateway in
            let client = try gateway.connectHTTP2()
            for _ in 0..<3 {
                #expect(try client.get("/large").body == Self.large)
                #expect(try client.post("/echo", Self.large).body == Self.large)
            }
            #expect(try client.get("/missing").status == 404)
        }
        #expect(log.allSatisfy { $0.outcome == "forwarded" })
    }

    @Test(.enabled(if: Peer.nginx.isInstalled)) func `nginx is an HTTP/1.1 endpoint that closes every third time`()
        async throws
    {
        let folder = try Peer.folder(["large": Self.large])
        defer { Peer.remove(folder) }
        let port = try Peer.freePort()
        let configuration = """
            daemon off; master_process off; pid \(folder)/pid; error_log \(folder)/error.log;
            events {}
            http {
                access_log off; client_body_temp_path \(folder)/body; proxy_temp_path \(folder)/proxy;
                fastcgi_temp_path \(folder)/fastcgi; uwsgi_temp_path \(folder)/uwsgi; scgi_temp_path \(folder)/scgi;
                server {
                    listen 127.0.0.1:\(port); root \(folder); keepalive_requests 3;
                    location /small { return 200 "small"; }
                }
            }
            """
        let file = "\(folder)/nginx.conf"
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        let server = try Peer.nginx.start(["-c", file, "-e", "\(folder)/error.log"], port: port)
        defer { server.stop() }
        let log = try await withGateway(site(port)) { gateway in
            let client = try gateway.connect()
            for round in 0..<20 {
                try client.get(round % 4 == 0 ? "/large" : "/small")
                let answer = try client.response()
                #expect(answer.status == 200)
                #expect(answer.body == (round % 4 == 0 ? Self.large : Array("small".utf8)))
            }
        }
        #expect(log.allSatisfy { $0.outcome == "forwarded" })
    }
}
