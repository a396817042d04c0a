import Policy
import Wire

/// What a client of HTTP/2 does too often (RFC 9113 §10.5).
///
/// Streams that die young: reset by the client (rapid reset, CVE-2023-44487), or by us for something that it did wrong
/// ("made you reset", CVE-2025-8671), together, since either way our work was for nothing. And frames that cost us work and
/// carry no request: PING, SETTINGS, PRIORITY, empty DATA.
struct AbuseMeter {
    private static let resetBurst = 200
    private static let resetsPerSecond = 20
    /// Clients of gRPC measure the path with a PING for each round trip, which are many on a short one.
    private static let controlBurst = 10_000
    private static let controlPerSecond = 1_000

    private var resets = Allowance(burst: resetBurst, perSecond: resetsPerSecond, now: 0)
    private var control = Allowance(burst: controlBurst, perSecond: controlPerSecond, now: 0)
    private var seenResets = 0
    private var seenControl = 0
    private var isOver = false

    /// True once.
    mutating func isExceeded(by session: HTTP2Session, now: UInt64) -> Bool {
        let newResets = session.wastedStreams - seenResets
        let newControl = session.controlFrames - seenControl
        guard newResets > 0 || newControl > 0, !isOver else { return false }
        seenResets = session.wastedStreams
        seenControl = session.controlFrames
        if newResets > 0 && !resets.take(newResets, now: now) { isOver = true }
        if newControl > 0 && !control.take(newControl, now: now) { isOver = true }
        return isOver
    }
}
