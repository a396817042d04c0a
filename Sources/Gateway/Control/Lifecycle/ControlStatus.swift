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
        var table: RouteTable?
        var reloads: UInt64 = 0
        var refusedReloads: UInt64 = 0
        /// Of the last configuration that was put to use.
        var configuredAtSeconds: Int64 = 0
        /// Why the last configuration was refused, until one is accepted.
        var refusal: [Diagnostic] = []
        var unresolvedNames: [String] = []
        /// Of the certificates that listeners show.
        var certificates: [CertificateExpiry] = []
    }

    private let state = Mutex(Values())

    var values: Values { state.withLock { $0 } }

    func update(_ change: (inout Values) -> Void) {
        state.withLock { change(&$0) }
    }
}
