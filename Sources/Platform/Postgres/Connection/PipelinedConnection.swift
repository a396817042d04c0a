import CPostgres
import Logging
import Synchronization

/// Who a connection belongs to. Called without the connection's lock.
protocol ConnectionOwner: AnyObject, Sendable {
    func connectionOpened(_ connection: PipelinedConnection)
    /// So many statements have been answered.
    func connection(_ connection: PipelinedConnection, finished count: Int)
    /// Called once, at the end of a connection that was opened, or could not be.
    func connectionClosed(_ connection: PipelinedConnection, error: PostgresError?, wasOpen: Bool)
    /// A statement failed through no fault of its own and was undone; it may be sent again. It counts as finished.
    func resend(_ submission: Submission, on connection: PipelinedConnection)
    /// A cancel request was under way when the owner asked whether the connection is free; now it is over.
    func connectionSettled(_ connection: PipelinedConnection)
}

/// One connection with many statements in flight: the shell around `PipelineState` and libpq.
///
/// Any task sends under the lock, with the system call; the poller's thread reads, under the lock too, and tells who
/// waits, outside of it.
final class PipelinedConnection: PollerSource {
    typealias Instant = ContinuousClock.Instant

    /// What comes back from libpq is told to the submission that it belongs to.
    struct Sent: Equatable {
        let submission: Submission
        var deadline: Instant?
        var prepared: Prepared?

        static func == (left: Sent, right: Sent) -> Bool { left.submission === right.submission }
    }

    enum Phase { case resolving, connecting, open, broken, closed }

    struct Core {
        var phase = Phase.resolving
        var handle: ConnectionHandle?
        var canceller: Canceller?
        var pipeline = PipelineState<Sent, PostgresResult>()
        var statements = PreparedStatements()
        var connectDeadline: Instant
        var watchesWrites = false
        /// The last time the server answered.
        var lastSign = Instant.now
        /// Answered statements that the owner is not told of while a cancel request is under way that could hit what
        /// the owner would send next.
        var heldBack = 0
        /// Whether the owner waits for the end of a cancel request.
        var owesSettled = false
    }

    /// What a turn of reading found, to be acted upon without the lock.
    struct Turn: Sendable {
        var answered: [(Submission, Result<PostgresResult, PostgresError>)] = []
        var resend: [Submission] = []
        /// How many the owner is told of now.
        var finished = 0
        var opened = false
        var cancel: Canceller?
        var broken: PostgresError?
    }

    /// The number that the owner knows it by.
    let number: Int
    let configuration: PostgresConfiguration
    let logger: Logger
    let owner: any ConnectionOwner
    let poller: Poller
    let core: Mutex<Core>
    private let token = Mutex<Poller.Token?>(nil)

    init(
        number: Int, configuration: PostgresConfiguration, owner: any ConnectionOwner, logger: Logger,
        poller: Poller = .shared
    ) {
        self.number = number
        self.configuration = configuration
        self.owner = owner
        self.poller = poller
        self.logger = logger
        core = Mutex(Core(connectDeadline: .now.advanced(by: configuration.connectTimeout)))
    }

    var pollerToken: Poller.Token {
        token.withLock { token in
            if let token { return token }
            let new = poller.add(self)
            token = new
            return new
        }
    }

    // MARK: - The end

    /// Ends the connection, if it has not ended: what is in flight fails with the error.
    func close(_ error: PostgresError?) {
        typealias Ending = (wasOpen: Bool, lost: [(Submission, PostgresError?, Bool)])
        let ending: Ending? = core.withLock { core in
            guard core.phase != .closed else { return nil }
            let wasOpen = core.canceller != nil
            core.phase = .closed
            if let descriptor = core.handle?.descriptor, descriptor >= 0 { poller.unwatch(descriptor) }
            core.handle = nil
            let lost = core.pipeline.fail().map { ($0.ticket.submission, $0.error, $0.mayHaveRun) }
            return (wasOpen, lost)
        }
        guard let ending else { return }
        if let token = token.withLock({ $0 }) { poller.remove(token) }
        let reason = error ?? PostgresError(.connectionFailure, "the connection was closed")
        for (submission, own, mayHaveRun) in ending.lost {
            // The server stopped at an earlier one: this one was never begun.
            if own == nil, !mayHaveRun, submission.takeResend() {
                owner.resend(submission, on: self)
                continue
            }
            let failure = (own ?? reason).withUnknownOutcome(mayHaveRun && submission.commits)
            submission.promise.finish(.failure(failure))
        }
        owner.connectionClosed(self, error: error, wasOpen: ending.wasOpen)
    }

    enum Readiness: Sendable {
        /// Open, with nothing in flight and outside of a transaction.
        case free
        /// A cancel request is under way: the owner hears when it is over.
        case unsettled
        case unusable
    }

    /// Whether somebody else may have the connection.
    func readiness() -> Readiness {
        core.withLock { core in
            guard core.phase == .open, core.pipeline.inFlight == 0, core.handle?.isIdle == true else {
                return .unusable
            }
            core.owesSettled = core.pipeline.isCancelInProgress
            return core.owesSettled ? .unsettled : .free
        }
    }

    // MARK: - Time

    func expire(now: Instant) -> Instant? {
        let connectDeadline = core.withLock { core in
            core.phase == .resolving || core.phase == .connecting ? core.connectDeadline : nil
        }
        if let connectDeadline {
            guard connectDeadline <= now else { return connectDeadline }
            close(PostgresError(.connectionFailure, "connecting took longer than \(configuration.connectTimeout)"))
            return nil
        }
        let (timedOut, drops, canceller, next) = core.withLock { core in
            let expiry = core.pipeline.expire(now: now)
            let timedOut = expiry.timedOut.map(\.submission)
            return (timedOut, expiry.dropsConnection, expiry.sendsCancel ? core.canceller : nil, expiry.next)
        }
        for submission in timedOut {
            let error = PostgresError(.queryTimeout, "the server did not answer in time")
            submission.promise.finish(.failure(error.withUnknownOutcome(submission.commits)))
        }
        if let canceller { send(canceller) }
        if drops { close(PostgresError(.connectionFailure, "the server does not stop a cancelled statement")) }
        return next
    }

    // MARK: - Cancelling

    /// Tells the server to stop a statement of this connection that nobody waits for any more.
    func cancel(_ submission: Submission) {
        let now = Instant.now
        let (canceller, next) = core.withLock { core -> (Canceller?, Instant?) in
            guard core.phase == .open, core.pipeline.cancel(Sent(submission: submission)) else { return (nil, nil) }
            let sends = core.pipeline.cancelToSend(now: now)
            return (sends ? core.canceller : nil, core.pipeline.nextDeadline)
        }
        if let canceller { send(canceller) }
        if let next { poller.wake(at: next) }
    }

    func send(_ canceller: Canceller) {
        let isRunning = DetachedThread.run(named: "postgres-cancel") { [self] in
            canceller.cancel()
            cancelReturned()
        }
        if !isRunning { cancelReturned() }
    }

    private func cancelReturned() {
        let (heldBack, owesSettled, canceller, next) = core.withLock { core in
            core.pipeline.cancelReturned()
            // Another cancelled statement may have become the oldest meanwhile.
            let sendsAgain = core.phase == .open && core.pipeline.cancelToSend(now: .now)
            defer {
                core.heldBack = 0
                core.owesSettled = false
            }
            return (core.heldBack, core.owesSettled, sendsAgain ? core.canceller : nil, core.pipeline.nextDeadline)
        }
        if let canceller { send(canceller) }
        if heldBack > 0 { owner.connection(self, finished: heldBack) }
        if owesSettled { owner.connectionSettled(self) }
        if let next { poller.wake(at: next) }
    }
}
