import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// The gateway stops, and takes another configuration, while it serves.
    @Suite struct GatewayLife {
        private static let heldRequests = 16

        @Test func `a gateway that is told to stop cuts nothing that is in flight`() async throws {
            let system = try RunningSystem.current
            async let held = parallel(Self.heldRequests) { number in
                try await system.send("GET", "/recorder/hold", over: Client.library[number % 2])
            }
            try await eventually("the requests are in flight") { system.recorder.heldCount == Self.heldRequests }
            let shots: [Load.Shot]
            do {
                shots = try await Load.run(clients: 6) { client, requestID in
                    try await system.send(
                        "GET", "/warehouse/items", over: Client.library[client % 2],
                        headers: [("x-request-id", requestID)])
                } during: { load in
                    try await load.progress(of: 30)
                    try system.signal(.gateway, SIGTERM)
                    try await eventually("nobody listens any more") { FreePorts.isFree(system.ports.https) }
                }
                #expect(try system.process(.gateway).end == nil, "requests are still in flight")
                #expect(system.recorder.heldCount == Self.heldRequests)
            } catch {
                system.recorder.release()
                throw error
            }
            system.recorder.release()
            for answer in try await held {
                #expect(answer.status == 200)
                #expect(answer.content == RecordingBackend.heldAnswer, "the answer is whole")
            }
            #expect(try await system.process(.gateway).end(within: .seconds(10)) == .exited(0))
            expectSameStory(shots, in: LogFiles(folder: system.logs).records(of: "access.log"))
            try await system.startWhatEnded()
            #expect(try await system.send("GET", "/warehouse/items").status == 200)
        }

        /// What the gateway took up, the client got; what the client did not get, the gateway never took up.
        private func expectSameStory(_ shots: [Load.Shot], in log: [JSON]) {
            let ids = Set(shots.map(\.requestID))
            let lines = log.filter { ids.contains($0["request_id"]?.string ?? "") }
            for line in lines {
                #expect(line["outcome"] == "forwarded", "\(line)")
                #expect(line["status"] == 200, "\(line)")
            }
            let answered = shots.filter { $0.status == 200 }.map(\.requestID)
            #expect(Set(lines.compactMap { $0["request_id"]?.string }) == Set(answered))
            #expect(lines.count == answered.count)
        }

        @Test func `a gateway with idle connections stops at once`() async throws {
            let system = try RunningSystem.current
            for client in Client.library {
                #expect(try await system.send("GET", "/sales/orders", over: client).status == 200)
            }
            let start = ContinuousClock.now
            #expect(try await system.stop(.gateway) == .exited(0))
            #expect(ContinuousClock.now - start < .seconds(15), "not only when the drain's deadline has passed")
            try await system.startWhatEnded()
            for client in Client.library {
                #expect(try await system.send("GET", "/sales/orders", over: client).status == 200)
            }
        }

        @Test func `a changed route is in force after SIGHUP, and no request fails meanwhile`() async throws {
            let system = try RunningSystem.current
            try await reloading(system) {
                try system.documents.writeRecorderRoute(prefix: "/renamed")
                try system.signal(.gateway, SIGHUP)
                try await eventually("the new path is served") {
                    try await system.send("GET", "/renamed/it").status == 200
                }
                // Each worker takes the new routes between two turns of its loop.
                for client in Client.library {
                    try await eventually("the old path is gone") {
                        try await system.send("GET", "/recorder/it", over: client).status == 404
                    }
                }
                try system.documents.writeRecorderRoute()
                try system.signal(.gateway, SIGHUP)
                try await eventually("the old path is back") {
                    try await system.send("GET", "/recorder/it").status == 200
                }
            }
        }

        @Test func `a configuration that is not YAML is refused, and the old one keeps serving`() async throws {
            let system = try RunningSystem.current
            try await reloading(system) {
                try system.documents.put(
                    """
                    apiVersion: gateway.networking.k8s.io/v1
                    kind: HTTPRoute
                    metadata: {name: broken
                    """, as: "broken.yaml")
                try system.signal(.gateway, SIGHUP)
                try await eventually("the configuration is refused") {
                    try await refusals(system).contains { $0.contains("broken.yaml") }
                }
                #expect(try await system.send("GET", "/recorder/it").status == 200)
                try system.documents.remove("broken.yaml")
                try system.signal(.gateway, SIGHUP)
                try await eventually("the configuration is accepted") { try await refusals(system).isEmpty }
            }
        }

        @Test func `a new certificate is shown after SIGHUP, and no connection is lost`() async throws {
            let system = try RunningSystem.current
            let before = try await shownCertificate(system)
            try await reloading(system) {
                let renewed = try await Certificates.make(in: "\(system.folder)/tls", serial: 2)
                try system.documents.write(renewed)
                try system.signal(.gateway, SIGHUP)
                try await eventually("the new certificate is shown", every: .milliseconds(100)) {
                    try await shownCertificate(system) == String(contentsOfFile: renewed.certificate, encoding: .utf8)
                }
            }
            #expect(try await shownCertificate(system) != before)
        }

        @Test func `the access log goes on in a new file after it was moved away`() async throws {
            let system = try RunningSystem.current
            _ = try await system.send("GET", "/warehouse/items")
            let moved = "\(system.accessLog).1"
            try FileManager.default.moveItem(atPath: system.accessLog, toPath: moved)
            try system.signal(.gateway, SIGHUP)
            try await eventually("there is a new file") { FileManager.default.fileExists(atPath: system.accessLog) }
            let id = UUID().uuidString
            _ = try await system.send("GET", "/warehouse/items", headers: [("x-request-id", id)])
            try await eventually("the line is in the new file") {
                LogFiles(folder: system.logs).records(of: "access.log").contains { $0["request_id"]?.string == id }
            }
        }

        /// Does something to the configuration while requests are sent, none of which may fail.
        private func reloading(_ system: RunningSystem, _ work: () async throws -> Void) async throws {
            let shots = try await Load.run(clients: 6) { client, requestID in
                try await system.send(
                    "GET", RunningSystem.Part.services[client % 3].listPath, over: Client.library[client % 2],
                    headers: [("x-request-id", requestID)])
            } during: { load in
                try await load.progress(of: 20)
                try await work()
                try await load.progress(of: 20)
            }
            for shot in shots { #expect(shot.status == 200, "\(shot.result)") }
        }

        private func refusals(_ system: RunningSystem) async throws -> [String] {
            let answer = try await system.send(
                Request("GET", "http://127.0.0.1:\(system.ports.admin)/readyz"), .http1)
            #expect(answer.status == 200, "a gateway with an old configuration is ready")
            return (answer.json["refusedConfiguration"]?.elements ?? []).compactMap(\.string)
        }

        /// The certificate that a fresh connection sees, as PEM.
        private func shownCertificate(_ system: RunningSystem) async throws -> String {
            let output = try await ChildProcess.run(
                "/usr/bin/openssl",
                [
                    "s_client", "-connect", "127.0.0.1:\(system.ports.https)", "-servername", "localhost", "-CAfile",
                    system.certificates.authority, "-verify_return_error",
                ], logs: system.logs)
            let text = String(decoding: output, as: UTF8.self)
            let pem = try #require(
                text.firstMatch(of: /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/), "\(text)")
            return "\(pem.output)\n"
        }
    }
}
