/// Looks again and again until there is something to see. Cancellation, as by a test's time limit, ends it too.
///
/// - Parameters:
///   - what: What is waited for, for the error.
///   - limit: After this long without success the wait has failed.
///   - interval: The pause between two looks.
///   - look: Returns nil as long as it has not happened. What it throws ends the wait.
/// - Returns: What `look` found.
/// - Throws: ``TestSupportError`` when the time is over, `CancellationError`, or what `look` throws.
@discardableResult
public func eventually<Finding>(
    _ what: String, within limit: Duration = .seconds(30), every interval: Duration = .milliseconds(10),
    _ look: () async throws -> Finding?
) async throws -> Finding {
    let deadline = ContinuousClock.now + limit
    while true {
        if let finding = try await look() { return finding }
        guard ContinuousClock.now < deadline else { throw TestSupportError("not within \(limit): \(what)") }
        // lint: allow(sleep): the pause between two looks at a condition, bounded by the deadline above
        try await Task.sleep(for: interval)
    }
}

/// Waits until a condition holds.
public func eventually(
    _ what: String, within limit: Duration = .seconds(30), isTrue condition: () async throws -> Bool
) async throws {
    try await eventually(what, within: limit) { try await condition() ? true : nil }
}
