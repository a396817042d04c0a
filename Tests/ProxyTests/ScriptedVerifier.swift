import Policy
import Proxy
import Synchronization

/// A verifier whose answers are written down: a token is good when it is the name of a subject.
final class ScriptedVerifier: TokenVerifying {
    typealias Completion = @Sendable (Result<VerifiedToken, TokenRefusal>) -> Void
    typealias Answer = Result<VerifiedToken, TokenRefusal>

    private struct State {
        var calls = 0
        var held: [(Answer, Completion)] = []
        var holds = false
        var isFull = false
    }

    private let answers: [String: Answer]
    private let state: Mutex<State>

    /// - Parameter holds: keeps its answers back until `release()`.
    init(_ answers: [String: Answer] = [:], holds: Bool = false, isFull: Bool = false) {
        self.answers = answers
        state = Mutex(State(holds: holds, isFull: isFull))
    }

    static func good(_ subject: String, _ scopes: Set<String>) -> Answer {
        .success(VerifiedToken(subject: subject, scopes: scopes, expiresAtSeconds: .max))
    }

    var calls: Int { state.withLock { $0.calls } }

    func verify(_ token: [UInt8], provider: Int, completion: @escaping Completion) -> Bool {
        let answer = answers[String(decoding: token, as: UTF8.self)] ?? .failure(.badSignature)
        let (isAccepted, isNow) = state.withLock { state in
            state.calls += 1
            if state.isFull { return (false, false) }
            if state.holds { state.held.append((answer, completion)) }
            return (true, !state.holds)
        }
        if isNow { completion(answer) }
        return isAccepted
    }

    /// Gives all answers that are held, and all later ones at once.
    func release() {
        let held = state.withLock { state in
            state.holds = false
            defer { state.held = [] }
            return state.held
        }
        for (answer, completion) in held { completion(answer) }
    }
}
