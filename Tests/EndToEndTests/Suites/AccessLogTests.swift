import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct AccessLogging {
        @Test func `every request is one line under its id, without token and query`() async throws {
            let system = try RunningSystem.current
            let secret = "hunter2-\(UUID().uuidString)"
            let bad = try await BadToken.otherKey.make(with: system.tokens)
            var expected: [String: (path: String, status: Int, client: Client)] = [:]
            let questions: [(method: String, path: String, credential: Credential, status: Int)] = [
                ("GET", "/recorder/it", .full, 200), ("GET", "/warehouse/items/1", .none, 401),
                ("GET", "/warehouse/items", .token(bad), 401), ("GET", "/sales/orders", .scopes("warehouse:read"), 403),
                ("GET", "/nowhere", .full, 404), ("DELETE", "/accounting/transactions/0", .full, 404),
                ("GET", "/warehouse/openapi.json", .none, 422),
            ]
            for client in Client.allCases {
                for (method, path, credential, status) in questions {
                    let id = UUID().uuidString
                    let answer = try await system.send(
                        method, "\(path)?secret=\(secret)", over: client, as: credential,
                        headers: [("x-request-id", id), ("cookie", secret), ("x-api-key", secret)])
                    #expect(answer.status == status, "\(path): \(answer)")
                    expected[id] = (path, status, client)
                }
            }
            let log = LogFiles(folder: system.logs)
            let lines = try await eventually("every request is in the log") {
                let lines = log.records(of: "access.log").filter { expected[$0["request_id"]?.string ?? ""] != nil }
                return lines.count >= expected.count ? lines : nil
            }
            #expect(lines.count == expected.count, "one line each")
            for line in lines {
                let (path, status, client) = try #require(expected[line["request_id"]?.string ?? ""])
                #expect(line["path"]?.string == path)
                #expect(line["status"]?.integer == status)
                #expect(line["http"]?.string?.hasPrefix("\(client.majorVersion)") == true)
                #expect(line["tls"]?.string?.hasPrefix("TLSv1.") == true)
                #expect(line["client"]?.string == "127.0.0.1")
            }
            try expectNowhere([secret, bad, system.tokens.full] + system.databasePasswords, in: system.logs)
        }

        @Test func `a redirect and a refused body are lines as well`() async throws {
            let system = try RunningSystem.current
            let ids = (redirect: UUID().uuidString, tooLarge: UUID().uuidString)
            _ = try await system.send(
                Request(
                    "GET", "http://localhost:\(system.ports.http)/warehouse/items",
                    headers: [("x-request-id", ids.redirect)]), .http1)
            _ = try await system.send(
                "POST", "/warehouse/items", headers: [("x-request-id", ids.tooLarge)],
                bytes: [UInt8](repeating: UInt8(ascii: " "), count: 11 << 20))
            let log = LogFiles(folder: system.logs)
            for (id, status, outcome) in [(ids.redirect, 308, "redirected"), (ids.tooLarge, 413, "bodyTooLarge")] {
                let line = try await eventually("the request is in the log") {
                    log.records(of: "access.log").first { $0["request_id"]?.string == id }
                }
                #expect(line["status"]?.integer == status)
                #expect(line["outcome"]?.string == outcome)
            }
        }

        /// No secret, and no signature of a token, is in any log of any part.
        private func expectNowhere(_ secrets: [String], in folder: String) throws {
            let parts = secrets.flatMap { [$0] + $0.split(separator: ".").suffix(1).map(String.init) }
            for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let text = LogFiles(folder: folder).lines(of: file).joined(separator: "\n")
                for secret in parts { #expect(!text.contains(secret), "\(file) holds \(secret)") }
            }
        }
    }
}
