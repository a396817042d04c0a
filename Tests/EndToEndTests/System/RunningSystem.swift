import Foundation
import Glibc
import Postgres
import Synchronization
import TestSupport

/// The whole system on this machine: Postgres, identity, three services and the gateway as processes of their own, on free
/// ports, configured as `scripts/up` configures them and filled with demonstration data.
final class RunningSystem: Sendable {
    /// A program of ours that runs all the time.
    enum Part: String, CaseIterable, Sendable {
        case identity, warehouse, accounting, sales, gateway

        /// The services of the business: alike in what a token opens.
        static let services: [Part] = [.warehouse, .accounting, .sales]
        /// What the gateway routes to, in the order of starting: the others are ready only when they have identity's keys.
        static let backends: [Part] = [.identity] + services
        /// What a signal to stop leaves time for: 20 s for what is in flight, and a little to end.
        static let stopLimit = Duration.seconds(25)

        var program: Program {
            switch self {
            case .identity: .identity
            case .warehouse: .warehouse
            case .accounting: .accounting
            case .sales: .sales
            case .gateway: .gatehouse
            }
        }

        /// The list that stands for the service in tests that fit every service.
        var listPath: String {
            switch self {
            case .identity: "/identity/api-keys"
            case .warehouse: "/warehouse/items"
            case .accounting: "/accounting/transactions"
            case .sales: "/sales/orders"
            case .gateway: "/"
            }
        }
    }

    struct Ports: Sendable {
        let https: Int
        let http: Int
        let admin: Int
        let services: [Part: Int]
        let management: [Part: Int]

        init() throws {
            https = try FreePorts.next()
            http = try FreePorts.next()
            admin = try FreePorts.next()
            services = try Dictionary(uniqueKeysWithValues: Part.backends.map { ($0, try FreePorts.next()) })
            management = try Dictionary(uniqueKeysWithValues: Part.backends.map { ($0, try FreePorts.next()) })
        }

        var all: [Int] { [https, http, admin] + services.values + management.values }
    }

    /// Everything that was generated; logs are in `logs` there.
    let folder: String
    let ports: Ports
    let postgres: PostgresServer
    let recorder: RecordingBackend
    let documents: GatewayDocuments
    let certificates: Certificates
    let clients: LibraryClients
    let tokens: Tokens
    private let databases: [Part: PostgresConfiguration]
    private let repository: String
    private let recording: Task<Void, Never>
    private let running = Mutex<[Part: ChildProcess]>([:])

    var logs: String { "\(folder)/logs" }
    var accessLog: String { "\(logs)/access.log" }
    var databasePasswords: [String] { databases.values.compactMap(\.password) }

    private init(folder: String, postgres: PostgresServer) async throws {
        self.folder = folder
        self.postgres = postgres
        let logs = "\(folder)/logs"
        repository = try Repository.root()
        ports = try Ports()
        certificates = try await Certificates.make(in: "\(folder)/tls")
        tokens = try await Tokens.make(in: "\(folder)/token", logs: logs)
        documents = GatewayDocuments(folder: "\(folder)/gateway")
        try documents.write(certificates)
        try documents.writeRecorderRoute()
        var databases: [Part: PostgresConfiguration] = [:]
        try Data((0..<32).map { _ in UInt8.random(in: .min ... .max) }).base64EncodedString()
            .write(toFile: "\(folder)/seal-key", atomically: true, encoding: .utf8)
        for part in Part.backends {
            let database = try await postgres.makeDatabase()
            // The test server forgets the last commits in a crash, to be faster; these databases must not.
            try await PostgresConnection.withConnection(configuration: postgres.administrator) { connection in
                try await connection.run(script: "ALTER DATABASE \(database.database) SET synchronous_commit = on")
            }
            try (database.password ?? "").write(
                toFile: "\(folder)/\(part).password", atomically: true, encoding: .utf8)
            databases[part] = database
        }
        self.databases = databases
        let recorder = try await RecordingBackend.bind()
        self.recorder = recorder
        recording = Task { await recorder.run() }
        clients = LibraryClients(authority: certificates.authority)
    }

    /// Brings everything up.
    ///
    /// - Throws: ``HarnessError`` with the end of the log of the part that failed; nothing but logs is left behind then.
    static func start() async throws -> RunningSystem {
        let folder = try makeFolder()
        let postgres = try await PostgresServer.start()
        let system: RunningSystem
        do {
            system = try await RunningSystem(folder: folder, postgres: postgres)
        } catch {
            await postgres.remove()
            throw error
        }
        do {
            for part in Part.backends { try await system.start(part) }
            for part in Part.services { _ = try await system.runService(part, "seed") }
            try await system.start(.gateway)
            return system
        } catch {
            let problems = await system.end()
            throw HarnessError((["\(error)"] + problems + ["All of it: \(folder)"]).joined(separator: "\n"))
        }
    }

    /// Stops every part, Postgres too, in the opposite order of their start.
    ///
    /// - Returns: What did not end as it should: nothing but an exit status of 0 and free ports will do.
    func end() async -> [String] {
        var problems: [String] = []
        recorder.release()
        for part in Part.allCases.reversed() {
            guard let process = running.withLock({ $0.removeValue(forKey: part) }) else { continue }
            do {
                process.signal(SIGCONT)
                let end = process.end != nil ? process.end : try await process.stop(within: Part.stopLimit)
                if end != .exited(0) {
                    problems.append("\(part) ended with \(end.map(String.init(describing:)) ?? "")")
                }
            } catch {
                problems.append("\(error)")
            }
        }
        recording.cancel()
        await recording.value
        await clients.shutdown()
        await postgres.remove()
        for port in ports.all where !FreePorts.isFree(port) { problems.append("port \(port) is still in use") }
        return problems
    }

    private static func makeFolder() throws -> String {
        var template = Array("/tmp/gatehouse-e2e.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw HarnessError("mkdtemp failed: \(errno)") }
        let folder = String(cString: made)
        for name in ["logs", "tls", "token", "gateway"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: false)
        }
        return folder
    }

    // MARK: - Parts

    /// Starts a part that does not run and waits until it is ready.
    func start(_ part: Part) async throws {
        let process: ChildProcess
        if part == .gateway {
            process = try await ChildProcess.start(
                "gateway", program: part.program.path, arguments: gatewayArguments, logs: logs)
        } else {
            process = try await ChildProcess.start(
                part.rawValue, program: part.program.path, arguments: ["serve"], environment: environment(of: part),
                logs: logs)
        }
        running.withLock { $0[part] = process }
        let port = part == .gateway ? ports.admin : ports.management[part] ?? 0
        do {
            try await eventually("\(part) is ready", within: .seconds(60)) {
                if let end = process.end { throw HarnessError("\(part) ended with \(end)") }
                return try await isReady(port)
            }
        } catch {
            throw HarnessError("\(error)\n\(LogFiles(folder: logs).end(of: part.rawValue))")
        }
    }

    /// Asks a part to end, and waits for it.
    ///
    /// - Returns: How it ended.
    @discardableResult
    func stop(_ part: Part) async throws -> ChildProcess.End {
        try await process(part).stop(within: Part.stopLimit)
    }

    /// Ends a part as a crash would.
    func kill(_ part: Part) async throws {
        let process = try process(part)
        process.signal(SIGKILL)
        try await process.end(within: .seconds(30))
    }

    func signal(_ part: Part, _ signal: Int32) throws {
        try process(part).signal(signal)
    }

    /// The process of a part; it may have ended.
    func process(_ part: Part) throws -> ChildProcess {
        guard let process = running.withLock({ $0[part] }) else { throw HarnessError("\(part) was not started") }
        return process
    }

    /// Starts every part that has ended, so that one test's outage is not the next one's.
    func startWhatEnded() async throws {
        for part in Part.allCases where try process(part).end != nil { try await start(part) }
    }

    /// Runs a subcommand of a service to its end.
    ///
    /// - Returns: Its standard output.
    func runService(_ part: Part, _ arguments: String...) async throws -> String {
        let output = try await ChildProcess.run(
            part.program.path, arguments, environment: environment(of: part), logs: logs)
        return String(decoding: output, as: UTF8.self)
    }

    /// Whether `/readyz` at this port answers 200; a refused connection is a no.
    private func isReady(_ port: Int) async throws -> Bool? {
        // Not ready is all there is to know.
        let answer = try? await clients.send(Request("GET", "http://127.0.0.1:\(port)/readyz"), over: .http1)
        return answer?.status == 200 ? true : nil
    }

    private var gatewayArguments: [String] {
        var arguments = [
            "run", "--config", "\(repository)/k8s/base/gateway", "--config", documents.folder,
            "--listen", "https=127.0.0.1:\(ports.https)", "--listen", "http=127.0.0.1:\(ports.http)",
            "--admin", "127.0.0.1:\(ports.admin)", "--access-log", accessLog, "--drain-seconds", "20",
            "--workers", "2", "--backend", "recorder=127.0.0.1:\(recorder.port)",
        ]
        for (part, port) in ports.services { arguments += ["--backend", "\(part)=127.0.0.1:\(port)"] }
        return arguments
    }

    private func environment(of part: Part) -> [String: String] {
        let database = databases[part]
        var environment = [
            "HTTP_ADDRESS": "127.0.0.1", "HTTP_PORT": "\(ports.services[part] ?? 0)",
            "MANAGEMENT_ADDRESS": "127.0.0.1", "MANAGEMENT_PORT": "\(ports.management[part] ?? 0)",
            "POSTGRES_HOST": database?.host ?? "", "POSTGRES_PORT": "\(database?.port ?? 0)",
            "POSTGRES_DATABASE": database?.database ?? "", "POSTGRES_USER": database?.user ?? "",
            "POSTGRES_PASSWORD_FILE": "\(folder)/\(part).password", "POSTGRES_SSLMODE": "disable",
            "TOKEN_ISSUER": Tokens.issuer, "TOKEN_AUDIENCE": Tokens.audience,
            // Each request is a line then, by which tests follow a request through the services.
            "LOG_LEVEL": "debug",
        ]
        if part == .identity {
            environment.merge(identityEnvironment) { _, new in new }
        } else {
            environment["TOKEN_KEY_SET_URI"] =
                "http://127.0.0.1:\(ports.services[.identity] ?? 0)/identity/.well-known/jwks.json"
        }
        if part == .sales { environment["WAREHOUSE_URL"] = "http://127.0.0.1:\(ports.services[.warehouse] ?? 0)" }
        return environment
    }

    /// The key of the tests signs until it is rotated away: so tests can make tokens that identity never would.
    private var identityEnvironment: [String: String] {
        [
            "SIGNING_SEAL_KEY_FILE": "\(folder)/seal-key", "SIGNING_KEY_FILE": tokens.key,
            // As soon as a new key may sign. Tokens live long enough for the tests of one run to go on with the key before.
            "SIGNING_PUBLISH_AHEAD": "60s", "ACCESS_TOKEN_LIFETIME": "60m", "MESSAGES_FILE": messages,
            // Cheap, and as often as tests like.
            "PASSWORD_MEMORY": "64", "PASSWORD_PASSES": "1", "THROTTLE_ADDRESS": "1000000",
        ]
    }

    /// What identity sent to people, a JSON object a line.
    var messages: String { "\(folder)/messages.jsonl" }
}
