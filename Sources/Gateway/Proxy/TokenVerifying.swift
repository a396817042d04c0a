public import Policy

/// Whoever checks a token's signature, off the loop: the check costs five to twenty times a whole proxied request.
public protocol TokenVerifying: Sendable {
    /// Queues `token` for verification against the token provider of that index in the route table.
    ///
    /// Never blocks. `completion` is called exactly once, on any thread.
    ///
    /// - Returns: false, without ever calling `completion`, when the queue is full.
    func verify(
        _ token: [UInt8], provider: Int,
        completion: @escaping @Sendable (Result<VerifiedToken, TokenRefusal>) -> Void
    ) -> Bool
}
