import Policy
import Proxy
import Routing
import Synchronization

/// What the admin interface tells about the process: written by the gateway's service, read by anyone.
final class ControlStatus: Sendable {
    enum Phase: String, Sendable {
        case starting
        case serving
        case draining
    }

    struct Values: Sendable {
        var phase = Phase.starting
        /// What is in use: routes, who checks tokens for them, and the documents that it comes from.
        var table: RouteTable?
        var verifier: (any TokenVerifying)?
        /// By token provider.
        var revocations: [RevocationSource?] = []
        var documents: [SourceDocument] = []
        var reloads: UInt64 = 0
        var refusedReloads: UInt64 = 0
        /// Of the last configuration that was put to use.
        var configuredAtSeconds: Int64 = 0
        /// Why the last configuration was refused, until one is accepted.
        var refusal: [Diagnostic] = []
        /// What of the configuration in use is not used, and why.
        var problems: [Diagnostic] = []
        /// What became of its documents.
        var objects: [ObjectStatus] = []
        var unresolvedNames: [String] = []
        /// What a first load is waited for before the process is ready, as "keys of default/gatehouse from https://…".
        var waitingFor: [String] = []
        /// What is wrong with revocation feeds. The process is ready all the same.
        var revocationProblems: [String] = []
        /// PEM text of the authorities that key sets and revocation feeds name.
        var authorities: [TokenProvider.ConfigMapKey: String] = [:]
        var rateLimiters: [RateLimiter] = []
        /// Of the certificates that listeners show.
        var certificates: [CertificateExpiry] = []
    }

    private let state = Mutex(Values())

    var values: Values { state.withLock { $0 } }

    func update(_ change: (inout Values) -> Void) {
        state.withLock { change(&$0) }
    }
}
