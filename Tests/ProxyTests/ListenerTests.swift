import GatewayTestSupport
import Proxy
import Reactor
import Routing
import Testing
import Wire

/// What a connection begins with: certificates, PROXY headers, cleartext HTTP/2; and listeners that come and go.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ListenerTests {
    private func site(_ upstream: ScriptedUpstream) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
    }

    // MARK: - Certificates

    @Test func `the client's server name chooses the certificate`() async throws {
        let authority = try CertificateAuthority()
        let names = [["first.example"], ["a.example", "*.a.example"], ["*.b.example"]]
        let certificates = try names.map { names in
            let identity = try authority.issue(names: names)
            return ServerCertificate(chainPEM: identity.certificatePEM, privateKeyPEM: identity.privateKeyPEM)
        }
        var site = Site(rules: [])
        site.tls = try TLSServerContext(certificates: certificates)
        let expected = [
            ("first.example", "first.example"), ("a.example", "a.example"), ("X.A.Example", "a.example"),
            ("x.b.example", "*.b.example"), ("b.example", "first.example"), ("x.y.b.example", "first.example"),
            ("none.example", "first.example"),
        ]
        try await withGateway(site) { gateway in
            for (serverName, name) in expected {
                let socket = try BlockingSocket(connectingTo: gateway.port("https"))
                let tls = try BlockingTLS(over: socket, protocols: ["h2"], serverName: serverName)
                #expect(tls.peerName == name, "\(serverName)")
                #expect(tls.negotiatedProtocol == "h2")
            }
            let socket = try BlockingSocket(connectingTo: gateway.port("https"))
            #expect(try BlockingTLS(over: socket).peerName == "first.example")
        }
    }

    // MARK: - Cleartext HTTP/2

    @Test func `the preface on a cleartext listener is HTTP/2`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectH2C()
            #expect(try client.get("/a").text == "GET /a")
            #expect(try client.get("/b").text == "GET /b")
            // Byte by byte.
            let socket = try BlockingSocket(connectingTo: gateway.port("http"))
            let slow = try HTTP2Client(DrippingStream(socket), socket: socket)
            #expect(try slow.get("/c").text == "GET /c")
            // What begins like it and is something else.
            let other = try gateway.connect()
            try other.send("P")
            try other.send("UT /d HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
            #expect(try other.response().text == "PUT /d")
            #expect(gateway.gateway.statistics.connectionsOpen == 3)
        }
        #expect(log.map(\.http) == ["2", "2", "2", "1.1"])
        #expect(log.allSatisfy { $0.tls == nil })
    }

    @Test func `a preface that does not come to its end is given up`() async throws {
        var site = Site(rules: [])
        site.limits.requestHeadTimeout = 300
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.send("PRI * HTTP/2.0\r\n")
            #expect(try client.socket.receiveToEnd().isEmpty)
        }
    }

    // MARK: - PROXY protocol

    private static let binary: [UInt8] =
        [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21, 0x11, 0, 12] + [192, 0, 2, 9, 10, 0, 0, 1, 0, 99, 1, 187]

    @Test(arguments: ["http", "https"])
    func `a PROXY header names the client`(listener: String) async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok($0["x-forwarded-for"] ?? "none") }
        defer { upstream.stop() }
        var site = site(upstream)
        site.proxyProtocol = ProxyProtocolSettings(trustedSources: AddressSet(["127.0.0.0/8"]))
        let log = try await withGateway(site) { gateway in
            let headers: [([UInt8], String)] = [
                (Array("PROXY TCP4 192.0.2.1 10.0.0.1 12345 443\r\n".utf8), "192.0.2.1"),
                (Array("PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n".utf8), "2001:db8::1"),
                (Self.binary, "192.0.2.9"), (Array("PROXY UNKNOWN\r\n".utf8), "127.0.0.1"),
            ]
            for (header, address) in headers {
                let socket = try BlockingSocket(connectingTo: gateway.port(listener))
                // In pieces, and with what follows close behind.
                try socket.send(Array(header[..<7]))
                try socket.send(Array(header[7...]))
                let stream: any ByteStream = listener == "http" ? socket : try BlockingTLS(over: socket)
                let client = Client(socket: socket, stream: stream)
                try client.get("/")
                #expect(try client.response().text == address)
            }
        }
        #expect(log.map(\.client) == ["192.0.2.1", "2001:db8::1", "192.0.2.9", "127.0.0.1"])
    }

    @Test func `a connection without the header, or from elsewhere, is closed`() async throws {
        var site = Site(rules: [])
        site.limits.handshakeTimeout = 500
        site.proxyProtocol = ProxyProtocolSettings(trustedSources: AddressSet(["127.0.0.1"]))
        try await withGateway(site) { gateway in
            let plain = try gateway.connect()
            try plain.get("/")
            #expect((try? plain.socket.receive())?.isEmpty ?? true)
            let silent = try gateway.connect()
            try silent.send("PROXY TCP4 ")
            #expect(try silent.socket.receive().isEmpty)
            let stranger = try gateway.connect(from: 9)
            try? stranger.send("PROXY TCP4 192.0.2.1 10.0.0.1 12345 443\r\n")
            #expect((try? stranger.socket.receive())?.isEmpty ?? true)
            #expect(eventually { gateway.gateway.statistics.connectionsOpen == 0 })
        }
    }

    @Test func `clients behind a proxy are counted by their own addresses`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(upstream)
        site.proxyProtocol = ProxyProtocolSettings()
        site.limits.connectionsPerClient = 1
        try await withGateway(site) { gateway in
            func connect(_ address: String) throws -> Client {
                let client = try gateway.connect()
                try client.send("PROXY TCP4 \(address) 10.0.0.1 1 2\r\n")
                try client.get("/")
                return client
            }
            let first = try connect("192.0.2.1")
            #expect(try first.response().status == 200)
            #expect((try? connect("192.0.2.1").response()) == nil)
            #expect(try connect("192.0.2.2").response().status == 200)
        }
    }

    // MARK: - Listeners that come and go

    @Test func `a new listener opens, and one that is gone closes when its requests are done`() async throws {
        let gate = Gate()
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                if request.requestLine == "GET /slow" { gate.wait() }
                try connection.send(ScriptedUpstream.ok(request.requestLine))
            }
        }
        defer { upstream.stop() }
        let site = site(upstream)
        var next = site
        next.descriptions[0] = ListenerDescription(name: "other", port: 81, transport: .http)
        try await withGateway(site, workers: 2) { gateway in
            let oldPort = try gateway.port("http")
            let idle = try gateway.connect()
            try idle.get("/")
            #expect(try idle.response().status == 200)
            let busy = try gateway.connect()
            try busy.get("/slow")
            #expect(eventually { upstream.requests.count == 2 })
            let kept = try gateway.connectTLS()
            try gateway.gateway.replace(next.snapshot())
            #expect(try idle.reader.isAtEnd())
            #expect(eventually { (try? BlockingSocket(connectingTo: oldPort)) == nil })
            gate.open()
            let last = try busy.response()
            #expect(last.text == "GET /slow")
            #expect(try busy.reader.isAtEnd())
            // The listener that stayed keeps its connections, and its place in the new table.
            try kept.get("/kept")
            #expect(try kept.response().text == "GET /kept")
            let socket = try BlockingSocket(connectingTo: gateway.port("other"))
            let client = Client(socket: socket, stream: socket)
            try client.get("/other")
            #expect(try client.response().text == "GET /other")
        }
    }

    @Test func `a listener whose address is taken refuses the configuration, and nothing changes`() async throws {
        let taken = try BlockingListener()
        let site = Site(rules: [])
        try await withGateway(site) { gateway in
            let snapshot = try site.snapshot()
            let listener = Listener(index: 0, name: "new", address: "127.0.0.1", port: taken.port, tls: nil)
            #expect(throws: ReactorError.cannotListen(address: "127.0.0.1", port: taken.port, errno: 98)) {
                try gateway.gateway.replace(
                    Snapshot(
                        routes: snapshot.routes, listeners: snapshot.listeners + [listener], limits: Limits(),
                        verifier: ScriptedVerifier()))
            }
            #expect(gateway.gateway.ports["new"] == nil)
            #expect(try gateway.get("/none").status == 404)
        }
    }
}

/// A stream that sends byte by byte.
private struct DrippingStream: ByteStream {
    let socket: BlockingSocket

    init(_ socket: BlockingSocket) { self.socket = socket }

    func send(_ bytes: [UInt8]) throws(StreamFailure) {
        for byte in bytes { try socket.send([byte]) }
    }

    func receive() throws(StreamFailure) -> [UInt8] { try socket.receive() }
}
