/// Where a Postgres server is, who we are there, and the bounds the pool keeps.
///
/// `PG…` environment variables that libpq reads by itself (ch. 34.15) only count for what is not set here.
public struct PostgresConfiguration: Sendable {
    /// How much TLS the connection asks for (libpq ch. 34.19.1, `sslmode`).
    public enum SSLMode: String, Sendable, CaseIterable {
        case disable
        case allow
        case prefer
        case require
        case verifyCA = "verify-ca"
        case verifyFull = "verify-full"
    }

    /// A host name, an address, or the directory of a Unix socket (starts with `/`).
    public var host: String
    /// 1 … 65535.
    public var port: Int
    public var database: String
    public var user: String
    /// Nil lets libpq look for one (`PGPASSWORD`, `~/.pgpass`) and is right for peer and trust authentication.
    public var password: String?
    public var sslMode = SSLMode.prefer
    /// A PEM file with the certificate authorities for `verify-ca` and `verify-full`; nil means libpq's default.
    public var sslRootCertificate: String?
    /// Shown in `pg_stat_activity`.
    public var applicationName = "gatehouse"

    /// The most connections the pool opens; at least 1.
    public var poolSize = 10
    /// The most statements in flight on one shared connection; at least 1.
    public var pipelineDepth = 16
    /// The most requests that wait for a connection; one more fails at once with `poolTimeout`.
    public var maximumWaiters = 1_000
    /// The most time one attempt to connect takes, name resolution included.
    public var connectTimeout = Duration.seconds(5)
    /// The most time a request waits for a connection.
    public var acquireTimeout = Duration.seconds(2)
    /// The most time one statement takes; zero means no limit. The server enforces it (`statement_timeout`), and
    /// half a second later so does the client.
    public var statementTimeout = Duration.seconds(30)
    /// How long a connection beyond the first may stay idle before the pool closes it.
    public var idleTimeout = Duration.seconds(300)
    /// The most time that closing a pool waits for statements and transactions in flight.
    public var closeTimeout = Duration.seconds(5)

    public init(
        host: String = "127.0.0.1", port: Int = 5432, database: String, user: String, password: String? = nil
    ) {
        self.host = host
        self.port = port
        self.database = database
        self.user = user
        self.password = password
    }
}

/// Descriptions are for logs: none of them shows the password, neither does the reflection that the default ones use.
extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(user)@\(host):\(port)/\(database)" }
    public var debugDescription: String { description }

    public var customMirror: Mirror {
        Mirror(self, children: ["host": host, "port": port, "database": database, "user": user], displayStyle: .struct)
    }
}

extension PostgresConfiguration {
    /// The parameters for `PQconnectStartParams` (ch. 34.1.2).
    ///
    /// - Parameter addresses: what the host name resolved to. libpq would resolve it itself, but blocking.
    func connectionParameters(addresses: [String]) -> [(String, String)] {
        var parameters = [
            ("host", addresses.isEmpty ? host : addresses.map { _ in host }.joined(separator: ",")),
            ("port", String(port)),
            ("dbname", database),
            ("user", user),
            ("application_name", applicationName),
            ("client_encoding", "UTF8"),
            ("sslmode", sslMode.rawValue),
            ("gssencmode", "disable"),
            ("keepalives_idle", "30"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "20000"),
            ("options", "-c statement_timeout=\(statementTimeout.wholeMilliseconds)"),
        ]
        if !addresses.isEmpty { parameters.append(("hostaddr", addresses.joined(separator: ","))) }
        if let password { parameters.append(("password", password)) }
        if let sslRootCertificate { parameters.append(("sslrootcert", sslRootCertificate)) }
        return parameters
    }

    /// How much later than the server the client gives a statement up.
    static let timeoutMargin = Duration.milliseconds(500)

    /// After how long the client gives a statement up.
    var submissionTimeout: Duration? {
        statementTimeout > .zero ? statementTimeout + Self.timeoutMargin : nil
    }

    /// Whether the host is a name that needs resolving: neither a socket directory nor an address.
    var needsResolution: Bool {
        !host.hasPrefix("/") && !host.isEmpty && !HostAddresses.isNumeric(host)
    }
}

extension Duration {
    /// Milliseconds, rounded up, never negative, at most what fits an `Int32` (24 days).
    var wholeMilliseconds: Int32 {
        guard self > .zero else { return 0 }
        let (seconds, attoseconds) = components
        guard seconds < Int64(Int32.max / 1_000) - 1 else { return Int32.max }
        return Int32(seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
