import Testing

/// Checks that an answer is a whole problem document (RFC 9457) with its request id, and nothing but that.
///
/// - Parameter fields: The refused fields it has to name; nil when that does not matter.
func expectProblem(
    _ answer: Answer, _ status: Int, fields: [String]? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(answer.status == status, "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.header("content-type") == "application/problem+json", "\(answer)", sourceLocation: sourceLocation)
    let problem = answer.json
    #expect(problem["status"]?.integer == status, "\(answer)", sourceLocation: sourceLocation)
    for name in ["type", "title", "detail", "instance", "request_id"] {
        #expect(
            problem[name]?.string?.isEmpty == false, "\(name) is missing: \(answer)", sourceLocation: sourceLocation)
    }
    #expect(
        problem["request_id"]?.string == answer.header("x-request-id"), "\(answer)", sourceLocation: sourceLocation)
    guard let fields else { return }
    let refused = (problem["errors"]?.elements ?? []).compactMap { $0["field"]?.string }
    #expect(Set(refused) == Set(fields), "\(answer)", sourceLocation: sourceLocation)
}

/// Checks that something can be had in time. On a busy machine one try may be late for no fault of the system's, so the
/// promise is broken only when it never is on time.
func expect(
    within limit: Duration, tries: Int = 5, sourceLocation: SourceLocation = #_sourceLocation,
    _ work: () async throws -> Answer
) async throws -> Answer {
    for left in (0..<tries).reversed() {
        let start = ContinuousClock.now
        let answer = try await work()
        let elapsed = ContinuousClock.now - start
        if elapsed < limit { return answer }
        if left == 0 {
            #expect(elapsed < limit, "answered \(answer.status) after \(elapsed)", sourceLocation: sourceLocation)
            return answer
        }
    }
    throw HarnessError("no try was asked for")
}
