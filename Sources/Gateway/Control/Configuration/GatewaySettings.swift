/// How a gateway process is started: what its documents cannot know.
public struct GatewaySettings: Sendable {
    /// Files and folders of documents.
    public var configuration: [String]
    /// Secrets and ConfigMaps that are folders.
    public var mounted: [MountedObject]
    /// The namespace of documents that name none, and of what is mounted.
    public var namespace: String
    /// Where Services live, in place of their names in the cluster's DNS.
    public var backends: [BackendAddress]
    /// Addresses of listeners, in place of every address at the declared port.
    public var listen: [ListenAddress]
    public var admin: HostPort
    /// Names besides addresses and "localhost" under which the admin interface may be asked.
    public var adminNames: [String] = []
    /// Where health, readiness and metrics are answered, and nothing else; nil: nowhere but at `admin`.
    public var management: HostPort?
    /// Threads that serve requests. At least 1.
    public var workers: Int
    /// A file, "stdout" (or "-") for standard output, or "off".
    public var accessLog: String
    /// How long a shutdown waits for what is in flight.
    public var drainSeconds: Int
    /// How often the files of the configuration are looked at for changes that the file system did not tell of. 0: nobody
    /// looks, and only SIGHUP reads them again.
    public var watchSeconds: Int
    /// Of a million requests that bring no trace context, how many are marked as sampled.
    public var tracedPerMillion: Int

    public init(
        configuration: [String], mounted: [MountedObject] = [], namespace: String = "default",
        backends: [BackendAddress] = [], listen: [ListenAddress] = [],
        admin: HostPort = HostPort(host: "127.0.0.1", port: 9901), workers: Int = 1, accessLog: String = "-",
        drainSeconds: Int = 30, watchSeconds: Int = 2, tracedPerMillion: Int = 10_000
    ) {
        self.configuration = configuration
        self.mounted = mounted
        self.namespace = namespace
        self.backends = backends
        self.listen = listen
        self.admin = admin
        self.workers = workers
        self.accessLog = accessLog
        self.drainSeconds = drainSeconds
        self.watchSeconds = watchSeconds
        self.tracedPerMillion = tracedPerMillion
    }
}

/// `HOST:PORT`, where the host is a name, an IPv4 address, or an IPv6 address in brackets.
public struct HostPort: Sendable, Hashable, CustomStringConvertible {
    /// Without brackets.
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Nil when the text has no host, no port, or a port outside 0…65535.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// `NAME=HOST:PORT[,HOST:PORT…]`: where a Service lives. NAME is the Service's name, in a namespace other than `default` as
/// `namespace/name`, and with `:port` at its end when only one port of it is meant.
public struct BackendAddress: Sendable, Hashable {
    public var namespace: String
    public var service: String
    /// Nil: every port of the Service.
    public var port: UInt16?
    /// At least one; requests are balanced among them, and among the addresses of each name.
    public var addresses: [HostPort]

    public init?(_ text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let list = text[text.index(after: equals)...].split(separator: ",", omittingEmptySubsequences: false)
        addresses = list.compactMap { HostPort($0) }
        guard addresses.count == list.count, addresses.allSatisfy({ $0.port > 0 }) else { return nil }
        var name = text[..<equals]
        if let colon = name.lastIndex(of: ":") {
            guard let port = UInt16(name[name.index(after: colon)...]), port > 0 else { return nil }
            self.port = port
            name = name[..<colon]
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        namespace = parts.count == 2 ? String(parts[0]) : "default"
        service = String(parts[parts.count - 1])
    }

    /// "namespace/name".
    public var serviceKey: String { "\(namespace)/\(service)" }
}

/// `LISTENER=ADDRESS:PORT`: where a listener is bound.
public struct ListenAddress: Sendable, Hashable {
    public var listener: String
    public var address: HostPort

    public init?(_ text: String) {
        guard let equals = text.firstIndex(of: "="), let address = HostPort(text[text.index(after: equals)...]) else {
            return nil
        }
        listener = String(text[..<equals])
        self.address = address
        if listener.isEmpty { return nil }
    }
}
