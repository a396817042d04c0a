/// Whether a failed attempt is followed by another, and when.
///
/// Only what is safe (RFC 9110 §9.2.2): the endpoint has not begun to process the request, or the method is idempotent;
/// and only what can be repeated: the body is still here whole.
public enum RetryDecision: Sendable, Equatable {
    case giveUp
    case now
    case afterPause

    /// What went wrong.
    public enum Cause: Sendable, Equatable {
        /// There was no connection: the request never left.
        case notSent
        /// HTTP/2: REFUSED_STREAM, or GOAWAY with a lower stream: the endpoint says that it did not process the request
        /// (RFC 9113 §8.7).
        case refused
        /// A connection that had been idle ended when the request came: most likely it was being closed already.
        case lostStale
        /// The connection ended, or the stream was reset, before the response.
        case lost
        /// No response head in time.
        case timedOut
        /// The response has a status that the settings name.
        case status
    }

    public struct Situation: Sendable {
        public var cause: Cause
        /// Attempts so far, less one.
        public var retries: Int
        public var maximumRetries: Int
        public var isIdempotent: Bool
        /// The body can be sent again.
        public var isRepeatable: Bool
        /// There is an endpoint that was not tried.
        public var hasAlternative: Bool

        public init(
            cause: Cause, retries: Int, maximumRetries: Int, isIdempotent: Bool, isRepeatable: Bool,
            hasAlternative: Bool
        ) {
            self.cause = cause
            self.retries = retries
            self.maximumRetries = maximumRetries
            self.isIdempotent = isIdempotent
            self.isRepeatable = isRepeatable
            self.hasAlternative = hasAlternative
        }
    }

    public static func decide(_ situation: Situation) -> RetryDecision {
        guard situation.retries < situation.maximumRetries, situation.isRepeatable else { return .giveUp }
        switch situation.cause {
        case .notSent:
            // An endpoint that just could not be reached cannot a moment later either.
            guard situation.hasAlternative else { return .giveUp }
            return situation.retries == 0 ? .now : .afterPause
        case .refused:
            return situation.retries == 0 ? .now : .afterPause
        case .lostStale:
            guard situation.isIdempotent else { return .giveUp }
            return situation.retries == 0 ? .now : .afterPause
        case .lost, .timedOut:
            guard situation.isIdempotent, situation.hasAlternative else { return .giveUp }
            return .afterPause
        case .status:
            return situation.isIdempotent ? .afterPause : .giveUp
        }
    }
}

extension RetryDecision.Cause {
    /// Whether the endpoint may have done work for the attempt. Only such retries are extra load, and count in the budget.
    public var mayHaveCostWork: Bool { self != .notSent && self != .refused }
}
