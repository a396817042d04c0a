import ArgumentParser
import Control
import Foundation
import Logging
import Telemetry

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serve.",
        discussion: """
            The files of the configuration are watched: a change is put to use as soon as the files are at rest, which \
            takes a fraction of a second. SIGHUP reads them at once, and reopens the access log. A configuration with an error in it is refused, with \
            every error in the log and in /readyz, and the one in use keeps serving. Certificates and keys are part of \
            it: a new one is shown to new connections, and no connection is closed for it.

            SIGTERM and SIGINT stop accepting, finish what is in flight, and end the process. So does PUT /drain on the \
            admin interface, whose page at http://127.0.0.1:9901/ shows what goes on.

            EXAMPLES:
              gatehouse run --config k8s/base/gateway --backend warehouse=127.0.0.1:8081
              gatehouse run --config gateway.yaml --listen https=0.0.0.0:443 --access-log /var/log/gatehouse.log
            """)

    @Option(help: "A file or a folder of documents. May be given several times.")
    var config: [String]

    @Option(
        help: ArgumentHelp(
            """
            A Secret of the configuration that is a folder, a file for each key, as Kubernetes mounts it. May be given \
            several times.
            """,
            valueName: "name=folder"),
        transform: { try RunCommand.mounted(.secret, $0) })
    var secret: [MountedObject] = []

    @Option(
        help: ArgumentHelp("A ConfigMap that is a folder, like --secret.", valueName: "name=folder"),
        transform: { try RunCommand.mounted(.configMap, $0) })
    var configMap: [MountedObject] = []

    @Option(help: "The namespace of documents that name none, and of what --secret and --config-map mount.")
    var namespace = "default"

    @Option(
        help: ArgumentHelp(
            """
            Where a Service lives: one address or several with commas between them. The name may have its namespace \
            before it (namespace/name) and a port behind it (name:port). May be given several times. Services without \
            it are looked up as name.namespace.svc, every 5 seconds.
            """,
            valueName: "name=host:port,…"))
    var backend: [BackendAddress] = []

    @Option(
        help: ArgumentHelp(
            "The address of a listener, in place of every address at its declared port. May be given several times.",
            valueName: "listener=address:port"))
    var listen: [ListenAddress] = []

    @Option(help: ArgumentHelp("The address of the admin interface.", valueName: "address:port"))
    var admin = HostPort(host: "127.0.0.1", port: 9901)

    @Option(
        help: ArgumentHelp(
            """
            A name under which the admin interface may be asked, besides addresses and localhost. May be given several \
            times. Other names are refused, so that web pages cannot reach it.
            """,
            valueName: "host"))
    var adminName: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Where /healthz, /readyz and /metrics are answered, and nothing else, for probes and Prometheus; by default only \
            the admin interface does.
            """,
            valueName: "address:port"))
    var management: HostPort?

    @Option(help: "Threads that serve requests; by default one for each usable core.")
    var workers = GatewayProcess.usableCores

    @Option(
        help: ArgumentHelp(
            "Where the access log goes: a file, which SIGHUP reopens, \"stdout\", or \"off\".", valueName: "file"))
    var accessLog = "stdout"

    @Option(
        help: """
            How often the files of the configuration are looked at where the file system does not tell of changes, in \
            seconds; 0: files are not watched.
            """)
    var watchSeconds = 2

    @Option(
        help: ArgumentHelp(
            "Of the requests that bring no trace context (traceparent), how many are marked as sampled.",
            valueName: "percent"))
    var tracePercent = 1.0

    @Option(help: "How many seconds a shutdown waits for what is in flight.")
    var drainSeconds = 30

    @Option(help: "The least severe messages to log: trace, debug, info, notice, warning, error or critical.")
    var logLevel = Logger.Level.info

    private static func mounted(_ kind: MountedObject.Kind, _ text: String) throws -> MountedObject {
        guard let object = MountedObject(kind, text) else { throw ValidationError("'\(text)' is not name=folder") }
        return object
    }

    func validate() throws {
        if namespace.isEmpty { throw ValidationError("--namespace must not be empty") }
        if !(1...1024).contains(workers) { throw ValidationError("--workers must be 1…1024") }
        if !(0...3600).contains(watchSeconds) { throw ValidationError("--watch-seconds must be 0…3600") }
        if !(0...100).contains(tracePercent) { throw ValidationError("--trace-percent must be 0…100") }
        if !(0...3600).contains(drainSeconds) { throw ValidationError("--drain-seconds must be 0…3600") }
    }

    func run() async throws {
        let level = LogLevelControl(logLevel)
        let logger = Logger(label: "gatehouse") { label in
            level.handler(over: JSONLogHandler(label: label, level: .trace, output: .standardError))
        }
        var settings = GatewaySettings(
            configuration: config, mounted: secret + configMap, namespace: namespace, backends: backend,
            listen: listen, admin: admin, workers: workers, accessLog: accessLog, drainSeconds: drainSeconds,
            watchSeconds: watchSeconds, tracedPerMillion: Int((tracePercent * 10_000).rounded()))
        settings.adminNames = adminName
        settings.management = management
        do {
            try await GatewayProcess.run(settings, logger: logger, logLevel: level)
        } catch let problem as ConfigurationError {
            Report.print(problem.diagnostics)
            throw ExitCode.failure
        } catch {
            logger.critical("cannot go on", metadata: ["reason": "\(error)"])
            throw ExitCode.failure
        }
    }
}
