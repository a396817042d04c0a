import Wire

/// Phase 4: is it too much? A body whose length is known to be over the limit is refused before a byte of it is read.
extension Exchange {
    func limit() {
        if case .length(let length) = request.framing, length > limits.requestBodyBytes { return refuse(.bodyTooLarge) }
        if requestBytes > limits.requestBodyBytes { return refuse(.bodyTooLarge) }
        gather()
    }
}
