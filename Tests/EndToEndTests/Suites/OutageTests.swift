import Foundation
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// Parts of the system that are gone.
    @Suite struct Outages {
        @Test(arguments: RunningSystem.Part.services)
        func `a service that dies takes its own paths with it, and nothing else`(
            part: RunningSystem.Part
        ) async throws {
            let system = try RunningSystem.current
            try await system.kill(part)
            try await restoring(system) {
                for client in Client.allCases {
                    for other in RunningSystem.Part.services {
                        let answer = try await expect(within: .seconds(3)) {
                            try await system.send("GET", other.listPath, over: client)
                        }
                        guard other == part else {
                            #expect(answer.status == 200, "\(other): \(answer)")
                            continue
                        }
                        expectProblem(answer, 503)
                        #expect(answer.header("retry-after") != nil)
                        let write = try await expect(within: .seconds(3)) {
                            try await system.send("POST", other.listPath, over: client, json: "{}")
                        }
                        expectProblem(write, 503)
                    }
                    // Who may not come in is told so, whether anybody is at home or not.
                    expectProblem(try await system.send("GET", part.listPath, over: client, as: .none), 401)
                }
            }
            for client in Client.allCases {
                #expect(try await system.send("GET", part.listPath, over: client).status == 200)
            }
        }

        @Test(arguments: RunningSystem.Part.services)
        func `a service that dies under load leaves nobody waiting`(part: RunningSystem.Part) async throws {
            let system = try RunningSystem.current
            let shots = try await Load.run(clients: 8) { client, requestID in
                try await system.send(
                    "GET", part.listPath, over: Client.library[client % 2], headers: [("x-request-id", requestID)])
            } during: { load in
                try await load.progress(of: 40)
                try await system.kill(part)
                try await restoring(system) {
                    try await eventually("503 is answered") { load.shots.contains { $0.status == 503 } }
                }
                try await load.progress(of: 40)
            }
            for shot in shots {
                #expect(shot.status == 200 || shot.status == 503, "\(shot.result)")
                #expect(shot.elapsed < .seconds(19), "waited for what is away")
            }
        }

        @Test(arguments: [false, true])
        func `Postgres goes and comes back: no write is lost, doubled or half done`(
            afterCrash isCrash: Bool
        ) async throws {
            let system = try RunningSystem.current
            try await writing(system) { load, ledger in
                try await system.postgres.stop(isCrash ? .immediate : .fast)
                do {
                    try await expectUnready(system, ledger)
                } catch {
                    try await system.postgres.start()
                    throw error
                }
                try await system.postgres.start()
            }
            for port in system.ports.management.values {
                try await eventually("the service is ready again") {
                    try await system.send(Request("GET", "http://127.0.0.1:\(port)/readyz"), .http1).status == 200
                }
            }
        }

        @Test func `services die and come back: no write is lost, doubled or half done`() async throws {
            let system = try RunningSystem.current
            try await writing(system) { load, ledger in
                for part in RunningSystem.Part.services {
                    try await system.kill(part)
                    try await restoring(system) {
                        try await eventually("\(part) answers 503") { ledger.refusals(of: part) > 0 }
                    }
                    try await load.progress(of: 20)
                }
            }
        }

        /// Creates resources of every service, each with an Idempotency-Key and repeated until it has succeeded, while
        /// something happens; then looks for each of them.
        private func writing(
            _ system: RunningSystem, during work: (Load, Ledger) async throws -> Void
        ) async throws {
            let ledger = Ledger()
            let shots = try await Load.run(clients: 6) { client, requestID in
                try await write(system, client, requestID, ledger)
            } during: { load in
                try await load.progress(of: 60)
                try await work(load, ledger)
                try await load.progress(of: 60)
            }
            for shot in shots { #expect(shot.status == 201, "\(shot.result)") }
            try await ledger.audit(system)
        }

        private func write(
            _ system: RunningSystem, _ client: Int, _ requestID: String, _ ledger: Ledger
        ) async throws -> Answer {
            let part = RunningSystem.Part.services[client % 3]
            let creation = WritingOnce.Creation.make(part)
            return try await eventually(
                "\(creation.path) is written", within: .seconds(45), every: .milliseconds(50)
            ) {
                let answer = try await expect(within: .seconds(5)) {
                    try await system.send(
                        "POST", creation.path, over: Client.library[client % 2],
                        headers: [("x-request-id", requestID), ("idempotency-key", requestID)], json: creation.body)
                }
                if answer.status == 503 {
                    ledger.refused(part)
                    return nil
                }
                if answer.status == 201 { ledger.written(creation, answer) }
                return answer
            }
        }

        /// While the database is away, each service refuses writes and is not ready, and is alive all the same.
        private func expectUnready(_ system: RunningSystem, _ ledger: Ledger) async throws {
            for part in RunningSystem.Part.services {
                try await eventually("\(part) answers 503") { ledger.refusals(of: part) > 0 }
                let management = "http://127.0.0.1:\(system.ports.management[part] ?? 0)"
                try await eventually("\(part) is not ready") {
                    try await system.send(Request("GET", "\(management)/readyz"), .http1).status == 503
                }
                #expect(try await system.send(Request("GET", "\(management)/healthz"), .http1).status == 200)
                expectProblem(try await system.send("GET", part.listPath), 503)
            }
            // What verifiers read is in identity's memory.
            let keys = try await system.send("GET", "/identity/.well-known/jwks.json", as: .none)
            #expect(keys.status == 200, "\(keys)")
        }
    }
}

/// What the clients were told about their writes.
private final class Ledger: Sendable {
    private struct State {
        var refused: [RunningSystem.Part: Int] = [:]
        var written: [(creation: EndToEnd.WritingOnce.Creation, answer: Answer)] = []
    }

    private let state = Mutex(State())

    func refused(_ part: RunningSystem.Part) { state.withLock { $0.refused[part, default: 0] += 1 } }

    func refusals(of part: RunningSystem.Part) -> Int { state.withLock { $0.refused[part] ?? 0 } }

    func written(_ creation: EndToEnd.WritingOnce.Creation, _ answer: Answer) {
        state.withLock { $0.written.append((creation, answer)) }
    }

    /// Every write that was confirmed is there once, whole, under the id that was told.
    func audit(_ system: RunningSystem) async throws {
        let written = state.withLock { $0.written }
        #expect(written.count >= 120)
        for part in RunningSystem.Part.services {
            let stored = try await system.all(part.listPath)
            for (creation, answer) in written where creation.path == part.listPath {
                let found = stored.filter { $0[creation.mark.name] == creation.mark.value }
                #expect(found == [answer.json], "\(creation.body)")
                if part == .sales { #expect(found.first?["items"]?.elements?.count == 2) }
            }
        }
    }
}
