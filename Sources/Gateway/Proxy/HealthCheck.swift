import Policy
import Reactor
import Routing

/// Asks one endpoint again and again whether it is well.
///
/// One worker asks for all of them and tells the others by their mailboxes: endpoints are asked once an interval, however
/// many workers there are. The first question comes at a random moment of the first interval, so that endpoints named
/// together are not asked together. Each question has a connection of its own, because what is asked is also whether a new
/// one can be made.
final class HealthCheck: TimerTarget {
    let settings: HealthCheckSettings
    private let pool: EndpointPool
    private var probe: (any HealthProbe)?
    private lazy var timer = DeadlineTimer(target: self)

    init(_ settings: HealthCheckSettings, pool: EndpointPool) {
        self.settings = settings
        self.pool = pool
        let first = LoadBalancer.place(of: max(1, settings.intervalMilliseconds), random: pool.worker.random.next())
        pool.worker.loop.schedule(timer, afterMilliseconds: first)
    }

    deinit { timer.cancel() }

    /// Nothing more is asked, and what is being asked does not count.
    func stop() {
        timer.cancel()
        probe?.cancel()
        probe = nil
    }

    func timerFired() {
        guard probe == nil else { return ended(good: false) }
        ask()
    }

    private func ask() {
        let loop = pool.worker.loop
        do {
            switch pool.wireProtocol {
            case .http1: probe = try HTTP1HealthProbe(self, pool: pool)
            case .h2c: probe = try HTTP2HealthProbe(self, pool: pool)
            }
            loop.schedule(timer, afterMilliseconds: settings.timeoutMilliseconds)
        } catch {
            ended(good: false)
        }
    }

    /// The endpoint answered, or did not.
    func ended(good: Bool) {
        probe?.cancel()
        probe = nil
        pool.worker.loop.schedule(timer, afterMilliseconds: settings.intervalMilliseconds)
        pool.checked(good: good, settings)
    }

    func answered(_ probe: any HealthProbe, status: UInt16) {
        guard probe === self.probe else { return }
        ended(good: (200..<300).contains(status))
    }

    func failed(_ probe: any HealthProbe) {
        guard probe === self.probe else { return }
        ended(good: false)
    }
}

/// One question to an endpoint.
protocol HealthProbe: AnyObject {
    func cancel()
}
