import Postgres
import ServiceKit

/// Who asks, once it is known that the token was not revoked. The gateway knows that too, up to some seconds late.
struct Requester: Sendable {
    let caller: Caller
    /// The account that asks; nil for machines and devices.
    let accountID: Int64?

    init(_ caller: Caller) {
        self.caller = caller
        accountID = Int64(caller.subject).flatMap { String($0) == caller.subject ? $0 : nil }
    }

    var subject: String { caller.subject }

    /// The account that asks.
    ///
    /// - Throws: ``Refusal/notAPerson``.
    func account() throws(Refusal) -> Int64 {
        guard let accountID else { throw .notAPerson }
        return accountID
    }

    /// Whether an administrator asks who brought the scope along.
    func mayAdminister(_ scope: String = "identity:write") -> Bool {
        caller.isAdministrator && caller.scopes.contains(scope)
    }

    /// - Throws: ``Refusal/notAllowed`` unless an administrator asks.
    func requireAdministrator(_ scope: String = "identity:write") throws(Refusal) {
        guard mayAdminister(scope) else { throw .notAllowed }
    }

    /// - Throws: ``Refusal/notAllowed`` unless the owner or an administrator asks.
    func require(ownerOf account: Int64, or scope: String = "identity:write") throws(Refusal) {
        guard accountID == account || mayAdminister(scope) else { throw .notAllowed }
    }
}
